package proxy_test

import (
	"bufio"
	"crypto/tls"
	"encoding/base64"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"

	"github.com/graphwarden/graphwarden/proxy"
)

// upstream is a corporate proxy: it wants credentials and notes whom it was asked for.
type upstream struct {
	mu    sync.Mutex
	asked []string
	url   string
}

func newUpstream(t *testing.T, credentials string) *upstream {
	t.Helper()
	u := &upstream{}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = l.Close() })
	u.url = "http://" + credentials + "@" + l.Addr().String()
	go func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			go u.serve(c, "Basic "+base64.StdEncoding.EncodeToString([]byte(credentials)))
		}
	}()
	return u
}

func (u *upstream) serve(c net.Conn, want string) {
	defer c.Close()
	br := bufio.NewReader(c)
	r, err := http.ReadRequest(br)
	if err != nil {
		return
	}
	if r.Header.Get("Proxy-Authorization") != want {
		_, _ = io.WriteString(c, "HTTP/1.1 407 Proxy Authentication Required\r\nContent-Length: 0\r\n\r\n")
		return
	}
	u.mu.Lock()
	u.asked = append(u.asked, r.Method+" "+r.Host)
	u.mu.Unlock()
	far, err := net.Dial("tcp", r.Host)
	if err != nil {
		_, _ = io.WriteString(c, "HTTP/1.1 502 Bad Gateway\r\nContent-Length: 0\r\n\r\n")
		return
	}
	defer far.Close()
	_, _ = io.WriteString(c, "HTTP/1.1 200 OK\r\n\r\n")
	go func() { _, _ = io.Copy(far, br); _ = far.Close() }()
	_, _ = io.Copy(c, far)
}

func (u *upstream) list() string {
	u.mu.Lock()
	defer u.mu.Unlock()
	return strings.Join(u.asked, "; ")
}

func TestUpstreamProxyCarriesOriginAndTunnels(t *testing.T) {
	t.Parallel()
	origin := httptest.NewTLSServer(http.HandlerFunc(ok))
	t.Cleanup(origin.Close)
	site := httptest.NewTLSServer(http.HandlerFunc(ok))
	t.Cleanup(site.Close)
	up := newUpstream(t, "user:secret")
	settings := proxy.Settings{
		Origin: origin.URL, OriginCAPEM: pemOf(origin.Certificate().Raw), Enforce: proxy.EnforceOff, UpstreamProxy: up.url,
	}
	h := start(t, settings)
	if got := send(t, h.client(true), "GET", "https://graph.microsoft.com/v1.0/me", ""); got.status != 200 {
		t.Fatalf("origin: got %d %s", got.status, got.body)
	}
	authority := strings.TrimPrefix(site.URL, "https://")
	conn, _, resp := h.tunnelTo(authority, "")
	if resp.StatusCode != 200 {
		t.Fatalf("tunnel: got %d", resp.StatusCode)
	}
	if err := tls.Client(conn, &tls.Config{InsecureSkipVerify: true}).Handshake(); err != nil {
		t.Fatalf("handshake in the tunnel: %v", err)
	}
	want := "CONNECT " + strings.TrimPrefix(origin.URL, "https://") + "; CONNECT " + authority
	if got := up.list(); got != want {
		t.Errorf("the upstream proxy was asked for %q, want %q", got, want)
	}

	// With a wrong password neither goes on, and no answer tells it.
	settings.UpstreamProxy = strings.Replace(up.url, "secret", "other", 1)
	h = start(t, settings)
	if got := send(t, h.client(true), "GET", "https://graph.microsoft.com/v1.0/me", ""); got.status != 502 || strings.Contains(got.body, "other") {
		t.Errorf("origin, wrong password: got %d %s", got.status, got.body)
	}
	if _, _, resp := h.tunnelTo(authority, ""); resp.StatusCode == 200 {
		t.Error("tunnel, wrong password: got 200")
	}
}

func TestUpstreamCertificateIsVerified(t *testing.T) {
	t.Parallel()
	origin := httptest.NewTLSServer(http.HandlerFunc(ok))
	t.Cleanup(origin.Close)
	h := start(t, proxy.Settings{Origin: origin.URL, Enforce: proxy.EnforceOff})
	got := send(t, h.client(true), "GET", "https://graph.microsoft.com/v1.0/me", "")
	if got.status != 502 || !strings.Contains(got.body, "--origin-ca") {
		t.Errorf("untrusted origin: got %d %s", got.status, got.body)
	}
}

func TestTunnelsNeverReachTheProxyItselfOrMetadata(t *testing.T) {
	t.Parallel()
	h := withOrigin(t, proxy.Settings{}, ok)
	for _, authority := range []string{h.addr, "169.254.169.254:80", "168.63.129.16:80", "[fe80::1]:443", "0.0.0.0:80", "[::ffff:169.254.169.254]:80"} {
		if _, _, resp := h.tunnelTo(authority, ""); resp.StatusCode == 200 {
			t.Errorf("CONNECT %s: got 200, want a refusal", authority)
		}
	}
	if _, _, resp := h.tunnelTo(echoServer(t), ""); resp.StatusCode != 200 {
		t.Errorf("CONNECT to another port of this machine: got %d, want 200", resp.StatusCode)
	}
}
