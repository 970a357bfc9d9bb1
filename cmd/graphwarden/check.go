package main

import (
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"

	"github.com/graphwarden/graphwarden/internal/check"
	"github.com/graphwarden/graphwarden/internal/config"
	"github.com/graphwarden/graphwarden/internal/graph"
)

const checkUsage = `Usage: graphwarden check [FLAGS] FILE...

Judges requests that were written down, with no network: cassettes, HAR 1.2 files, files of one
request ({"method", "url", "headers", "body", "time", "token"}, where token holds claims in place of
an Authorization header), input documents, folders of these, or - for standard input. Each request
is judged as in a replay: at the time and with the token of the recording.

Each finding is printed with the rule, its message, the JSON pointer of what it is about, and file and
line. The exit code is 3 when a request is denied, with --fail-on warn also when one is warned
about, and 2 when a file cannot be read.

Examples:
  graphwarden check cassettes/
  graphwarden check --policy policies/ --data rules.yaml --fail-on warn cassettes/rollout.yaml
  graphwarden check --output sarif cassettes/ > graphwarden.sarif
  graphwarden check --print-input cassettes/rollout.yaml | opa eval -I -d policies data.graphwarden.verdict
`

type checkFlags struct {
	output, failOn string
	printInput     bool
}

func (f *checkFlags) register(fs *flag.FlagSet) {
	choiceFlag(fs, &f.output, "output", "text", "form of the results", "text", "json", "junit", "sarif", "github")
	choiceFlag(fs, &f.failOn, "fail-on", "deny", "the least verdict that makes the exit code 3", "deny", "warn")
	fs.BoolVar(&f.printInput, "print-input", false, "print the input documents instead, without judging: one indented, several one to a line")
}

func checkCommand() command {
	return command{name: "check", summary: "judge cassettes, HAR files and single requests offline", usage: checkUsage,
		local: new(checkFlags).register, run: runCheck}
}

func runCheck(ctx context.Context, env *Env, args []string) error {
	var f checkFlags
	s, names, err := env.parse("check", args, f.register)
	if err != nil {
		return err
	}
	if len(names) == 0 {
		return usageError("graphwarden check --help", "check needs a file or folder, or - for standard input")
	}
	reader, err := newReader(env, s)
	if err != nil {
		return err
	}
	if f.printInput {
		return printInputs(env, reader, names)
	}
	engine, err := loadPolicies(ctx, s)
	if err != nil {
		return err
	}
	report := check.Report{Rules: engine.Rules()}
	unreadable := 0
	for c, err := range reader.Cases(names...) {
		if ctx.Err() != nil {
			return ctx.Err()
		}
		if err != nil {
			printError(env, err, "")
			unreadable++
			continue
		}
		if result, ok := check.Judge(ctx, engine, c); ok {
			report.Add(result)
		}
	}
	report.Summary.Files, report.Summary.Requests = reader.Files, reader.Requests
	if err := printReport(env, f.output, &report); err != nil {
		return err
	}
	switch {
	case unreadable > 0:
		return &exitError{code: codeUsage}
	case report.Summary.Denied > 0, f.failOn == "warn" && report.Summary.Warned > 0:
		return &exitError{code: codeDenied}
	}
	return nil
}

func newReader(env *Env, s config.Settings) (*check.Reader, error) {
	hosts, err := graph.NewHosts(s.GraphHosts...)
	if err != nil {
		return nil, &exitError{code: codeUsage, err: err}
	}
	note := func(format string, args ...any) { note(env, format, args...) }
	return &check.Reader{Hosts: hosts, Stdin: env.Stdin, Dir: env.Dir, Note: note}, nil
}

func printReport(env *Env, output string, report *check.Report) error {
	switch output {
	case "json":
		return report.JSON(env.Stdout)
	case "junit":
		return report.JUnit(env.Stdout)
	case "sarif":
		return report.SARIF(env.Stdout, readBuild().Version)
	case "github":
		return report.GitHub(env.Stdout)
	}
	return report.Text(env.Stdout, env.paint(env.Stdout).bold)
}

// printInputs writes the input documents: a single one for a person, several as JSON Lines.
func printInputs(env *Env, reader *check.Reader, names []string) error {
	var first map[string]any
	lines := json.NewEncoder(env.Stdout)
	lines.SetEscapeHTML(false)
	var faults []error
	n := 0
	for c, err := range reader.Cases(names...) {
		if err == nil && c.Refusal != nil {
			err = fmt.Errorf("%s:%d: %w", c.File, c.Line, c.Refusal)
		}
		if err != nil {
			faults = append(faults, err)
			continue
		}
		document := c.Document()
		if n++; n == 1 {
			first = document
			continue
		}
		if n == 2 {
			if err := lines.Encode(first); err != nil {
				return err
			}
		}
		if err := lines.Encode(document); err != nil {
			return err
		}
	}
	if n == 1 {
		if err := printJSON(env.Stdout, first); err != nil {
			return err
		}
	}
	if err := errors.Join(faults...); err != nil {
		return &exitError{code: codeUsage, err: err}
	}
	return nil
}
