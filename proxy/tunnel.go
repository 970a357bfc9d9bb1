package proxy

import (
	"bufio"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/netip"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/graphwarden/graphwarden/internal/graph"
)

// tunnels keeps the open tunnels, so that a shutdown can end them.
type tunnels struct {
	idle time.Duration
	mu   sync.Mutex
	open map[*tunnelConn]struct{}
}

func (t *tunnels) add(c net.Conn) *tunnelConn {
	tc := &tunnelConn{Conn: c, idle: t.idle, onEnd: t.remove}
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.open == nil {
		t.open = make(map[*tunnelConn]struct{})
	}
	t.open[tc] = struct{}{}
	return tc
}

func (t *tunnels) remove(c *tunnelConn) {
	t.mu.Lock()
	defer t.mu.Unlock()
	delete(t.open, c)
}

func (t *tunnels) closeAll() {
	t.mu.Lock()
	open := make([]*tunnelConn, 0, len(t.open))
	for c := range t.open {
		open = append(open, c)
	}
	t.mu.Unlock()
	for _, c := range open {
		_ = c.Close()
	}
}

// errGraphInTunnel ends a tunnel in whose TLS greeting Graph is named: under another name or by its address a client would
// pass unjudged.
var errGraphInTunnel = errors.New("the tunnel's TLS greeting names a Graph host")

var errEndlessGreeting = errors.New("the tunnel's TLS greeting does not end")

// maxHeld is the most that is held of a greeting: its longest, in records of a reasonable size.
const maxHeld = 2 * maxGreeting

// guardedConn is the far end of a tunnel: before the client's first bytes leave, it looks whom they ask for. A TLS
// greeting is held until it is whole, however small the pieces it comes in.
type guardedConn struct {
	*tunnelConn
	hosts  graph.Hosts
	held   []byte
	need   int // nothing new is to be seen before so much is held
	looked bool
	log    func(sni string)
}

func (c *guardedConn) Write(p []byte) (int, error) {
	if c.looked {
		return c.tunnelConn.Write(p)
	}
	greeting := p
	if c.need > 0 {
		c.held = append(c.held, p...)
		greeting = c.held
	}
	if len(greeting) < c.need {
		return len(p), nil
	}
	name, need := serverName(greeting)
	switch _, isGraph := c.hosts.Cloud(strings.TrimSuffix(name, ".")); {
	case need > maxHeld:
		_ = c.Close()
		return 0, errEndlessGreeting
	case need > 0:
		if c.need == 0 {
			c.held = append(c.held, p...)
		}
		c.need = need
		return len(p), nil
	case isGraph && name != "":
		c.log(name)
		_ = c.Close()
		return 0, errGraphInTunnel
	}
	c.looked, c.held = true, nil
	if _, err := c.tunnelConn.Write(greeting); err != nil {
		return 0, err
	}
	return len(p), nil
}

// CloseWrite lets out what was held: half a greeting is the far end's to refuse.
func (c *guardedConn) CloseWrite() error {
	if held := c.held; len(held) > 0 {
		c.looked, c.held = true, nil
		if _, err := c.tunnelConn.Write(held); err != nil {
			return err
		}
	}
	return c.tunnelConn.CloseWrite()
}

// mayReach says why a host that is not Graph is not reached, or nothing. An address is known here; what a name stands
// for is seen when it is dialled.
func (f *front) mayReach(host, port string) string {
	if reason := f.tunnelRefused(); reason != "" {
		return reason
	}
	if _, err := netip.ParseAddr(host); err != nil {
		return ""
	}
	if err := mayDial(net.JoinHostPort(host, port), f.own.is); err != nil {
		return err.Error()
	}
	return ""
}

// tunnel hands a CONNECT to a host that is not Graph to goproxy, which dials and copies.
func (f *front) tunnel(w http.ResponseWriter, r *http.Request, host, port string) {
	if reason := f.mayReach(host, port); reason != "" {
		f.w.log.Warn("tunnel refused", "host", r.Host, "reason", reason)
		plainError(w, http.StatusForbidden, reason)
		return
	}
	f.w.log.Debug("tunnel", "host", r.Host)
	f.goproxy.ServeHTTP(keepEarlyBytes{w, &f.tunnels}, r)
}

// tunnelRefused says why hosts that are not Graph are not reached, or nothing.
func (f *front) tunnelRefused() string {
	switch {
	case f.w.origin == nil:
		return "graphwarden replays, and a replay never dials out; for a token use 'graphwarden token mint'"
	case f.w.settings.DenyOther:
		return "graphwarden was told to reach Graph alone (--other deny)"
	}
	return ""
}

// dialTunnel opens the far end of a tunnel for goproxy.
func (f *front) dialTunnel(r *http.Request, network, addr string) (net.Conn, error) {
	if f.dialer == nil {
		return refuseDial(r.Context(), network, addr)
	}
	conn, err := f.dialer.dial(r.Context(), network, addr)
	if err != nil {
		f.w.log.Warn("tunnel", "host", r.Host, "error", err)
		return nil, err
	}
	return &guardedConn{tunnelConn: f.tunnels.add(conn), hosts: f.w.hosts, log: func(sni string) {
		f.w.log.Warn("tunnel ended", "host", r.Host, "sni", sni, "reason", "Graph is named inside a tunnel to another host")
	}}, nil
}

// keepEarlyBytes wraps a ResponseWriter whose connection will be hijacked by somebody who forgets the bytes that were
// read too early, as goproxy does; and gives tunnels their idle end.
type keepEarlyBytes struct {
	http.ResponseWriter
	tunnels *tunnels
}

// Hijack takes the connection over with everything that was read from it.
func (k keepEarlyBytes) Hijack() (net.Conn, *bufio.ReadWriter, error) {
	conn, buffered, err := http.NewResponseController(k.ResponseWriter).Hijack()
	if err != nil {
		return nil, nil, fmt.Errorf("take connection over: %w", err)
	}
	_ = conn.SetDeadline(noDeadline)
	early, _ := buffered.Reader.Peek(buffered.Reader.Buffered())
	return k.tunnels.add(prefixed(conn, early)), buffered, nil
}

// splitAuthority parts host:port, with the port 443 where none is given, into its normal form. What a resolver or another
// proxy may take for a different host than we do is not ok: escapes, letters outside ASCII, empty labels.
func splitAuthority(authority string) (host string, port string, ok bool) {
	host, port, err := net.SplitHostPort(authority)
	if err != nil {
		host, port = strings.TrimSuffix(strings.TrimPrefix(authority, "["), "]"), "443"
		if literal := len(host) != len(authority); literal != strings.Contains(host, ":") {
			return "", "", false
		}
	}
	host = strings.TrimSuffix(strings.ToLower(host), ".")
	if n, err := strconv.ParseUint(port, 10, 16); err != nil || n == 0 {
		return "", "", false
	}
	if ip, err := netip.ParseAddr(host); err == nil {
		return host, port, ip.Zone() == ""
	}
	for i := range len(host) {
		if c := host[i]; (c < 'a' || c > 'z') && (c < '0' || c > '9') && c != '-' && c != '.' && c != '_' {
			return "", "", false
		}
	}
	empty := host == "" || host[0] == '.' || host[len(host)-1] == '.' || strings.Contains(host, "..")
	return host, port, !empty
}
