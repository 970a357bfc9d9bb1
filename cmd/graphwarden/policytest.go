package main

import (
	"context"
	"flag"
	"fmt"
	"path/filepath"
	"strings"

	"github.com/graphwarden/graphwarden/internal/check"
	"github.com/graphwarden/graphwarden/internal/policy"
	"github.com/graphwarden/graphwarden/policies"
)

const policyTestUsage = `Usage: graphwarden policy test [FLAGS] [PATH...]

Runs the Rego tests (rules named test_... in files named *_test.rego) of the policies in the folders
and files given, together with the embedded library and the data that --data adds; without any, of
those that --policy names, else of the library itself. It exits with 1 when a test fails or the
coverage is below the threshold.

Examples:
  graphwarden policy test policies/
  graphwarden policy test --coverage --threshold 100
  graphwarden policy test --run kiosk --output junit policies/ > report.xml
`

type policyTestFlags struct {
	output    string
	run       string
	coverage  bool
	threshold float64
}

func (f *policyTestFlags) register(fs *flag.FlagSet) {
	choiceFlag(fs, &f.output, "output", "text", "form of the results", "text", "json", "junit")
	fs.StringVar(&f.run, "run", "", "only tests whose name matches this `REGEXP`")
	fs.BoolVar(&f.coverage, "coverage", false, "measure which lines the tests evaluate")
	fs.Float64Var(&f.threshold, "threshold", 0, "fail below this coverage, in `PERCENT`; implies --coverage")
}

func runPolicyTest(ctx context.Context, env *Env, args []string) error {
	var f policyTestFlags
	s, paths, err := env.parse("policy test", args, f.register)
	if err != nil {
		return err
	}
	if f.threshold < 0 || f.threshold > 100 {
		return usageError("graphwarden policy test --help", "--threshold %v is no percentage", f.threshold)
	}
	set, err := loadOptions(s)
	if err != nil {
		return err
	}
	options := policy.TestOptions{Options: set, Run: f.run, Coverage: f.coverage || f.threshold > 0}
	if len(paths) > 0 {
		options.Paths, options.VerifyKey = inDir(env, paths), "" // what its author tests is not signed yet
	}
	if len(options.Paths) == 0 {
		options.Library, options.WithLibrary = policies.Library, true
	}
	report, err := policy.Test(ctx, options)
	if err != nil {
		return &exitError{code: codeUsage, err: fmt.Errorf("test policy: %w", err)}
	}
	if err := printTests(env, f.output, report, options.Coverage); err != nil {
		return err
	}
	switch failed := report.Failed(); {
	case failed > 0:
		return &exitError{code: codeFailed}
	case len(report.Results) == 0 && f.run != "":
		return &exitError{code: codeFailed, err: fmt.Errorf("test policy: no test matches %q", f.run)}
	case len(report.Results) == 0:
		return &exitError{code: codeFailed, err: fmt.Errorf("test policy: there are no tests"),
			hint: "a test is a rule named test_... in a file named *_test.rego"}
	case report.Coverage < f.threshold:
		return &exitError{code: codeFailed, err: fmt.Errorf("test policy: coverage %.1f %% is below %v %%", report.Coverage, f.threshold)}
	}
	return nil
}

// inDir makes paths start from the folder the command was called in.
func inDir(env *Env, paths []string) []string {
	list := make([]string, len(paths))
	for i, path := range paths {
		list[i] = path
		if !filepath.IsAbs(path) && path != "-" && !policy.IsRemote(path) {
			list[i] = filepath.Join(env.Dir, path)
		}
	}
	return list
}

func printTests(env *Env, output string, report policy.TestReport, coverage bool) error {
	switch output {
	case "json":
		results := report.Results
		if results == nil {
			results = []policy.TestResult{}
		}
		document := map[string]any{"schema": "graphwarden.tests/v1", "results": results, "failed": report.Failed()}
		if coverage {
			document["coverage"], document["uncovered"] = report.Coverage, append([]string{}, report.Uncovered...)
		}
		return printJSON(env.Stdout, document)
	case "junit":
		return check.JUnit(env.Stdout, "graphwarden policy test", testSuites(report))
	}
	p := env.paint(env.Stdout)
	var b strings.Builder
	for _, r := range report.Results {
		if r.Passed || r.Skipped {
			continue
		}
		fmt.Fprintf(&b, "%s: %s %s.%s\n", r.Location, p.red("FAIL"), r.Package, r.Name)
		for _, text := range []string{r.Error, r.Output} {
			for line := range strings.Lines(text) {
				b.WriteString("    " + strings.TrimRight(line, "\n") + "\n")
			}
		}
	}
	if coverage && report.Coverage < 100 {
		for _, place := range report.Uncovered {
			fmt.Fprintf(&b, "%s: not covered\n", place)
		}
	}
	fmt.Fprintf(&b, "%d tests, %d failed", len(report.Results), report.Failed())
	if coverage {
		fmt.Fprintf(&b, ", coverage %.1f %%", report.Coverage)
	}
	_, err := fmt.Fprintln(env.Stdout, b.String())
	return err
}

// testSuites makes one suite for each package.
func testSuites(report policy.TestReport) []check.Suite {
	var suites []check.Suite
	for _, r := range report.Results {
		if n := len(suites); n == 0 || suites[n-1].Name != r.Package {
			suites = append(suites, check.Suite{Name: r.Package})
		}
		c := check.TestCase{Class: r.Package, Name: r.Name, Duration: r.Duration, Skipped: r.Skipped, Output: r.Output}
		if !r.Passed && !r.Skipped {
			c.FailureType, c.Failure, c.Details = "failed", r.Location+": "+r.Name+" fails", r.Error
		}
		suite := &suites[len(suites)-1]
		suite.Cases = append(suite.Cases, c)
	}
	return suites
}
