package main

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"

	"github.com/graphwarden/graphwarden/internal/config"
	"github.com/graphwarden/graphwarden/proxy"
)

const runUsage = `Usage: graphwarden run [FLAGS] -- COMMAND [ARGUMENTS]

Runs a command behind a private proxy on a free port. Only the command's environment changes: it is given the proxy and a
bundle of certificates that holds the system's and graphwarden's own. Signals are passed on, and the command's exit code is
returned; where that is 0 and a change was denied it is 3, where a replay had no recording 4, and where recordings were
left unused with --strict 5.

Examples:
  graphwarden run --mode record --cassette cassettes/rollout.yaml -- pwsh ./rollout.ps1
  graphwarden run --mode replay --cassette cassettes/rollout.yaml -- npm test
  graphwarden run --origin standin -- curl https://graph.microsoft.com/v1.0/organization
`

func runCommand() command {
	return command{name: "run", summary: "run a command behind a private proxy", usage: runUsage, run: runRun}
}

func runRun(ctx context.Context, env *Env, args []string) error {
	s, child, err := env.parse("run", args, nil)
	if err != nil {
		return err
	}
	if len(child) == 0 {
		return usageError("graphwarden run --help", "run needs a command behind --")
	}
	path, err := findCommand(env, child[0])
	if err != nil {
		return usageError("is it installed, and on PATH?", "find %s: %w", child[0], errors.Unwrap(err))
	}
	if !s.Quiet && s.Output == "text" {
		for _, blind := range blindSpots(env, path) {
			note(env, "%s", blind.why)
			printHint(env, blind.fix)
		}
	}
	report := newReporter(env, s, env.Stderr)
	report.off = s.Log != ""
	p, err := startProxy(ctx, env, s, s.Listen, report, quieter(s, env))
	if err != nil {
		return err
	}
	childErr := runChild(env, p, path, child)
	summary, stopErr := p.stop()
	if childErr != nil && !isExit(childErr) {
		return errors.Join(childErr, stopErr)
	}
	report.summary(p.warden.Mode(), s.Cassette, summary)
	if err := report.files(s.Report, summaryText(p.warden.Mode(), s.Cassette, summary), s.Strict, summary, p.warden.Sessions()); err != nil {
		return errors.Join(err, stopErr)
	}
	if stopErr != nil {
		return stopErr
	}
	if childErr != nil {
		return childErr
	}
	return runVerdict(env, s, summary, verdictError(s, summary))
}

// runVerdict lists what strictness, or a comparison, complains of.
func runVerdict(env *Env, s config.Settings, summary proxy.Summary, err error) error {
	if !s.Quiet && s.Output != "json" {
		for _, line := range summary.DriftList {
			note(env, "drift: %s", printable(line))
		}
	}
	exit, ok := errors.AsType[*exitError](err)
	if ok && exit.code == codeUnused && !s.Quiet && s.Output != "json" {
		for _, line := range summary.UnusedList {
			note(env, "unused: %s", line)
		}
	}
	return err
}

// runChild runs the command to its end. A child that ran and failed is an exitError that says nothing more.
func runChild(env *Env, p *running, path string, args []string) error {
	authority, err := p.warden.CA()
	if err != nil {
		return fmt.Errorf("prepare certificates: %w", err)
	}
	environ, err := childEnvironment(env.Environ, p.url(), authority)
	if err != nil {
		return fmt.Errorf("prepare certificates: %w", err)
	}
	environ = append(environ, sessionEnvironment(p.warden.Sessions())...)
	if u, err := url.Parse(p.url()); err == nil {
		// A browser in the child may have made one; no other proxy will have this name to come back to it.
		defer os.RemoveAll(browserProfile(authority, u))
	}
	child := exec.Command(path, args[1:]...)
	child.Args[0] = args[0]
	child.Stdin, child.Stdout, child.Stderr, child.Env = env.Stdin, env.Stdout, env.Stderr, environ
	if env.Dir != "." {
		child.Dir = env.Dir
	}
	signals := make(chan os.Signal, 4)
	if len(forwardSignals) > 0 {
		signal.Notify(signals, forwardSignals...)
		defer signal.Stop(signals)
	}
	// A terminal sends its interrupt to the child as well; here it must only not end us before the child.
	interrupt := make(chan os.Signal, 4)
	signal.Notify(interrupt, os.Interrupt)
	defer signal.Stop(interrupt)
	if err := child.Start(); err != nil {
		return fmt.Errorf("start %s: %w", args[0], err)
	}
	done := make(chan error, 1)
	go func() { done <- child.Wait() }()
	for {
		select {
		case s := <-signals:
			_ = child.Process.Signal(s)
		case s := <-interrupt:
			if !env.TTY {
				_ = child.Process.Signal(s)
			}
		case err := <-done:
			return childExit(child.ProcessState, err)
		}
	}
}

func childExit(state *os.ProcessState, err error) error {
	if state == nil {
		return err
	}
	if code, ok := signalCode(state); ok {
		return &exitError{code: code}
	}
	if code := state.ExitCode(); code != 0 {
		return &exitError{code: code}
	}
	return nil
}

func isExit(err error) bool {
	_, ok := errors.AsType[*exitError](err)
	return ok
}

// findCommand looks a command up in the PATH of the environment it will run in.
func findCommand(env *Env, name string) (string, error) {
	if env.Dir != "." && !filepath.IsAbs(name) && filepath.Base(name) != name {
		name = filepath.Join(env.Dir, name)
	}
	return exec.LookPath(name)
}
