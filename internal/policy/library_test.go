package policy_test

import (
	"io/fs"
	"strings"
	"testing"

	"github.com/open-policy-agent/opa/v1/ast"

	"github.com/graphwarden/graphwarden/internal/policy"
	"github.com/graphwarden/graphwarden/policies"
)

func TestLibrary(t *testing.T) {
	t.Parallel()
	report, err := policy.Test(t.Context(), policy.TestOptions{
		Options: policy.Options{Library: policies.Library}, WithLibrary: true, Coverage: true,
	})
	if err != nil {
		t.Fatal(err)
	}
	if len(report.Results) < 50 {
		t.Errorf("only %d tests were found", len(report.Results))
	}
	for _, r := range report.Results {
		if !r.Passed {
			t.Errorf("%s: %s.%s fails: %s %s", r.Location, r.Package, r.Name, r.Error, r.Output)
		}
	}
	t.Logf("%d tests, coverage %.1f %%", len(report.Results), report.Coverage)
	if len(report.Uncovered) > 0 {
		t.Errorf("coverage %.1f %%, these lines are never evaluated:\n%s", report.Coverage, strings.Join(report.Uncovered, "\n"))
	}
}

// What the annotations say of a rule is what the rule and its default data are.
func TestAnnotations(t *testing.T) {
	t.Parallel()
	levels := map[string]string{}
	for _, r := range load(t, policy.Options{}).Rules() {
		levels[r.ID] = r.Default
	}
	annotated := 0
	err := fs.WalkDir(policies.Library, "rules", func(name string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() || strings.HasSuffix(name, "_test.rego") {
			return err
		}
		content, err := fs.ReadFile(policies.Library, name)
		if err != nil {
			return err
		}
		module, err := ast.ParseModuleWithOpts(name, string(content), ast.ParserOptions{ProcessAnnotation: true})
		if err != nil {
			return err
		}
		for _, a := range module.Annotations {
			id, ok := a.Custom["id"].(string)
			if !ok {
				continue
			}
			annotated++
			if level, _ := a.Custom["level"].(string); level != levels[id] {
				t.Errorf("%s: %s is annotated %v, its default is %q", name, id, a.Custom["level"], levels[id])
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	if annotated != len(levels) {
		t.Errorf("%d annotations for %d rules", annotated, len(levels))
	}
}
