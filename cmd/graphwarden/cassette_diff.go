package main

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"flag"
	"fmt"
	"io"
	"net/http"
	"os"
	"strings"

	"github.com/graphwarden/graphwarden/internal/tape"
)

const cassetteDiffUsage = `Usage: graphwarden cassette diff [FLAGS] OLD NEW

Compares two cassettes by what they replay: requests that only one of them has, and requests whose answer differs, by JSON
path. Dates, ids of requests, etags and other values that change by themselves do not count, nor does the order. Exits with
1 when there is a difference.

Examples:
  graphwarden cassette diff main.yaml branch.yaml
  graphwarden cassette diff --ignore-answer '/value/*/version' --output json old.yaml new.yaml
`

const cassetteExplainUsage = `Usage: graphwarden cassette explain --cassette FILE [FLAGS] REQUEST.json

Tells which recording answers a request, and of the others that come near why each does not. The request is a file, or - for
standard input: {"method": "PATCH", "url": "https://graph.microsoft.com/...", "headers": {}, "body": {}}.
Exits with 4 when none answers.

Examples:
  graphwarden cassette explain --cassette cassettes/rollout.yaml request.json
`

type cassetteDiffFlags struct {
	output string
	ignore words
}

func (f *cassetteDiffFlags) register(fs *flag.FlagSet) {
	resultFlag(fs, &f.output)
	fs.Var(&f.ignore, "ignore-answer", "a place in the answer's body that does not count, a JSON `POINTER`, * for any key (repeatable)")
}

func runCassetteDiff(_ context.Context, env *Env, args []string) error {
	var f cassetteDiffFlags
	s, rest, err := env.parse("cassette diff", args, f.register)
	if err != nil {
		return err
	}
	if len(rest) != 2 {
		return usageError("graphwarden cassette diff --help", "cassette diff takes two cassettes, not %d", len(rest))
	}
	match, err := tape.ParseMatch(strings.Join(s.Match, ","))
	if err != nil {
		return usageError("graphwarden cassette diff --help", "%w", err)
	}
	match.Ignore = s.Ignore
	a, err := oneCassette(env, "cassette diff", rest[:1])
	if err != nil {
		return err
	}
	b, err := oneCassette(env, "cassette diff", rest[1:])
	if err != nil {
		return err
	}
	d, err := tape.Compare(a, b, match, f.ignore)
	if err != nil {
		return err
	}
	if f.output == "json" {
		err = printJSON(env.Stdout, map[string]any{"schema": "graphwarden.cassette-diff/v1", "old": a.Path, "new": b.Path, "same": d.Same,
			"removed": placesJSON(d.OnlyA), "added": placesJSON(d.OnlyB), "changed": changesJSON(d.Changed)})
	} else {
		printDifference(env, d)
	}
	if err == nil && !d.Equal() {
		return &exitError{code: codeFailed}
	}
	return err
}

func printDifference(env *Env, d *tape.Difference) {
	p := env.paint(env.Stdout)
	for _, x := range d.OnlyA {
		fmt.Fprintf(env.Stdout, "%s %s %s (line %d)\n", p.red("-"), printable(x.Method), printable(x.URL), x.Line)
	}
	for _, x := range d.OnlyB {
		fmt.Fprintf(env.Stdout, "%s %s %s (line %d)\n", p.green("+"), printable(x.Method), printable(x.URL), x.Line)
	}
	for _, c := range d.Changed {
		fmt.Fprintf(env.Stdout, "%s %s %s (lines %d and %d)\n", p.yellow("~"), printable(c.A.Method), printable(c.A.URL), c.A.Line, c.B.Line)
		for _, diff := range c.Diffs {
			fmt.Fprintf(env.Stdout, "    %s\n", driftText(diff))
		}
	}
	note(env, "%d the same, %d removed, %d added, %d changed", d.Same, len(d.OnlyA), len(d.OnlyB), len(d.Changed))
}

// driftText is a difference between two answers in one line.
func driftText(d tape.Diff) string {
	where := d.Part
	if d.Pointer != "" {
		where += " " + d.Pointer
	}
	switch {
	case d.Recorded == "":
		return printable(fmt.Sprintf("%s: now %s, was not there", where, d.Sent))
	case d.Sent == "":
		return printable(fmt.Sprintf("%s: was %s, is gone", where, d.Recorded))
	}
	return printable(fmt.Sprintf("%s: was %s, now %s", where, d.Recorded, d.Sent))
}

func placeJSON(p tape.Place) map[string]any {
	return map[string]any{"id": p.ID, "line": p.Line, "method": p.Method, "url": p.URL}
}

func placesJSON(list []tape.Place) []map[string]any {
	out := []map[string]any{}
	for _, p := range list {
		out = append(out, placeJSON(p))
	}
	return out
}

func changesJSON(list []tape.Change) []map[string]any {
	out := []map[string]any{}
	for _, c := range list {
		m := placeJSON(c.A)
		m["new_line"], m["differences"] = c.B.Line, diffsJSON(c.Diffs, "was", "now")
		out = append(out, m)
	}
	return out
}

func diffsJSON(list []tape.Diff, was, is string) []map[string]any {
	out := []map[string]any{}
	for _, d := range list {
		out = append(out, map[string]any{"part": d.Part, "pointer": d.Pointer, was: d.Recorded, is: d.Sent})
	}
	return out
}

// explained is how many candidates are shown.
const explained = 10

func runCassetteExplain(_ context.Context, env *Env, args []string) error {
	var f cassetteListFlags
	s, rest, err := env.parse("cassette explain", args, f.register)
	if err != nil {
		return err
	}
	if len(rest) != 1 || s.Cassette == "" {
		return usageError("graphwarden cassette explain --help", "cassette explain needs a request and a cassette: --cassette FILE REQUEST.json")
	}
	req, err := readRequest(env, rest[0])
	if err != nil {
		return usageError("graphwarden cassette explain --help", "%w", err)
	}
	match, err := tape.ParseMatch(strings.Join(s.Match, ","))
	if err != nil {
		return usageError("graphwarden cassette explain --help", "%w", err)
	}
	match.Ignore = s.Ignore
	redaction, err := redactionOf(s, nil, nil)
	if err != nil {
		return err
	}
	stop := env.slow(s.Cassette)
	t, err := tape.Open(tape.Options{Mode: tape.Replay, Cassette: s.Cassette, Match: match, Redact: redaction})
	stop()
	if err != nil {
		return err
	}
	e, err := t.Explain(req, explained)
	if err != nil {
		return err
	}
	if f.output == "json" {
		err = printJSON(env.Stdout, explanationJSON(s.Cassette, e))
	} else {
		printCandidates(env.Stdout, e)
	}
	if err == nil && e.Answer == nil {
		return &exitError{code: codeMiss}
	}
	return err
}

// readRequest reads a file of one request. A body that is a string is taken as the text of one.
func readRequest(env *Env, arg string) (*http.Request, error) {
	text, err := io.ReadAll(env.Stdin)
	if arg != "-" {
		text, err = os.ReadFile(env.under(arg))
	}
	if err != nil {
		return nil, fmt.Errorf("read the request: %w", err)
	}
	var doc struct {
		Method  string                     `json:"method"`
		URL     string                     `json:"url"`
		Headers map[string]json.RawMessage `json:"headers"`
		Body    json.RawMessage            `json:"body"`
	}
	decoder := json.NewDecoder(bytes.NewReader(text))
	decoder.DisallowUnknownFields() // a misspelt "header" would be explained as none
	if err := decoder.Decode(&doc); err != nil {
		return nil, fmt.Errorf("read the request: %w", err)
	}
	body := []byte(doc.Body)
	var plain string
	if string(body) == "null" {
		body = nil
	} else if json.Unmarshal(body, &plain) == nil {
		body = []byte(plain)
	}
	req, err := http.NewRequest(cmp.Or(doc.Method, http.MethodGet), doc.URL, bytes.NewReader(body))
	if err != nil {
		return nil, fmt.Errorf("read the request: %w", err)
	}
	if !req.URL.IsAbs() {
		return nil, fmt.Errorf("read the request: url %q is not an absolute one", doc.URL)
	}
	for name, raw := range doc.Headers {
		var one string
		var list []string
		if json.Unmarshal(raw, &one) == nil {
			list = []string{one}
		} else if json.Unmarshal(raw, &list) != nil {
			return nil, fmt.Errorf("read the request: header %s is neither a string nor a list of strings", name)
		}
		for _, v := range list {
			req.Header.Add(name, v)
		}
	}
	if len(body) > 0 && req.Header.Get("Content-Type") == "" {
		req.Header.Set("Content-Type", "application/json")
	}
	return req, nil
}

func printCandidates(out io.Writer, e *tape.Explanation) {
	fmt.Fprintf(out, "%s %s\n", printable(e.Method), printable(e.URL))
	if e.Answer != nil {
		fmt.Fprintf(out, "is answered by %s (line %d), the first of %s of this very request\n", dash(e.Answer.ID), e.Answer.Line, counted(e.Equal, "recording"))
	} else {
		fmt.Fprintf(out, "is answered by none of %s\n", counted(e.Interactions, "recording"))
	}
	for _, c := range e.Candidates {
		fmt.Fprintf(out, "\n%s (line %d) %s %s\n", dash(c.ID), c.Line, printable(c.Method), printable(c.URL))
		switch {
		case len(c.Diffs) > 0:
			for _, d := range c.Diffs {
				fmt.Fprintf(out, "    %s\n", printable(d.String()))
			}
		case e.Answer != nil && e.Answer.Line == c.Line:
			fmt.Fprintln(out, "    answers")
		default:
			fmt.Fprintln(out, "    answers when the ones before it are used up")
		}
	}
}

func explanationJSON(cassette string, e *tape.Explanation) map[string]any {
	m := map[string]any{"schema": "graphwarden.explain/v1", "cassette": cassette, "method": e.Method, "url": e.URL,
		"interactions": e.Interactions, "equal": e.Equal, "answer": nil}
	if e.Answer != nil {
		m["answer"] = placeJSON(*e.Answer)
	}
	candidates := []map[string]any{}
	for _, c := range e.Candidates {
		candidates = append(candidates, map[string]any{"id": c.ID, "line": c.Line, "method": c.Method, "url": c.URL,
			"differences": diffsJSON(c.Diffs, "recorded", "sent")})
	}
	m["candidates"] = candidates
	return m
}
