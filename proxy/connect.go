package proxy

import (
	"context"
	"fmt"
	"log"
	"log/slog"
	"net"
	"net/http"
	"strconv"
	"strings"
	"sync"

	"crypto/tls"

	"github.com/graphwarden/graphwarden/internal/graph"
	"github.com/graphwarden/graphwarden/internal/wire"
)

const graphPortOnly = "Graph is reached through port 443 only"

// connect answers a CONNECT: to Graph the connection is intercepted, to any other host it becomes a tunnel.
func (f *front) connect(w http.ResponseWriter, r *http.Request) {
	host, port, ok := splitAuthority(r.Host)
	if !ok || r.URL.Host != r.Host || r.URL.User != nil || r.URL.Path != "" || r.URL.RawQuery != "" {
		plainError(w, http.StatusBadRequest, "CONNECT must name host:port and nothing else")
		return
	}
	if _, graphHost := f.w.hosts.Cloud(host); !graphHost {
		if r.URL.Port() == "" { // RFC 9110 section 9.3.6
			plainError(w, http.StatusBadRequest, "CONNECT must name a port")
			return
		}
		f.tunnel(w, r, host, port)
		return
	}
	if port != "443" {
		plainError(w, http.StatusForbidden, graphPortOnly)
		return
	}
	authority, err := f.authority()
	if err != nil {
		f.w.log.Error("certificate authority", "error", err)
		plainError(w, http.StatusInternalServerError, "graphwarden has no certificate authority: "+err.Error())
		return
	}
	f.intercept(w, r, host, authority.ServerConfig(host))
}

// intercept opens TLS with the client in Graph's name and hands the connection to the inner server.
func (f *front) intercept(w http.ResponseWriter, r *http.Request, host string, config *tls.Config) {
	session := proxyUser(r)
	raw, buffered, err := http.NewResponseController(w).Hijack()
	if err != nil {
		plainError(w, http.StatusInternalServerError, "the connection cannot be taken over")
		return
	}
	early := make([]byte, buffered.Reader.Buffered())
	_, _ = buffered.Reader.Read(early)
	from, _, _ := net.SplitHostPort(raw.RemoteAddr().String())
	conn := &interceptedConn{Conn: prefixed(raw, early), host: host, port: 443, client: from, session: session}
	if _, err := raw.Write([]byte("HTTP/1.1 200 Connection established\r\n\r\n")); err != nil {
		_ = raw.Close()
		return
	}
	// A deadline of the outer server must not fire inside the tunnel.
	_ = raw.SetDeadline(noDeadline)
	go f.plain.Serve(withClient(context.Background(), client{conn: conn}, raw), tls.Server(conn, config))
}

// rest takes the connections on which more than plain requests are to be expected.
func (f *front) rest(c net.Conn) {
	if !f.accept.give(c) {
		_ = c.Close()
	}
}

// newInner is the server that intercepted connections are handed to.
func newInner(f *front, errorLog *log.Logger) *http.Server {
	return &http.Server{
		Handler: http.HandlerFunc(f.serveInner), ErrorLog: errorLog, MaxHeaderBytes: f.w.limits.HeaderBytes,
		ReadHeaderTimeout: f.w.limits.ReadHeader, ReadTimeout: f.w.limits.Read, WriteTimeout: f.w.limits.Write, IdleTimeout: f.w.limits.Idle,
		// Only the protocols matter here: the certificate comes with each connection.
		TLSConfig: &tls.Config{NextProtos: []string{"h2", "http/1.1"}, MinVersion: tls.VersionTLS12},
		HTTP2:     &http.HTTP2Config{MaxConcurrentStreams: f.w.limits.Streams},
		ConnContext: func(ctx context.Context, c net.Conn) context.Context {
			switch t := c.(type) {
			case *tls.Conn:
				conn, _ := t.NetConn().(*interceptedConn)
				return withClient(ctx, client{conn: conn}, c)
			case *wire.Resumed: // which net/http does not know for TLS
				conn, _ := t.NetConn().(*interceptedConn)
				return withClient(ctx, client{conn: conn, sni: t.ConnectionState().ServerName}, c)
			}
			return ctx
		},
	}
}

// serveInner serves a request inside an intercepted connection.
func (f *front) serveInner(w http.ResponseWriter, r *http.Request) {
	client, ok := clientOf(r.Context())
	if !ok || client.conn == nil {
		plainError(w, http.StatusInternalServerError, "the connection is not known")
		return
	}
	if r.Method == http.MethodConnect {
		// A tunnel from in here would be opened past the checks of the one door.
		w.Header().Set("Connection", "close")
		plainError(w, http.StatusMethodNotAllowed, "a CONNECT inside of a CONNECT")
		return
	}
	if length := r.Header.Get("Content-Length"); r.ProtoMajor == 2 && r.ContentLength == 0 && length != "" && length != "0" {
		// Over HTTP/2 net/http compares the length with the body only where there is one (RFC 9113 section 8.1.1).
		plainError(w, http.StatusBadRequest, "a length is announced and no body follows")
		return
	}
	conn := graph.Connection{
		ConnectHost: client.conn.host, ConnectPort: client.conn.port, Client: client.conn.client, Session: client.conn.session,
	}
	if conn.SNI = client.sni; r.TLS != nil {
		conn.SNI = r.TLS.ServerName
	}
	if r.URL.Host == "" {
		r.URL.Scheme, r.URL.Host = "https", r.Host
	}
	if !r.URL.IsAbs() {
		r.URL.Scheme = "https"
	}
	f.toGraph(w, r, conn)
}

// client is what is known of the connection a request came on.
type client struct {
	addr string
	conn *interceptedConn // nil outside an intercepted connection
	sni  string           // where the request does not say it
}

type clientKey struct{}

func withClient(ctx context.Context, who client, c net.Conn) context.Context {
	who.addr, _, _ = net.SplitHostPort(c.RemoteAddr().String())
	return context.WithValue(ctx, clientKey{}, who)
}

func clientOf(ctx context.Context) (client, bool) {
	c, ok := ctx.Value(clientKey{}).(client)
	return c, ok
}

// proxyUser is the user part of the proxy's credentials, which names a session.
func proxyUser(r *http.Request) string {
	user, _ := proxyCredentials(r)
	return user
}

// handOver is a listener whose connections come from CONNECT handlers.
type handOver struct {
	conns chan net.Conn
	done  chan struct{}
	once  sync.Once
}

func newHandOver() *handOver {
	return &handOver{conns: make(chan net.Conn), done: make(chan struct{})}
}

// give hands a connection to the server that accepts; false once it no longer does.
func (h *handOver) give(c net.Conn) bool {
	select {
	case h.conns <- c:
		return true
	case <-h.done:
		return false
	}
}

func (h *handOver) Accept() (net.Conn, error) {
	select {
	case c := <-h.conns:
		return c, nil
	case <-h.done:
		return nil, net.ErrClosed
	}
}

// Close makes Accept return, without which a graceful shutdown would wait for ever.
func (h *handOver) Close() error {
	h.once.Do(func() { close(h.done) })
	return nil
}

func (h *handOver) Addr() net.Addr { return &net.TCPAddr{IP: net.IPv4(127, 0, 0, 1)} }

// connectionErrors takes net/http's lines about single connections. A client that does not trust the CA is the one a person
// needs to hear of.
type connectionErrors struct{ log *slog.Logger }

func (c connectionErrors) Write(p []byte) (int, error) {
	line := strings.TrimSpace(string(p))
	if strings.Contains(line, "unknown certificate") || strings.Contains(line, "bad certificate") {
		c.log.Warn("a client does not trust graphwarden's CA", "hint", "run it with 'graphwarden run -- CMD' or trust the file that 'graphwarden ca path' prints")
		return len(p), nil
	}
	c.log.Debug("connection", "line", line)
	return len(p), nil
}

func plainError(w http.ResponseWriter, status int, message string) {
	w.Header().Set("Content-Type", "text/plain; charset=utf-8")
	w.Header().Set("Cache-Control", "no-store")
	w.Header().Set("Content-Length", strconv.Itoa(len(message)+len("graphwarden: \n")))
	w.WriteHeader(status)
	fmt.Fprintf(w, "graphwarden: %s\n", message)
}
