package proxy

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"net"
	"net/http"
	"net/url"
	"path/filepath"
	"slices"
	"sync"
	"time"
)

// TB is what ForTest needs of a testing.TB; a *testing.T and a *testing.B are one. It is here so that no program links
// package testing.
type TB interface {
	Helper()
	Name() string
	TempDir() string
	Cleanup(func())
	Errorf(format string, args ...any)
	Fatalf(format string, args ...any)
}

// TestWarden is a Warden that lives as long as a test. When the test ends it is closed, and the test fails if a request
// had no recording, a recording was not used, an answer drifted, or an exchange could not be recorded.
type TestWarden struct {
	*Warden
	tb          TB
	allowUnused bool
	serve       sync.Once
	addr        string
	served      chan error
}

// ForTest opens a Warden for a test: a replay of s.Cassette unless s names another mode. Judging is on as always; set
// Enforce to EnforceOff to go without. A Warden that does not open ends the test.
func ForTest(tb TB, s Settings) *TestWarden {
	tb.Helper()
	s.Mode = or(s.Mode, "replay")
	if s.CADir == "" {
		s.CADir = filepath.Join(tb.TempDir(), "ca")
	}
	if s.Run == "" {
		s.Run = tb.Name()
	}
	w, err := Open(context.Background(), s)
	if err != nil {
		tb.Fatalf("graphwarden: %v", err)
		return nil
	}
	t := &TestWarden{Warden: w, tb: tb, served: make(chan error, 1)}
	tb.Cleanup(t.finish)
	return t
}

// AllowUnused lets recordings be left unused, such as those of a cassette that several tests share.
func (t *TestWarden) AllowUnused() *TestWarden {
	t.allowUnused = true
	return t
}

// Client is an http.Client that needs no proxy: its transport is the whole chain. It reaches Graph's hosts only.
func (t *TestWarden) Client() *http.Client { return &http.Client{Transport: t.Transport()} }

// ProxyURL is the address of a proxy on a free loopback port, for HTTPS_PROXY; the first call starts it. With a user, as
// in http://checkout@127.0.0.1:1234, the client is of that session.
func (t *TestWarden) ProxyURL() *url.URL {
	t.tb.Helper()
	t.serve.Do(func() {
		l, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			t.tb.Fatalf("graphwarden: listen: %v", err)
			return
		}
		t.addr = l.Addr().String()
		go func() { t.served <- t.Serve(l) }()
	})
	return &url.URL{Scheme: "http", Host: t.addr}
}

// CAFile is the PEM file that a client of the proxy must trust, for SSL_CERT_FILE and its like.
func (t *TestWarden) CAFile() string {
	t.tb.Helper()
	authority, err := t.CA()
	if err != nil {
		t.tb.Fatalf("graphwarden: %v", err)
		return ""
	}
	return authority.RootPath()
}

// ProxyClient is an http.Client behind the proxy that trusts its certificate; session may be empty.
func (t *TestWarden) ProxyClient(session string) *http.Client {
	t.tb.Helper()
	proxyURL := t.ProxyURL()
	if session != "" {
		proxyURL.User = url.User(session)
	}
	authority, err := t.CA()
	if err != nil {
		t.tb.Fatalf("graphwarden: %v", err)
		return nil
	}
	roots := x509.NewCertPool()
	roots.AddCert(authority.Root())
	tr := &http.Transport{Proxy: http.ProxyURL(proxyURL), TLSClientConfig: &tls.Config{RootCAs: roots}, ForceAttemptHTTP2: true}
	t.tb.Cleanup(tr.CloseIdleConnections)
	return &http.Client{Transport: tr}
}

// finish closes the Warden and tells the test how it went.
func (t *TestWarden) finish() {
	t.tb.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()
	if err := t.Shutdown(ctx); err != nil {
		t.tb.Errorf("graphwarden: %v", err)
	}
	if t.addr != "" {
		if err := <-t.served; err != nil {
			t.tb.Errorf("graphwarden: %v", err)
		}
	}
	for _, s := range t.Sessions() {
		name := or(s.Name, s.Cassette)
		for _, miss := range slices.Concat(s.Misses, s.DriftList) {
			t.tb.Errorf("graphwarden: %s: %s", name, miss)
		}
		if s.Fault != "" {
			t.tb.Errorf("graphwarden: %s: %s", name, s.Fault)
		}
		if s.Failed > 0 {
			t.tb.Errorf("graphwarden: %s: %d exchanges could not be recorded", name, s.Failed)
		}
		if s.Unused == 0 || s.Recorded > 0 || t.allowUnused {
			continue
		}
		for _, unused := range s.UnusedList {
			t.tb.Errorf("graphwarden: %s: not used: %s", name, unused)
		}
	}
}
