package policy

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"time"

	"github.com/open-policy-agent/opa/v1/ast"
)

// entryPoint is the one query: everything a policy set has to say.
const entryPoint = "data.graphwarden.verdict"

// generation is one compiled set of policies with its data. It never changes once made.
type generation struct {
	revision   string
	query      *query
	rules      []Rule
	locations  map[string]string // rule id -> file:line
	judgeReads bool
	projection *projection
	memory     memory
}

// newGeneration reads and compiles a set, runs the tests that came with the user's part and tries one evaluation.
func newGeneration(ctx context.Context, options Options) (*generation, error) {
	src, err := readSources(options)
	if err != nil {
		return nil, err
	}
	rules, err := src.settle()
	if err != nil {
		return nil, err
	}
	if !options.SkipTests {
		if err := src.runUserTests(ctx); err != nil {
			return nil, err
		}
	}
	g := &generation{
		revision:   src.revision(),
		rules:      rules,
		locations:  locations(rules),
		judgeReads: src.data["judge_reads"] == true,
	}
	if err := g.prepare(ctx, src); err != nil {
		return nil, err
	}
	if _, err := g.evaluate(ctx, inputValue(sample(), Context{}), max(options.Timeout, smokeTimeout), nil); err != nil {
		return nil, fmt.Errorf("try the policies: %w", err)
	}
	return g, nil
}

// smokeTimeout is what the first, cold evaluation may take.
const smokeTimeout = 2 * time.Second

func (g *generation) prepare(ctx context.Context, src *sources) error {
	if src.asReleased() {
		return g.compile(ctx, src)
	}
	// The strict compilation is half the work of a start and makes nothing that the other one needs.
	checked := make(chan error, 1)
	go func() { checked <- src.check() }()
	err := g.compile(ctx, src)
	// What is wrong with the sources is told in the words of the strict compilation, which names their lines.
	if fault := <-checked; fault != nil {
		return fault
	}
	return err
}

// onlyChecks are the stages of a compilation that find faults and change nothing in what is evaluated. (That of the types does
// where a rule replaces a function by with; none of the library's does.)
var onlyChecks = []ast.StageID{
	ast.StageCheckVoidCalls, ast.StageCheckRuleConflicts, ast.StageCheckUndefinedFuncs, ast.StageCheckSafetyRuleHeads,
	ast.StageCheckRecursion, ast.StageCheckTypes, ast.StageCheckUnsafeBuiltins, ast.StageCheckDeprecatedBuiltins,
}

// asReleased reports that all modules are the ones the binary holds. Whatever a check could find in them is found before a
// release, by a test.
func (s *sources) asReleased() bool {
	if !s.embedded {
		return false
	}
	for _, user := range s.user {
		if user {
			return false
		}
	}
	return true
}

// compile makes the query that judges.
func (g *generation) compile(ctx context.Context, src *sources) error {
	// Without the rules that are off an import may be unused, so this time the compiler is not strict.
	modules, err := src.specialise()
	if err != nil {
		return err
	}
	compiler := ast.NewCompiler().WithCapabilities(Capabilities())
	if src.asReleased() {
		compiler.WithSkipStages(onlyChecks...)
	}
	if compiler.Compile(modules); compiler.Failed() {
		return compileErrors(compiler.Errors)
	}
	if g.query, err = newQuery(ctx, compiler, src.data); err != nil {
		return err
	}
	g.projection = project(g.query.readsOf())
	return nil
}

// check compiles all modules, those of rules that are off too: strict, against the schema of the input document, with
// the allowed built-ins only.
func (s *sources) check() error {
	compiler := ast.NewCompiler().WithCapabilities(Capabilities()).WithStrict(true).WithSchemas(s.schemas)
	if compiler.Compile(s.modules); compiler.Failed() {
		return compileErrors(compiler.Errors)
	}
	return nil
}

// revision is a digest over the names and contents of everything that was read.
func (s *sources) revision() string {
	h := sha256.New()
	for _, f := range s.files {
		fmt.Fprintf(h, "%s %d\n", f.name, len(f.content))
		h.Write(f.content)
	}
	return hex.EncodeToString(h.Sum(nil))[:12]
}
