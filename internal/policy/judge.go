package policy

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/open-policy-agent/opa/v1/ast"
	"github.com/open-policy-agent/opa/v1/topdown"

	"github.com/graphwarden/graphwarden/internal/graph"
)

// Why a verdict can be unavailable, beside what OPA itself reports.
var (
	ErrTimeout   = errors.New("evaluation took too long")
	ErrUndefined = errors.New("the verdict is undefined")
	ErrMalformed = errors.New("the verdict is malformed")
)

// maxViolations bounds what one verdict may hold; more means that a rule is wrong.
const maxViolations = 200

// Judge asks the policies about one request. It never fails: without a verdict the decision is deny, Unavailable is set
// and Err says why.
func (e *Engine) Judge(ctx context.Context, r *graph.Request, c Context) Verdict {
	return e.current.Load().judge(ctx, r, c, e.options.Timeout)
}

// JudgeBatch judges the parts of a $batch on one generation and returns one verdict for each, in order. Reads are
// allowed unless the data asks to judge them. The batch as a whole is judged too: what is found there counts for every
// part that writes.
func (e *Engine) JudgeBatch(ctx context.Context, r *graph.Request, c Context) []Verdict {
	g := e.current.Load()
	whole := g.judge(ctx, r, c, e.options.Timeout)
	verdicts := make([]Verdict, len(r.Parts))
	for i, part := range r.Parts {
		if IsRead(part) && !g.judgeReads {
			verdicts[i] = Verdict{Decision: Allow, Revision: g.revision}
			continue
		}
		verdicts[i] = g.judge(ctx, part, c, e.options.Timeout)
		if !IsRead(part) {
			verdicts[i] = merge(verdicts[i], whole)
			c.Totals.Writes++
			c.Totals.Targets += len(part.Targets)
		}
	}
	return verdicts
}

// merge adds what was found about the whole batch to the verdict on a part.
func merge(part, whole Verdict) Verdict {
	if whole.Unavailable {
		part.Unavailable, part.Err = true, errors.Join(part.Err, whole.Err)
	}
	part.Decision = stricter(part.Decision, whole.Decision)
	part.Violations = append(part.Violations, whole.Violations...)
	return part
}

func stricter(a, b Decision) Decision {
	if a == Deny || b == Deny {
		return Deny
	}
	if a == Warn || b == Warn {
		return Warn
	}
	return Allow
}

// patience is how often a verdict is tried for: with two hundred clients on two busy cores, one in five thousand ran out of
// time twice.
const patience = 5

func (g *generation) judge(ctx context.Context, r *graph.Request, c Context, timeout time.Duration) (v Verdict) {
	start := time.Now()
	defer func() {
		if p := recover(); p != nil {
			v = Verdict{Decision: Deny, Unavailable: true, Err: fmt.Errorf("judge %s: panic: %v", r.ID, p)}
		}
		v.Revision, v.Duration = g.revision, time.Since(start)
	}()
	seen := g.projection.read(r, c)
	defer seen.release()
	if !seen.fleeting {
		if v, ok := g.memory.recall(seen.key); ok {
			return v
		}
	}
	v, err := g.decide(ctx, seen.document(), timeout)
	if err != nil {
		return Verdict{Decision: Deny, Unavailable: true, Err: fmt.Errorf("judge %s: %w", r.ID, err)}
	}
	if !seen.fleeting {
		g.memory.keep(seen.key, v)
	}
	return v
}

// decide evaluates until there is a verdict or patience ends.
func (g *generation) decide(ctx context.Context, input ast.Value, timeout time.Duration) (Verdict, error) {
	v, err := g.evaluate(ctx, input, timeout, nil)
	for tries := 1; tries < patience && errors.Is(err, ErrTimeout) && ctx.Err() == nil; tries++ {
		// The limit is a thousand times what a verdict takes, but it is wall time: a container out of its share of
		// the processor stands still for as long. More tries tell that from a policy that loops.
		v, err = g.evaluate(ctx, input, timeout, nil)
	}
	return v, err
}

// evaluate asks the policies. A timer cancels it from outside, which spares OPA's own goroutine per evaluation.
func (g *generation) evaluate(ctx context.Context, input ast.Value, timeout time.Duration, tune func(*topdown.Query)) (Verdict, error) {
	cancel := topdown.NewCancel()
	timer := time.AfterFunc(timeout, cancel.Cancel)
	defer timer.Stop()
	if ctx.Done() != nil {
		defer context.AfterFunc(ctx, cancel.Cancel)()
	}
	said, err := g.query.ask(ctx, input, cancel, tune)
	switch {
	case topdown.IsCancel(err) && ctx.Err() != nil:
		return Verdict{}, ctx.Err()
	case topdown.IsCancel(err):
		return Verdict{}, fmt.Errorf("%w (limit %v)", ErrTimeout, timeout)
	case err != nil:
		return Verdict{}, err
	case said == nil:
		return Verdict{}, ErrUndefined
	}
	value, err := ast.JSON(said)
	if err != nil {
		return Verdict{}, fmt.Errorf("%w: %w", ErrMalformed, err)
	}
	return g.read(value)
}

// read checks the shape of the policies' answer and takes the decision anew from the violations: one that does not
// follow from them is not trusted.
func (g *generation) read(value any) (Verdict, error) {
	answer, ok := value.(map[string]any)
	if !ok {
		return Verdict{}, fmt.Errorf("%w: not an object", ErrMalformed)
	}
	list, ok := answer["violations"].([]any)
	if !ok {
		return Verdict{}, fmt.Errorf("%w: no array violations", ErrMalformed)
	}
	if len(list) > maxViolations {
		return Verdict{}, fmt.Errorf("%w: %d violations, the limit is %d", ErrMalformed, len(list), maxViolations)
	}
	v := Verdict{Decision: Allow}
	for i, item := range list {
		violation, err := g.violation(item)
		if err != nil {
			return Verdict{}, fmt.Errorf("%w: violation %d: %w", ErrMalformed, i, err)
		}
		v.Violations = append(v.Violations, violation)
		switch violation.Level {
		case LevelDeny:
			v.Decision = Deny
		case LevelWarn:
			v.Decision = stricter(v.Decision, Warn)
		}
	}
	slices.SortStableFunc(v.Violations, gravest)
	if answer["decision"] != string(v.Decision) {
		return Verdict{}, fmt.Errorf("%w: decision %v does not follow from the violations", ErrMalformed, answer["decision"])
	}
	return v, nil
}

// gravest orders denials before warnings before notes, then by id and place, so that a refusal reads the same each time.
func gravest(a, b Violation) int {
	return cmp.Or(
		slices.Index(ruleSets, a.Level)-slices.Index(ruleSets, b.Level),
		strings.Compare(a.ID, b.ID),
		strings.Compare(a.Pointer, b.Pointer),
	)
}

func (g *generation) violation(item any) (Violation, error) {
	found, ok := item.(map[string]any)
	if !ok {
		return Violation{}, errors.New("not an object")
	}
	v := Violation{
		ID: text(found["id"]), Level: text(found["level"]), Message: text(found["msg"]),
		Pointer: text(found["pointer"]), Fix: text(found["fix"]), Package: text(found["package"]),
	}
	if v.ID == "" || v.Message == "" {
		return v, fmt.Errorf("a rule of package %s gave no id or no msg", v.Package)
	}
	if v.Level != LevelDeny && v.Level != LevelWarn && v.Level != LevelAudit {
		return v, fmt.Errorf("%s has no level deny, warn or audit", v.ID)
	}
	v.Location = g.locations[v.ID]
	return v, nil
}

func text(value any) string {
	s, _ := value.(string)
	return s
}
