package main

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"path/filepath"
	"strconv"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/graphwarden/graphwarden/internal/config"
	"github.com/graphwarden/graphwarden/internal/ledger"
)

const ledgerUsage = `Usage: graphwarden ledger list|show|verify [FLAGS] [ARGUMENTS]

Reads the ledger that serve and run keep with --ledger: each change of an assignment that was judged,
who asked for it, what became of it and why, in a chain of hashes that shows what was tampered with.
`

const ledgerListUsage = `Usage: graphwarden ledger list [--verdict allow|warn|deny] [FLAGS] [FILE]

Prints a line for each record: its number, time, verdict, phase, method, resource, targets and rules.

Examples:
  graphwarden ledger list audit.jsonl
  graphwarden ledger list --verdict deny --output json audit.jsonl
`

const ledgerShowUsage = `Usage: graphwarden ledger show [FLAGS] ID

Prints all that the ledger knows of one exchange. ID is the one that the log, the refusal
and its X-Graphwarden-Decision header give, or the number of a record.

Examples:
  graphwarden ledger show --ledger audit.jsonl 17
  graphwarden ledger show --ledger audit.jsonl 3f1c9a52-6f0e-4b8e-9d55-0c0f6d1f8a11
`

const ledgerVerifyUsage = `Usage: graphwarden ledger verify [--head HASH] [FLAGS] [FILE]

Checks every hash and the chain, and prints the head: the hash of the last record. Whoever keeps the head
elsewhere can later prove with --head that nothing before it was changed and nothing was cut off.
Exits with 1 when a record is not what was written.

Examples:
  graphwarden ledger verify audit.jsonl
  graphwarden ledger verify --head 9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08 audit.jsonl
`

func ledgerCommand() command {
	return command{name: "ledger", summary: "read and verify the log of changes", usage: ledgerUsage, subcommands: []command{
		{name: "list", summary: "print a line for each record", usage: ledgerListUsage, run: runLedgerList,
			local: func(fs *flag.FlagSet) { verdictFlag(fs, new(string)) }},
		{name: "show", summary: "print all of one exchange", usage: ledgerShowUsage, run: runLedgerShow},
		{name: "verify", summary: "check the chain of hashes", usage: ledgerVerifyUsage, run: runLedgerVerify,
			local: func(fs *flag.FlagSet) { headFlag(fs, new(string)) }},
	}}
}

func verdictFlag(fs *flag.FlagSet, to *string) {
	choiceFlag(fs, to, "verdict", "", "only the records with this verdict", "allow", "warn", "deny")
}

func headFlag(fs *flag.FlagSet, to *string) {
	fs.StringVar(to, "head", "", "a `HASH` printed earlier, which must still be in the chain")
}

// ledgerFile is the one named by the argument, else by the settings.
func ledgerFile(env *Env, name string, s config.Settings, args []string) (string, error) {
	switch {
	case len(args) > 1:
		return "", usageError("graphwarden "+name+" --help", "%s takes one file, not %d", name, len(args))
	case len(args) == 1 && filepath.IsAbs(args[0]):
		return args[0], nil
	case len(args) == 1:
		return filepath.Join(env.Dir, args[0]), nil
	case s.Ledger != "":
		return s.Ledger, nil
	}
	return "", usageError("graphwarden "+name+" FILE", "%s needs a ledger", name)
}

func runLedgerList(ctx context.Context, env *Env, args []string) error {
	var verdict string
	s, rest, err := env.parse("ledger list", args, func(fs *flag.FlagSet) { verdictFlag(fs, &verdict) })
	if err != nil {
		return err
	}
	path, err := ledgerFile(env, "ledger list", s, rest)
	if err != nil {
		return err
	}
	print := jsonLines(env.Stdout)
	flush := func() error { return nil }
	if s.Output == "text" {
		w := tabwriter.NewWriter(env.Stdout, 0, 8, 2, ' ', 0)
		print, flush = func(r ledger.Record) error { return printRecordLine(w, r) }, w.Flush
	}
	var broken error
	for r, err := range ledger.Read(path) {
		if _, isBroken := errors.AsType[*ledger.Broken](err); err != nil && !isBroken {
			return errors.Join(err, flush())
		}
		if err != nil {
			// What can be read is shown; the exit code tells that it is not all as it was written.
			broken = cmp.Or(broken, err)
			continue
		}
		if ctx.Err() != nil {
			return ctx.Err()
		}
		if verdict != "" && r.Verdict != verdict {
			continue
		}
		if err := print(r); err != nil {
			return err
		}
	}
	if err := flush(); err != nil {
		return err
	}
	if broken != nil {
		return &exitError{code: codeFailed, err: broken, hint: "graphwarden ledger verify " + path}
	}
	return nil
}

func jsonLines(w io.Writer) func(ledger.Record) error {
	enc := json.NewEncoder(w)
	enc.SetEscapeHTML(false)
	return func(r ledger.Record) error { return enc.Encode(r) }
}

func printRecordLine(w io.Writer, r ledger.Record) error {
	_, err := fmt.Fprintf(w, "%d\t%s\t%s\t%s\t%s\t%s\t%s\t%s\n", r.Seq, r.Time.UTC().Format(time.DateTime), printable(r.Verdict),
		dash(r.Phase), printable(r.Method), dash(r.Resource), dash(targetsOf(r)), dash(rulesOf(r)))
	return err
}

func runLedgerShow(_ context.Context, env *Env, args []string) error {
	s, rest, err := env.parse("ledger show", args, nil)
	if err != nil {
		return err
	}
	if len(rest) != 1 {
		return usageError("graphwarden ledger show --help", "ledger show needs one id, not %d", len(rest))
	}
	path, err := ledgerFile(env, "ledger show", s, nil)
	if err != nil {
		return usageError("graphwarden ledger show --ledger FILE "+rest[0], "ledger show needs a ledger")
	}
	id, print := rest[0], jsonLines(env.Stdout)
	if s.Output == "text" {
		print = func(r ledger.Record) error { return printRecord(env.Stdout, r) }
	}
	found := false
	for r, err := range ledger.Read(path) {
		if err != nil {
			return err
		}
		if r.ID != id && strconv.FormatUint(r.Seq, 10) != id {
			continue
		}
		found = true
		if err := print(r); err != nil {
			return err
		}
	}
	if !found {
		return &exitError{code: codeFailed, err: fmt.Errorf("find %s in %s: no such record", id, path), hint: "graphwarden ledger list " + path}
	}
	return nil
}

func printRecord(out io.Writer, r ledger.Record) error {
	w := tabwriter.NewWriter(out, 0, 8, 2, ' ', 0)
	fmt.Fprintf(w, "record\t%d\n", r.Seq)
	status := ""
	if r.Status != 0 {
		status = fmt.Sprintf("%d from %s", r.Status, r.Source)
	}
	for _, row := range [][2]string{
		{"id", r.ID}, {"time", r.Time.UTC().Format(time.RFC3339Nano)}, {"phase", r.Phase}, {"mode", r.Mode},
		{"request", r.Method + " https://" + r.Host + r.Path}, {"operation", r.Operation}, {"resource", r.Resource},
		{"targets", targetsOf(r)}, {"verdict", r.Verdict}, {"rules", rulesOf(r)}, {"refusal", r.Refusal}, {"status", status},
		{"app", r.App}, {"object", r.Object}, {"tenant", r.Tenant}, {"client-request-id", r.ClientRequestID},
		{"body sha256", r.BodySHA256}, {"hash", r.Hash}, {"previous", r.Prev},
	} {
		if row[1] != "" {
			fmt.Fprintf(w, "%s\t%s\n", row[0], printable(row[1]))
		}
	}
	fmt.Fprintln(w)
	return w.Flush()
}

func runLedgerVerify(_ context.Context, env *Env, args []string) error {
	var head string
	s, rest, err := env.parse("ledger verify", args, func(fs *flag.FlagSet) { headFlag(fs, &head) })
	if err != nil {
		return err
	}
	path, err := ledgerFile(env, "ledger verify", s, rest)
	if err != nil {
		return err
	}
	report, err := ledger.Verify(path)
	if err != nil {
		return err
	}
	if head != "" && !inChain(path, head) {
		return fmt.Errorf("verify the ledger: %s is not in it: it was rewritten, or cut off before that record", head)
	}
	if s.Output == "json" {
		return json.NewEncoder(env.Stdout).Encode(map[string]any{"schema": "graphwarden.ledger/v1", "records": report.Records,
			"first": report.First, "last": report.Last, "head": report.Head, "torn_bytes": report.Torn})
	}
	fmt.Fprintf(env.Stdout, "%d records, head %s\n", report.Records, report.Head)
	if report.Torn > 0 {
		note(env, "the last line is unfinished (%d bytes): a write in progress, or one that a stop cut short", report.Torn)
	}
	return nil
}

// inChain tells whether a record of the ledger, whose chain is known to hold, has the hash.
func inChain(path, hash string) bool {
	for r, err := range ledger.Read(path) {
		if err == nil && strings.EqualFold(r.Hash, hash) {
			return true
		}
	}
	return false
}

func targetsOf(r ledger.Record) string {
	list := make([]string, len(r.Targets))
	for i, t := range r.Targets {
		list[i] = strings.TrimSpace(t.Type + " " + t.ID)
		if t.FilterID != "" {
			list[i] += " (filter " + t.FilterMode + " " + t.FilterID + ")"
		}
		if t.Intent != "" {
			list[i] += " " + t.Intent
		}
	}
	return strings.Join(list, ", ")
}

func rulesOf(r ledger.Record) string {
	list := make([]string, len(r.Violations))
	for i, v := range r.Violations {
		list[i] = v.ID + ":" + v.Level
	}
	return strings.Join(list, ", ")
}

func dash(s string) string { return cmp.Or(printable(s), "-") }
