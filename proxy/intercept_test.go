package proxy_test

import (
	"bufio"
	"bytes"
	"context"
	"crypto/tls"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/graphwarden/graphwarden/proxy"
)

func ok(w http.ResponseWriter, r *http.Request) {
	w.Header().Set("Content-Type", "application/json")
	_, _ = io.WriteString(w, `{"ok":true}`)
}

func TestBothProtocolsReachTheOrigin(t *testing.T) {
	t.Parallel()
	h, _ := withStandin(t, proxy.Settings{})
	for _, http1 := range []bool{true, false} {
		got := send(t, h.client(http1), "PATCH", poolURL, groupBody, "Authorization", granted)
		want := map[bool]string{true: "HTTP/1.1", false: "HTTP/2.0"}[http1]
		if got.status != 200 || got.proto != want {
			t.Errorf("http1 %v: got %d over %s, want 200 over %s: %s", http1, got.status, got.proto, want, got.body)
		}
	}
}

func TestPanicOfAnObserverLeavesTheProxyStanding(t *testing.T) {
	t.Parallel()
	var once atomic.Bool
	h := withOrigin(t, proxy.Settings{Observe: func(proxy.Exchange) {
		if !once.Swap(true) {
			panic("observer")
		}
	}}, ok)
	c := h.client(true)
	if got := send(t, c, "GET", "https://graph.microsoft.com/v1.0/me", ""); got.status != 500 || got.code() != "InternalError" {
		t.Errorf("during the panic: got %d %s, want 500 InternalError", got.status, got.code())
	}
	if got := send(t, c, "GET", "https://graph.microsoft.com/v1.0/me", ""); got.status != 200 {
		t.Errorf("after the panic: got %d, want 200", got.status)
	}
}

func TestShutdownWaitsForOpenExchanges(t *testing.T) {
	t.Parallel()
	entered, release := make(chan struct{}), make(chan struct{})
	h := withOrigin(t, proxy.Settings{}, func(w http.ResponseWriter, r *http.Request) {
		close(entered)
		<-release
		ok(w, r)
	})
	result := make(chan int, 1)
	go func() { result <- send(t, h.client(true), "GET", "https://graph.microsoft.com/v1.0/me", "").status }()
	<-entered
	down := make(chan error, 1)
	go func() {
		ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
		defer cancel()
		down <- h.warden.Shutdown(ctx)
	}()
	select {
	case err := <-down:
		t.Fatalf("shutdown returned (%v) with an exchange open", err)
	case <-time.After(100 * time.Millisecond):
	}
	close(release)
	if status := <-result; status != 200 {
		t.Errorf("open exchange: got %d, want 200", status)
	}
	if err := <-down; err != nil {
		t.Errorf("shutdown: %v", err)
	}
}

func TestSilentClientIsDropped(t *testing.T) {
	t.Parallel()
	h := withOrigin(t, proxy.Settings{Limits: proxy.Limits{ReadHeader: 100 * time.Millisecond, Idle: 100 * time.Millisecond}}, ok)
	_, br, _ := h.tunnelTo("graph.microsoft.com:443", "")
	if _, err := br.ReadByte(); err == nil {
		t.Error("before TLS: the connection is open, want it closed")
	}
	conn, _, _ := h.tunnelTo("graph.microsoft.com:443", "")
	c := h.secure(conn, "graph.microsoft.com")
	if _, err := c.Read(make([]byte, 1)); err == nil {
		t.Error("after TLS: the connection is open, want it closed")
	}
}

func TestHeaderLimit(t *testing.T) {
	t.Parallel()
	h := withOrigin(t, proxy.Settings{Limits: proxy.Limits{HeaderBytes: 8 << 10}}, ok)
	huge := "GET /v1.0/me HTTP/1.1\r\nHost: graph.microsoft.com\r\nX-Big: " + strings.Repeat("a", 64<<10) + "\r\n\r\n"
	if resp := h.raw(huge); resp.StatusCode != 431 {
		t.Errorf("64 KiB of header: got %d, want 431", resp.StatusCode)
	}
	small := "GET /v1.0/me HTTP/1.1\r\nHost: graph.microsoft.com\r\nX-Big: " + strings.Repeat("a", 4<<10) + "\r\n\r\n"
	if resp := h.raw(small); resp.StatusCode != 200 {
		t.Errorf("4 KiB of header: got %d, want 200", resp.StatusCode)
	}
}

func TestAuthoritiesMustAgree(t *testing.T) {
	t.Parallel()
	var reached atomic.Int64
	h := withOrigin(t, proxy.Settings{}, counting(&reached, ok))
	for _, tc := range []struct {
		name, line, host string
		want             int
	}{
		{"the same", "/v1.0/me", "graph.microsoft.com", 200},
		{"with its port", "/v1.0/me", "graph.microsoft.com:443", 200},
		{"in other case", "/v1.0/me", "GRAPH.microsoft.com", 200},
		{"another host", "/v1.0/me", "evil.example", 421},
		{"another Graph", "/v1.0/me", "graph.microsoft.us", 421},
		{"another port", "/v1.0/me", "graph.microsoft.com:8443", 421},
		{"a user before another host", "/v1.0/me", "graph.microsoft.com@evil.example", 400},
		{"a path in the host", "/v1.0/me", "evil.example/x?y=", 400},
		{"an absolute line to another host", "https://evil.example/v1.0/me", "graph.microsoft.com", 421},
		{"an absolute line to the same", "https://graph.microsoft.com/v1.0/me", "graph.microsoft.com", 200},
	} {
		before := reached.Load()
		resp := h.raw("GET " + tc.line + " HTTP/1.1\r\nHost: " + tc.host + "\r\n\r\n")
		if resp.StatusCode != tc.want {
			t.Errorf("%s: got %d, want %d", tc.name, resp.StatusCode, tc.want)
		}
		if got := reached.Load() - before; (got == 1) != (tc.want == 200) {
			t.Errorf("%s: %d requests reached the origin", tc.name, got)
		}
	}
}

func TestServerNameMustAgree(t *testing.T) {
	t.Parallel()
	h := withOrigin(t, proxy.Settings{}, ok)
	conn, _, _ := h.tunnelTo("graph.microsoft.com:443", "")
	c := h.secure(conn, "graph.microsoft.us")
	_, _ = io.WriteString(c, "GET /v1.0/me HTTP/1.1\r\nHost: graph.microsoft.com\r\n\r\n")
	resp, err := http.ReadResponse(bufio.NewReader(c), nil)
	if err != nil || resp.StatusCode != 421 {
		t.Errorf("SNI of another cloud: got %v, %v, want 421", resp, err)
	}
}

func TestPlainHTTPInsideConnectIsRefused(t *testing.T) {
	t.Parallel()
	var reached atomic.Int64
	h := withOrigin(t, proxy.Settings{}, counting(&reached, ok))
	conn, br, _ := h.tunnelTo("graph.microsoft.com:443", "")
	_, _ = io.WriteString(conn, "GET /v1.0/me HTTP/1.1\r\nHost: graph.microsoft.com\r\n\r\n")
	resp, err := http.ReadResponse(br, nil)
	if err == nil && resp.StatusCode < 400 {
		t.Errorf("got %d, want an error", resp.StatusCode)
	}
	if reached.Load() != 0 {
		t.Error("the request reached the origin")
	}
}

func TestConnectElsewhereOnGraphIsRefused(t *testing.T) {
	t.Parallel()
	h := withOrigin(t, proxy.Settings{}, ok)
	for authority, want := range map[string]int{
		"graph.microsoft.com:443": 200, "graph.microsoft.com": 200, "GRAPH.MICROSOFT.COM.:443": 200,
		"graph.microsoft.com:80": 403, "graph.microsoft.com:8443": 403,
	} {
		if _, _, resp := h.tunnelTo(authority, ""); resp.StatusCode != want {
			t.Errorf("CONNECT %s: got %d, want %d", authority, resp.StatusCode, want)
		}
	}
}

func TestUnreachableOriginIsAnAnswer(t *testing.T) {
	t.Parallel()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	dead := l.Addr().String()
	_ = l.Close()
	h := start(t, proxy.Settings{Origin: "https://" + dead, Enforce: proxy.EnforceOff})
	c := h.client(true)
	for range 2 {
		got := send(t, c, "GET", "https://graph.microsoft.com/v1.0/me", "")
		if got.status != 502 || got.code() != "OriginUnreachable" || strings.Contains(got.body, dead) {
			t.Errorf("got %d %s, want 502 OriginUnreachable without an address", got.status, got.body)
		}
	}
}

func TestExpectContinueIsAnswered(t *testing.T) {
	t.Parallel()
	h := withOrigin(t, proxy.Settings{}, func(w http.ResponseWriter, r *http.Request) { _, _ = io.Copy(w, r.Body) })
	conn, _, _ := h.tunnelTo("graph.microsoft.com:443", "")
	c := h.secure(conn, "graph.microsoft.com")
	_, _ = io.WriteString(c, "POST /v1.0/x HTTP/1.1\r\nHost: graph.microsoft.com\r\nContent-Type: application/json\r\nContent-Length: 2\r\nExpect: 100-continue\r\n\r\n")
	br := bufio.NewReader(c)
	resp, err := http.ReadResponse(br, nil)
	if err != nil || resp.StatusCode != 100 {
		t.Fatalf("got %v, %v, want 100", resp, err)
	}
	_, _ = io.WriteString(c, "{}")
	if resp, err = http.ReadResponse(br, nil); err != nil || resp.StatusCode != 200 {
		t.Errorf("got %v, %v, want 200", resp, err)
	}
}

func TestConnectionCloseCloses(t *testing.T) {
	t.Parallel()
	h := withOrigin(t, proxy.Settings{}, ok)
	for _, head := range []string{
		"GET /v1.0/me HTTP/1.1\r\nHost: graph.microsoft.com\r\nConnection: close\r\n\r\n",
		"GET /v1.0/me HTTP/1.0\r\nHost: graph.microsoft.com\r\n\r\n",
	} {
		conn, _, _ := h.tunnelTo("graph.microsoft.com:443", "")
		c := h.secure(conn, "graph.microsoft.com")
		_, _ = io.WriteString(c, head)
		if b, err := io.ReadAll(c); err != nil || !bytes.Contains(b, []byte(`{"ok":true}`)) {
			t.Errorf("%q: got %q, %v, want an answer and the end", head, b, err)
		}
	}
}

func TestClientGoneCancelsTheOrigin(t *testing.T) {
	t.Parallel()
	entered, cancelled := make(chan struct{}), make(chan struct{})
	h := withOrigin(t, proxy.Settings{}, func(w http.ResponseWriter, r *http.Request) {
		close(entered)
		select {
		case <-r.Context().Done():
			close(cancelled)
		case <-time.After(10 * time.Second):
		}
	})
	conn, _, _ := h.tunnelTo("graph.microsoft.com:443", "")
	c := h.secure(conn, "graph.microsoft.com")
	_, _ = io.WriteString(c, "GET /v1.0/me HTTP/1.1\r\nHost: graph.microsoft.com\r\n\r\n")
	<-entered
	_ = conn.Close()
	select {
	case <-cancelled:
	case <-time.After(5 * time.Second):
		t.Error("the origin's request goes on, want it cancelled")
	}
}

func TestLargeUploadIsCutShort(t *testing.T) {
	t.Parallel()
	var reached atomic.Int64
	h := withOrigin(t, proxy.Settings{}, counting(&reached, ok))
	conn, _, _ := h.tunnelTo("graph.microsoft.com:443", "")
	c := h.secure(conn, "graph.microsoft.com")
	const announced = 1 << 30
	fmt.Fprintf(c, "PATCH %s HTTP/1.1\r\nHost: graph.microsoft.com\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n", poolPath, announced)
	sent, chunk := 0, make([]byte, 64<<10)
	go func() {
		for sent < announced {
			n, err := c.Write(chunk)
			sent += n
			if err != nil {
				return
			}
		}
	}()
	resp, err := http.ReadResponse(bufio.NewReader(c), nil)
	if err != nil || resp.StatusCode != 413 {
		t.Fatalf("got %v, %v, want 413", resp, err)
	}
	_, _ = io.Copy(io.Discard, c)
	_ = conn.Close()
	if reached.Load() != 0 {
		t.Error("the upload reached the origin")
	}
}

func TestBytesSentWithTheConnectAreKept(t *testing.T) {
	t.Parallel()
	h := withOrigin(t, proxy.Settings{}, ok)
	t.Run("intercepted", func(t *testing.T) {
		// The greeting is written together with the CONNECT by a connection that delays its first write.
		conn, err := net.Dial("tcp", h.addr)
		if err != nil {
			t.Fatal(err)
		}
		defer conn.Close()
		eager := &eagerConn{Conn: conn, first: []byte("CONNECT graph.microsoft.com:443 HTTP/1.1\r\nHost: graph.microsoft.com:443\r\n\r\n")}
		c := tls.Client(eager, &tls.Config{ServerName: "graph.microsoft.com", RootCAs: h.roots})
		_ = conn.SetDeadline(time.Now().Add(10 * time.Second))
		if err := c.Handshake(); err != nil {
			t.Fatalf("handshake: %v", err)
		}
	})
	t.Run("tunnelled", func(t *testing.T) {
		echo := echoServer(t)
		_, br, resp := h.tunnelTo(echo, "hello\n")
		if resp.StatusCode != 200 {
			t.Fatalf("CONNECT: %d", resp.StatusCode)
		}
		if line, err := br.ReadString('\n'); err != nil || line != "hello\n" {
			t.Errorf("got %q, %v, want the line back", line, err)
		}
	})
}

// eagerConn sends first together with the first write, and swallows the answer to it before the first read.
type eagerConn struct {
	net.Conn
	first []byte
	br    *bufio.Reader
}

func (c *eagerConn) Write(p []byte) (int, error) {
	if c.first == nil {
		return c.Conn.Write(p)
	}
	_, err := c.Conn.Write(append(c.first, p...))
	c.first = nil
	return len(p), err
}

func (c *eagerConn) Read(p []byte) (int, error) {
	if c.br == nil {
		c.br = bufio.NewReader(c.Conn)
		if _, err := http.ReadResponse(c.br, &http.Request{Method: http.MethodConnect}); err != nil {
			return 0, err
		}
	}
	return c.br.Read(p)
}

func echoServer(t *testing.T) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = l.Close() })
	go func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			go func() { _, _ = io.Copy(c, c); _ = c.Close() }()
		}
	}()
	return l.Addr().String()
}

func TestEncodedAnswersPassAsTheyAre(t *testing.T) {
	t.Parallel()
	const wire = "\x1f\x8b not really gzip, so nobody may decode it"
	h := withOrigin(t, proxy.Settings{}, func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("X-Accepted", r.Header.Get("Accept-Encoding"))
		w.Header().Set("Content-Encoding", "gzip")
		_, _ = io.WriteString(w, wire)
	})
	got := send(t, h.client(true), "GET", "https://graph.microsoft.com/v1.0/me", "", "Accept-Encoding", "gzip;q=0.5, br")
	if got.body != wire || got.header.Get("X-Accepted") != "gzip;q=0.5, br" || got.header.Get("Content-Encoding") != "gzip" {
		t.Errorf("got %q accepted %q", got.body, got.header.Get("X-Accepted"))
	}
}

func TestStreamedAnswerArrivesAtOnce(t *testing.T) {
	t.Parallel()
	release := make(chan struct{})
	h := withOrigin(t, proxy.Settings{}, func(w http.ResponseWriter, r *http.Request) {
		_, _ = io.WriteString(w, "first")
		w.(http.Flusher).Flush()
		<-release
		_, _ = io.WriteString(w, "second")
	})
	for _, http1 := range []bool{true, false} {
		r, _ := http.NewRequestWithContext(t.Context(), "GET", "https://graph.microsoft.com/v1.0/me", nil)
		resp, err := h.client(http1).Do(r)
		if err != nil {
			t.Fatal(err)
		}
		defer resp.Body.Close()
		b := make([]byte, 5)
		if _, err := io.ReadFull(resp.Body, b); err != nil || string(b) != "first" {
			t.Fatalf("got %q, %v before the origin went on", b, err)
		}
	}
	close(release)
}

func TestHopByHopFieldsStay(t *testing.T) {
	t.Parallel()
	h := withOrigin(t, proxy.Settings{}, func(w http.ResponseWriter, r *http.Request) {
		for _, name := range []string{"X-Hop", "Keep-Alive", "Te", "Proxy-Authorization", "X-Http-Method-Override"} {
			if v := r.Header.Get(name); v != "" {
				w.Header().Add("X-Seen", name)
			}
		}
		w.Header().Set("X-End", r.Header.Get("X-End"))
		w.Header().Set("X-Agent", r.Header.Get("User-Agent"))
	})
	resp := h.raw("GET /v1.0/me HTTP/1.1\r\nHost: graph.microsoft.com\r\nConnection: keep-alive, X-Hop\r\nX-Hop: 1\r\nKeep-Alive: timeout=5\r\nTE: trailers\r\nProxy-Authorization: Basic eDp5\r\nX-End: kept\r\n\r\n")
	if seen := resp.Header["X-Seen"]; len(seen) > 0 || resp.Header.Get("X-End") != "kept" {
		t.Errorf("the origin saw %v, and %q of the end-to-end field", seen, resp.Header.Get("X-End"))
	}
	if agent := resp.Header.Get("X-Agent"); agent != "" {
		t.Errorf("the origin saw user agent %q, the client sent none", agent)
	}
}

func TestOtherHostsAreTunnelled(t *testing.T) {
	t.Parallel()
	site := httptest.NewTLSServer(http.HandlerFunc(ok))
	t.Cleanup(site.Close)
	plain := httptest.NewServer(http.HandlerFunc(ok))
	t.Cleanup(plain.Close)
	for _, tc := range []struct {
		name string
		set  proxy.Settings
		want int
	}{
		{"tunnel", proxy.Settings{}, 200},
		{"deny", proxy.Settings{DenyOther: true}, 403},
	} {
		t.Run(tc.name, func(t *testing.T) {
			h := withOrigin(t, tc.set, ok)
			_, _, resp := h.tunnelTo(strings.TrimPrefix(site.URL, "https://"), "")
			if resp.StatusCode != tc.want {
				t.Errorf("CONNECT: got %d, want %d", resp.StatusCode, tc.want)
			}
			if got := send(t, h.client(true), "GET", plain.URL, ""); got.status != tc.want {
				t.Errorf("absolute form: got %d, want %d", got.status, tc.want)
			}
		})
	}
	t.Run("its own certificate comes through", func(t *testing.T) {
		h := withOrigin(t, proxy.Settings{}, ok)
		conn, _, _ := h.tunnelTo(strings.TrimPrefix(site.URL, "https://"), "")
		c := tls.Client(conn, &tls.Config{InsecureSkipVerify: true})
		if err := c.Handshake(); err != nil {
			t.Fatal(err)
		}
		if !c.ConnectionState().PeerCertificates[0].Equal(site.Certificate()) {
			t.Error("the certificate is not the site's own")
		}
	})
}

func TestGraphInsideATunnelIsStopped(t *testing.T) {
	t.Parallel()
	var greeted atomic.Int64
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = l.Close() })
	go func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			n, _ := c.Read(make([]byte, 4096))
			greeted.Add(int64(n))
			_ = c.Close()
		}
	}()
	h := withOrigin(t, proxy.Settings{}, ok)
	for name, reaches := range map[string]bool{"graph.microsoft.com": false, "login.microsoftonline.com": true} {
		before := greeted.Load()
		conn, _, _ := h.tunnelTo(l.Addr().String(), "")
		if err := tls.Client(conn, &tls.Config{ServerName: name}).Handshake(); err == nil {
			t.Fatalf("%s: the handshake succeeded with nobody to answer it", name)
		}
		if got := greeted.Load() > before; got != reaches {
			t.Errorf("%s: greeting reached the far end: %v, want %v", name, got, reaches)
		}
	}
}

func TestAbsoluteFormIsJudgedLikeAny(t *testing.T) {
	t.Parallel()
	h, origin := withStandin(t, proxy.Settings{})
	absolute := func(line, authorization string) int {
		conn, err := net.Dial("tcp", h.addr)
		if err != nil {
			t.Fatal(err)
		}
		defer conn.Close()
		fmt.Fprintf(conn, "PATCH %s HTTP/1.1\r\nHost: graph.microsoft.com\r\nAuthorization: %s\r\nAccept: application/json\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n%s",
			line, authorization, len(groupBody), groupBody)
		resp, err := http.ReadResponse(bufio.NewReader(conn), nil)
		if err != nil {
			t.Fatal(err)
		}
		return resp.StatusCode
	}
	for _, tc := range []struct {
		name, line, token string
		want              int
	}{
		{"https, allowed", poolURL, granted, 200},
		{"https, denied", poolURL, bearer("User.Read"), 403},
		{"plain http", "http://graph.microsoft.com" + poolPath, granted, 400},
		// net/http takes the line for the host (RFC 9112 section 3.2.2), and the token is for another cloud.
		{"https with another Host", "https://graph.microsoft.us" + poolPath, granted, 403},
	} {
		before := origin.Requests()
		if got := absolute(tc.line, tc.token); got != tc.want {
			t.Errorf("%s: got %d, want %d", tc.name, got, tc.want)
		}
		if reached := origin.Requests() - before; (reached == 1) != (tc.want == 200) {
			t.Errorf("%s: %d requests reached the origin", tc.name, reached)
		}
	}
}

func TestLandingPage(t *testing.T) {
	t.Parallel()
	h := withOrigin(t, proxy.Settings{}, ok)
	direct := &http.Client{Timeout: 5 * time.Second}
	for path, want := range map[string]string{"/": "HTTPS_PROXY=http://" + h.addr, "/healthz": `"status":"ok"`, "/ca.pem": "BEGIN CERTIFICATE"} {
		if got := send(t, direct, "GET", "http://"+h.addr+path, ""); got.status != 200 || !strings.Contains(got.body, want) {
			t.Errorf("%s: got %d %q", path, got.status, got.body)
		}
	}
	if got := send(t, direct, "GET", "http://"+h.addr+"/nothing", ""); got.status != 404 {
		t.Errorf("unknown page: got %d, want 404", got.status)
	}
	if got := send(t, direct, "POST", "http://"+h.addr+"/", "{}"); got.status != 405 {
		t.Errorf("POST: got %d, want 405", got.status)
	}
}

func TestConnectionsToTheOriginAreReused(t *testing.T) {
	t.Parallel()
	var opened atomic.Int64
	origin := httptest.NewUnstartedServer(http.HandlerFunc(ok))
	origin.Config.ConnState = func(_ net.Conn, s http.ConnState) {
		if s == http.StateNew {
			opened.Add(1)
		}
	}
	origin.Start()
	t.Cleanup(origin.Close)
	h := start(t, proxy.Settings{Origin: origin.URL, Enforce: proxy.EnforceOff})
	const clients, rounds = 16, 20
	done := make(chan struct{})
	for range clients {
		go func() {
			c := h.client(true)
			for range rounds {
				send(t, c, "GET", "https://graph.microsoft.com/v1.0/me", "")
			}
			done <- struct{}{}
		}()
	}
	for range clients {
		<-done
	}
	// A few more than clients: the pool may be a connection short when two finish at once.
	if n := opened.Load(); n > 2*clients {
		t.Errorf("%d connections for %d clients and %d requests", n, clients, clients*rounds)
	}
}
