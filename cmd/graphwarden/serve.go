package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"os/signal"

	"github.com/graphwarden/graphwarden/internal/config"
)

const serveUsage = `Usage: graphwarden serve [FLAGS]

Runs the proxy until it is interrupted. It then lets open exchanges finish, flushes the recording, prints a summary and
exits with 0; a second signal ends it at once. The files of the policies and of their data are
watched: a change is in force within a second, a set that does not load leaves the last good one. SIGHUP
reads them anew whatever happened.

Changes to assignments on Microsoft Graph are judged by policy and, as --mode says, recorded or replayed. Every other host
is tunnelled unread. Clients need HTTPS_PROXY and the CA: "graphwarden env" prints both, "graphwarden run" sets them for one
command.

Examples:
  graphwarden serve --enforce deny --policy policies/
  graphwarden serve --mode record --cassette cassettes/rollout.yaml
  graphwarden serve --mode replay --cassette cassettes/rollout.yaml --listen 127.0.0.1:0
  graphwarden serve --origin standin
`

func serveCommand() command {
	return command{name: "serve", summary: "run the proxy", usage: serveUsage, run: runServe}
}

func runServe(ctx context.Context, env *Env, args []string) error {
	s, err := env.parseOnly("serve", args, nil)
	if err != nil {
		return err
	}
	report := newReporter(env, s, env.Stderr)
	// On a terminal a person reads lines made for people; anywhere else the log is what is read.
	report.off = s.Log != "" || (!env.TTY && !report.json)
	log := logger(s, env.Stderr)
	if !report.off {
		log = quieter(s, env)
		if env.TTY && !report.json && !s.Quiet && env.Getenv("TERM") != "dumb" {
			report.status = &statusLine{w: env.Stderr, paint: report.paint}
		}
	}
	p, err := startProxy(ctx, env, s, s.Listen, report, log)
	if err != nil {
		return err
	}
	authority, err := p.warden.CA()
	if err != nil {
		p.close()
		return err
	}
	fmt.Fprintf(env.Stdout, "listening on %s\n", p.url())
	note(env, "mode %s, enforce %s, CA %s", p.warden.Mode(), s.Enforce, authority.RootPath())
	if !s.Quiet {
		printHint(env, fmt.Sprintf(`in the shell of the client: eval "$(graphwarden env --proxy %s)"`, p.url()))
	}
	if env.Settle != nil {
		go env.Settle()
	}
	stopReload := reloadOnHangup(ctx, p, log)
	defer stopReload()
	stopWatch := watchPolicies(ctx, p, log)
	defer stopWatch()
	select {
	case err = <-p.served:
	case <-ctx.Done():
	}
	summary, stopErr := p.stop()
	report.summary(p.warden.Mode(), s.Cassette, summary)
	err = errors.Join(err, report.actions.writeSummary(report.kept, summaryText(p.warden.Mode(), s.Cassette, summary)))
	if err == nil {
		err = stopErr
	}
	if err == nil && (s.Strict && summary.Unused > 0 || drifted(s, summary)) {
		err = verdictError(s, summary)
	}
	return err
}

// reloadOnHangup reads the policies anew on SIGHUP, where there is such a signal.
func reloadOnHangup(ctx context.Context, p *running, log *slog.Logger) (stop func()) {
	hangup := make(chan os.Signal, 1)
	if len(hangupSignals) == 0 {
		return func() {}
	}
	signal.Notify(hangup, hangupSignals...)
	go func() {
		for {
			select {
			case <-ctx.Done():
				return
			case <-hangup:
				if err := p.reload(ctx); err != nil {
					log.Error("policies were not reloaded; the last good set stays in force", "error", err)
				} else {
					log.Info("policies reloaded")
				}
			}
		}
	}()
	return func() { signal.Stop(hangup) }
}

// quieter is the log beside a reporter: what the reporter says is not said twice.
func quieter(s config.Settings, env *Env) *slog.Logger {
	if s.Log == "" && s.LogLevel == "info" {
		s.LogLevel = "error"
	}
	if s.Log == "" {
		s.Log = "text"
	}
	return logger(s, env.Stderr)
}
