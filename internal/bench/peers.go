package main

import (
	"crypto/tls"
	"io"
	"log"
	"net"
	"net/http"
	"strings"
	"sync"

	"github.com/dnaeon/go-vcr/v2/recorder"
	"github.com/elazarl/goproxy"

	"github.com/graphwarden/graphwarden/internal/bench/lean"
)

// runGoproxy is goproxy's own interception at its best: an ECDSA CA, leaves that are kept, a tuned transport. With -vcr
// go-vcr's recorder answers behind it.
func runGoproxy(args []string) error {
	s := newSide("goproxy")
	vcr := s.flags.String("vcr", "", "go-vcr: record or replay")
	cassette := s.flags.String("cassette", "", "go-vcr's cassette, without its ending")
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
	g := goproxy.NewProxyHttpServer()
	g.Logger = log.New(io.Discard, "", 0)
	g.Tr = transport
	g.KeepAcceptEncoding = true
	g.AllowHTTP2 = true
	g.CertStore = &certStore{kept: map[string]*tls.Certificate{}}
	mitm := &goproxy.ConnectAction{Action: goproxy.ConnectMitm, TLSConfig: goproxy.TLSConfigFromCA(&authority.Root)}
	g.OnRequest().HandleConnectFunc(func(host string, _ *goproxy.ProxyCtx) (*goproxy.ConnectAction, string) { return mitm, host })
	if *vcr != "" {
		if err := behind(g, *vcr, *cassette, transport); err != nil {
			return err
		}
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return err
	}
	ready(l)
	go profileIfAsked(*s.profile)
	return http.Serve(l, g)
}

// behind puts go-vcr's recorder where goproxy would call its transport.
func behind(g *goproxy.ProxyHttpServer, mode, cassette string, transport http.RoundTripper) error {
	as := recorder.ModeRecording
	if mode == "replay" {
		as = recorder.ModeReplaying
	}
	r, err := recorder.NewAsMode(cassette, as, transport)
	if err != nil {
		return err
	}
	// A closed loop asks for each recording many times, at the speed of the recorder.
	r.SetReplayableInteractions(true)
	r.SkipRequestLatency = true
	answer := goproxy.RoundTripperFunc(func(req *http.Request, _ *goproxy.ProxyCtx) (*http.Response, error) {
		resp, err := r.RoundTrip(req)
		if resp != nil && as == recorder.ModeReplaying {
			// What go-vcr replays asks to close the connection, and shares its header with the cassette.
			resp.Close, resp.Header = false, resp.Header.Clone()
		}
		return resp, err
	})
	g.OnRequest().DoFunc(func(req *http.Request, ctx *goproxy.ProxyCtx) (*http.Request, *http.Response) {
		req.URL.Host = strings.TrimSuffix(req.URL.Host, ":443")
		ctx.RoundTripper = answer
		return req, nil
	})
	return nil
}

// certStore keeps the leaves that goproxy makes.
type certStore struct {
	mu   sync.Mutex
	kept map[string]*tls.Certificate
}

func (c *certStore) Fetch(host string, make func() (*tls.Certificate, error)) (*tls.Certificate, error) {
	host = hostOnly(host)
	c.mu.Lock()
	defer c.mu.Unlock()
	if leaf := c.kept[host]; leaf != nil {
		return leaf, nil
	}
	leaf, err := make()
	if err == nil {
		c.kept[host] = leaf
	}
	return leaf, err
}
