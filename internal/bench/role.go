package main

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"flag"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"strings"
	"sync"
	"time"

	"github.com/graphwarden/graphwarden/internal/bench/lean"
)

// roles are what a process of this program can be. The harness starts itself once for each that it needs.
var roles = map[string]func(args []string) error{
	"origin":  runOrigin,
	"load":    runLoad,
	"minimal": runMinimal,
	"goproxy": runGoproxy,
	"warden":  runWarden,
}

// side are the flags that all proxies have in common.
type side struct {
	flags    *flag.FlagSet
	origin   *string
	originCA *string
	replay   *int
	profile  *string
}

func newSide(name string) *side {
	f := flag.NewFlagSet(name, flag.ContinueOnError)
	return &side{
		flags:    f,
		origin:   f.String("origin", "", "address of the origin"),
		originCA: f.String("origin-ca", "", "file with the origin's CA"),
		replay:   f.Int("replay", 0, "answer this many requests from memory"),
		profile:  f.String("profile", "", "start of the names of the profiles' files"),
	}
}

// transport leads to the origin whatever the request says, with as many idle connections as there are clients.
func (s *side) transport() (*http.Transport, error) {
	pem, err := os.ReadFile(*s.originCA)
	if err != nil {
		return nil, fmt.Errorf("read origin CA: %w", err)
	}
	pool := x509.NewCertPool()
	if !pool.AppendCertsFromPEM(pem) {
		return nil, errors.New("read origin CA: no certificate in it")
	}
	dialer := &net.Dialer{Timeout: 10 * time.Second}
	return &http.Transport{
		DialContext:     dialContext(dialer, *s.origin),
		TLSClientConfig: &tls.Config{RootCAs: pool}, ForceAttemptHTTP2: true, DisableCompression: true,
		MaxIdleConns: 1024, MaxIdleConnsPerHost: 512, IdleConnTimeout: 90 * time.Second,
	}, nil
}

// ready tells the harness where the process listens, in graphwarden's words, and ends the process with the harness.
func ready(l net.Listener) {
	fmt.Printf("listening on http://%s\n", l.Addr())
	go func() {
		_, _ = io.Copy(io.Discard, os.Stdin)
		os.Exit(0)
	}()
}

func runOrigin(args []string) error {
	f := flag.NewFlagSet("origin", flag.ContinueOnError)
	caFile := f.String("ca", "", "file to write the CA to")
	h2 := f.Bool("h2", false, "speak HTTP/2")
	if err := f.Parse(args); err != nil {
		return err
	}
	authority, err := lean.NewAuthority()
	if err != nil {
		return err
	}
	leaf, err := authority.Leaf(lean.Host)
	if err != nil {
		return err
	}
	if err := os.WriteFile(*caFile, authority.PEM(), 0o600); err != nil {
		return fmt.Errorf("write CA: %w", err)
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return err
	}
	ready(l)
	if !*h2 {
		return lean.Serve(l, *leaf)
	}
	server := &http.Server{Handler: lean.Handler(), TLSConfig: &tls.Config{Certificates: []tls.Certificate{*leaf}}}
	return server.ServeTLS(l, "", "")
}

// handOver is a listener whose connections come from CONNECT handlers.
type handOver chan net.Conn

func (h handOver) Accept() (net.Conn, error) { return <-h, nil }
func (h handOver) Close() error              { return nil }
func (h handOver) Addr() net.Addr            { return &net.TCPAddr{} }

var copyBuffers = sync.Pool{New: func() any { return new([16 << 10]byte) }}

func copyBody(w io.Writer, r io.Reader) {
	buf := copyBuffers.Get().(*[16 << 10]byte)
	defer copyBuffers.Put(buf)
	_, _ = io.CopyBuffer(struct{ io.Writer }{w}, r, buf[:])
}

func hostOnly(authority string) string {
	host, _, _ := strings.Cut(authority, ":")
	return host
}
