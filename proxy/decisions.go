package proxy

import (
	"net"
	"net/http"

	"github.com/graphwarden/graphwarden/internal/graph"
	"github.com/graphwarden/graphwarden/internal/policy"
)

// openDecisions begins the decision log, if one is wanted.
func (w *Warden) openDecisions() (err error) {
	if w.settings.Decisions != nil {
		w.decisions, err = policy.NewDecisionLog(w.settings.Decisions, w.settings.DecisionMasks)
	}
	return err
}

// decided logs a verdict on a request; without a decision log it does nothing. That it cannot be written is told and
// changes nothing: the ledger is there for whoever wants no change without its record.
func (w *Warden) decided(g *graph.Request, at policy.Context, v policy.Verdict) {
	if w.decisions == nil {
		return
	}
	w.logDecision(policy.DecisionEvent{ID: g.ID, Input: inputFor(g, at), Verdict: v, Client: g.Connection.Client, Time: g.Time})
}

// decidedBatch logs the verdict on each part of a batch that was judged.
func (w *Warden) decidedBatch(g *graph.Request, at policy.Context, verdicts []policy.Verdict) {
	if w.decisions == nil {
		return
	}
	for i, v := range verdicts {
		if i >= len(g.Parts) || policy.IsRead(g.Parts[i]) && !w.judge.JudgesReads() {
			continue
		}
		w.logDecision(policy.DecisionEvent{ID: graph.NewID(), Batch: g.ID, Input: inputFor(g.Parts[i], at), Verdict: v,
			Client: g.Connection.Client, Time: g.Time})
	}
}

// unjudged logs a write that was refused before any rule was asked.
func (w *Warden) unjudged(r *http.Request, e *Exchange, refusal *graph.Refusal) {
	if w.decisions == nil || !e.Governed {
		return
	}
	if e.ID == "" {
		e.ID = graph.NewID()
	}
	client, _, _ := net.SplitHostPort(r.RemoteAddr) // none where there is no connection
	w.logDecision(policy.DecisionEvent{ID: e.ID, Refused: refusal, Verdict: policy.Verdict{Decision: policy.Deny}, Client: client, Time: e.Time})
}

func (w *Warden) logDecision(d policy.DecisionEvent) {
	d.Custom = map[string]any{
		"mode": w.Mode(), "enforce": string(w.enforce),
		"enforced": d.Refused != nil || d.Verdict.Decision == policy.Deny && w.enforce == EnforceDeny,
	}
	if w.settings.Run != "" {
		d.Custom["run"] = w.settings.Run
	}
	if err := w.decisions.Write(d); err != nil {
		w.log.Error("decision log", "error", err)
	}
}
