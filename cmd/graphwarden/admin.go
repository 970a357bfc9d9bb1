package main

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"os"
	"strings"
	"sync/atomic"
	"time"

	"github.com/graphwarden/graphwarden/internal/config"
	"github.com/graphwarden/graphwarden/internal/console"
	"github.com/graphwarden/graphwarden/proxy"
)

// inspectQueue is how many exchanges may wait to be shown in full. What comes faster is shown in a line only, rather
// than hold up the answers.
const inspectQueue = 256

// admin is the console beside a running proxy.
type admin struct {
	settings config.Settings
	warden   *proxy.Warden
	server   *console.Server
	listener net.Listener
	listen   string // the proxy's own address
	started  time.Time
	draining atomic.Bool
	inspect  chan *proxy.Inspection
	ended    chan struct{}
}

// listenAdmin takes the console's address; it is nil where none is named.
func listenAdmin(s config.Settings) (*admin, error) {
	if s.Admin == "" {
		return nil, nil
	}
	l, err := net.Listen("tcp", s.Admin)
	if err != nil {
		return nil, &exitError{code: codeFailed, err: fmt.Errorf("listen for the console: %w", err),
			hint: "choose another address with --admin, or let the system pick a port: --admin 127.0.0.1:0"}
	}
	return &admin{settings: s, listener: l, started: time.Now(), inspect: make(chan *proxy.Inspection, inspectQueue), ended: make(chan struct{})}, nil
}

// attach has the proxy tell the console of its exchanges.
func (a *admin) attach(s *proxy.Settings) {
	report := s.Observe
	s.Observe = func(e proxy.Exchange) {
		if report != nil {
			report(e)
		}
		a.server.Observe(consoleExchange(e))
	}
	s.Inspect = func(i *proxy.Inspection) {
		select {
		case a.inspect <- i:
		default:
			a.server.Lost()
		}
	}
}

// serve opens the console for a proxy that is about to serve, and says where it is.
func (a *admin) serve(env *Env, p *running) error {
	a.warden, a.listen = p.warden, p.url()
	token, err := adminToken(a.settings.AdminTokenFile)
	if err != nil {
		return &exitError{code: codeUsage, err: err}
	}
	host, _, err := net.SplitHostPort(a.settings.Admin)
	if err != nil {
		return fmt.Errorf("read console's address: %w", err)
	}
	a.server = console.New(console.Options{Proxy: a, Token: token, Write: a.settings.AdminWrite, Hosts: []string{strings.ToLower(host)}})
	go a.details()
	go func() { _ = a.server.Serve(a.listener) }()
	link := "http://" + a.listener.Addr().String() + "/"
	if token == "" {
		link += "#token=" + a.server.Token()
	}
	p.report.console(env, link, a.settings.AdminTokenFile)
	if addr, err := netip.ParseAddrPort(a.listener.Addr().String()); err == nil && !addr.Addr().IsLoopback() {
		note(env, "the console can be reached from other machines, in clear: put TLS in front of it")
	}
	return nil
}

// details builds the full accounts, away from the way of the answers.
func (a *admin) details() {
	for {
		select {
		case i := <-a.inspect:
			a.server.Attach(i.ID(), consoleDetail(i.Detail()))
		case <-a.ended:
			return
		}
	}
}

// close ends the console; the proxy has ended before.
func (a *admin) close() error {
	close(a.ended)
	if a.server == nil {
		return a.listener.Close()
	}
	ctx, cancel := context.WithTimeout(context.Background(), 2*time.Second)
	defer cancel()
	return a.server.Shutdown(ctx)
}

// adminToken reads the token from its file, or makes both; without a file there is no lasting token.
func adminToken(path string) (string, error) {
	if path == "" {
		return "", nil
	}
	text, err := os.ReadFile(path)
	if errors.Is(err, os.ErrNotExist) {
		token := console.NewToken()
		if err := os.WriteFile(path, []byte(token+"\n"), 0o600); err != nil {
			return "", fmt.Errorf("keep the console's token: %w", err)
		}
		return token, nil
	}
	if err != nil {
		return "", fmt.Errorf("read the console's token: %w", err)
	}
	token := strings.TrimSpace(string(text))
	if len(token) < 16 || strings.ContainsAny(token, " \t\r\n") {
		return "", fmt.Errorf("the console's token in %s must be one word of 16 characters or more", path)
	}
	return token, nil
}

// Status implements console.Proxy, as do the methods below.
func (a *admin) Status() console.Status {
	_, revision := a.warden.Rules()
	c := a.warden.Summary()
	origin := a.settings.Origin
	if origin == "" && a.warden.Mode() != "replay" {
		origin = "graph"
	}
	return console.Status{
		Version: readBuild().Version, Started: a.started.UTC(), Listen: a.listen, Mode: a.warden.Mode(), Enforce: a.settings.Enforce,
		Origin: origin, Cassette: a.settings.Cassette, Ledger: a.settings.Ledger, Revision: revision,
		Counts: console.Counts{Allowed: c.Allowed, Warned: c.Warned, Denied: c.Denied, Passed: c.Passed, Recorded: c.Recorded,
			Replayed: c.Replayed, Missed: c.Missed, Unused: c.Unused, Failed: c.Failed},
	}
}

// Policy is the set of rules in force.
func (a *admin) Policy() console.Policy {
	rules, revision := a.warden.Rules()
	p := console.Policy{Revision: revision}
	for _, r := range rules {
		rule := console.Rule{ID: r.ID, Title: r.Title, Description: r.Description, Level: r.Level, Default: r.Default, SetBy: r.SetBy,
			Package: r.Package, Location: r.Location}
		for _, x := range r.Parameters {
			rule.Parameters = append(rule.Parameters, console.Parameter{Name: x.Name, Description: x.Description, Value: x.Value})
		}
		p.Rules = append(p.Rules, rule)
	}
	return p
}

// Cassette is how the recording is used.
func (a *admin) Cassette() console.Cassette {
	s := a.warden.Tape()
	c := console.Cassette{Path: a.settings.Cassette, Mode: string(s.Mode), Interactions: s.Interactions, Recorded: s.Recorded,
		Replayed: s.Replayed, Missed: s.Missed, Dropped: s.Dropped, Unused: s.Unused}
	for _, u := range s.UnusedList {
		c.UnusedList = append(c.UnusedList, console.Unused{ID: u.ID, Line: u.Line, Method: u.Method, URL: u.URL})
	}
	return c
}

// Reload reads the policies anew, and counts it.
func (a *admin) Reload(ctx context.Context) error {
	err := a.warden.Reload(ctx)
	a.server.Reloaded(err)
	return err
}

// Ready is nil until the proxy is told to stop.
func (a *admin) Ready() error {
	if a.draining.Load() {
		return errors.New("graphwarden is shutting down")
	}
	return nil
}
