package proxy

import (
	"bytes"
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptrace"
	"net/textproto"
	"net/url"
	"os"
	"sync/atomic"
	"syscall"
	"time"

	"github.com/graphwarden/graphwarden/internal/wire"
)

// origin sends requests to Graph, or to what stands in for it: over HTTP/1.1, so that a connection that breaks takes one
// exchange with it and not all that are under way.
type origin struct {
	wire *wire.Client
	// transport takes what wire does not: long bodies, systems that wire does not know, and origins with HTTP/2 alone.
	transport *http.Transport
	// aside is set once wire has turned out not to reach the origin.
	aside  atomic.Bool
	dialer tunnelDialer
	base   *url.URL // nil: where the request says
}

// originIdle is how many connections are kept per host: as many as clients one machine is likely to run at once. The
// default of net/http, 2, makes every further client pay a handshake for each request.
const originIdle = 512

func newOrigin(s Settings, log *slog.Logger) (*origin, error) {
	upstream, err := upstreamProxy(s.UpstreamProxy)
	if err != nil {
		return nil, err
	}
	dialer := net.Dialer{Timeout: 10 * time.Second, KeepAlive: 30 * time.Second}
	t := &http.Transport{
		Proxy:                 upstream,
		DialContext:           dialer.DialContext,
		TLSClientConfig:       &tls.Config{MinVersion: tls.VersionTLS12},
		ForceAttemptHTTP2:     true,
		MaxIdleConns:          2 * originIdle,
		MaxIdleConnsPerHost:   originIdle,
		IdleConnTimeout:       90 * time.Second,
		TLSHandshakeTimeout:   10 * time.Second,
		ResponseHeaderTimeout: 2 * time.Minute,
		ExpectContinueTimeout: time.Second,
		// The client's own Accept-Encoding decides, and its bytes pass as they are.
		DisableCompression: true,
	}
	o := &origin{transport: t, dialer: tunnelDialer{direct: dialer, through: dialer}}
	o.wire = &wire.Client{Dial: o.dial, TLS: t.TLSClientConfig}
	if s.Origin == "" {
		return o, o.trust(s)
	}
	base, err := url.Parse(s.Origin)
	if err != nil || base.Host == "" || (base.Scheme != "https" && base.Scheme != "http") {
		return nil, fmt.Errorf("origin %q is not an http or https URL such as https://127.0.0.1:8443", s.Origin)
	}
	if base.Path != "" && base.Path != "/" || base.RawQuery != "" {
		return nil, fmt.Errorf("origin %q must end behind the host: paths are the request's", s.Origin)
	}
	o.base = base
	// A stand-in lives on this machine or beside it: never behind a corporate proxy.
	if s.UpstreamProxy == "" {
		t.Proxy = nil
	}
	log.Debug("origin", "url", base.Redacted())
	return o, o.trust(s)
}

// trust adds the origin's own certificates to the system's.
func (o *origin) trust(s Settings) error {
	pem := s.OriginCAPEM
	if s.OriginCA != "" {
		var err error
		if pem, err = os.ReadFile(s.OriginCA); err != nil {
			return fmt.Errorf("read origin CA: %w", err)
		}
	}
	if pem == nil {
		return nil
	}
	pool, err := x509.SystemCertPool()
	if err != nil {
		pool = x509.NewCertPool()
	}
	if !pool.AppendCertsFromPEM(pem) {
		return fmt.Errorf("read origin CA %s: no certificate in it", s.OriginCA)
	}
	o.transport.TLSClientConfig.RootCAs = pool
	return nil
}

// RoundTrip sends one request. Its errors say what failed and become refusals further up.
func (o *origin) RoundTrip(r *http.Request) (*http.Response, error) {
	if !o.aside.Load() && wire.Takes(r) && (r.URL.Scheme == "https" || o.transport.Proxy == nil) {
		resp, err := o.wire.RoundTrip(r)
		if !errors.Is(err, wire.ErrProtocol) {
			return resp, err
		}
		o.aside.Store(true) // nothing was sent
	}
	return o.transport.RoundTrip(forTransport(r))
}

// dial opens the way to the origin for wire, through an upstream proxy if there is to be one.
func (o *origin) dial(ctx context.Context, address string) (net.Conn, error) {
	if o.transport.Proxy == nil {
		return o.dialer.direct.DialContext(ctx, "tcp", address)
	}
	via, err := o.transport.Proxy(&http.Request{URL: &url.URL{Scheme: "https", Host: address}})
	switch {
	case err != nil:
		return nil, fmt.Errorf("choose upstream proxy: %w", err)
	case via == nil:
		return o.dialer.direct.DialContext(ctx, "tcp", address)
	case via.Scheme != "http":
		// SOCKS is the transport's to speak, and a connection below two layers of TLS cannot be asked whether it stands.
		return nil, fmt.Errorf("%w that goes through a proxy of %s", wire.ErrProtocol, via.Scheme)
	}
	return o.dialer.connect(ctx, via, address)
}

// forTransport is the request as net/http's client takes it.
func forTransport(r *http.Request) *http.Request {
	ctx := r.Context()
	if l := wire.ListenerOf(ctx); l != nil {
		ctx = httptrace.WithClientTrace(ctx, &httptrace.ClientTrace{Got1xxResponse: func(code int, fields textproto.MIMEHeader) error {
			l.Informed(code, http.Header(fields))
			return nil
		}})
	}
	out := r.WithContext(ctx)
	if _, ok := r.Header["User-Agent"]; !ok {
		// An empty value keeps net/http from adding one of its own.
		out.Header = r.Header.Clone()
		out.Header["User-Agent"] = []string{""}
	}
	if b, ok := r.Body.(*wire.Body); ok {
		out.Body = io.NopCloser(bytes.NewReader(b.Bytes()))
		// Lets the transport try again where it knows that nothing was written.
		out.GetBody = func() (io.ReadCloser, error) { return io.NopCloser(bytes.NewReader(b.Bytes())), nil }
	}
	return out
}

// address points the URL of a request that is written anew at the origin. Only where it is sent changes: the Host field
// stays Graph's.
func (o *origin) address(u *url.URL) {
	if o == nil || o.base == nil {
		return
	}
	u.Scheme, u.Host = o.base.Scheme, o.base.Host
}

// Close lets go of idle connections.
func (o *origin) Close() error {
	o.wire.Close()
	o.transport.CloseIdleConnections()
	return nil
}

// explainOrigin says in one sentence why the origin gave no answer, without addresses of the inner network.
func explainOrigin(err error) string {
	var (
		dns     *net.DNSError
		unknown x509.UnknownAuthorityError
		name    x509.HostnameError
		invalid x509.CertificateInvalidError
		netErr  net.Error
	)
	switch {
	case errors.As(err, &dns):
		return "the origin's name does not resolve: " + dns.Name + "; check the network and --upstream-proxy"
	case errors.As(err, &unknown):
		return "the origin's certificate is signed by an authority this machine does not trust; name it with --origin-ca"
	case errors.As(err, &name), errors.As(err, &invalid):
		return "the origin's certificate is not valid for its name or time"
	case errors.Is(err, syscall.ECONNREFUSED):
		return "the origin refused the connection; is it running?"
	case errors.Is(err, syscall.ECONNRESET):
		return "the origin closed the connection before it answered; whether it made the change is not known"
	case errors.Is(err, context.DeadlineExceeded), errors.As(err, &netErr) && netErr.Timeout():
		return "the origin did not answer in time; whether it made the change is not known"
	}
	return "the origin gave no answer; whether it made the change is not known"
}
