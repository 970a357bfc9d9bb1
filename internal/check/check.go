// Package check judges requests that were written down earlier, with no network and no proxy: those on cassettes, in HAR
// files, and in files of one request or one input document.
//
// Files go in, each request as a Case that knows where in its file it stands; a Report comes out, and is written as
// text, JSON, JUnit, SARIF or annotations of GitHub. Requests are read and judged exactly as in a replay. The package never
// dials and never writes to the files it reads.
package check

import (
	"context"
	"strconv"
	"strings"
	"time"

	"github.com/graphwarden/graphwarden/internal/graph"
	"github.com/graphwarden/graphwarden/internal/policy"
)

// Case is one request to judge, and its place.
type Case struct {
	// File is the name it was read from, Line where in it the request begins, from 1; 0 when that is not known.
	File string
	Line int
	// Index is the request's place among those of the file, from 1.
	Index int
	// Method and URL are as they were written down.
	Method, URL string
	// Time is when the request was made; zero when that was not written down.
	Time time.Time
	// Request is the request as it was understood; nil when it was refused, or when there is only an input document.
	Request *graph.Request
	// Input is an input document that was given as such.
	Input map[string]any
	// Refusal is why no request can be made of what was written down.
	Refusal *graph.Refusal

	lineOf func(spot) int // nil when only Line is known
}

// Context is what the policies are told beside the request: that it is a replay, at the time of the recording. Where that
// was not kept, the token's own time stands in, so that a verdict is the same on any day.
func (c *Case) Context() policy.Context {
	at := c.Time
	if at.IsZero() && c.Request != nil {
		at = c.Request.Token.Issued
	}
	return policy.Context{Mode: "replay", Time: at}
}

// Document is the input document of the case; nil when there is no request.
func (c *Case) Document() map[string]any {
	switch {
	case c.Input != nil:
		return c.Input
	case c.Request != nil:
		return policy.Input(c.Request, c.Context())
	}
	return nil
}

// Finding is a rule that spoke, and where.
type Finding struct {
	policy.Violation
	// Line is where in the file the finding's pointer leads, or the request's where that cannot be told.
	Line int `json:"line"`
}

// Result is the verdict on one case.
type Result struct {
	File     string    `json:"file"`
	Line     int       `json:"line"`
	Index    int       `json:"index"`
	Method   string    `json:"method"`
	URL      string    `json:"url"`
	Decision string    `json:"verdict"`
	Findings []Finding `json:"violations"`
	// Error says why the policies could not judge; empty when they did.
	Error string `json:"error,omitempty"`
}

// Judge gives the verdict on a case; ok is false for one that is not judged: a read, unless the data asks for those.
func Judge(ctx context.Context, engine *policy.Engine, c *Case) (r Result, ok bool) {
	r = Result{File: c.File, Line: c.Line, Index: c.Index, Method: c.Method, URL: c.URL, Findings: []Finding{}}
	switch {
	case c.Refusal != nil:
		r.Decision = string(policy.Deny)
		r.Findings = append(r.Findings, Finding{Line: c.Line, Violation: policy.Violation{
			ID: string(c.Refusal.Code), Level: policy.LevelDeny, Message: c.Refusal.Message}})
	case c.Input != nil:
		r.add(c, "", engine.JudgeInput(ctx, c.Input))
	case policy.IsRead(c.Request) && !engine.JudgesReads():
		return r, false
	case len(c.Request.Parts) > 0:
		for i, verdict := range engine.JudgeBatch(ctx, c.Request, c.Context()) {
			r.add(c, "/requests/"+strconv.Itoa(i), verdict)
		}
	default:
		r.add(c, "", engine.Judge(ctx, c.Request, c.Context()))
	}
	return r, true
}

// add takes a verdict into the result. What is said of a whole batch is said in the verdict of each part, and kept once.
func (r *Result) add(c *Case, part string, v policy.Verdict) {
	r.Decision = string(stricter(policy.Decision(r.Decision), v.Decision))
	if v.Err != nil {
		r.Error = v.Err.Error()
	}
	for _, found := range v.Violations {
		if part != "" && !strings.HasPrefix(found.Pointer, "/batch") {
			found.Pointer = part + found.Pointer
		}
		if !r.has(found) {
			r.Findings = append(r.Findings, Finding{Violation: found, Line: c.LineOf(found.Pointer)})
		}
	}
}

func (r *Result) has(v policy.Violation) bool {
	for i := range r.Findings {
		if f := &r.Findings[i]; f.ID == v.ID && f.Pointer == v.Pointer && f.Message == v.Message {
			return true
		}
	}
	return false
}

func stricter(a, b policy.Decision) policy.Decision {
	if a == policy.Deny || b == policy.Deny {
		return policy.Deny
	}
	if a == policy.Warn || b == policy.Warn {
		return policy.Warn
	}
	return policy.Allow
}

// Report is what became of all cases.
type Report struct {
	Summary Summary  `json:"summary"`
	Results []Result `json:"results"`
	// Rules are those in force, for forms of output that describe them.
	Rules []policy.Rule `json:"-"`
}

// Summary counts. Requests that go elsewhere than to Graph, and reads, are counted and not judged.
type Summary struct {
	Files    int `json:"files"`
	Requests int `json:"requests"`
	Judged   int `json:"judged"`
	Allowed  int `json:"allowed"`
	Warned   int `json:"warned"`
	Denied   int `json:"denied"`
}

// Add takes a result into the report.
func (r *Report) Add(result Result) {
	r.Results = append(r.Results, result)
	r.Summary.Judged++
	switch result.Decision {
	case string(policy.Deny):
		r.Summary.Denied++
	case string(policy.Warn):
		r.Summary.Warned++
	default:
		r.Summary.Allowed++
	}
}
