package proxy

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"log/slog"
	"strconv"
	"sync/atomic"
	"time"

	"github.com/graphwarden/graphwarden/internal/ledger"
	"github.com/graphwarden/graphwarden/internal/policy"
	"github.com/graphwarden/graphwarden/internal/tape"
)

// Summary counts what a Warden did.
type Summary struct {
	// Allowed, Warned and Denied are governed changes by verdict; a deny that was let through (EnforceWarn) counts as
	// Denied too and as Passed.
	Allowed  int `json:"allowed"`
	Warned   int `json:"warned"`
	Denied   int `json:"denied"`
	Passed   int `json:"passed"`
	Recorded int `json:"recorded"`
	Replayed int `json:"replayed"`
	Missed   int `json:"missed"`
	Unused   int `json:"unused"`
	// Failed are exchanges that were answered but could not be recorded.
	Failed int `json:"failed"`
	// Repeats are answers from a recording that had answered before.
	Repeats int `json:"repeats"`
	// Drifted are answers that depart from the recorded ones, in mode diff.
	Drifted int `json:"drifted"`
	// Faults are failures that were asked for.
	Faults int `json:"faults"`
	// UnusedList names the recordings that no request asked for.
	UnusedList []string `json:"unused_list,omitempty"`
	// DriftList tells of the first hundred that drifted what is different.
	DriftList []string `json:"drift_list,omitempty"`
}

type tally struct {
	allowed, warned, denied, passed atomic.Int64
}

func (t *tally) add(e *Exchange) {
	switch policy.Decision(e.Verdict) {
	case policy.Allow:
		t.allowed.Add(1)
	case policy.Warn:
		t.warned.Add(1)
	case policy.Deny:
		t.denied.Add(1)
		if !e.Enforced {
			t.passed.Add(1)
		}
	}
}

// Summary counts what the Warden has done so far.
func (w *Warden) Summary() Summary {
	s := summaryOf(&w.tally, w.sessions.stats())
	if w.faults != nil {
		s.Faults = int(w.faults.injected.Load())
	}
	return s
}

func summaryOf(t *tally, stats tape.Stats) Summary {
	return Summary{
		Allowed: int(t.allowed.Load()), Warned: int(t.warned.Load()),
		Denied: int(t.denied.Load()), Passed: int(t.passed.Load()),
		Recorded: stats.Recorded, Replayed: stats.Replayed, Missed: stats.Missed, Unused: stats.Unused,
		Failed: stats.Dropped, Repeats: stats.Repeats, Drifted: stats.Drifted,
		UnusedList: unusedNames(stats.UnusedList), DriftList: driftNames(stats.Drifts),
	}
}

func driftNames(list []tape.Drift) []string {
	var names []string
	for _, d := range list {
		for _, diff := range d.Diffs {
			names = append(names, d.Method+" "+d.URL+" (line "+strconv.Itoa(d.Line)+"): "+diff.String())
		}
	}
	return names
}

func unusedNames(list []tape.Unused) []string {
	var names []string
	for _, u := range list {
		names = append(names, u.Method+" "+u.URL+" (line "+strconv.Itoa(u.Line)+")")
	}
	return names
}

// finish closes an exchange's account: counts it, logs its one line and shows it to the observer.
func (w *Warden) finish(e *Exchange, source Source, status int) {
	e.Source, e.Status, e.Duration = source, status, w.settings.Now().Sub(e.Time)
	w.tally.add(e)
	if e.session != nil {
		e.session.tally.add(e)
	}
	w.logExchange(e)
	if w.settings.Observe != nil {
		w.settings.Observe(*e)
	}
}

func (w *Warden) logExchange(e *Exchange) {
	level := slog.LevelInfo
	if e.Verdict == string(policy.Deny) || e.Refusal != "" {
		level = slog.LevelWarn
	}
	if !w.log.Enabled(context.Background(), level) {
		return
	}
	attrs := make([]slog.Attr, 0, 10)
	attrs = append(attrs,
		slog.String("id", e.ID), slog.String("method", e.Method), slog.String("host", e.Host), slog.String("path", e.Path),
		slog.String("verdict", e.Verdict), slog.String("source", string(e.Source)), slog.Int("status", e.Status),
		slog.Duration("duration", e.Duration.Round(time.Microsecond)))
	if e.Refusal != "" {
		attrs = append(attrs, slog.String("refusal", e.Refusal), slog.String("message", e.Message))
	}
	if len(e.Violations) > 0 {
		ids := make([]string, len(e.Violations))
		for i, v := range e.Violations {
			ids[i] = v.ID
		}
		attrs = append(attrs, slog.Any("rules", ids))
	}
	w.log.LogAttrs(context.Background(), level, "exchange", attrs...)
}

// keep writes a line about what has happened already; that it cannot be written is logged.
func (w *Warden) keep(e *Exchange, phase string) {
	if err := w.writeLedger(e, phase); err != nil {
		w.log.Error("ledger", "error", err)
	}
}

// mode is that of the session that the exchange belongs to.
func (e *Exchange) mode(w *Warden) string {
	if e.session != nil {
		return string(e.session.mode())
	}
	return w.Mode()
}

// writeLedger keeps a line about a governed change. With no ledger it does nothing.
func (w *Warden) writeLedger(e *Exchange, phase string) error {
	if w.ledger == nil || !e.Governed {
		return nil
	}
	entry := ledger.Entry{
		Time: e.Time, ID: e.ID, Phase: phase, Mode: e.mode(w), Method: e.Method, Host: e.Host, Path: e.Path,
		Operation: e.Operation, Resource: e.Resource, Verdict: e.Verdict, Status: e.Status,
		Source: string(e.Source), Refusal: e.Refusal,
	}
	for _, v := range e.Violations {
		entry.Violations = append(entry.Violations, ledger.Violation{ID: v.ID, Level: v.Level})
	}
	if g := e.request; g != nil {
		entry.Tenant, entry.App, entry.Object = g.Token.Tenant, g.Token.App, g.Token.Object
		entry.ClientRequestID = g.Header.Get("Client-Request-Id")
		if g.Body != nil {
			sum := sha256.Sum256(g.Body)
			entry.BodySHA256 = hex.EncodeToString(sum[:])
		}
		for _, t := range g.Targets {
			entry.Targets = append(entry.Targets, ledger.Target{
				Type: t.Type, ID: t.ID, FilterID: t.FilterID, FilterMode: t.FilterMode, Intent: t.Intent,
			})
		}
	}
	if err := w.ledger.Append(entry); err != nil {
		return fmt.Errorf("write ledger: %w", err)
	}
	return nil
}
