package ca_test

import (
	"crypto/tls"
	"crypto/x509"
	"io"
	"log"
	"net"
	"testing"

	"github.com/graphwarden/graphwarden/internal/ca"
)

// quiet drops what a server says about handshakes that are meant to fail.
var quiet = log.New(io.Discard, "", 0)

// dial does one handshake and reads a byte, by which the session ticket of TLS 1.3 has arrived.
func dial(t *testing.T, port string, config *tls.Config) (tls.ConnectionState, error) {
	t.Helper()
	c, err := tls.Dial("tcp", net.JoinHostPort("127.0.0.1", port), config)
	if err != nil {
		return tls.ConnectionState{}, err
	}
	defer c.Close()
	if _, err := io.WriteString(c, "GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"); err != nil {
		t.Fatal(err)
	}
	if _, err := c.Read(make([]byte, 1)); err != nil {
		t.Fatal(err)
	}
	return c.ConnectionState(), nil
}

func pool(a *ca.Authority) *x509.CertPool {
	p := x509.NewCertPool()
	p.AddCert(a.Root())
	return p
}

func TestServerConfigAnswersBySNI(t *testing.T) {
	t.Parallel()
	a := ensure(t, hosts...)
	port := serve(t, a.ServerConfig(host))
	for _, tt := range []struct{ sni, leaf string }{
		{host, host},
		{"GRAPH.microsoft.com", host},
		{"graph.microsoft.us", "graph.microsoft.us"},
		{"example.com", host},
		{"", host},
	} {
		state, err := dial(t, port, &tls.Config{ServerName: tt.sni, InsecureSkipVerify: true})
		if err != nil {
			t.Errorf("SNI %q: %v", tt.sni, err)
			continue
		}
		if got := state.PeerCertificates[0].DNSNames; len(got) != 1 || got[0] != tt.leaf {
			t.Errorf("SNI %q: certificate for %v, want %s", tt.sni, got, tt.leaf)
		}
	}
	if _, err := dial(t, port, &tls.Config{ServerName: host, RootCAs: pool(a)}); err != nil {
		t.Errorf("a client that verifies: %v", err)
	}
	if _, err := dial(t, port, &tls.Config{ServerName: "example.com", RootCAs: pool(a)}); err == nil {
		t.Error("a client that verifies took the certificate for another host")
	}
	other := serve(t, a.ServerConfig("example.com"))
	if _, err := dial(t, other, &tls.Config{InsecureSkipVerify: true}); err == nil {
		t.Error("a handshake for a host the authority is not for succeeded")
	}
}

func TestServerConfigProtocols(t *testing.T) {
	t.Parallel()
	a := ensure(t, hosts...)
	port := serve(t, a.ServerConfig(host))
	for _, tt := range []struct {
		name     string
		offer    []string
		max      uint16
		protocol string
		ok       bool
	}{
		{"h1 of a TLS 1.2 client", []string{"http/1.1"}, tls.VersionTLS12, "http/1.1", true},
		{"none", nil, 0, "", true},
		{"TLS 1.1", nil, tls.VersionTLS11, "", false},
	} {
		state, err := dial(t, port, &tls.Config{ServerName: host, RootCAs: pool(a), NextProtos: tt.offer, MinVersion: tls.VersionTLS10, MaxVersion: tt.max})
		if (err == nil) != tt.ok || state.NegotiatedProtocol != tt.protocol {
			t.Errorf("%s: %q, %v", tt.name, state.NegotiatedProtocol, err)
		}
	}
	c, err := tls.Dial("tcp", net.JoinHostPort("127.0.0.1", port), &tls.Config{ServerName: host, RootCAs: pool(a), NextProtos: []string{"h2", "http/1.1"}})
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	if got := c.ConnectionState().NegotiatedProtocol; got != "h2" {
		t.Errorf("h2 client got %q", got)
	}
}

// A session begun on one host's configuration is resumed on another's value of the same authority, and never on
// another authority's.
func TestSessionTicketsAreShared(t *testing.T) {
	t.Parallel()
	a, stranger := ensure(t, hosts...), ensure(t, hosts...)
	first, second := serve(t, a.ServerConfig(host)), serve(t, a.ServerConfig("graph.microsoft.us"))
	roots := pool(a)
	roots.AddCert(stranger.Root())
	for _, version := range []uint16{tls.VersionTLS12, tls.VersionTLS13} {
		config := &tls.Config{ServerName: host, RootCAs: roots, MaxVersion: version, ClientSessionCache: tls.NewLRUClientSessionCache(4)}
		for i, port := range []string{first, first, second} {
			state, err := dial(t, port, config)
			if err != nil {
				t.Fatal(err)
			}
			if state.DidResume != (i > 0) {
				t.Errorf("TLS %x, connection %d: resumed %t", version, i, state.DidResume)
			}
		}
		if state, err := dial(t, serve(t, stranger.ServerConfig(host)), config); err != nil || state.DidResume {
			t.Errorf("TLS %x, another authority: resumed %t, %v", version, state.DidResume, err)
		}
	}
	one, again := a.ServerConfig(host), a.ServerConfig(host)
	if one != again || one != a.ServerConfig("GRAPH.MICROSOFT.COM") {
		t.Error("one host has two configurations")
	}
}
