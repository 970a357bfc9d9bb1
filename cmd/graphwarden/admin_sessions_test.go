package main

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"testing"

	"github.com/graphwarden/graphwarden/internal/config"
	"github.com/graphwarden/graphwarden/internal/console"
)

// TestConfined keeps the console to the folder of the cassettes, each way out beside one like it that stays in.
func TestConfined(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	folder := filepath.Join(dir, "cassettes")
	if err := errors.Join(os.MkdirAll(filepath.Join(folder, "sub"), 0o700), os.WriteFile(filepath.Join(dir, "out.yaml"), nil, 0o600)); err != nil {
		t.Fatal(err)
	}
	for link, to := range map[string]string{"away": dir, "near": filepath.Join(folder, "sub"), "out.yaml": filepath.Join(dir, "out.yaml"),
		"dangling.yaml": filepath.Join(dir, "later.yaml")} {
		if err := os.Symlink(to, filepath.Join(folder, link)); err != nil {
			t.Skipf("SKIPPED: no links on this system: %v", err)
		}
	}
	one, each := filepath.Join(folder, "main.yaml"), filepath.Join(folder, "{session}.yaml")
	for _, tt := range []struct {
		name, settings, asked, want string
	}{
		{"none named", one, "", ""},
		{"beside that of the settings", one, "a.yaml", filepath.Join(folder, "a.yaml")},
		{"beside those of the sessions", each, "a.yaml", filepath.Join(folder, "a.yaml")},
		{"below", one, "sub/a.yml", filepath.Join(folder, "sub", "a.yml")},
		{"below, in a folder to come", one, "later/a.json", filepath.Join(folder, "later", "a.json")},
		{"by a link that stays", one, "near/a.yaml", filepath.Join(folder, "near", "a.yaml")},
		{"a folder to come", filepath.Join(dir, "none", "main.yaml"), "a.yaml", filepath.Join(dir, "none", "a.yaml")},
		{"the working folder", "{session}.yaml", "a.yaml", "a.yaml"},
		{"above", one, "../a.yaml", "!"},
		{"up and down", one, "sub/../../out.yaml", "!"},
		{"from the root", one, filepath.Join(folder, "a.yaml"), "!"},
		{"by a link that leaves", one, "away/a.yaml", "!"},
		{"a link to a file outside", one, "out.yaml", "!"},
		{"a link to a file to come", one, "dangling.yaml", "!"},
		{"hidden", one, ".a.yaml", "!"},
		{"in a hidden folder", one, ".git/a.yaml", "!"},
		{"another kind of file", one, "a.sh", "!"},
		{"no folder", "", "a.yaml", "!"},
	} {
		got, err := confined(tt.settings, tt.asked)
		if tt.want == "!" {
			if !errors.Is(err, console.ErrBadSession) {
				t.Errorf("%s: got %q, %v", tt.name, got, err)
			}
			continue
		}
		if err != nil || got != tt.want {
			t.Errorf("%s: got %q, %v, want %q", tt.name, got, err, tt.want)
		}
	}
}

// TestAdminTests runs the library's tests beside a user's, under data that change what the library says.
func TestAdminTests(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	rule, test, data := filepath.Join(dir, "own.rego"), filepath.Join(dir, "own_test.rego"), filepath.Join(dir, "data.yaml")
	if err := errors.Join(
		os.WriteFile(rule, []byte("package graphwarden.rules.own\n\n# METADATA\n# title: Own\n# custom:\n#   id: own.rule\n#   level: warn\nwarn contains {\"id\": \"own.rule\", \"msg\": \"m\"} if {\n\tinput.own == true\n}\n"), 0o600),
		os.WriteFile(test, []byte("package graphwarden.rules.own_test\n\nimport data.graphwarden.rules.own\n\ntest_silent if count(own.warn) == 0 with input as {\"own\": false}\n"), 0o600),
		os.WriteFile(data, []byte("rules:\n  target.broad: {level: \"off\"}\n  assign.empty: {level: audit}\n"), 0o600)); err != nil {
		t.Fatal(err)
	}
	a := &admin{settings: config.Settings{Enforce: "deny", Policy: []string{dir}, Data: []string{data}}}
	got, err := a.Test(context.Background())
	if err != nil {
		t.Fatal(err)
	}
	if got.Failed != 0 || got.Passed < 50 || got.Passed != len(got.Results) {
		t.Errorf("%d passed, %d failed of %d", got.Passed, got.Failed, len(got.Results))
	}
	var own *console.FileCoverage
	for i, f := range got.Files {
		if filepath.Base(f.File) == "own.rego" {
			own = &got.Files[i]
		}
	}
	if own == nil || own.Coverage >= 100 || len(own.Uncovered) == 0 {
		t.Errorf("coverage of the user's file: %+v", own)
	}
	a.settings.Enforce = "off"
	if _, err := a.Test(context.Background()); err == nil {
		t.Error("tests although nothing is judged")
	}
}
