package proxy_test

import (
	"bufio"
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"encoding/pem"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/graphwarden/graphwarden/internal/ca"
	"github.com/graphwarden/graphwarden/internal/graph"
	"github.com/graphwarden/graphwarden/internal/standin"
	"github.com/graphwarden/graphwarden/proxy"
)

const (
	poolPath  = "/beta/deviceManagement/embeddedSIMActivationCodePools/6a1b0c9e-0b1e-4c57-9d3b-2f6f0c1f7a11/assignments/e7304dcc-4dcc-e730-cc4d-30e7cc4d30e7"
	poolURL   = "https://graph.microsoft.com" + poolPath
	groupBody = `{"target":{"@odata.type":"microsoft.graph.groupAssignmentTarget","groupId":"6f1c2d3e-4a5b-4c6d-8e7f-901a2b3c4d5e"}}`
)

// bearer is an unsigned token with one delegated scope.
func bearer(scope string) string {
	now := time.Now()
	return "Bearer " + graph.MintToken(map[string]any{
		"aud": "https://graph.microsoft.com", "scp": scope, "tid": "5d1a3b7c-0000-4000-8000-000000000001",
		"appid": "5d1a3b7c-0000-4000-8000-000000000002", "oid": "5d1a3b7c-0000-4000-8000-000000000003",
		"iat": now.Unix(), "nbf": now.Unix(), "exp": now.Add(time.Hour).Unix(),
	}, "minted")
}

var granted = bearer("DeviceManagementConfiguration.ReadWrite.All")

// harness is a proxy on loopback with a client that trusts it.
type harness struct {
	t      testing.TB
	warden *proxy.Warden
	addr   string
	roots  *x509.CertPool
	ca     *ca.Authority
}

// start serves a Warden until the test ends.
func start(t testing.TB, s proxy.Settings) *harness {
	t.Helper()
	if s.CADir == "" {
		s.CADir = filepath.Join(t.TempDir(), "ca")
	}
	if s.UpstreamProxy == "" {
		s.UpstreamProxy = "none"
	}
	w, err := proxy.Open(t.Context(), s)
	if err != nil {
		t.Fatal(err)
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	served := make(chan error, 1)
	go func() { served <- w.Serve(l) }()
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
		defer cancel()
		if err := w.Shutdown(ctx); err != nil {
			t.Errorf("shutdown: %v", err)
		}
		if err := <-served; err != nil {
			t.Errorf("serve: %v", err)
		}
	})
	authority, err := w.CA()
	if err != nil {
		t.Fatal(err)
	}
	roots := x509.NewCertPool()
	roots.AddCert(authority.Root())
	return &harness{t: t, warden: w, addr: l.Addr().String(), roots: roots, ca: authority}
}

// withStandin serves a Warden before a Graph of its own.
func withStandin(t *testing.T, s proxy.Settings) (*harness, *standin.Server) {
	t.Helper()
	origin, err := standin.Start(standin.Options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = origin.Close() })
	s.Origin, s.OriginCAPEM = origin.URL(), origin.CAPEM()
	return start(t, s), origin
}

// withOrigin serves a Warden, judge off, before a handler.
func withOrigin(t *testing.T, s proxy.Settings, handler http.HandlerFunc) *harness {
	t.Helper()
	origin := httptest.NewServer(handler)
	t.Cleanup(origin.Close)
	s.Origin, s.Enforce = origin.URL, proxy.EnforceOff
	return start(t, s)
}

// client is an http.Client behind the proxy; http1 keeps it from HTTP/2.
func (h *harness) client(http1 bool) *http.Client {
	tr := &http.Transport{
		Proxy:           http.ProxyURL(&url.URL{Scheme: "http", Host: h.addr}),
		TLSClientConfig: &tls.Config{RootCAs: h.roots}, ForceAttemptHTTP2: !http1,
	}
	if http1 {
		tr.TLSNextProto = map[string]func(string, *tls.Conn) http.RoundTripper{}
	}
	h.t.Cleanup(tr.CloseIdleConnections)
	return &http.Client{Transport: tr, Timeout: 20 * time.Second}
}

type answer struct {
	status int
	header http.Header
	proto  string
	body   string
}

// code is the error code of a Graph-shaped answer.
func (a answer) code() string {
	var doc struct {
		Error struct {
			Code string `json:"code"`
		} `json:"error"`
	}
	_ = json.Unmarshal([]byte(a.body), &doc)
	return doc.Error.Code
}

// send sends one request; headers are pairs.
func send(t testing.TB, c *http.Client, method, url, body string, headers ...string) answer {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), method, url, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	if body == "" {
		r.Body, r.ContentLength = http.NoBody, 0
	} else {
		r.Header.Set("Content-Type", "application/json")
	}
	r.Header.Set("Accept", "application/json")
	for i := 0; i+1 < len(headers); i += 2 {
		if headers[i+1] == "" {
			r.Header.Del(headers[i])
			continue
		}
		r.Header.Set(headers[i], headers[i+1])
	}
	resp, err := c.Do(r)
	if err != nil {
		t.Fatalf("%s %s: %v", method, url, err)
	}
	defer resp.Body.Close()
	b, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatalf("%s %s: read answer: %v", method, url, err)
	}
	return answer{resp.StatusCode, resp.Header, resp.Proto, string(b)}
}

// tunnelTo opens a CONNECT tunnel by hand.
func (h *harness) tunnelTo(authority, early string) (net.Conn, *bufio.Reader, *http.Response) {
	h.t.Helper()
	conn, err := net.Dial("tcp", h.addr)
	if err != nil {
		h.t.Fatal(err)
	}
	h.t.Cleanup(func() { _ = conn.Close() })
	_ = conn.SetDeadline(time.Now().Add(20 * time.Second))
	if _, err := io.WriteString(conn, "CONNECT "+authority+" HTTP/1.1\r\nHost: "+authority+"\r\n\r\n"+early); err != nil {
		h.t.Fatal(err)
	}
	br := bufio.NewReader(conn)
	resp, err := http.ReadResponse(br, &http.Request{Method: http.MethodConnect})
	if err != nil {
		h.t.Fatalf("read answer to CONNECT: %v", err)
	}
	return conn, br, resp
}

// secure does TLS inside a tunnel, under a name of the caller's choice and over HTTP/1.1.
func (h *harness) secure(conn net.Conn, sni string) *tls.Conn {
	h.t.Helper()
	c := tls.Client(conn, &tls.Config{ServerName: sni, RootCAs: h.roots, NextProtos: []string{"http/1.1"},
		InsecureSkipVerify: sni != "graph.microsoft.com"})
	if err := c.Handshake(); err != nil {
		h.t.Fatalf("handshake: %v", err)
	}
	return c
}

// raw sends bytes inside an intercepted connection and reads one response.
func (h *harness) raw(request string) *http.Response {
	h.t.Helper()
	conn, _, _ := h.tunnelTo("graph.microsoft.com:443", "")
	c := h.secure(conn, "graph.microsoft.com")
	if _, err := io.WriteString(c, request); err != nil {
		h.t.Fatal(err)
	}
	resp, err := http.ReadResponse(bufio.NewReader(c), nil)
	if err != nil {
		h.t.Fatalf("read answer: %v", err)
	}
	return resp
}

// counting wraps a handler and counts what reaches it.
func counting(n *atomic.Int64, h http.HandlerFunc) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		n.Add(1)
		h(w, r)
	}
}

func pemOf(der []byte) []byte {
	return pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der})
}
