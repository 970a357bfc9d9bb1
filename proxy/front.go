package proxy

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log"
	"log/slog"
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/elazarl/goproxy"

	"github.com/graphwarden/graphwarden/internal/ca"
	"github.com/graphwarden/graphwarden/internal/graph"
	"github.com/graphwarden/graphwarden/internal/wire"
)

// front is what clients connect to: the listening server, the interceptor behind it, and goproxy between the two.
type front struct {
	w       *Warden
	outer   *http.Server
	plain   *wire.Server // intercepted connections; what it does not take goes to inner
	inner   *http.Server
	accept  *handOver
	goproxy *goproxy.ProxyHttpServer
	dialer  *tunnelDialer
	tunnels tunnels
	own     ownAddresses
	ca      func() (*ca.Authority, error)
	start   sync.Once // of the inner server
	serving atomic.Bool
}

func newFront(w *Warden) (*front, error) {
	f := &front{w: w, accept: newHandOver()}
	f.ca = sync.OnceValues(func() (*ca.Authority, error) {
		dir := w.settings.CADir
		if dir == "" {
			var err error
			if dir, err = ca.DefaultDir(); err != nil {
				return nil, err
			}
		}
		authority, _, err := ca.Ensure(dir, w.hosts.Names())
		return authority, err
	})
	errorLog := log.New(connectionErrors{w.log}, "", 0)
	f.outer = &http.Server{
		Handler: http.HandlerFunc(f.serveOuter), ErrorLog: errorLog, MaxHeaderBytes: w.limits.HeaderBytes,
		ReadHeaderTimeout: w.limits.ReadHeader, ReadTimeout: w.limits.Read, WriteTimeout: w.limits.Write, IdleTimeout: w.limits.Idle,
		ConnContext: func(ctx context.Context, c net.Conn) context.Context { return withClient(ctx, client{}, c) },
	}
	f.inner = newInner(f, errorLog)
	f.plain = &wire.Server{
		Handler: http.HandlerFunc(f.serveInner), Rest: f.rest, ErrorLog: errorLog,
		HeaderBytes: w.limits.HeaderBytes, ReadHeader: w.limits.ReadHeader, Write: w.limits.Write, Idle: w.limits.Idle,
	}
	f.goproxy = f.newGoproxy()
	f.tunnels.idle = w.limits.TunnelIdle
	return f, f.openWayOut()
}

func (f *front) authority() (*ca.Authority, error) { return f.ca() }

// newGoproxy sets up the filter chain: requests to Graph go to our exchange, others to goproxy's transport.
func (f *front) newGoproxy() *goproxy.ProxyHttpServer {
	g := goproxy.NewProxyHttpServer()
	g.Logger = printfLogger{f.w.log}
	g.KeepAcceptEncoding = true
	// Both sides of goproxy's copying of headers are done here, once: requests are written anew, and answers' fields are
	// moved below.
	g.KeepHeader, g.KeepDestinationHeaders = true, true
	g.ConnectDial = nil
	g.ConnectDialWithReq = f.dialTunnel
	g.Tr = &http.Transport{DialContext: refuseDial}
	exchange := goproxy.RoundTripperFunc(func(r *http.Request, ctx *goproxy.ProxyCtx) (*http.Response, error) {
		in := ctx.UserData.(*incoming)
		around := r.Context()
		if f.w.origin != nil {
			in.informer.w = in.answer.ResponseWriter
			around = wire.WithListener(around, &in.informer)
			defer in.informer.stop()
		}
		resp, err := f.w.exchange(around, r, in.request)
		if errors.Is(err, errReset) {
			panic(http.ErrAbortHandler)
		}
		if resp != nil {
			in.moveHeader(resp)
		}
		return in.watched(resp, err)
	})
	pass := goproxy.RoundTripperFunc(func(r *http.Request, ctx *goproxy.ProxyCtx) (*http.Response, error) {
		return ctx.UserData.(*incoming).watched(g.Tr.RoundTrip(r))
	})
	g.OnRequest().DoFunc(func(r *http.Request, ctx *goproxy.ProxyCtx) (*http.Request, *http.Response) {
		in := r.Body.(*incoming)
		r.Body, r.URL = in.body, in.url
		ctx.UserData = in
		if in.other { // an absolute-form request to a host that is not Graph
			stripHopByHop(r.Header)
			r.RequestURI = "" // a client's request has none
			ctx.RoundTripper = pass
			return r, nil
		}
		ctx.RoundTripper = exchange
		var err error
		// Read here, before goproxy takes the request target and hop-by-hop fields away.
		if in.request, err = f.w.readRequest(r, in.conn); err != nil {
			return r, f.w.unread(r, err)
		}
		return r, nil
	})
	g.OnResponse().DoFunc(func(resp *http.Response, ctx *goproxy.ProxyCtx) *http.Response {
		if resp != nil {
			return resp
		}
		refusal := graph.Refuse(graph.OriginUnreachable, "%s", explainOrigin(ctx.Error))
		return refusal.Response(ctx.Req, graph.Meta{ID: graph.NewID(), Time: f.w.settings.Now()})
	})
	return g
}

// refuseDial is the dialer of a replay.
func refuseDial(_ context.Context, _, addr string) (net.Conn, error) {
	return nil, fmt.Errorf("dial %s: a replay never dials", addr)
}

// openWayOut makes the way to hosts that are not Graph. A replay has none.
func (f *front) openWayOut() error {
	if f.w.origin == nil {
		return nil
	}
	dialer, err := newTunnelDialer(f.w.settings.UpstreamProxy, f.own.is)
	if err != nil {
		return err
	}
	f.dialer = dialer
	f.goproxy.Tr = &http.Transport{
		Proxy: dialer.choose, DialContext: dialer.direct.DialContext, ForceAttemptHTTP2: true, DisableCompression: true,
		MaxIdleConnsPerHost: 32, IdleConnTimeout: 90 * time.Second, TLSHandshakeTimeout: 10 * time.Second,
		ResponseHeaderTimeout: 2 * time.Minute,
	}
	return nil
}

// incoming is one request on its way through goproxy's chain, and the body of its answer on the way back. Until the chain
// reaches us it stands in for the request's body, which spares a context and a second copy of the request.
type incoming struct {
	conn    graph.Connection
	url     *url.URL // of the request
	request *graph.Request
	other   bool // to a host that is not Graph
	answer  answerWriter
	body    io.ReadCloser // of the request, then of the answer
	broken  bool          // it ended before its end

	informer informer
}

// unread is the URL goproxy sees first: it prints the URL for a line of its log, whether or not the line is wanted.
var unread = &url.URL{Scheme: "https"}

// watched notes it when the body of an answer breaks off, which goproxy would pass on as the answer's end.
func (in *incoming) watched(resp *http.Response, err error) (*http.Response, error) {
	if err == nil && resp.Body != nil && resp.Body != http.NoBody {
		_, in.answer.atHand = resp.Body.(io.WriterTo)
		in.body, resp.Body = resp.Body, in
	}
	return resp, err
}

// Read implements io.Reader.
func (in *incoming) Read(p []byte) (int, error) {
	n, err := in.body.Read(p)
	if err != nil && err != io.EOF {
		in.broken = true
	}
	return n, err
}

// WriteTo implements io.WriterTo: what is in memory goes out from there, the rest through a shared buffer.
func (in *incoming) WriteTo(w io.Writer) (int64, error) {
	if b, ok := in.body.(io.WriterTo); ok {
		return b.WriteTo(w)
	}
	buf := copyBuffers.Get().(*[]byte)
	defer copyBuffers.Put(buf)
	var all int64
	for {
		n, err := in.Read(*buf)
		if n > 0 {
			written, err := w.Write((*buf)[:n])
			if all += int64(written); err != nil {
				return all, err
			}
		}
		if err == io.EOF {
			return all, nil
		}
		if err != nil {
			return all, err
		}
	}
}

// Close implements io.Closer.
func (in *incoming) Close() error { return in.body.Close() }

// moveHeader hands an answer's fields to the client's side as they are, where goproxy would copy each.
func (in *incoming) moveHeader(resp *http.Response) {
	header := in.answer.Header()
	for name, values := range resp.Header {
		header[name] = values
	}
	resp.Header, resp.Status = nil, "" // the status is goproxy's for a line of its log
}

// serveOuter answers what arrives on the listener: CONNECT, absolute-form requests, and those to the proxy itself.
func (f *front) serveOuter(w http.ResponseWriter, r *http.Request) {
	switch {
	case r.Method != http.MethodConnect && !r.URL.IsAbs():
		f.landing(w, r)
	case !f.admit(w, r):
	case r.Method == http.MethodConnect:
		f.connect(w, r)
	default:
		f.absolute(w, r)
	}
}

// absolute serves a request that names its host in the request line. Old axios sends https this way, in clear.
func (f *front) absolute(w http.ResponseWriter, r *http.Request) {
	host, port, ok := splitAuthority(r.URL.Host)
	if !ok || (r.URL.Scheme != "https" && r.URL.Scheme != "http") {
		plainError(w, http.StatusBadRequest, "the request line must name an http or https host")
		return
	}
	if _, graphHost := f.w.hosts.Cloud(host); !graphHost {
		if f.own.names(r.URL.Host) {
			f.landing(w, r)
			return
		}
		if r.URL.Scheme == "http" && r.URL.Port() == "" {
			port = "80"
		}
		if reason := f.mayReach(host, port); reason != "" {
			plainError(w, http.StatusForbidden, reason)
			return
		}
		f.through(w, r, &incoming{other: true})
		return
	}
	if r.URL.Scheme == "https" && port != "443" {
		plainError(w, http.StatusForbidden, graphPortOnly)
		return
	}
	client, _ := clientOf(r.Context())
	conn := graph.Connection{Client: client.addr, Session: proxyUser(r)}
	f.toGraph(w, r, conn)
}

// toGraph sends a request to a Graph host through goproxy's chain to our exchange.
func (f *front) toGraph(w http.ResponseWriter, r *http.Request, conn graph.Connection) {
	f.through(w, r, &incoming{conn: conn})
}

// through sends a request through goproxy's chain. Where the answer breaks off, so does the client's: half of one must not
// look like a whole one.
func (f *front) through(w http.ResponseWriter, r *http.Request, in *incoming) {
	in.answer.ResponseWriter = w
	defer in.answer.finish()
	in.url, in.body = r.URL, r.Body
	r.URL, r.Body = unread, in
	f.goproxy.ServeHTTP(&in.answer, r)
	if in.broken {
		panic(http.ErrAbortHandler)
	}
}

// ownAddresses are the addresses the proxy listens on, so that it is never pointed at itself.
type ownAddresses struct {
	mu    sync.RWMutex
	addrs []netip.AddrPort
}

func (o *ownAddresses) add(a net.Addr) {
	tcp, ok := a.(*net.TCPAddr)
	if !ok {
		return
	}
	o.mu.Lock()
	defer o.mu.Unlock()
	ap := tcp.AddrPort()
	o.addrs = append(o.addrs, netip.AddrPortFrom(ap.Addr().Unmap(), ap.Port()))
}

func (o *ownAddresses) is(a netip.AddrPort) bool {
	o.mu.RLock()
	defer o.mu.RUnlock()
	for _, own := range o.addrs {
		if own.Port() != a.Port() {
			continue
		}
		if own.Addr() == a.Addr() || own.Addr().IsUnspecified() && isLocal(a.Addr()) {
			return true
		}
	}
	return false
}

// first is the address to show to people, empty before the proxy listens.
func (o *ownAddresses) first() string {
	o.mu.RLock()
	defer o.mu.RUnlock()
	if len(o.addrs) == 0 {
		return ""
	}
	return o.addrs[0].String()
}

// names says whether an authority written as text is the proxy's own.
func (o *ownAddresses) names(authority string) bool {
	host, port, err := net.SplitHostPort(authority)
	if err != nil {
		host, port = authority, "80"
	}
	if host == "localhost" {
		host = "127.0.0.1"
	}
	ap, err := netip.ParseAddrPort(net.JoinHostPort(strings.Trim(host, "[]"), port))
	return err == nil && o.is(ap)
}

func isLocal(a netip.Addr) bool {
	if a.IsLoopback() {
		return true
	}
	addrs, err := net.InterfaceAddrs()
	if err != nil {
		return true
	}
	for _, ia := range addrs {
		if n, ok := ia.(*net.IPNet); ok {
			if ip, ok := netip.AddrFromSlice(n.IP); ok && ip.Unmap() == a {
				return true
			}
		}
	}
	return false
}

// printfLogger gives goproxy's lines to slog, at a level that does not flood.
type printfLogger struct{ log *slog.Logger }

func (l printfLogger) Printf(format string, v ...any) {
	l.log.Debug("goproxy", "line", strings.TrimSpace(fmt.Sprintf(format, v...)))
}
