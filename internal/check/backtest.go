package check

import (
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/graphwarden/graphwarden/internal/policy"
)

// Change is a case on which two sets of policies do not agree.
type Change struct {
	File   string `json:"file"`
	Line   int    `json:"line"`
	Index  int    `json:"index"`
	Method string `json:"method"`
	URL    string `json:"url"`
	// Before and After are the two verdicts; they may be the same, for other reasons.
	Before string `json:"before"`
	After  string `json:"after"`
	// Gone and New are the findings that only one of the sets has.
	Gone []Finding `json:"gone"`
	New  []Finding `json:"new"`
}

// Compare sets two results on one case against each other; ok is false when they agree. Audit findings do not count.
func Compare(before, after *Result) (c Change, ok bool) {
	c = Change{File: after.File, Line: after.Line, Index: after.Index, Method: after.Method, URL: after.URL,
		Before: before.Decision, After: after.Decision,
		Gone: missing(before.Findings, after.Findings), New: missing(after.Findings, before.Findings)}
	return c, c.Before != c.After || len(c.Gone)+len(c.New) > 0
}

// missing are the findings of a that b lacks.
func missing(a, b []Finding) []Finding {
	out := []Finding{}
	for _, f := range a {
		if f.Level != policy.LevelAudit && !slices.ContainsFunc(b, func(g Finding) bool {
			return f.ID == g.ID && f.Level == g.Level && f.Pointer == g.Pointer
		}) {
			out = append(out, f)
		}
	}
	return out
}

// Backtest is what a new set of policies would have changed.
type Backtest struct {
	Judged  int      `json:"judged"`
	Changes []Change `json:"changes"`
	// Denied counts the requests that only the new set denies, Allowed those that only the old one does.
	Denied  int `json:"newly_denied"`
	Allowed int `json:"no_longer_denied"`
}

// Add takes in the two results on one case.
func (b *Backtest) Add(before, after *Result) {
	b.Judged++
	c, ok := Compare(before, after)
	if !ok {
		return
	}
	b.Changes = append(b.Changes, c)
	switch deny := string(policy.Deny); {
	case c.Before != deny && c.After == deny:
		b.Denied++
	case c.Before == deny && c.After != deny:
		b.Allowed++
	}
}

// Text writes each change with the findings that came and went.
func (b *Backtest) Text(w io.Writer, bold func(string) string) error {
	var out strings.Builder
	for i := range b.Changes {
		c := &b.Changes[i]
		r := Result{File: c.File, Index: c.Index, Method: c.Method, URL: c.URL}
		fmt.Fprintf(&out, "%s: %s  %s\n", r.place(c.Line), bold(c.Before+" -> "+c.After), r.title())
		for _, f := range c.Gone {
			fmt.Fprintf(&out, "    - %s %s: %s\n", f.Level, f.ID, printable(f.Message))
		}
		for _, f := range c.New {
			fmt.Fprintf(&out, "    + %s %s: %s\n", f.Level, f.ID, printable(f.Message))
		}
	}
	fmt.Fprintf(&out, "%s judged: %d differ, %d newly denied, %d no longer denied\n",
		count(b.Judged, "request"), len(b.Changes), b.Denied, b.Allowed)
	_, err := io.WriteString(w, out.String())
	return err
}
