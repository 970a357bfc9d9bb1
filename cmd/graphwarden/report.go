package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"
	"sync"
	"time"

	"github.com/graphwarden/graphwarden/internal/config"
	"github.com/graphwarden/graphwarden/proxy"
)

// outputSchema names the form of the JSON lines; docs/output.schema.json describes it.
const outputSchema = "graphwarden.output/v1"

// reporter tells a person, or with json a program, what happens to each governed change.
type reporter struct {
	mu       sync.Mutex
	w        io.Writer
	paint    paint
	json     bool
	quiet    bool // only what was denied or missed
	verbose  bool // reads, paths, whole ids and noted rules too
	off      bool // the log speaks instead
	mode     string
	cassette string
	status   *statusLine // nil where none is shown
	actions  *actions    // nil outside GitHub Actions
	kept     []proxy.Exchange
	keep     bool // whether kept is filled
}

// newReporter is the reporter that the settings ask for.
func newReporter(env *Env, s config.Settings, w io.Writer) *reporter {
	r := &reporter{w: w, paint: env.paint(w), json: s.Output == "json", quiet: s.Quiet, verbose: s.Verbose, mode: s.Mode, cassette: s.Cassette}
	r.actions = inActions(env, r.json)
	r.keep = s.Report != "" || r.actions != nil
	return r
}

// observer is what the proxy is to tell of exchanges; nil where nothing is made of them, which spares it the telling.
func (r *reporter) observer() func(proxy.Exchange) {
	if r.off && !r.keep && r.actions == nil {
		return nil
	}
	return r.exchange
}

// maxKept bounds what is remembered for a file of verdicts.
const maxKept = 10_000

// exchange prints one line for a governed change, and under a refusal why and what to do. Reads pass in silence unless
// they were refused, or everything is asked for.
func (r *reporter) exchange(e proxy.Exchange) {
	r.mu.Lock()
	defer r.mu.Unlock()
	refused := e.Refusal != ""
	if r.keep && (e.Governed || refused) && len(r.kept) < maxKept {
		r.kept = append(r.kept, e)
	}
	if r.actions != nil {
		r.actions.annotate(e)
	}
	if r.off {
		return
	}
	r.status.count(e)
	switch {
	case !e.Governed && !refused && !r.verbose, r.quiet && !refused:
		r.status.show()
	case r.json:
		r.line(exchangeJSON(e, r.cassetteOf(e)))
	default:
		r.status.clear()
		_, _ = io.WriteString(r.w, r.text(e))
		r.status.show()
	}
}

// text is what a person reads of an exchange: a line, and below it why.
func (r *reporter) text(e proxy.Exchange) string {
	var b strings.Builder
	shorten := shortIDs
	if r.verbose {
		shorten = func(s string) string { return s }
	}
	fmt.Fprintf(&b, "%s  %s  %-6s %s", e.Time.Local().Format("15:04:05"), r.label(e), printable(e.Method), shorten(printable(subject(e))))
	if len(e.Targets) > 0 {
		fmt.Fprintf(&b, "  -> %s", shorten(printable(summarise(e.Targets, r.verbose))))
	}
	if ids := ruleIDs(e); ids != "" {
		fmt.Fprintf(&b, "  [%s]", ids)
	}
	fmt.Fprintf(&b, "  %s\n", r.paint.dim(r.outcome(e)))
	if r.verbose {
		fmt.Fprintf(&b, "          %s\n", r.paint.dim("https://"+printable(e.Host)+printable(e.Path)+"  id "+e.ID))
	}
	for _, v := range e.Violations {
		if v.Level != "deny" && v.Level != "warn" && !r.verbose {
			continue
		}
		fmt.Fprintf(&b, "          %s %s\n", r.paint.bold(v.ID+":"), printable(v.Message))
		if v.Fix != "" && v.Level == "deny" {
			fmt.Fprintf(&b, "          %s %s\n", r.paint.dim("fix:"), printable(v.Fix))
		}
	}
	if e.Refusal != "" && len(e.Violations) == 0 {
		fmt.Fprintf(&b, "          %s %s\n", r.paint.bold(e.Refusal+":"), printable(e.Message))
	}
	return b.String()
}

// verdictWord is what became of an exchange, in one word of at most five letters.
func verdictWord(e proxy.Exchange) string {
	switch {
	case e.Refusal == "CassetteMiss":
		return "miss"
	case e.Refusal != "" && e.Refusal != "PolicyDenied":
		return "error"
	case e.Verdict == "deny" && e.Enforced:
		return "deny"
	case e.Verdict == "deny":
		return "would"
	case e.Verdict == "warn":
		return "warn"
	case e.Verdict == "" && !e.Governed:
		return "read"
	}
	return "allow"
}

// label is the word, so wide that the lines stand in columns; colour only repeats what it says.
func (r *reporter) label(e proxy.Exchange) string {
	word := verdictWord(e)
	padded := fmt.Sprintf("%-5s", word)
	switch word {
	case "miss", "error", "deny":
		return r.paint.red(padded)
	case "would", "warn":
		return r.paint.yellow(padded)
	case "read":
		return r.paint.dim(padded)
	}
	return r.paint.green(padded)
}

// outcome is the status, who answered, how long it took and, in a recording, where it is kept.
func (r *reporter) outcome(e proxy.Exchange) string {
	from := map[proxy.Source]string{proxy.FromOrigin: "Graph", proxy.FromProxy: "graphwarden", proxy.FromCassette: r.cassette}[e.Source]
	text := fmt.Sprintf("%d from %s in %s", e.Status, from, roughly(e.Duration))
	if r.cassetteOf(e) != "" && e.Source == proxy.FromOrigin {
		text += ", kept on " + r.cassette
	}
	return text
}

// cassetteOf is the cassette that an exchange was recorded on or answered from, empty where there is none.
func (r *reporter) cassetteOf(e proxy.Exchange) string {
	if e.Source == proxy.FromCassette || e.Source == proxy.FromOrigin && r.mode != "live" {
		return r.cassette
	}
	return ""
}

// line is one JSON value on a line of its own.
func (r *reporter) line(v any) {
	b, err := json.Marshal(v)
	if err != nil {
		return
	}
	_, _ = r.w.Write(append(b, '\n'))
}

func exchangeJSON(e proxy.Exchange, cassette string) map[string]any {
	found := make([]map[string]any, 0, len(e.Violations))
	for _, v := range e.Violations {
		found = append(found, map[string]any{"id": v.ID, "level": v.Level, "message": v.Message, "pointer": v.Pointer, "fix": v.Fix})
	}
	return map[string]any{
		"schema": outputSchema, "type": "exchange", "id": e.ID, "time": e.Time.UTC().Format(time.RFC3339Nano),
		"method": e.Method, "host": e.Host, "path": e.Path, "operation": e.Operation, "resource": e.Resource, "object": e.Object(),
		"targets": append([]string{}, e.Targets...), "verdict": e.Verdict, "enforced": e.Enforced, "violations": found,
		"session": e.Session, "refusal": e.Refusal, "message": e.Message, "source": string(e.Source), "status": e.Status, "cassette": cassette,
		"duration_us": e.Duration.Microseconds(),
	}
}

// console tells, once, where the console is. Its link holds the token unless that is kept in a file.
func (r *reporter) console(env *Env, link, tokenFile string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	switch {
	case r.json:
		r.line(map[string]any{"schema": outputSchema, "type": "console", "url": link})
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
	r.status.clear()
	if r.json {
		r.line(map[string]any{"schema": outputSchema, "type": "summary", "mode": mode, "cassette": cassette, "summary": s})
		return
	}
	if r.quiet {
		return
	}
	fmt.Fprintf(r.w, "%s %s\n", r.paint.bold("graphwarden:"), summaryText(mode, cassette, s))
}

func summaryText(mode, cassette string, s proxy.Summary) string {
	text := fmt.Sprintf("%d allowed, %d denied, %d warned, %d recorded, %d replayed, %d missed, %d unused",
		s.Allowed, s.Denied, s.Warned, s.Recorded, s.Replayed, s.Missed, s.Unused)
	if s.Passed > 0 {
		text += fmt.Sprintf("; %d denied changes were let through", s.Passed)
	}
	if s.Drifted > 0 {
		text += fmt.Sprintf("; %s differ from the recorded ones", counted(s.Drifted, "answer"))
	}
	if s.Faults > 0 {
		text += fmt.Sprintf("; %s asked for", counted(s.Faults, "fault"))
	}
	if cassette != "" {
		text += " (" + mode + " " + cassette + ")"
	}
	return text
}

// files writes what was asked for beside the lines: the report, and the table of GitHub Actions.
func (r *reporter) files(report, summary string, strict bool, counts proxy.Summary, sessions []proxy.Session) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	err := r.actions.writeSummary(r.kept, summary)
	if report != "" {
		err = errors.Join(err, r.writeReport(report, strict, counts, sessions))
	}
	return err
}
