package main

import (
	"encoding/json"
	"fmt"
	"io"
	"strings"
	"sync"
	"time"

	"github.com/graphwarden/graphwarden/proxy"
)

// reporter tells a person, or with json a program, what happens to each governed change.
type reporter struct {
	mu    sync.Mutex
	w     io.Writer
	paint paint
	json  bool
	quiet bool // only what was denied or missed
	off   bool // the log speaks instead
}

// exchange prints one line for a governed change, and under a refusal why and what to do. Reads pass in silence unless
// they were refused.
func (r *reporter) exchange(e proxy.Exchange) {
	if r.off || (!e.Governed && e.Refusal == "") || (r.quiet && e.Refusal == "") {
		return
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.json {
		r.line(exchangeJSON(e))
		return
	}
	var b strings.Builder
	fmt.Fprintf(&b, "%s  %s  %-6s %s", e.Time.Local().Format("15:04:05"), r.label(e), e.Method, e.Path)
	if len(e.Targets) > 0 {
		fmt.Fprintf(&b, "  -> %s", summarise(e.Targets))
	}
	fmt.Fprintf(&b, "  %s\n", r.paint.dim(fmt.Sprintf("%d from %s in %s", e.Status, e.Source, e.Duration.Round(100*time.Microsecond))))
	for _, v := range e.Violations {
		fmt.Fprintf(&b, "          %s %s\n", r.paint.bold(v.ID+":"), v.Message)
		if v.Fix != "" && v.Level == "deny" {
			fmt.Fprintf(&b, "          %s %s\n", r.paint.dim("fix:"), v.Fix)
		}
	}
	if e.Refusal != "" && len(e.Violations) == 0 {
		fmt.Fprintf(&b, "          %s %s\n", r.paint.bold(e.Refusal+":"), e.Message)
	}
	_, _ = io.WriteString(r.w, b.String())
}

// label is one word of five letters, so that the lines stand in columns; colour only repeats what it says.
func (r *reporter) label(e proxy.Exchange) string {
	switch {
	case e.Refusal == "CassetteMiss":
		return r.paint.red("miss ")
	case e.Refusal != "" && e.Refusal != "PolicyDenied":
		return r.paint.red("error")
	case e.Verdict == "deny" && e.Enforced:
		return r.paint.red("deny ")
	case e.Verdict == "deny":
		return r.paint.yellow("would")
	case e.Verdict == "warn":
		return r.paint.yellow("warn ")
	}
	return r.paint.green("allow")
}

func summarise(targets []string) string {
	if len(targets) <= 2 {
		return strings.Join(targets, ", ")
	}
	return fmt.Sprintf("%s and %d more", targets[0], len(targets)-1)
}

// line is one JSON value on a line of its own.
func (r *reporter) line(v any) {
	b, err := json.Marshal(v)
	if err != nil {
		return
	}
	_, _ = r.w.Write(append(b, '\n'))
}

func exchangeJSON(e proxy.Exchange) map[string]any {
	found := make([]map[string]any, 0, len(e.Violations))
	for _, v := range e.Violations {
		found = append(found, map[string]any{"id": v.ID, "level": v.Level, "message": v.Message, "pointer": v.Pointer, "fix": v.Fix})
	}
	return map[string]any{
		"schema": "graphwarden.output/v1", "type": "exchange", "id": e.ID, "time": e.Time.UTC().Format(time.RFC3339Nano),
		"method": e.Method, "host": e.Host, "path": e.Path, "operation": e.Operation, "resource": e.Resource,
		"targets": append([]string{}, e.Targets...), "verdict": e.Verdict, "enforced": e.Enforced, "violations": found,
		"refusal": e.Refusal, "message": e.Message, "source": string(e.Source), "status": e.Status,
		"duration_us": e.Duration.Microseconds(),
	}
}

// console tells, once, where the console is. Its link holds the token unless that is kept in a file.
func (r *reporter) console(env *Env, link, tokenFile string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	switch {
	case r.json:
		r.line(map[string]any{"schema": "graphwarden.output/v1", "type": "console", "url": link})
	case tokenFile != "":
		note(env, "console %s (its token is in %s)", link, tokenFile)
	default:
		note(env, "console %s", link)
	}
}

// summary is the last line.
func (r *reporter) summary(mode, cassette string, s proxy.Summary) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.json {
		r.line(map[string]any{"schema": "graphwarden.output/v1", "type": "summary", "mode": mode, "cassette": cassette, "summary": s})
		return
	}
	if r.quiet {
		return
	}
	text := fmt.Sprintf("%d allowed, %d denied, %d warned, %d recorded, %d replayed, %d missed, %d unused",
		s.Allowed, s.Denied, s.Warned, s.Recorded, s.Replayed, s.Missed, s.Unused)
	if s.Passed > 0 {
		text += fmt.Sprintf("; %d denied changes were let through", s.Passed)
	}
	if cassette != "" {
		text += " (" + mode + " " + cassette + ")"
	}
	fmt.Fprintf(r.w, "%s %s\n", r.paint.bold("graphwarden:"), text)
}
