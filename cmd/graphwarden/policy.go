package main

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"path/filepath"
	"text/tabwriter"
)

const policyUsage = `Usage: graphwarden policy COMMAND [FLAGS] [ARGUMENTS]

Looks into the policies: which rules there are and at which level, whether their tests pass, why a
request is denied, which routes of Graph change assignments, and what other policies would have
made of what was recorded.
`

const policyListUsage = `Usage: graphwarden policy list [FLAGS]

Prints a line for each rule: its id, the level in force, which file set that, and what it is about.
Rules are switched and tuned by data, never by editing Rego:

  rules:
    target.broad: {level: deny}

Examples:
  graphwarden policy list
  graphwarden policy list --policy policies/ --data rules.yaml
  graphwarden policy list --output json
`

func policyCommand() command {
	return command{name: "policy", summary: "list, test, explain and try out policies", usage: policyUsage, subcommands: []command{
		{name: "list", summary: "print the rules and their levels", usage: policyListUsage, run: runPolicyList},
		{name: "test", summary: "run the tests of policies", usage: policyTestUsage,
			local: new(policyTestFlags).register, run: runPolicyTest},
		{name: "explain", summary: "tell why rules spoke and why others did not", usage: policyExplainUsage,
			local: new(policyExplainFlags).register, run: runPolicyExplain},
		{name: "routes", summary: "list the routes that change assignments", usage: policyRoutesUsage,
			local: new(policyRoutesFlags).register, run: runPolicyRoutes},
		{name: "backtest", summary: "show what new policies would have changed", usage: policyBacktestUsage,
			local: new(policyBacktestFlags).register, run: runPolicyBacktest},
		{name: "suggest", summary: "propose data from what was recorded", usage: policySuggestUsage, run: runPolicySuggest},
		{name: "schema", summary: "print the schema of the input document", usage: policySchemaUsage, run: runPolicySchema},
	}}
}

func runPolicyList(ctx context.Context, env *Env, args []string) error {
	s, err := env.parseOnly("policy list", args, nil)
	if err != nil {
		return err
	}
	options, err := loadOptions(s)
	if err != nil {
		return err
	}
	options.SkipTests = true // a set whose tests fail can still be looked at
	engine, err := load(ctx, options)
	if err != nil {
		return err
	}
	rules := engine.Rules()
	if s.Output == "json" {
		return printJSON(env.Stdout, map[string]any{"schema": "graphwarden.rules/v1", "revision": engine.Revision(), "rules": rules})
	}
	w := tabwriter.NewWriter(env.Stdout, 0, 8, 2, ' ', 0)
	for _, r := range rules {
		set := "default"
		if r.SetBy != "" {
			set = shortPath(env, r.SetBy)
		}
		fmt.Fprintf(w, "%s\t%s\t%s\t%s\n", printable(r.ID), r.Level, printable(set), dash(r.Title))
	}
	return w.Flush()
}

// shortPath is a path as a person would write it in the folder the command was called in.
func shortPath(env *Env, path string) string {
	dir, err := filepath.Abs(env.Dir)
	if err != nil {
		return path
	}
	abs, err := filepath.Abs(path)
	if err != nil {
		return path
	}
	if relative, err := filepath.Rel(dir, abs); err == nil && filepath.IsLocal(relative) {
		return relative
	}
	return path
}

func printJSON(w io.Writer, v any) error {
	enc := json.NewEncoder(w)
	enc.SetIndent("", "  ")
	enc.SetEscapeHTML(false)
	return enc.Encode(v)
}
