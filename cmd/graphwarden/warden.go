package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/url"
	"time"

	"github.com/graphwarden/graphwarden/internal/config"
	"github.com/graphwarden/graphwarden/internal/standin"
	"github.com/graphwarden/graphwarden/proxy"
)

// drainTime is how long open exchanges may go on once the proxy is told to stop.
const drainTime = 30 * time.Second

// running is a proxy that serves, with all that belongs to it.
type running struct {
	warden    *proxy.Warden
	standin   *standin.Server // nil unless --origin standin
	listener  net.Listener
	served    chan error
	report    *reporter
	admin     *admin    // nil unless --admin
	traces    *traces   // nil unless the environment names a collector
	decisions io.Closer // nil unless a file of decisions is kept
}

// startProxy opens the Warden that the settings describe and serves it. A wrong policy, data file or cassette is wrong
// configuration.
func startProxy(ctx context.Context, env *Env, s config.Settings, listen string, report *reporter, log *slog.Logger) (_ *running, err error) {
	r := &running{report: report, served: make(chan error, 1)}
	defer func() {
		if err != nil {
			r.close()
		}
	}()
	settings := proxy.Settings{
		Mode: s.Mode, Cassette: s.Cassette, Repeat: s.Repeat, Match: s.Match, Ignore: s.Ignore, Sync: s.Sync, Latency: s.Latency,
		Policy: s.Policy, Data: s.Data, Enforce: proxy.Enforce(s.Enforce), BatchPartial: s.Batch == "partial",
		CADir: s.CADir, GraphHosts: s.GraphHosts, DenyOther: s.Other == "deny",
		Origin: s.Origin, OriginCA: s.OriginCA, UpstreamProxy: ownUpstream(env, s, listen, log),
		Order: s.Order, MaxAgeWarn: s.MaxAgeWarn, Owner: s.Owner,
		Redact: s.Redact, Pseudonyms: s.Pseudonyms, Faults: s.Faults, DriftIgnore: s.DriftIgnore,
		Ledger: s.Ledger, ProxyPassword: s.ProxyPassword, Logger: log, Observe: report.observer(),
	}
	if r.decisions, err = policySettings(env, s, &settings); err != nil {
		return nil, err
	}
	if err = recordingSettings(&settings, s); err != nil {
		return nil, err
	}
	if r.admin, err = listenAdmin(s); err != nil {
		return nil, err
	}
	if r.admin != nil {
		r.admin.attach(&settings)
	}
	if r.traces, err = startTraces(ctx, env, log); err != nil {
		return nil, &exitError{code: codeUsage, err: err, hint: "check the OTEL_ variables"}
	}
	if r.traces != nil {
		observe := settings.Observe
		settings.Observe = func(e proxy.Exchange) {
			if observe != nil {
				observe(e)
			}
			r.traces.exchange(e)
		}
	}
	if s.Origin == "standin" {
		if r.standin, err = standin.Start(standin.Options{Logger: log}); err != nil {
			return nil, fmt.Errorf("start stand-in: %w", err)
		}
		settings.Origin, settings.OriginCAPEM = r.standin.URL(), r.standin.CAPEM()
	}
	loaded := waiting(env, "loading policies and cassette")
	r.warden, err = proxy.Open(ctx, settings)
	loaded()
	if err != nil {
		return nil, &exitError{code: codeUsage, err: err}
	}
	if r.listener, err = net.Listen("tcp", listen); err != nil {
		hint := "choose another address with --listen, or let the system pick a port: --listen 127.0.0.1:0"
		return nil, &exitError{code: codeFailed, err: fmt.Errorf("listen: %w", err), hint: hint}
	}
	if r.admin != nil {
		if err = r.admin.serve(env, r); err != nil {
			return nil, err
		}
	}
	report.mode = r.warden.Mode() // auto is decided by now
	go func() { r.served <- r.warden.Serve(r.listener) }()
	return r, nil
}

// ownUpstream keeps the proxy from leaving through itself: a shell that was prepared with 'graphwarden env' names it as the
// proxy for everything.
func ownUpstream(env *Env, s config.Settings, listen string, log *slog.Logger) string {
	if s.UpstreamProxy != "" {
		return s.UpstreamProxy
	}
	for _, name := range []string{"HTTPS_PROXY", "https_proxy", "HTTP_PROXY", "http_proxy"} {
		u, err := url.Parse(env.Getenv(name))
		if err == nil && u.Host != "" && u.Host == listen {
			log.Warn("the environment names this proxy as its own upstream; leaving directly", "variable", name)
			return "none"
		}
	}
	return ""
}

// url is what clients set HTTPS_PROXY to.
func (r *running) url() string {
	address := r.listener.Addr().String()
	if u, err := proxyURL(address); err == nil { // [::]:8080 is no address to go to
		return u
	}
	return "http://" + address
}

// stop drains, flushes and reports. The error is what could not be finished.
func (r *running) stop() (proxy.Summary, error) {
	ctx, cancel := context.WithTimeout(context.Background(), drainTime)
	defer cancel()
	if r.admin != nil {
		r.admin.draining.Store(true)
	}
	err := r.warden.Shutdown(ctx)
	summary := r.warden.Summary()
	if r.admin != nil {
		err = errors.Join(err, r.admin.close())
	}
	if r.traces != nil {
		err = errors.Join(err, r.traces.close(ctx))
	}
	if r.standin != nil {
		err = errors.Join(err, r.standin.Close())
	}
	if r.decisions != nil {
		err = errors.Join(err, r.decisions.Close())
	}
	return summary, err
}

// reload reads the policies anew.
func (r *running) reload(ctx context.Context) error {
	if r.admin != nil {
		return r.admin.Reload(ctx)
	}
	return r.warden.Reload(ctx)
}

// close ends what startProxy began before it failed.
func (r *running) close() {
	if r.admin != nil {
		_ = r.admin.close()
	}
	if r.warden != nil {
		_ = r.warden.Close()
	}
	if r.standin != nil {
		_ = r.standin.Close()
	}
	if r.decisions != nil {
		_ = r.decisions.Close()
	}
}

// verdictError turns what happened into the exit code of DESIGN section 3: the first of denied, missed, unused.
func verdictError(s config.Settings, sum proxy.Summary) error {
	switch {
	case sum.Failed > 0:
		return &exitError{code: codeFailed, err: fmt.Errorf("record to %s: %d exchanges could not be written", s.Cassette, sum.Failed)}
	case drifted(s, sum):
		return &exitError{code: codeFailed, err: fmt.Errorf("%s of Graph on %s, %s allowed", counted(sum.Drifted, "answer"), s.Cassette+" differ", s.DriftThreshold)}
	case sum.Denied > sum.Passed:
		return &exitError{code: codeDenied}
	case sum.Missed > 0:
		return &exitError{code: codeMiss}
	case s.Strict && sum.Unused > 0:
		return &exitError{code: codeUnused, err: fmt.Errorf("%d recordings on %s were not used", sum.Unused, s.Cassette)}
	}
	return nil
}
