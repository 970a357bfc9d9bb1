package policy_test

import (
	"strings"
	"testing"

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
