package policy

import (
	"context"
	"fmt"
	"io/fs"
	"maps"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/open-policy-agent/opa/v1/ast"
	"github.com/open-policy-agent/opa/v1/cover"
	"github.com/open-policy-agent/opa/v1/storage/inmem"
	"github.com/open-policy-agent/opa/v1/tester"
)

// TestOptions say which Rego tests to run and what to measure.
type TestOptions struct {
	Options
	// WithLibrary runs the library's own tests too.
	WithLibrary bool
	// Run is a regular expression that a test's name must match; empty runs all.
	Run string
	// Coverage measures which lines were evaluated, at the price of several runs of each test.
	Coverage bool
}

// TestReport is the outcome of a run of Rego tests.
type TestReport struct {
	Results []TestResult `json:"results"`
	// Coverage is the share of lines evaluated, in percent, tests left out; Uncovered names the others as file:line.
	Coverage  float64  `json:"coverage,omitempty"`
	Uncovered []string `json:"uncovered,omitempty"`
	// Files tells the same of each file, by name.
	Files []FileCoverage `json:"files,omitempty"`
}

// FileCoverage is the share of a file's lines that tests evaluate, in percent, and the lines they do not.
type FileCoverage struct {
	File      string  `json:"file"`
	Coverage  float64 `json:"coverage"`
	Uncovered []int   `json:"uncovered,omitempty"`
}

// TestResult is one Rego test.
type TestResult struct {
	Package  string        `json:"package"`
	Name     string        `json:"name"`
	Location string        `json:"location"`
	Passed   bool          `json:"passed"`
	Skipped  bool          `json:"skipped,omitempty"`
	Error    string        `json:"error,omitempty"`
	Output   string        `json:"output,omitempty"`
	Duration time.Duration `json:"duration"`
}

// Failed counts the tests that neither passed nor were skipped.
func (r TestReport) Failed() int {
	n := 0
	for _, result := range r.Results {
		if !result.Passed && !result.Skipped {
			n++
		}
	}
	return n
}

// Test runs the test_ rules that belong to a policy set, with the built-ins and the data the set has when it judges.
func Test(ctx context.Context, options TestOptions) (TestReport, error) {
	src, err := readSources(options.Options)
	if err != nil {
		return TestReport{}, err
	}
	if options.WithLibrary && options.Library != nil {
		if err := src.readLibraryTests(options.Library); err != nil {
			return TestReport{}, err
		}
	}
	if _, err := src.settle(); err != nil {
		return TestReport{}, err
	}
	return src.runTests(ctx, options.Run, options.Coverage)
}

func (s *sources) readLibraryTests(library fs.FS) error {
	var faults Faults
	options := ast.ParserOptions{ProcessAnnotation: true, RegoVersion: ast.RegoV1}
	err := fs.WalkDir(library, ".", func(name string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() || !strings.HasSuffix(name, "_test.rego") {
			return err
		}
		content, err := fs.ReadFile(library, name)
		if err != nil {
			return err
		}
		name = "policies/" + name
		module, err := ast.ParseModuleWithOpts(name, string(content), options)
		if err != nil {
			faults = append(faults, parseFaults(name, err)...)
			return nil
		}
		s.tests[name] = module
		return nil
	})
	if err != nil {
		return fmt.Errorf("read the library's tests: %w", err)
	}
	return faults.orNil()
}

// runUserTests refuses a set whose own tests fail.
func (s *sources) runUserTests(ctx context.Context) error {
	if len(s.tests) == 0 {
		return nil
	}
	report, err := s.runTests(ctx, "", false)
	if err != nil {
		return err
	}
	var faults Faults
	for _, result := range report.Results {
		if result.Passed || result.Skipped {
			continue
		}
		message := "test " + result.Package + "." + result.Name + " fails"
		if result.Error != "" {
			message += ": " + result.Error
		}
		faults = append(faults, Fault{File: result.Location, Message: message})
	}
	return faults.orNil()
}

func (s *sources) runTests(ctx context.Context, run string, coverage bool) (TestReport, error) {
	modules := make(map[string]*ast.Module, len(s.modules)+len(s.tests))
	for name, module := range s.modules {
		modules[name] = module.Copy()
	}
	for name, module := range s.tests {
		modules[name] = module.Copy()
	}
	runner := tester.NewRunner().
		SetCompiler(ast.NewCompiler().WithCapabilities(Capabilities()).WithEnablePrintStatements(true)).
		SetStore(inmem.NewFromObjectWithOpts(s.data, inmem.OptRoundTripOnWrite(false))).
		SetModules(modules).
		RaiseBuiltinErrors(true).
		Filter(run).
		SetTimeout(5 * time.Second)
	tracer := cover.New()
	if coverage {
		runner.SetCoverageQueryTracer(tracer)
	}
	results, err := runner.RunTests(ctx, nil)
	if err != nil {
		return TestReport{}, compileErrors(err)
	}
	var report TestReport
	for r := range results {
		report.Results = append(report.Results, testResult(r))
	}
	slices.SortFunc(report.Results, func(a, b TestResult) int {
		return strings.Compare(a.Package+"\x00"+a.Name, b.Package+"\x00"+b.Name)
	})
	if coverage {
		report.cover(tracer.Report(s.modules))
	}
	return report, nil
}

func testResult(r *tester.Result) TestResult {
	result := TestResult{
		Package: strings.TrimPrefix(r.Package, "data."), Name: r.Name, Passed: r.Pass(), Skipped: r.Skip,
		Output: string(r.Output), Duration: r.Duration,
	}
	if r.Location != nil {
		result.Location = fmt.Sprintf("%s:%d", filepath.ToSlash(r.Location.File), r.Location.Row)
	}
	if r.Error != nil {
		result.Error = r.Error.Error()
	}
	return result
}

func (r *TestReport) cover(report cover.Report) {
	r.Coverage = report.Coverage
	for _, name := range slices.Sorted(maps.Keys(report.Files)) {
		file := FileCoverage{File: name, Coverage: report.Files[name].Coverage}
		for _, lines := range report.Files[name].NotCovered {
			for row := lines.Start.Row; row <= lines.End.Row; row++ {
				r.Uncovered = append(r.Uncovered, fmt.Sprintf("%s:%d", name, row))
				file.Uncovered = append(file.Uncovered, row)
			}
		}
		r.Files = append(r.Files, file)
	}
}
