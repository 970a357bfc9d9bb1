package main

import (
	"context"
	"flag"
	"fmt"
	"strings"

	"github.com/graphwarden/graphwarden/internal/check"
	"github.com/graphwarden/graphwarden/internal/policy"
)

const policyBacktestUsage = `Usage: graphwarden policy backtest [--new PATH]... [--new-data FILE]... [FLAGS] FILE...

Judges what was recorded twice, with the policies in force and with new ones, and prints what
changes. The policies in force are those of the settings; the new ones are those in --new, or the
same where only data changes, with the data in force and --new-data over it. FILE is what check
takes. It exits with 3 when the new policies deny something that the others let through.

Examples:
  graphwarden policy backtest --new-data stricter.yaml cassettes/
  graphwarden policy backtest --policy policies/ --new policies-next/ cassettes/rollout.yaml
`

const policySuggestUsage = `Usage: graphwarden policy suggest [FLAGS] FILE...

Reads what was recorded and prints a data file that allows just that: the groups, filters, kinds of
caller and beta routes that were seen, and the least permissions that suffice. FILE is what check
takes. Read the proposal, save it, and pass it with --data.

Examples:
  graphwarden policy suggest cassettes/ > rules.yaml
  graphwarden check --data rules.yaml cassettes/
`

const policySchemaUsage = `Usage: graphwarden policy schema

Prints the JSON Schema of the input document, which policies see as input. Editors and
opa check --schema take it.

Examples:
  graphwarden policy schema > schema/input.json
`

type policyBacktestFlags struct{ paths, data words }

func (f *policyBacktestFlags) register(fs *flag.FlagSet) {
	fs.Var(&f.paths, "new", "new policies, a `PATH` as for --policy (repeatable)")
	fs.Var(&f.data, "new-data", "new data, a `FILE` as for --data (repeatable)")
}

func runPolicyBacktest(ctx context.Context, env *Env, args []string) error {
	var f policyBacktestFlags
	s, names, err := env.parse("policy backtest", args, f.register)
	if err != nil {
		return err
	}
	switch {
	case len(names) == 0:
		return usageError("graphwarden policy backtest --help", "policy backtest needs a file or folder of recordings")
	case len(f.paths)+len(f.data) == 0:
		return usageError("graphwarden policy backtest --help", "policy backtest needs new policies or new data: --new PATH or --new-data FILE")
	}
	before, err := loadPolicies(ctx, s)
	if err != nil {
		return err
	}
	options, err := loadOptions(s)
	if err != nil {
		return err
	}
	if len(f.paths) > 0 {
		options.Paths, options.VerifyKey = inDir(env, f.paths), "" // what is tried out is not signed yet
	}
	options.Data = append(options.Data[:len(options.Data):len(options.Data)], inDir(env, f.data)...)
	after, err := policy.Load(ctx, options)
	if err != nil {
		return &exitError{code: codeUsage, err: fmt.Errorf("load the new policies: %w", err)}
	}
	reader, err := newReader(env, s)
	if err != nil {
		return err
	}
	b := check.Backtest{Changes: []check.Change{}}
	for c, err := range reader.Cases(names...) {
		if err != nil {
			return &exitError{code: codeUsage, err: err}
		}
		old, judgedBefore := check.Judge(ctx, before, c)
		now, judgedAfter := check.Judge(ctx, after, c)
		if judgedBefore || judgedAfter {
			b.Add(&old, &now)
		}
	}
	if s.Output == "json" {
		err = printJSON(env.Stdout, map[string]any{"schema": "graphwarden.backtest/v1", "before": before.Revision(), "after": after.Revision(), "backtest": b})
	} else {
		err = b.Text(env.Stdout, env.paint(env.Stdout).bold)
	}
	if err == nil && b.Denied > 0 {
		err = &exitError{code: codeDenied}
	}
	return err
}

func runPolicySuggest(_ context.Context, env *Env, args []string) error {
	s, names, err := env.parse("policy suggest", args, nil)
	if err != nil {
		return err
	}
	if len(names) == 0 {
		return usageError("graphwarden policy suggest --help", "policy suggest needs a file or folder of recordings")
	}
	reader, err := newReader(env, s)
	if err != nil {
		return err
	}
	var seen check.Seen
	for c, err := range reader.Cases(names...) {
		if err != nil {
			return &exitError{code: codeUsage, err: err}
		}
		seen.Add(c)
	}
	if seen.Changes == 0 {
		return fmt.Errorf("suggest: there is no change of an assignment in %s", strings.Join(names, ", "))
	}
	return seen.YAML(env.Stdout, strings.Join(names, ", "))
}

func runPolicySchema(_ context.Context, env *Env, args []string) error {
	if _, err := env.parseOnly("policy schema", args, nil); err != nil {
		return err
	}
	_, err := env.Stdout.Write(policy.Schema())
	return err
}
