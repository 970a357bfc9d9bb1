package main

import (
	"bytes"
	"context"
	"encoding/base64"
	"encoding/json"
	"flag"
	"fmt"
	"io"
	"maps"
	"net/http"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"text/tabwriter"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/graphwarden/graphwarden/internal/tape"
)

const cassetteShowUsage = `Usage: graphwarden cassette show [FLAGS] FILE [ID|NUMBER...]

Prints a line for each interaction: its number, id, method, status and URL. Of those named by id or by number, all is
printed. With --variables only what a test noted beside its recording: seeds, and when it was recorded.

Examples:
  graphwarden cassette show cassettes/rollout.yaml
  graphwarden cassette show cassettes/rollout.yaml 8d2f6f0c5b6c4f1e
  graphwarden cassette show --variables --output json cassettes/rollout.yaml
`

const cassetteGrepUsage = `Usage: graphwarden cassette grep [FLAGS] PATTERN FILE...

Finds a regular expression in the interactions of cassettes and prints file, line and place of each hit. Exits with 1 when
there is none.

Examples:
  graphwarden cassette grep 6f1c2d3e-4a5b-4c6d-8e7f-901a2b3c4d5e cassettes/
  graphwarden cassette grep --in response.body -i 'displayName.*kiosk' cassettes/
`

type cassetteShowFlags struct {
	output    string
	variables bool
}

func (f *cassetteShowFlags) register(fs *flag.FlagSet) {
	resultFlag(fs, &f.output)
	fs.BoolVar(&f.variables, "variables", false, "print the variables and the time of the recording only")
}

func runCassetteShow(_ context.Context, env *Env, args []string) error {
	var f cassetteShowFlags
	_, rest, err := env.parse("cassette show", args, f.register)
	if err != nil {
		return err
	}
	if len(rest) == 0 || f.variables && len(rest) > 1 {
		return usageError("graphwarden cassette show --help", "cassette show needs one cassette")
	}
	c, err := oneCassette(env, "cassette show", rest[:1])
	if err != nil {
		return err
	}
	if f.variables {
		return showVariables(env, c, f.output == "json")
	}
	wanted := map[string]bool{}
	for _, id := range rest[1:] {
		wanted[id] = false
	}
	list := []map[string]any{}
	w := tabwriter.NewWriter(env.Stdout, 0, 8, 2, ' ', 0)
	for i, x := range c.Interactions() {
		number := strconv.Itoa(i + 1)
		if x == nil || len(wanted) > 0 && !named(wanted, x.ID, number) {
			continue
		}
		switch {
		case f.output == "json":
			list = append(list, interactionJSON(i, c.Line(i), x, len(wanted) > 0))
		case len(wanted) > 0:
			printInteraction(env.Stdout, number, x)
		default:
			fmt.Fprintf(w, "%s\t%s\t%s\t%d\t%s\t%s\n", number, dash(x.ID), printable(x.Request.Method), x.Response.Code, dash(x.Verdict), printable(x.Request.URL))
		}
	}
	if f.output == "json" {
		err = printJSON(env.Stdout, map[string]any{"schema": "graphwarden.cassette/v1", "file": c.Path, "interactions": list})
	} else {
		err = w.Flush()
	}
	if err != nil {
		return err
	}
	for _, id := range rest[1:] {
		if !wanted[id] {
			return &exitError{code: codeFailed, err: fmt.Errorf("find %s on %s: no such interaction", id, c.Path), hint: "graphwarden cassette show " + c.Path}
		}
	}
	return nil
}

// named notes which of the wanted ones was found.
func named(wanted map[string]bool, names ...string) bool {
	found := false
	for _, name := range names {
		if _, ok := wanted[name]; ok {
			wanted[name], found = true, true
		}
	}
	return found
}

func showVariables(env *Env, c *tape.Cassette, asJSON bool) error {
	values, at := c.Variables(), ""
	if t := c.RecordedAt(); !t.IsZero() {
		at = t.UTC().Format(time.RFC3339Nano)
	}
	if asJSON {
		if values == nil {
			values = map[string]string{}
		}
		return printJSON(env.Stdout, map[string]any{"schema": "graphwarden.variables/v1", "variables": values, "recorded_at": at})
	}
	for _, name := range slices.Sorted(maps.Keys(values)) {
		fmt.Fprintf(env.Stdout, "%s=%s\n", printable(name), printable(values[name]))
	}
	if at != "" {
		note(env, "recorded at %s", at)
	}
	return nil
}

func interactionJSON(i, line int, x *tape.Interaction, full bool) map[string]any {
	m := map[string]any{"number": i + 1, "id": x.ID, "line": line, "sequence": x.Sequence, "verdict": x.Verdict,
		"method": x.Request.Method, "url": x.Request.URL, "status": x.Response.Code, "duration_us": x.Response.Duration.Microseconds()}
	if !x.RecordedAt.IsZero() {
		m["recorded_at"] = x.RecordedAt.UTC().Format(time.RFC3339Nano)
	}
	if full {
		m["request"] = map[string]any{"headers": x.Request.Headers, "body": bodyJSON(x.Request.Body)}
		m["response"] = map[string]any{"headers": x.Response.Headers, "body": bodyJSON(x.Response.Body), "encoding": x.Encoding}
	}
	return m
}

// bodyJSON is a body as a JSON value if it is one, else as text, else as base64.
func bodyJSON(body string) any {
	switch {
	case body == "":
		return nil
	case json.Valid([]byte(body)):
		return json.RawMessage(body)
	case utf8.ValidString(body):
		return body
	}
	return map[string]any{"base64": base64.StdEncoding.EncodeToString([]byte(body))}
}

func printInteraction(out io.Writer, number string, x *tape.Interaction) {
	fmt.Fprintf(out, "%s %s", number, printable(x.ID))
	if !x.RecordedAt.IsZero() {
		fmt.Fprintf(out, ", recorded at %s", x.RecordedAt.UTC().Format(time.RFC3339Nano))
	}
	if x.Verdict != "" {
		fmt.Fprintf(out, ", verdict %s", printable(x.Verdict))
	}
	fmt.Fprintf(out, "\n> %s %s\n", printable(x.Request.Method), printable(x.Request.URL))
	printMessage(out, "> ", x.Request.Headers, x.Request.Body)
	fmt.Fprintf(out, "< %s in %s\n", printable(x.Response.Status), x.Response.Duration)
	printMessage(out, "< ", x.Response.Headers, x.Response.Body)
	fmt.Fprintln(out)
}

func printMessage(out io.Writer, mark string, h http.Header, body string) {
	for _, name := range slices.Sorted(maps.Keys(h)) {
		for _, value := range h[name] {
			fmt.Fprintf(out, "%s%s: %s\n", mark, printable(name), printable(value))
		}
	}
	if body == "" {
		return
	}
	var pretty bytes.Buffer
	switch {
	case !utf8.ValidString(body):
		fmt.Fprintf(out, "%s\n%s(%d bytes that are no text)\n", mark, mark, len(body))
		return
	case json.Indent(&pretty, []byte(body), "", "  ") == nil:
		body = pretty.String()
	}
	fmt.Fprintln(out, mark)
	for line := range strings.Lines(body) {
		fmt.Fprintf(out, "%s%s\n", mark, printable(strings.TrimRight(line, "\r\n")))
	}
}

type cassetteGrepFlags struct {
	output, in string
	fold       bool
}

func (f *cassetteGrepFlags) register(fs *flag.FlagSet) {
	resultFlag(fs, &f.output)
	fs.BoolVar(&f.fold, "i", false, "make no difference between upper and lower case")
	choiceFlag(fs, &f.in, "in", "all", "where to look", "all", "url", "request.body", "request.headers", "response.body", "response.headers")
}

func runCassetteGrep(ctx context.Context, env *Env, args []string) error {
	var f cassetteGrepFlags
	_, rest, err := env.parse("cassette grep", args, f.register)
	if err != nil {
		return err
	}
	if len(rest) < 2 {
		return usageError("graphwarden cassette grep --help", "cassette grep needs a pattern and a cassette")
	}
	pattern := rest[0]
	if f.fold {
		pattern = "(?i)" + pattern
	}
	re, err := regexp.Compile(pattern)
	if err != nil {
		return usageError("escape what is no pattern with \\", "read the pattern: %w", err)
	}
	files, err := cassetteFiles(env, "cassette grep", rest[1:])
	if err != nil {
		return err
	}
	hits := []map[string]any{}
	err = eachCassette(ctx, env, files, func(c *tape.Cassette) error {
		for i, x := range c.Interactions() {
			if x == nil {
				continue
			}
			for _, place := range placesOf(x) {
				if f.in != "all" && f.in != place.part {
					continue
				}
				at := re.FindStringIndex(place.text)
				if at == nil {
					continue
				}
				hit := excerptOf(place.text, at)
				hits = append(hits, map[string]any{"file": c.Path, "line": c.Line(i), "number": i + 1, "id": x.ID,
					"method": x.Request.Method, "url": x.Request.URL, "in": place.name, "excerpt": hit})
				if f.output == "text" {
					fmt.Fprintf(env.Stdout, "%s:%d: %s %s: %s: %s\n", printable(c.Path), c.Line(i), printable(x.Request.Method), dash(x.ID), place.name, hit)
				}
			}
		}
		return nil
	})
	if f.output == "json" {
		if printErr := printJSON(env.Stdout, map[string]any{"schema": "graphwarden.grep/v1", "hits": hits}); printErr != nil {
			return printErr
		}
	}
	if err == nil && len(hits) == 0 {
		return &exitError{code: codeFailed}
	}
	return err
}

// textPlace is a text of an interaction, and what it is.
type textPlace struct{ part, name, text string }

func placesOf(x *tape.Interaction) []textPlace {
	places := []textPlace{{"url", "url", x.Request.URL}, {"request.body", "request.body", x.Request.Body}, {"response.body", "response.body", x.Response.Body}}
	for _, side := range []struct {
		part string
		h    http.Header
	}{{"request.headers", x.Request.Headers}, {"response.headers", x.Response.Headers}} {
		for _, name := range slices.Sorted(maps.Keys(side.h)) {
			places = append(places, textPlace{side.part, side.part + "." + name, strings.Join(side.h[name], ", ")})
		}
	}
	return places
}

// excerptOf is a hit with a little of what stands around it, on one line.
func excerptOf(text string, at []int) string {
	from, to := max(0, at[0]-30), min(len(text), max(at[1], at[0])+30)
	to = min(to, from+200)
	cut := strings.ToValidUTF8(text[from:to], "\uFFFD")
	return printable(strings.Map(func(r rune) rune {
		if unicode.IsSpace(r) {
			return ' '
		}
		return r
	}, cut))
}
