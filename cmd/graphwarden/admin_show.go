package main

import (
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/graphwarden/graphwarden/internal/console"
	"github.com/graphwarden/graphwarden/internal/graph"
	"github.com/graphwarden/graphwarden/internal/tape"
	"github.com/graphwarden/graphwarden/proxy"
)

// consoleExchange puts an exchange into the console's words.
func consoleExchange(e proxy.Exchange) console.Exchange {
	out := console.Exchange{
		ID: e.ID, Time: e.Time.UTC(), Session: e.Session, Method: e.Method, Host: e.Host, Path: e.Path, Operation: e.Operation,
		Resource: e.Resource, Governed: e.Governed, Targets: e.Targets, Verdict: e.Verdict, Enforced: e.Enforced,
		Refusal: e.Refusal, Message: e.Message, Source: string(e.Source), Status: e.Status,
		DurationUS: e.Duration.Microseconds(), JudgedUS: e.Judged.Microseconds(), AnsweredUS: e.Answered.Microseconds(),
	}
	for _, v := range e.Violations {
		out.Violations = append(out.Violations, console.Violation{ID: v.ID, Level: v.Level, Message: v.Message, Pointer: v.Pointer,
			Fix: v.Fix, Package: v.Package, Location: v.Location})
	}
	return out
}

// consoleDetail puts an exchange in full into the console's words.
func consoleDetail(d proxy.Detail) console.Detail {
	out := console.Detail{
		Target:   d.Target,
		Request:  consoleMessage(d.RequestHeader, d.RequestBody),
		Response: consoleMessage(d.ResponseHeader, d.ResponseBody),
		Miss:     consoleMiss(d.Miss),
	}
	if d.Form != nil {
		form := consoleForm(*d.Form)
		out.Form = &form
	}
	for _, part := range d.Parts {
		out.Parts = append(out.Parts, consoleForm(part))
	}
	return out
}

func consoleMessage(h http.Header, body proxy.Excerpt) console.Message {
	m := console.Message{Body: body.Text, Bytes: body.Bytes, Cut: body.Cut}
	for name, values := range h {
		for _, v := range values {
			m.Headers = append(m.Headers, console.Header{Name: name, Value: v})
		}
	}
	slices.SortStableFunc(m.Headers, func(a, b console.Header) int { return strings.Compare(a.Name, b.Name) })
	return m
}

func consoleForm(f proxy.Form) console.Form {
	o := f.Operation
	return console.Form{
		Batch: f.Batch, Method: f.Method, Path: f.Path, Cloud: o.Cloud, Family: o.Family, Resource: o.Resource, Route: o.Route,
		Kind: string(o.Kind), Operation: o.Name, Effect: string(o.Effect), IDs: o.IDs, Targets: f.Targets,
		Token: consoleToken(f.Token), Input: f.Input,
	}
}

func consoleToken(t graph.Token) console.Token {
	return console.Token{
		Present: t.Present, Format: t.Format, Type: t.Type, Tenant: t.Tenant, App: t.App, Object: t.Object, Audience: t.Audience,
		Scopes: t.Scopes, Roles: t.Roles, Issued: whenKnown(t.Issued), Expires: whenKnown(t.Expires), Anomalies: t.Anomalies,
	}
}

func whenKnown(t time.Time) *time.Time {
	if t.IsZero() {
		return nil
	}
	t = t.UTC()
	return &t
}

func consoleMiss(m *tape.Miss) *console.Miss {
	if m == nil {
		return nil
	}
	out := &console.Miss{Cassette: m.Cassette, Interactions: m.Interactions, Used: m.Used}
	for _, c := range m.Nearest {
		n := console.Nearest{ID: c.ID, Line: c.Line, Method: c.Method, URL: c.URL}
		for _, d := range c.Diffs {
			n.Diffs = append(n.Diffs, console.Diff{Part: d.Part, Pointer: d.Pointer, Recorded: d.Recorded, Sent: d.Sent})
		}
		out.Nearest = append(out.Nearest, n)
	}
	return out
}
