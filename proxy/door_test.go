package proxy_test

import (
	"bufio"
	"errors"
	"io"
	"net"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/graphwarden/graphwarden/proxy"
)

func TestConnectionsOverTheLimitAreShedAndRecover(t *testing.T) {
	t.Parallel()
	h := withOrigin(t, proxy.Settings{Limits: proxy.Limits{Connections: 2}}, ok)
	var held []net.Conn
	for range 2 {
		conn, _, _ := h.tunnelTo("graph.microsoft.com:443", "")
		held = append(held, conn)
	}
	conn, err := net.Dial("tcp", h.addr)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	_ = conn.SetDeadline(time.Now().Add(5 * time.Second))
	resp, err := http.ReadResponse(bufio.NewReader(conn), nil)
	if err != nil || resp.StatusCode != 503 {
		t.Fatalf("third connection: got %v, %v, want 503", resp, err)
	}
	if b, err := io.ReadAll(resp.Body); err != nil || !strings.Contains(string(b), "too many connections") {
		t.Errorf("third connection: got %q, %v", b, err)
	}
	for _, c := range held {
		_ = c.Close()
	}
	// Their places are free as soon as the proxy has seen them go.
	deadline := time.Now().Add(5 * time.Second)
	for {
		c, err := net.Dial("tcp", h.addr)
		if err != nil {
			t.Fatal(err)
		}
		_ = c.SetDeadline(time.Now().Add(time.Second))
		_, _ = io.WriteString(c, "GET /healthz HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
		resp, err := http.ReadResponse(bufio.NewReader(c), nil)
		_ = c.Close()
		if err == nil && resp.StatusCode == 200 {
			return
		}
		if time.Now().After(deadline) {
			t.Fatalf("after closing: got %v, %v, want 200", resp, err)
		}
	}
}

func TestProxyPassword(t *testing.T) {
	t.Parallel()
	h := withOrigin(t, proxy.Settings{ProxyPassword: "open sesame"}, ok)
	for _, tc := range []struct {
		name string
		user *url.Userinfo
		want int
	}{
		{"none", nil, 407},
		{"wrong", url.UserPassword("test", "open"), 407},
		{"right", url.UserPassword("test", "open sesame"), 200},
		{"right, another session", url.UserPassword("other", "open sesame"), 200},
	} {
		conn, err := net.Dial("tcp", h.addr)
		if err != nil {
			t.Fatal(err)
		}
		r, _ := http.NewRequest("GET", "https://graph.microsoft.com/v1.0/me", nil)
		if tc.user != nil {
			password, _ := tc.user.Password()
			r.SetBasicAuth(tc.user.Username(), password)
			r.Header["Proxy-Authorization"] = r.Header["Authorization"]
			r.Header.Del("Authorization")
		}
		if err := r.WriteProxy(conn); err != nil {
			t.Fatal(err)
		}
		resp, err := http.ReadResponse(bufio.NewReader(conn), r)
		if err != nil || resp.StatusCode != tc.want {
			t.Errorf("%s: got %v, %v, want %d", tc.name, resp, err, tc.want)
		}
		_ = conn.Close()
	}
}

func TestOtherMachinesNeedThePassword(t *testing.T) {
	t.Parallel()
	for password, refused := range map[string]bool{"": true, "open sesame": false} {
		w, err := proxy.Open(t.Context(), proxy.Settings{Enforce: proxy.EnforceOff, CADir: t.TempDir() + "/ca", ProxyPassword: password, UpstreamProxy: "none"})
		if err != nil {
			t.Fatal(err)
		}
		l, err := net.Listen("tcp", "0.0.0.0:0")
		if err != nil {
			t.Fatal(err)
		}
		served := make(chan error, 1)
		go func() { served <- w.Serve(l) }()
		if refused {
			if err := <-served; !errors.Is(err, proxy.ErrNeedsPassword) {
				t.Errorf("no password: got %v, want %v", err, proxy.ErrNeedsPassword)
			}
			_ = l.Close()
		}
		if err := w.Close(); err != nil {
			t.Error(err)
		}
		if !refused {
			if err := <-served; err != nil {
				t.Errorf("with a password: %v", err)
			}
		}
	}
}
