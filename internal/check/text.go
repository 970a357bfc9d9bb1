package check

import (
	"cmp"
	"encoding/json"
	"fmt"
	"io"
	"net/url"
	"path/filepath"
	"strconv"
	"strings"
	"unicode"

	"github.com/graphwarden/graphwarden/internal/policy"
)

// Text writes the findings as a compiler does, file:line: first, and a summary. What is only to be kept for an audit is left
// out. Bold marks what a person looks for.
func (r *Report) Text(w io.Writer, bold func(string) string) error {
	var b strings.Builder
	for i := range r.Results {
		result := &r.Results[i]
		if result.Error != "" {
			fmt.Fprintf(&b, "%s: deny PolicyUnavailable: %s\n    %s\n", result.place(result.Line), printable(result.Error), result.title())
		}
		for j := range result.Findings {
			f := &result.Findings[j]
			if f.Level == policy.LevelAudit {
				continue
			}
			fmt.Fprintf(&b, "%s: %s %s %s\n    %s", result.place(f.Line), f.Level, bold(f.ID+":"), printable(f.Message), result.title())
			if f.Pointer != "" {
				fmt.Fprintf(&b, " at %s", printable(f.Pointer))
			}
			b.WriteByte('\n')
			if f.Fix != "" {
				fmt.Fprintf(&b, "    fix: %s\n", printable(f.Fix))
			}
		}
	}
	s := &r.Summary
	fmt.Fprintf(&b, "%s judged of %d in %s: %d allowed, %d warned, %d denied\n",
		count(s.Judged, "request"), s.Requests, count(s.Files, "file"), s.Allowed, s.Warned, s.Denied)
	_, err := io.WriteString(w, b.String())
	return err
}

// JSON writes the report as one document.
func (r *Report) JSON(w io.Writer) error {
	encoder := json.NewEncoder(w)
	encoder.SetIndent("", "  ")
	encoder.SetEscapeHTML(false)
	results := r.Results
	if results == nil {
		results = []Result{}
	}
	return encoder.Encode(map[string]any{"schema": "graphwarden.check/v1", "summary": r.Summary, "results": results})
}

// GitHub writes workflow commands that GitHub shows beside the lines of a change. Audit findings are left out.
func (r *Report) GitHub(w io.Writer) error {
	var b strings.Builder
	for i := range r.Results {
		result := &r.Results[i]
		if result.Error != "" {
			annotate(&b, "error", result.File, result.Line, "PolicyUnavailable", result.Error)
		}
		for j := range result.Findings {
			f := &result.Findings[j]
			command := "error"
			switch f.Level {
			case policy.LevelWarn:
				command = "warning"
			case policy.LevelAudit:
				continue
			}
			annotate(&b, command, result.File, f.Line, f.ID, sentences(f, result))
		}
	}
	_, err := io.WriteString(w, b.String())
	return err
}

// annotate writes one command; GitHub undoes the escapes.
func annotate(b *strings.Builder, command, file string, line int, title, message string) {
	data := strings.NewReplacer("%", "%25", "\r", "%0D", "\n", "%0A")
	property := strings.NewReplacer("%", "%25", "\r", "%0D", "\n", "%0A", ":", "%3A", ",", "%2C")
	fmt.Fprintf(b, "::%s file=%s,line=%d,title=%s::%s\n", command, property.Replace(filepath.ToSlash(file)), max(line, 1),
		property.Replace(title), data.Replace(clean(message)))
}

// sentences are the message, the fix and the place of a finding.
func sentences(f *Finding, r *Result) string {
	text := strings.TrimSuffix(f.Message, ".") + "."
	if f.Fix != "" {
		text += " " + strings.TrimSuffix(f.Fix, ".") + "."
	}
	text += " (" + r.title()
	if f.Pointer != "" {
		text += ", " + f.Pointer
	}
	return text + ")"
}

// title names the request: its method, path and place in the file.
func (r *Result) title() string {
	path := r.URL
	if u, err := url.Parse(r.URL); err == nil && u.Path != "" {
		path = u.EscapedPath()
	}
	return printable(r.Method+" "+path) + " (" + strconv.Itoa(r.Index) + ")"
}

func (r *Result) place(line int) string {
	return cmp.Or(r.File, "-") + ":" + strconv.Itoa(max(line, 1))
}

func count(n int, what string) string {
	if n == 1 {
		return "1 " + what
	}
	return strconv.Itoa(n) + " " + what + "s"
}

// printable is text from a file made harmless to a terminal.
func printable(s string) string {
	if strings.IndexFunc(s, func(r rune) bool { return !unicode.IsPrint(r) }) < 0 {
		return s
	}
	quoted := strconv.QuoteToGraphic(s)
	return quoted[1 : len(quoted)-1]
}
