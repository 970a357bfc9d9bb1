package proxy

import (
	"bufio"
	"context"
	"crypto/tls"
	"encoding/base64"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"strings"
	"syscall"
	"time"

	"golang.org/x/net/http/httpproxy"
)

// upstreamProxy makes the choice of proxy that an http.Transport asks for: a URL, "none", or the environment's.
func upstreamProxy(setting string) (func(*http.Request) (*url.URL, error), error) {
	switch setting {
	case "none":
		return nil, nil
	case "":
		choose := httpproxy.FromEnvironment().ProxyFunc()
		return func(r *http.Request) (*url.URL, error) { return choose(r.URL) }, nil
	}
	u, err := url.Parse(setting)
	if err != nil || u.Host == "" || (u.Scheme != "http" && u.Scheme != "https") {
		return nil, errors.New("upstream proxy is not a URL such as http://user:password@proxy.example:3128")
	}
	return http.ProxyURL(u), nil
}

// tunnelDialer opens the far end of a tunnel, directly or through the upstream proxy.
type tunnelDialer struct {
	choose func(*http.Request) (*url.URL, error)
	direct net.Dialer
	// through reaches the upstream proxy, which may well live where tunnels may not go.
	through net.Dialer
}

func newTunnelDialer(setting string, own func(netip.AddrPort) bool) (*tunnelDialer, error) {
	choose, err := upstreamProxy(setting)
	if err != nil {
		return nil, err
	}
	guard := func(_, address string, _ syscall.RawConn) error { return mayDial(address, own) }
	return &tunnelDialer{
		choose:  choose,
		direct:  net.Dialer{Timeout: 10 * time.Second, KeepAlive: 30 * time.Second, Control: guard},
		through: net.Dialer{Timeout: 10 * time.Second, KeepAlive: 30 * time.Second},
	}, nil
}

// metadata are addresses that answer with the credentials of the machine they are asked from.
var metadata = []netip.Addr{
	netip.MustParseAddr("169.254.169.254"),
	netip.MustParseAddr("168.63.129.16"),
	netip.MustParseAddr("fd00:ec2::254"),
}

// mayDial refuses what a tunnel must not reach. It sees the address that is really dialled, after the name was resolved, so
// a name cannot change its mind in between.
func mayDial(address string, own func(netip.AddrPort) bool) error {
	ap, err := netip.ParseAddrPort(address)
	if err != nil {
		return fmt.Errorf("dial %s: not an address", address)
	}
	ip := ap.Addr().Unmap().WithZone("")
	if ip.IsLinkLocalUnicast() || ip.IsLinkLocalMulticast() || ip.IsMulticast() || ip.IsUnspecified() {
		return fmt.Errorf("dial %s: link-local addresses are not tunnelled to", address)
	}
	for _, m := range metadata {
		if ip == m {
			return fmt.Errorf("dial %s: metadata services are not tunnelled to", address)
		}
	}
	if own(netip.AddrPortFrom(ip, ap.Port())) {
		return fmt.Errorf("dial %s: that is this proxy itself", address)
	}
	return nil
}

// dial opens the far end of a tunnel to addr (host:port).
func (d *tunnelDialer) dial(ctx context.Context, network, addr string) (net.Conn, error) {
	if d.choose == nil {
		return d.direct.DialContext(ctx, network, addr)
	}
	via, err := d.choose(&http.Request{URL: &url.URL{Scheme: "https", Host: addr}})
	if err != nil {
		return nil, fmt.Errorf("choose upstream proxy: %w", err)
	}
	if via == nil {
		return d.direct.DialContext(ctx, network, addr)
	}
	return d.connect(ctx, via, addr)
}

// connect asks the upstream proxy for a tunnel (RFC 9110 section 9.3.6).
func (d *tunnelDialer) connect(ctx context.Context, via *url.URL, addr string) (_ net.Conn, err error) {
	ctx, cancel := context.WithTimeout(ctx, 20*time.Second)
	defer cancel()
	host := via.Host
	if via.Port() == "" {
		host = net.JoinHostPort(via.Hostname(), map[string]string{"http": "80", "https": "443"}[via.Scheme])
	}
	conn, err := d.through.DialContext(ctx, "tcp", host)
	if err != nil {
		return nil, fmt.Errorf("dial upstream proxy: %w", err)
	}
	defer func() {
		if err != nil {
			conn.Close()
		}
	}()
	if deadline, ok := ctx.Deadline(); ok {
		_ = conn.SetDeadline(deadline)
	}
	if via.Scheme == "https" {
		secure := tls.Client(conn, &tls.Config{ServerName: via.Hostname(), MinVersion: tls.VersionTLS12})
		if err := secure.HandshakeContext(ctx); err != nil {
			return nil, fmt.Errorf("handshake with upstream proxy: %w", err)
		}
		conn = secure
	}
	var ask strings.Builder
	fmt.Fprintf(&ask, "CONNECT %s HTTP/1.1\r\nHost: %s\r\n", addr, addr)
	if via.User != nil {
		password, _ := via.User.Password()
		credentials := base64.StdEncoding.EncodeToString([]byte(via.User.Username() + ":" + password))
		ask.WriteString("Proxy-Authorization: Basic " + credentials + "\r\n")
	}
	ask.WriteString("\r\n")
	if _, err := conn.Write([]byte(ask.String())); err != nil {
		return nil, fmt.Errorf("ask upstream proxy for a tunnel: %w", err)
	}
	br := bufio.NewReader(conn)
	resp, err := http.ReadResponse(br, &http.Request{Method: http.MethodConnect})
	if err != nil {
		return nil, fmt.Errorf("read upstream proxy's answer: %w", err)
	}
	if resp.StatusCode != http.StatusOK {
		return nil, fmt.Errorf("upstream proxy answered %s", resp.Status)
	}
	_ = conn.SetDeadline(time.Time{})
	early, _ := br.Peek(br.Buffered())
	return prefixed(conn, early), nil
}
