package main

import (
	"context"
	"crypto/sha256"
	"crypto/tls"
	"io"
	"net"
	"net/http"
	"strconv"

	"github.com/graphwarden/graphwarden/internal/bench/lean"
)

func dialContext(d *net.Dialer, address string) func(context.Context, string, string) (net.Conn, error) {
	return func(ctx context.Context, network, _ string) (net.Conn, error) {
		return d.DialContext(ctx, network, address)
	}
}

// runMinimal is the least that an intercepting proxy made of net/http does: the limit that others are held to. It decides
// nothing, checks nothing and keeps nothing.
func runMinimal(args []string) error {
	s := newSide("minimal")
	if err := s.flags.Parse(args); err != nil {
		return err
	}
	transport, err := s.transport()
	if err != nil {
		return err
	}
	authority, err := lean.NewAuthority()
	if err != nil {
		return err
	}
	var handler http.Handler = forward(transport)
	if *s.replay > 0 {
		handler = newHashReplay(*s.replay)
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return err
	}
	ready(l)
	go profileIfAsked(*s.profile)
	conns := make(handOver)
	inner := &http.Server{Handler: handler, TLSConfig: &tls.Config{NextProtos: []string{"h2", "http/1.1"}}}
	go func() { _ = inner.Serve(conns) }()
	outer := &http.Server{Handler: intercept(authority, conns)}
	return outer.Serve(l)
}

// intercept takes a CONNECT and hands the connection on with TLS on it.
func intercept(authority *lean.Authority, conns handOver) http.Handler {
	config := &tls.Config{
		NextProtos:     []string{"h2", "http/1.1"},
		GetCertificate: func(hello *tls.ClientHelloInfo) (*tls.Certificate, error) { return authority.Leaf(hello.ServerName) },
	}
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Method != http.MethodConnect {
			http.Error(w, "CONNECT only", http.StatusMethodNotAllowed)
			return
		}
		raw, _, err := http.NewResponseController(w).Hijack()
		if err != nil {
			return
		}
		if _, err := io.WriteString(raw, "HTTP/1.1 200 Connection established\r\n\r\n"); err != nil {
			_ = raw.Close()
			return
		}
		conns <- tls.Server(raw, config)
	})
}

// forward sends a request on as it came.
func forward(transport http.RoundTripper) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		out := new(http.Request)
		*out = *r
		u := *r.URL
		u.Scheme, u.Host = "https", r.Host
		out.URL, out.RequestURI = &u, ""
		out.Header.Del("Connection")
		resp, err := transport.RoundTrip(out)
		if err != nil {
			http.Error(w, err.Error(), http.StatusBadGateway)
			return
		}
		defer resp.Body.Close()
		resp.Header.Del("Connection")
		header := w.Header()
		for name, values := range resp.Header {
			header[name] = values
		}
		w.WriteHeader(resp.StatusCode)
		copyBody(w, resp.Body)
	})
}

// hashReplay is the least that a replay can be: a hash of the request and a map.
type hashReplay struct {
	answers map[[32]byte]*stored
}

type stored struct {
	header http.Header
	body   []byte
}

func newHashReplay(n int) *hashReplay {
	h := &hashReplay{answers: make(map[[32]byte]*stored, n)}
	for i := range n {
		a := &stored{header: http.Header{}, body: []byte(lean.Answer)}
		for k := 0; k < len(lean.AnswerHeader); k += 2 {
			a.header[lean.AnswerHeader[k]] = lean.AnswerHeader[k+1 : k+2]
		}
		a.header["Content-Length"] = []string{strconv.Itoa(len(a.body))}
		h.answers[hashOf(http.MethodPatch, lean.Host, lean.Target(i, false), []byte(lean.Body))] = a
	}
	return h
}

func hashOf(method, host, target string, body []byte) [32]byte {
	b := make([]byte, 0, 512)
	b = append(append(append(b, method...), host...), target...)
	return sha256.Sum256(append(b, body...))
}

func (h *hashReplay) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(r.Body)
	if err != nil {
		return
	}
	a := h.answers[hashOf(r.Method, r.Host, r.RequestURI, body)]
	if a == nil {
		http.Error(w, "no recording", http.StatusNotImplemented)
		return
	}
	header := w.Header()
	for name, values := range a.header {
		header[name] = values
	}
	_, _ = w.Write(a.body)
}
