package main

import (
	"context"
	"flag"
	"fmt"
	"strings"

	"github.com/graphwarden/graphwarden/internal/check"
	"github.com/graphwarden/graphwarden/internal/policy"
)

const policyExplainUsage = `Usage: graphwarden policy explain [FLAGS] FILE|-

Judges one request and tells of every rule whether it spoke and on which values, or which of its
conditions was the first that was not met. FILE holds a request ({"method", "url", "headers", "body"}), an
input document (check --print-input), a HAR file or a cassette; of several requests --interaction
chooses one. Rules that are off are evaluated too, to show what they would have found.

Examples:
  graphwarden policy explain request.json
  graphwarden policy explain --interaction 3 cassettes/rollout.yaml
  graphwarden policy explain --rule scope.missing --output json request.json
`

type policyExplainFlags struct {
	interaction int
	part        string
	rules       words
	brief       bool
}

func (f *policyExplainFlags) register(fs *flag.FlagSet) {
	fs.IntVar(&f.interaction, "interaction", 0, "which request of the file, its `NUMBER` from 1")
	fs.StringVar(&f.part, "part", "", "which part of a $batch, its `ID`; without it the batch as a whole")
	fs.Var(&f.rules, "rule", "only this rule, by its `ID` (repeatable)")
	fs.BoolVar(&f.brief, "brief", false, "only the rules that spoke")
}

func runPolicyExplain(ctx context.Context, env *Env, args []string) error {
	var f policyExplainFlags
	s, names, err := env.parse("policy explain", args, f.register)
	if err != nil {
		return err
	}
	if len(names) != 1 {
		return usageError("graphwarden policy explain --help", "policy explain needs one file, not %d", len(names))
	}
	reader, err := newReader(env, s)
	if err != nil {
		return err
	}
	c, err := f.choose(reader, names[0])
	if err != nil {
		return err
	}
	document, err := f.document(c)
	if err != nil {
		return err
	}
	options, err := loadOptions(s)
	if err != nil {
		return err
	}
	explainer, err := policy.NewExplainer(ctx, options)
	if err != nil {
		return &exitError{code: codeUsage, err: fmt.Errorf("load policy: %w", err)}
	}
	explanation, err := explainer.Explain(ctx, document)
	if err != nil {
		return err
	}
	rules, err := f.keep(explanation.Rules)
	if err != nil {
		return err
	}
	if s.Output == "json" {
		return printJSON(env.Stdout, map[string]any{"schema": "graphwarden.explanation/v1", "file": c.File, "line": c.Line,
			"interaction": c.Index, "method": c.Method, "url": c.URL, "revision": explanation.Verdict.Revision,
			"verdict": explanation.Verdict.Decision, "rules": rules})
	}
	printExplanation(env, c, explanation.Verdict, rules)
	return nil
}

// choose finds the one case that is meant.
func (f *policyExplainFlags) choose(reader *check.Reader, name string) (*check.Case, error) {
	var chosen *check.Case
	n := 0
	for c, err := range reader.Cases(name) {
		if err != nil {
			return nil, &exitError{code: codeUsage, err: err}
		}
		n++
		if chosen == nil && (f.interaction == 0 || f.interaction == c.Index) {
			chosen = c
		}
	}
	switch {
	case n == 0:
		return nil, usageError("", "%s: there is no request to Graph in it", name)
	case chosen == nil:
		return nil, usageError("", "%s: there is no request to Graph at --interaction %d", name, f.interaction)
	case n > 1 && f.interaction == 0:
		return nil, usageError("graphwarden policy explain --interaction NUMBER "+name, "%s: it holds %d requests: choose one", name, n)
	}
	return chosen, nil
}

// document is what the policies are asked about.
func (f *policyExplainFlags) document(c *check.Case) (map[string]any, error) {
	if c.Refusal != nil {
		return nil, &exitError{code: codeDenied, err: fmt.Errorf("%s:%d: refused before any rule is asked: %s: %w", c.File, c.Line, c.Refusal.Code, c.Refusal)}
	}
	if f.part == "" {
		return c.Document(), nil
	}
	if c.Request != nil {
		for _, part := range c.Request.Parts {
			if part.Batch.ID == f.part {
				return policy.Input(part, c.Context()), nil
			}
		}
	}
	return nil, usageError("", "%s: the request has no part %q", c.File, f.part)
}

// keep takes the rules that were asked for.
func (f *policyExplainFlags) keep(rules []policy.Explained) ([]policy.Explained, error) {
	kept := []policy.Explained{}
	for _, id := range f.rules {
		known := false
		for _, r := range rules {
			known = known || r.ID == id
		}
		if !known {
			return nil, usageError("graphwarden policy list", "there is no rule %q", id)
		}
	}
	for _, r := range rules {
		wanted := len(f.rules) == 0
		for _, id := range f.rules {
			wanted = wanted || r.ID == id
		}
		if wanted && (!f.brief || r.State == policy.Fired) {
			kept = append(kept, r)
		}
	}
	return kept, nil
}

// printExplanation writes the rules that spoke, then those that would have, then the others.
func printExplanation(env *Env, c *check.Case, verdict policy.Verdict, rules []policy.Explained) {
	p := env.paint(env.Stdout)
	var b strings.Builder
	fmt.Fprintf(&b, "%s %s\n%s\n", printable(c.Method), printable(c.URL), p.bold("verdict: "+string(verdict.Decision)))
	for _, section := range []struct{ state, title string }{
		{policy.Fired, "spoke"}, {policy.Off, "are off, and would have spoken"}, {policy.Silent, "found nothing; the first condition that was not met"},
	} {
		titled := false
		for _, r := range rules {
			if r.State != section.state {
				continue
			}
			if !titled {
				fmt.Fprintf(&b, "\n%s\n", p.bold("These rules "+section.title+":"))
				titled = true
			}
			describeRule(&b, p, r)
		}
	}
	fmt.Fprint(env.Stdout, b.String())
}

func describeRule(b *strings.Builder, p paint, r policy.Explained) {
	fmt.Fprintf(b, "  %s (%s)  %s\n", p.bold(printable(r.ID)), r.Level, p.dim(r.Location))
	for _, v := range r.Findings {
		fmt.Fprintf(b, "      %s: %s\n", v.Level, printable(v.Message))
		if v.Pointer != "" {
			fmt.Fprintf(b, "      at %s\n", printable(v.Pointer))
		}
	}
	for i, values := range r.Because {
		if len(r.Because) > 1 {
			fmt.Fprintf(b, "      finding %d:\n", i+1)
		}
		describeValues(b, "because ", values)
	}
	for _, u := range r.Unmet {
		fmt.Fprintf(b, "      not met: %s\n", printable(u.Condition))
		describeValues(b, "where   ", u.Values)
	}
}

func describeValues(b *strings.Builder, lead string, values []policy.Value) {
	for _, v := range values {
		fmt.Fprintf(b, "      %s %s = %s\n", lead, printable(v.Name), printable(v.Text))
		lead = strings.Repeat(" ", len(lead))
	}
}
