// Package standin is a Microsoft Graph that runs on this machine, for the demo, for tests and as the origin of
// benchmarks. Requests go in as they would to Graph; answers come out with Graph's headers, statuses and error JSON,
// from a small tenant that remembers what was changed.
//
// It is lenient where Graph is: its router folds case, takes set('id') and set/id alike, skips empty segments and type
// casts and decodes each segment once. That router is its own and shares no code with the proxy's, so that a test can
// hold what would be applied against what was governed. The package never dials, never writes to disk and never
// verifies a token's signature.
package standin

import (
	"context"
	"crypto/tls"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"time"
)

// Options are the ways in which a stand-in may differ from the default: a Graph that behaves as its pages say.
type Options struct {
	// Addr is where Start listens; 127.0.0.1:0 when empty.
	Addr string
	// Strict makes an id that was never seen answer 404. Otherwise it is taken to exist, so that any request can be tried.
	Strict bool
	// AsSeen names collections (deviceCompliancePolicies) whose assignments answer as the service is seen to, not as its
	// pages say: writes other than assign fail with 400 "No method match route template", and a target of an abstract type
	// is refused. "all" and "intune" stand for every case that users have reported.
	AsSeen []string
	// Approval names collections guarded by Multi Admin Approval: a write needs a justification, then the code that the
	// justification earned. "all" guards every Intune write.
	Approval []string
	// ThrottleEvery makes every so many-th request fail with 429; 0 means never.
	ThrottleEvery int
	// RetryAfter is what a 429 tells the client to wait, in whole seconds; one second when zero.
	RetryAfter time.Duration
	// Latency is how long each answer is held back.
	Latency time.Duration
	// OnChange, when set, is told of every change once it is applied, from the goroutine that serves the request.
	OnChange func(Change)
	// Logger receives one debug line for each request; nothing is logged when nil.
	Logger *slog.Logger
	// Now is the clock for expiry and dates; time.Now when nil.
	Now func() time.Time
}

// Change is one write that was applied.
type Change struct {
	// Version is beta or v1.0.
	Version string
	// Method is the verb.
	Method string
	// Template is the route as the catalogue spells it, without the type casts.
	Template string
	// Keys are the ids in the path, in order.
	Keys []string
}

// Server is a stand-in that listens.
type Server struct {
	handler *handler
	http    *http.Server
	url     string
	caPEM   []byte
	served  chan struct{}
}

// Time limits of the server. They bound what a stuck client can hold; no honest exchange comes near them.
const (
	readHeaderTimeout = 10 * time.Second
	exchangeTimeout   = time.Minute
	idleTimeout       = 2 * time.Minute
	closeTimeout      = 250 * time.Millisecond // enough for an answer; idle HTTP/2 connections alone would take a second
	maxHeaderBytes    = 64 << 10
)

// Start listens with TLS, HTTP/2 and HTTP/1.1 on opts.Addr under a certificate made for this one run.
func Start(opts Options) (*Server, error) {
	addr := opts.Addr
	if addr == "" {
		addr = "127.0.0.1:0"
	}
	cert, caPEM, err := newCertificate(time.Now())
	if err != nil {
		return nil, fmt.Errorf("making the stand-in's certificate: %w", err)
	}
	ln, err := net.Listen("tcp", addr)
	if err != nil {
		return nil, fmt.Errorf("listening for the stand-in: %w", err)
	}
	h := newHandler(opts)
	protocols := new(http.Protocols)
	protocols.SetHTTP1(true)
	protocols.SetHTTP2(true)
	s := &Server{
		handler: h,
		url:     "https://" + ln.Addr().String(),
		caPEM:   caPEM,
		served:  make(chan struct{}),
		http: &http.Server{
			Handler:           h,
			TLSConfig:         &tls.Config{Certificates: []tls.Certificate{cert}, MinVersion: tls.VersionTLS12},
			Protocols:         protocols,
			HTTP2:             &http.HTTP2Config{MaxConcurrentStreams: 1000},
			ReadHeaderTimeout: readHeaderTimeout,
			ReadTimeout:       exchangeTimeout,
			WriteTimeout:      exchangeTimeout + opts.Latency,
			IdleTimeout:       idleTimeout,
			MaxHeaderBytes:    maxHeaderBytes,
			ErrorLog:          slog.NewLogLogger(h.log.Handler(), slog.LevelDebug),
		},
	}
	go func() {
		defer close(s.served)
		if err := s.http.ServeTLS(ln, "", ""); err != http.ErrServerClosed {
			h.log.Error("stand-in stopped serving", "error", err)
		}
	}()
	return s, nil
}

// NewHandler is the stand-in without a listener, for httptest and for benchmarks.
func NewHandler(opts Options) http.Handler { return newHandler(opts) }

// URL is the root of the stand-in, https://127.0.0.1:port.
func (s *Server) URL() string { return s.url }

// CAPEM is the certificate that clients of this run must trust.
func (s *Server) CAPEM() []byte { return append([]byte(nil), s.caPEM...) }

// Requests is how many requests have reached the stand-in; a $batch counts once.
func (s *Server) Requests() int64 { return s.handler.requests.Load() }

// Close stops listening, lets open exchanges end for a moment, then cuts them off.
func (s *Server) Close() error {
	ctx, cancel := context.WithTimeout(context.Background(), closeTimeout)
	defer cancel()
	err := s.http.Shutdown(ctx)
	if err != nil {
		err = s.http.Close()
	}
	<-s.served
	if err != nil {
		return fmt.Errorf("closing the stand-in: %w", err)
	}
	return nil
}
