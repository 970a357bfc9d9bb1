package policy

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/open-policy-agent/opa/v1/ast"
	"github.com/open-policy-agent/opa/v1/topdown"
)

// Explanation is what every rule of a set made of one input document.
type Explanation struct {
	Verdict Verdict `json:"-"`
	// Rules are in the order of their ids; a rule with several bodies is there once.
	Rules []Explained `json:"rules"`
}

// The states of a rule in an Explanation.
const (
	Fired  = "fired"  // it found something
	Silent = "silent" // a condition of it was not met
	Off    = "off"    // it found something, and nobody hears it: data has switched it off
)

// Explained is one rule of an Explanation.
type Explained struct {
	Rule
	State string `json:"state"`
	// Findings are what the rule contributed to the verdict.
	Findings []Violation `json:"findings,omitempty"`
	// Because are the values that met the conditions of a rule that found something, one list for each finding.
	Because [][]Value `json:"because,omitempty"`
	// Unmet is, for each body of a rule that found nothing, the first condition that did not hold.
	Unmet []Unmet `json:"unmet,omitempty"`
}

// Unmet is a condition that did not hold, as it is written, with the values it looked at.
type Unmet struct {
	Condition string  `json:"condition"`
	Location  string  `json:"location"`
	Values    []Value `json:"values,omitempty"`
}

// Value is what a reference or a variable of a condition stood for. Text is JSON, or "undefined".
type Value struct {
	Name string `json:"name"`
	Text string `json:"value"`
}

// Explainer evaluates all rules of a set, those that are off too, and watches them do it. It costs a hundred times what a
// verdict does and is meant for people.
type Explainer struct {
	generation *generation
	compiler   *ast.Compiler
	written    map[string]written  // the rules before the compiler rewrote them, by file:line
	lines      map[string][]string // the source, by file
}

// written is what the source says of a rule.
type written struct {
	id   string
	body int // the offset of the first condition in the file
}

// NewExplainer loads a set as Load does, but for its tests.
func NewExplainer(ctx context.Context, options Options) (*Explainer, error) {
	src, err := readSources(options)
	if err != nil {
		return nil, err
	}
	rules, err := src.settle()
	if err != nil {
		return nil, err
	}
	if err := src.check(); err != nil {
		return nil, err
	}
	g := &generation{revision: src.revision(), rules: rules, locations: locations(rules)}
	// The modules as they were read: specialised ones leave out what need not be looked at, which here is the point.
	compiler := ast.NewCompiler().WithCapabilities(Capabilities())
	if compiler.Compile(src.modules); compiler.Failed() {
		return nil, compileErrors(compiler.Errors)
	}
	if g.query, err = newQuery(ctx, compiler, src.data); err != nil {
		return nil, err
	}
	e := &Explainer{generation: g, compiler: compiler, written: map[string]written{}, lines: map[string][]string{}}
	for _, module := range src.modules {
		for _, rule := range module.Rules {
			e.written[at(rule.Location)] = written{id: headID(rule), body: rule.Body.Loc().Offset}
		}
	}
	for _, f := range src.files {
		e.lines[f.name] = strings.Split(string(f.content), "\n")
	}
	return e, nil
}

// Explain judges an input document and tells of each rule whether it spoke and why, or why not.
func (e *Explainer) Explain(ctx context.Context, input map[string]any) (Explanation, error) {
	document, err := ast.InterfaceToValue(input)
	if err != nil {
		return Explanation{}, fmt.Errorf("read the input document: %w", err)
	}
	seen := &observer{explainer: e, ctx: ctx, input: document, running: map[uint64]*trail{}, trails: map[*ast.Rule]*trail{}}
	// OPA's index would skip rules without a word, and an early exit would leave some unasked.
	verdict, err := e.generation.evaluate(ctx, document, smokeTimeout, func(q *topdown.Query) {
		q.WithQueryTracer(seen).WithIndexing(false).WithEarlyExit(false)
	})
	if err != nil {
		return Explanation{}, fmt.Errorf("judge: %w", err)
	}
	verdict.Revision = e.generation.revision
	return Explanation{Verdict: verdict, Rules: e.assemble(verdict, seen.trails)}, nil
}

// assemble puts together, rule by rule, what was seen and what was found.
func (e *Explainer) assemble(verdict Verdict, trails map[*ast.Rule]*trail) []Explained {
	byID := map[string]*Explained{}
	for _, rule := range e.generation.rules {
		byID[rule.ID] = &Explained{Rule: rule, State: Silent}
	}
	sorted := make([]*trail, 0, len(trails))
	for _, t := range trails {
		sorted = append(sorted, t)
	}
	slices.SortFunc(sorted, func(a, b *trail) int { return a.rule.Location.Compare(b.rule.Location) })
	for _, t := range sorted {
		place := at(t.rule.Location)
		id := cmp.Or(e.written[place].id, place) // the place, where the id is only known once the rule speaks
		x := byID[id]
		if x == nil {
			level := string(t.rule.Head.Name)
			x = &Explained{Rule: Rule{ID: id, Level: level, Default: level, Location: place,
				Package: strings.TrimPrefix(t.rule.Module.Package.Path.String(), "data.")}, State: Silent}
			byID[id] = x
		}
		if len(t.because) > 0 {
			x.State = Fired
			x.Because = append(x.Because, t.because...)
		} else if t.unmet != nil {
			x.Unmet = append(x.Unmet, *t.unmet)
		}
	}
	for _, v := range verdict.Violations {
		x := byID[v.ID]
		if x == nil { // a rule that works its id out
			x = &Explained{Rule: Rule{ID: v.ID, Level: v.Level, Default: v.Level, Package: v.Package}}
			byID[v.ID] = x
		}
		x.State, x.Findings = Fired, append(x.Findings, v)
	}
	rules := make([]Explained, 0, len(byID))
	for _, x := range byID {
		if x.State == Fired {
			x.Unmet = nil
		}
		if x.State == Fired && x.Level == LevelOff {
			x.State = Off
		}
		rules = append(rules, *x)
	}
	slices.SortFunc(rules, func(a, b Explained) int {
		return cmp.Or(strings.Compare(a.ID, b.ID), strings.Compare(a.Location, b.Location))
	})
	return rules
}

// trail is how far one body of a rule got.
type trail struct {
	rule     *ast.Rule
	furthest int
	unmet    *Unmet
	because  [][]Value
}

// observer follows the rules of an evaluation.
type observer struct {
	explainer *Explainer
	ctx       context.Context
	input     ast.Value
	running   map[uint64]*trail // by query
	trails    map[*ast.Rule]*trail
}

// Enabled is part of topdown.QueryTracer.
func (o *observer) Enabled() bool { return true }

// Config is part of topdown.QueryTracer.
func (o *observer) Config() topdown.TraceConfig { return topdown.TraceConfig{PlugLocalVars: true} }

// maxBecause bounds the findings of one rule whose values are kept.
const maxBecause = 20

// TraceEvent is part of topdown.QueryTracer. A body is tried from the first condition to the last, and again for each
// binding of its variables: the failure furthest into the body is the one a person would name.
func (o *observer) TraceEvent(event topdown.Event) {
	if rule, ok := event.Node.(*ast.Rule); ok {
		switch event.Op {
		case topdown.EnterOp:
			o.enter(event.QueryID, rule)
		case topdown.ExitOp:
			if t := o.running[event.QueryID]; t != nil && len(t.because) < maxBecause {
				t.because = append(t.because, o.values(rule, event, o.explainer.inBody(rule)))
			}
		}
		return
	}
	t := o.running[event.QueryID]
	expr, ok := event.Node.(*ast.Expr)
	if t == nil || !ok || event.Op != topdown.FailOp || expr.Index < t.furthest {
		return
	}
	t.furthest = expr.Index
	t.unmet = &Unmet{
		Condition: o.explainer.source(expr.Location),
		Location:  at(expr.Location),
		Values:    o.values(t.rule, event, within(expr.Location)),
	}
}

func (o *observer) enter(query uint64, rule *ast.Rule) {
	pkg := rule.Module.Package.Path.String()
	area, inside := strings.CutPrefix(pkg, rulePrefix)
	if !inside || strings.Contains(area, ".") || !slices.Contains(ruleSets, string(rule.Head.Name)) {
		return
	}
	t := o.trails[rule]
	if t == nil {
		t = &trail{rule: rule}
		o.trails[rule] = t
	}
	o.running[query] = t
}

func at(location *ast.Location) string {
	if location == nil {
		return ""
	}
	return fmt.Sprintf("%s:%d", location.File, location.Row)
}
