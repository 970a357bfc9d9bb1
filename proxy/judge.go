package proxy

import (
	"context"
	"net/http"
	"slices"
	"time"

	"github.com/graphwarden/graphwarden/internal/graph"
	"github.com/graphwarden/graphwarden/internal/policy"
	"github.com/graphwarden/graphwarden/internal/tape"
)

// verdict judges a request. It returns the verdict's word for the tape, for a batch that is not sent as it came what
// becomes of it, and the refusal where the change must not go on. Reads pass unless the policies' data asks for them.
func (w *Warden) verdict(ctx context.Context, g *graph.Request, e *Exchange) (string, *editedBatch, *graph.Refusal) {
	if w.judge == nil || (!isWrite(g.Method) && !w.judge.JudgesReads()) {
		e.Governed = isWrite(g.Method)
		return "", nil, nil
	}
	e.Governed = true
	at := w.judgedAt(g, e.session.tape.Load())
	if w.settings.Inspect != nil {
		kept := at
		e.judged = &kept
	}
	start := time.Now()
	if g.Parts != nil {
		verdicts := w.judge.JudgeBatch(ctx, g, at)
		e.Judged = time.Since(start)
		w.decidedBatch(g, at, verdicts)
		return w.weighBatch(g, e, verdicts)
	}
	verdict := w.judge.Judge(ctx, g, at)
	e.Judged = time.Since(start)
	w.decided(g, at, verdict)
	e.Verdict, e.Violations = string(verdict.Decision), violations(verdict)
	if verdict.Decision == policy.Deny && w.enforce == EnforceDeny {
		e.Enforced = true
		return "", nil, verdict.Refusal()
	}
	return string(verdict.Decision), nil, nil
}

// judgedAt is what the judge is told beside the request. In a replay it is the recording's time and, unless the client
// sends a token that can be read, the recording's token: so a verdict is the same on any day and needs no secret.
func (w *Warden) judgedAt(g *graph.Request, t *tape.Tape) policy.Context {
	at := policy.Context{Mode: judgedMode(t.Mode()), Run: w.settings.Run}
	if t.Mode() != tape.Replay {
		// Graph refuses an unsigned token; what takes its place here is there to take the ones 'token mint' makes.
		if w.settings.Origin != "" && slices.Contains(g.Token.Anomalies, "unsigned") {
			token := g.Token
			token.Anomalies = slices.DeleteFunc(slices.Clone(token.Anomalies), func(a string) bool { return a == "unsigned" })
			at.Token = &token
		}
		return at
	}
	recorded, ok := t.Peek(g)
	if !ok {
		recorded, _ = t.Typical()
	}
	at.Time = recorded.Time
	if g.Token.Present && g.Token.Format != "jwt" && recorded.Authorization != "" {
		token := graph.ReadToken(http.Header{"Authorization": {recorded.Authorization}})
		at.Token = &token
	}
	return at
}

// judgedMode is the mode as policies know it: what may change something is live, or is recorded as well.
func judgedMode(m tape.Mode) string {
	switch m {
	case tape.Differ:
		return string(tape.Live)
	case tape.New:
		return string(tape.Record)
	}
	return string(m)
}

func violations(v policy.Verdict) []Violation {
	out := make([]Violation, 0, len(v.Violations))
	for _, f := range v.Violations {
		out = append(out, Violation{ID: f.ID, Level: string(f.Level), Message: f.Message, Pointer: f.Pointer, Fix: f.Fix,
			Package: f.Package, Location: f.Location})
	}
	return out
}

func isWrite(method string) bool {
	switch method {
	case http.MethodGet, http.MethodHead, http.MethodOptions:
		return false
	}
	return true
}
