package main

import (
	"context"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/graphwarden/graphwarden/internal/config"
	"github.com/graphwarden/graphwarden/internal/policy"
)

// TestInitSettings holds that the settings file reads as it stands, and that every setting in it does once its comment
// mark is taken away.
func TestInitSettings(t *testing.T) {
	t.Parallel()
	for _, set := range config.Table() {
		if !strings.Contains(settingsFile(), "\n# "+set.Name+": ") && !strings.Contains(settingsFile(), "\n"+set.Name+": ") {
			t.Errorf("%s is not in it", set.Name)
		}
		if set.Default == "" && len(set.Choices) == 0 {
			continue // its value is a word that stands for one
		}
		dir := t.TempDir()
		text := strings.Replace(settingsFile(), "\n# "+set.Name+": ", "\n"+set.Name+": ", 1)
		if err := os.WriteFile(filepath.Join(dir, config.FileName), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		s, _, err := config.Parse("config", nil, []string{"HOME=" + dir}, dir)
		if err != nil {
			t.Errorf("%s: %v", set.Name, err)
		}
		if diff := cmp.Diff([]string{filepath.Join(dir, "policies")}, s.Policy); diff != "" {
			t.Errorf("policy (-want +got):\n%s", diff)
		}
	}
}

// TestInitPolicies holds that what init lays out loads, that its tests pass and prove both rules, and that the levels are
// the library's own.
func TestInitPolicies(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	files, err := starters(context.Background(), "")
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range files {
		if _, err := writeNew(filepath.Join(dir, f.path), f.text); err != nil {
			t.Fatal(err)
		}
	}
	options := policy.Options{Paths: []string{filepath.Join(dir, "policies")}, Data: []string{filepath.Join(dir, "rules.yaml")}}
	engine, err := policy.Load(t.Context(), options)
	if err != nil {
		t.Fatal(err)
	}
	own := 0
	for _, r := range engine.Rules() {
		if strings.HasPrefix(r.ID, "local.") {
			own++
		} else if r.Level != r.Default {
			t.Errorf("%s is %s, and %s in the library", r.ID, r.Level, r.Default)
		}
	}
	report, err := policy.Test(t.Context(), policy.TestOptions{Options: options})
	if err != nil || report.Failed() != 0 || len(report.Results) != 4 || own != 2 {
		t.Errorf("%d rules, tests %+v, %v", own, report.Results, err)
	}
	broken := strings.Replace(localRules, `in data.local.protected_groups`, `in []`, 1)
	if err := os.WriteFile(filepath.Join(dir, "policies", "local.rego"), []byte(broken), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := policy.Load(t.Context(), options); err == nil {
		t.Error("a rule that no longer denies passes its tests")
	}
}
