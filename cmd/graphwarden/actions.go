package main

import (
	"fmt"
	"html"
	"io"
	"os"
	"strings"

	"github.com/graphwarden/graphwarden/proxy"
)

// actions speaks to GitHub Actions: a line that it turns into an annotation for each change that was denied or warned
// of, and a table of all changes on the page of the run.
type actions struct {
	w       io.Writer // nil where annotations would break into JSON lines
	summary string    // the file to add the table to, empty when there is none
	said    int
}

// GitHub shows ten annotations of a kind for a step; a few more cost nothing.
const maxAnnotations = 50

// inActions is nil anywhere else.
func inActions(env *Env, jsonLines bool) *actions {
	if env.Getenv("GITHUB_ACTIONS") != "true" {
		return nil
	}
	a := &actions{w: env.Stderr, summary: env.Getenv("GITHUB_STEP_SUMMARY")}
	if jsonLines {
		a.w = nil
	}
	return a
}

// annotate writes a workflow command for an exchange that somebody should look at.
func (a *actions) annotate(e proxy.Exchange) {
	kind := map[string]string{"deny": "error", "miss": "error", "error": "error", "would": "warning", "warn": "warning"}[verdictWord(e)]
	if kind == "" || a.w == nil || a.said == maxAnnotations {
		return
	}
	a.said++
	title := e.Refusal
	if ids := ruleIDs(e); ids != "" {
		title = ids
	}
	var lines []string
	for _, v := range e.Violations {
		if v.Level == "deny" || v.Level == "warn" {
			lines = append(lines, printable(v.ID+": "+v.Message+". "+v.Fix))
		}
	}
	if len(lines) == 0 {
		lines = []string{printable(e.Message)}
	}
	text := printable(e.Method+" "+e.Path) + "\n" + strings.Join(lines, "\n")
	fmt.Fprintf(a.w, "::%s title=%s::%s\n", kind, escapeProperty("graphwarden "+title), escapeData(text))
}

var (
	dataEscapes     = strings.NewReplacer("%", "%25", "\r", "%0D", "\n", "%0A")
	propertyEscapes = strings.NewReplacer("%", "%25", "\r", "%0D", "\n", "%0A", ":", "%3A", ",", "%2C")
)

func escapeData(s string) string     { return dataEscapes.Replace(s) }
func escapeProperty(s string) string { return propertyEscapes.Replace(s) }

// maxRows keeps the table below what GitHub shows of a summary.
const maxRows = 500

// writeSummary adds the table to the page of the run.
func (a *actions) writeSummary(kept []proxy.Exchange, summary string) error {
	if a == nil || a.summary == "" {
		return nil
	}
	var b strings.Builder
	fmt.Fprintf(&b, "### graphwarden\n\n%s\n", markdown(summary))
	if len(kept) > 0 {
		b.WriteString("\n| verdict | change | target | rules | status |\n| --- | --- | --- | --- | --- |\n")
	}
	for i, e := range kept {
		if i == maxRows {
			fmt.Fprintf(&b, "\n%d more are not shown.\n", len(kept)-maxRows)
			break
		}
		rules := ruleIDs(e)
		if rules == "" {
			rules = e.Refusal
		}
		fmt.Fprintf(&b, "| %s | %s | %s | %s | %d |\n", verdictWord(e), markdown(e.Method+" "+subject(e)),
			markdown(summarise(e.Targets, false)), markdown(rules), e.Status)
	}
	f, err := os.OpenFile(a.summary, os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o644)
	if err != nil {
		return fmt.Errorf("add to GITHUB_STEP_SUMMARY: %w", err)
	}
	_, err = f.WriteString(b.String())
	if closeErr := f.Close(); err == nil {
		err = closeErr
	}
	if err != nil {
		return fmt.Errorf("add to GITHUB_STEP_SUMMARY: %w", err)
	}
	return nil
}

var markdownEscapes = strings.NewReplacer("|", `\|`, "`", "\\`", "*", `\*`, "_", `\_`, "[", `\[`, "]", `\]`, "\n", " ", "\r", " ")

// markdown is text that shows as it is in a cell of a table: paths come from clients.
func markdown(s string) string { return markdownEscapes.Replace(html.EscapeString(printable(s))) }
