// Package console is the window into a running proxy: an admin API with its OpenAPI description, metrics for Prometheus,
// health for probes, and a web page on top of them.
//
// Finished exchanges go in through Observe and Attach, what the proxy says of itself through the interface Proxy; a
// http.Handler comes out. Nobody gets anything but health without the token, and no page of another origin gets even
// that. It keeps the last exchanges only, never sees a token or a secret (its feeder takes them out), runs no text of an
// exchange as anything but text, and changes nothing unless it was opened for writing.
package console

import (
	"context"
	"crypto/rand"
	"encoding/base64"
	"errors"
	"fmt"
	"log"
	"log/slog"
	"net"
	"net/http"
	"time"
)

// Proxy is what the console asks the proxy. Its methods are called by many goroutines at once.
type Proxy interface {
	// Status is what the proxy is and has done so far.
	Status() Status
	// Policy is the set of rules in force.
	Policy() Policy
	// Cassette is how the recording is used; the zero value when there is none.
	Cassette() Cassette
	// Reload reads the policies anew. On an error the last good set stays in force.
	Reload(context.Context) error
	// Sessions are the cassettes in use, that of all clients first.
	Sessions() []Session
	// StartSession opens one, StopSession ends it and SetMode goes on in another mode; the empty name is the tape of all
	// clients. They are asked only if the console was opened for writing. An error may wrap ErrNoSession, ErrSessionRuns
	// or ErrBadSession.
	StartSession(SessionStart) (Session, error)
	StopSession(name string) (Session, error)
	SetMode(name, mode string) error
	// Test runs the tests of the policies as their files are now. There is one call at a time.
	Test(context.Context) (Tests, error)
	// Ready is nil when new exchanges are welcome, else it says why not.
	Ready() error
}

// Options say what a Server shows and to whom.
type Options struct {
	// Proxy is what is shown; it must be set.
	Proxy Proxy
	// Token is what a reader must know; empty means a new one.
	Token string
	// Write lets the API change something: reload the policies; start, switch and stop sessions.
	Write bool
	// Hosts are names, beside localhost and addresses, by which the server may be called.
	Hosts []string
	// Keep is how many exchanges are kept; 0 means 1000. KeepBytes bounds what their details take; 0 means 64 MiB.
	Keep, KeepBytes int
	// Logger is told what went wrong while serving; nil means nobody is.
	Logger *slog.Logger
}

// maxReaders is how many live streams may be open at once.
const maxReaders = 32

// Server is the console. Its methods are safe for concurrent use.
type Server struct {
	proxy   Proxy
	token   string
	write   bool
	hosts   []string
	log     *slog.Logger
	kept    *exchanges
	meter   *meter
	tests   testRuns
	server  *http.Server
	streams chan struct{}
	done    chan struct{}
}

// New returns a Server that does not listen yet.
func New(o Options) *Server {
	s := &Server{
		proxy: o.Proxy, token: o.Token, write: o.Write, hosts: o.Hosts, log: o.Logger,
		kept:    newExchanges(or(o.Keep, 1000), or(o.KeepBytes, 64<<20)),
		streams: make(chan struct{}, maxReaders), done: make(chan struct{}),
		tests: testRuns{running: make(chan struct{}, 1)},
	}
	if s.log == nil {
		s.log = slog.New(slog.DiscardHandler)
	}
	if s.token == "" {
		s.token = NewToken()
	}
	s.meter = newMeter(o.Proxy)
	s.server = &http.Server{
		Handler: s.Handler(), ErrorLog: log.New(serverErrors{s.log}, "", 0),
		// A stream sets the deadline of each of its writes itself.
		ReadHeaderTimeout: 5 * time.Second, ReadTimeout: 10 * time.Second, WriteTimeout: 30 * time.Second,
		IdleTimeout: 2 * time.Minute, MaxHeaderBytes: 16 << 10,
	}
	s.server.RegisterOnShutdown(func() { close(s.done) })
	return s
}

// NewToken makes a token nobody can guess.
func NewToken() string {
	b := make([]byte, 32)
	// It never fails: the runtime ends the program if the system has no randomness.
	_, _ = rand.Read(b)
	return base64.RawURLEncoding.EncodeToString(b)
}

// Token is what a reader must know.
func (s *Server) Token() string { return s.token }

// Observe takes a finished exchange: it is counted, kept and sent to whoever watches.
func (s *Server) Observe(e Exchange) {
	e.Outcome = e.outcome()
	s.meter.count(&e)
	s.kept.add(e)
}

// Attach adds the details of an exchange that was observed. Those of one no longer kept are dropped.
func (s *Server) Attach(id string, d Detail) { s.kept.attach(id, d) }

// Lost counts an exchange whose details could not be kept up with.
func (s *Server) Lost() { s.meter.lost.Inc() }

// Reloaded is told of each reload of the policies, whoever asked for it.
func (s *Server) Reloaded(err error) {
	s.meter.reloaded(err)
	s.tests.forget()
}

// Serve answers on a listener until Shutdown, and then returns nil.
func (s *Server) Serve(l net.Listener) error {
	if err := s.server.Serve(l); err != nil && !errors.Is(err, http.ErrServerClosed) {
		return fmt.Errorf("serve console: %w", err)
	}
	return nil
}

// Shutdown ends the streams, lets other answers finish until ctx ends, and stops. It is called once.
func (s *Server) Shutdown(ctx context.Context) error {
	if err := s.server.Shutdown(ctx); err != nil {
		return errors.Join(fmt.Errorf("stop console: %w", err), s.server.Close())
	}
	return nil
}

// serverErrors gives net/http's complaints about single connections to the log.
type serverErrors struct{ log *slog.Logger }

func (e serverErrors) Write(p []byte) (int, error) {
	e.log.Debug("console", "line", string(p))
	return len(p), nil
}

func or(value, fallback int) int {
	if value == 0 {
		return fallback
	}
	return value
}
