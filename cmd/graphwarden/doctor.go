package main

import (
	"context"
	"encoding/json"
	"flag"
	"fmt"
	"io"
	"net/http"
	"strings"
	"time"

	"github.com/graphwarden/graphwarden/internal/config"
)

const doctorUsage = `Usage: graphwarden doctor [FLAGS]

Finds what would keep graphwarden from working on this machine, and says what to do: a port in use, a CA that has expired or
does not cover a host, policies that do not load, variables that hide Graph from the proxy or name other certificates. Then it has each
client it finds really make a request, through a proxy and a Graph of its own on loopback. Exits with 0 when nothing failed,
else with 1; what is only worth knowing is marked "note".

With --healthcheck it does nothing but ask a running proxy whether it is healthy.

Examples:
  graphwarden doctor
  graphwarden doctor --listen 127.0.0.1:9000 --policy policies/ --output json
  graphwarden doctor --clients=false
  graphwarden doctor --healthcheck http://127.0.0.1:8080
`

type doctorFlags struct {
	clients     bool
	healthcheck string
}

func (f *doctorFlags) register(fs *flag.FlagSet) {
	fs.BoolVar(&f.clients, "clients", true, "have each client that is installed make a request")
	fs.StringVar(&f.healthcheck, "healthcheck", "", "only ask the proxy at `URL` whether it is healthy")
}

func doctorCommand() command {
	return command{name: "doctor", summary: "find what would keep it from working here", usage: doctorUsage,
		local: func(fs *flag.FlagSet) { new(doctorFlags).register(fs) }, run: runDoctor}
}

// health is how a check ended.
type health string

const (
	healthy health = "ok"
	noted   health = "note" // works, but there is something to know
	failing health = "fail"
	untried health = "none" // not installed, hence not tried
)

// A finding is one check of doctor.
type finding struct {
	Name   string `json:"name"`
	Health health `json:"health"`
	Detail string `json:"detail"`
	Fix    string `json:"fix,omitempty"`
}

func runDoctor(ctx context.Context, env *Env, args []string) error {
	var f doctorFlags
	s, err := env.parseOnly("doctor", args, f.register)
	if err != nil {
		return err
	}
	if f.healthcheck != "" {
		return healthcheck(ctx, env, f.healthcheck)
	}
	d := &doctor{env: env, settings: s, paint: env.paint(env.Stdout), text: s.Output == "text"}
	d.examine(ctx)
	if f.clients {
		if err := d.tryClients(ctx); err != nil {
			return err
		}
	}
	return d.conclude()
}

// doctor gathers findings and, in text, prints each as it is made.
type doctor struct {
	env      *Env
	settings config.Settings
	paint    paint
	text     bool
	findings []finding
}

func (d *doctor) add(f finding) {
	d.findings = append(d.findings, f)
	if !d.text || f.Health == untried {
		return
	}
	mark := map[health]string{healthy: d.paint.green("ok  "), noted: d.paint.yellow("note"), failing: d.paint.red("FAIL")}[f.Health]
	fmt.Fprintf(d.env.Stdout, "%s  %s: %s\n", mark, f.Name, printable(f.Detail))
	if f.Fix != "" {
		fmt.Fprintf(d.env.Stdout, "      %s %s\n", d.paint.dim("fix:"), f.Fix)
	}
}

// conclude prints what is left to say and turns it into the exit code.
func (d *doctor) conclude() error {
	failed, missing := 0, []string{}
	for _, f := range d.findings {
		switch f.Health {
		case failing:
			failed++
		case untried:
			missing = append(missing, f.Name)
		}
	}
	if d.text {
		if len(missing) > 0 {
			fmt.Fprintf(d.env.Stdout, "%s  not here, so not tried: %s\n", d.paint.dim("-   "), strings.Join(missing, ", "))
		}
	} else {
		enc := json.NewEncoder(d.env.Stdout)
		enc.SetIndent("", "  ")
		enc.SetEscapeHTML(false)
		if err := enc.Encode(map[string]any{"schema": "graphwarden.doctor/v1", "ok": failed == 0, "findings": d.findings}); err != nil {
			return err
		}
	}
	if failed > 0 {
		return &exitError{code: codeFailed, err: fmt.Errorf("%d of %d checks failed", failed, len(d.findings)-len(missing))}
	}
	return nil
}

// healthcheck asks a proxy that runs, and nothing but it: no proxy of the environment is gone through.
func healthcheck(ctx context.Context, env *Env, base string) error {
	ctx, cancel := context.WithTimeout(ctx, 3*time.Second)
	defer cancel()
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, strings.TrimRight(base, "/")+"/healthz", nil)
	if err != nil {
		return usageError("graphwarden doctor --healthcheck http://127.0.0.1:8080", "%q is not the URL of a proxy", base)
	}
	transport := &http.Transport{DisableKeepAlives: true}
	resp, err := transport.RoundTrip(r)
	if err != nil {
		return fmt.Errorf("ask for health: %w", err)
	}
	defer resp.Body.Close()
	var state struct{ Status, Mode, Enforce string }
	if err := json.NewDecoder(io.LimitReader(resp.Body, 64<<10)).Decode(&state); err != nil || resp.StatusCode != http.StatusOK || state.Status != "ok" {
		return fmt.Errorf("ask for health: %s answers %d and is not graphwarden, or is not well", base, resp.StatusCode)
	}
	_, err = fmt.Fprintf(env.Stdout, "ok: mode %s, enforce %s\n", state.Mode, state.Enforce)
	return err
}
