package wire_test

import (
	"bufio"
	"bytes"
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/graphwarden/graphwarden/internal/wire"
)

// script is an origin that answers each request with the bytes that answer gives for it, and counts.
type script struct {
	url                   string
	connections, requests atomic.Int32
	mu                    sync.Mutex
	last                  string // request, as it came
	open                  []net.Conn
}

// hangUp ends the connections that are open.
func (s *script) hangUp() {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, c := range s.open {
		_ = c.Close()
	}
	s.open = nil
}

func (s *script) seen() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.last
}

// play starts it, in clear. An answer of "" hangs up.
func play(t *testing.T, answer func(n int32, r *http.Request) string) *script {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	s := &script{url: "http://" + l.Addr().String()}
	t.Cleanup(func() { _ = l.Close(); s.hangUp() })
	go func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			s.connections.Add(1)
			s.mu.Lock()
			s.open = append(s.open, c)
			s.mu.Unlock()
			go s.serve(c, answer)
		}
	}()
	return s
}

func (s *script) serve(c net.Conn, answer func(int32, *http.Request) string) {
	defer c.Close()
	var raw bytes.Buffer
	in := bufio.NewReader(io.TeeReader(c, &raw))
	for {
		r, err := http.ReadRequest(in)
		if err != nil {
			return
		}
		_, _ = io.Copy(io.Discard, r.Body)
		s.mu.Lock()
		s.last = raw.String()
		s.mu.Unlock()
		raw.Reset()
		out := answer(s.requests.Add(1), r)
		if out == "" {
			return
		}
		_, _ = io.WriteString(c, out)
	}
}

func newClient(t *testing.T) *wire.Client {
	t.Helper()
	var d net.Dialer
	c := &wire.Client{TLS: &tls.Config{}, Dial: func(ctx context.Context, address string) (net.Conn, error) {
		return d.DialContext(ctx, "tcp", address)
	}}
	t.Cleanup(c.Close)
	return c
}

func request(t *testing.T, method, url, body string) *http.Request {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), method, url, nil)
	if err != nil {
		t.Fatal(err)
	}
	if body != "" {
		r.Body = wire.NewBody([]byte(body))
	}
	return r
}

func get(t *testing.T, c *wire.Client, r *http.Request) (string, error) {
	t.Helper()
	resp, err := c.RoundTrip(r)
	if err != nil {
		return "", err
	}
	defer resp.Body.Close()
	b, err := io.ReadAll(resp.Body)
	return fmt.Sprint(resp.StatusCode, " ", string(b)), err
}

const fine = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}"

func always(answer string) func(int32, *http.Request) string {
	return func(int32, *http.Request) string { return answer }
}

// TestConnections tells after which answers a connection carries the next exchange.
func TestConnections(t *testing.T) {
	t.Parallel()
	long := strings.Repeat("x", 100_000)
	for _, tc := range []struct {
		name, answer, want string
		connections        int32 // for three exchanges
	}{
		{"of known length", fine, "200 {}", 1},
		{"no content", "HTTP/1.1 204 No Content\r\n\r\n", "204 ", 1},
		{"in chunks", "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\n{}\r\n0\r\n\r\n", "200 {}", 1},
		{"in chunks, with a trailer", "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\n{}\r\n0\r\nX: y\r\n\r\n", "200 {}", 1},
		{"long", "HTTP/1.1 200 OK\r\nContent-Length: 100000\r\n\r\n" + long, "200 " + long, 1},
		{"with hints before it", "HTTP/1.1 103 Early Hints\r\nLink: x\r\n\r\n" + fine, "200 {}", 1},
		{"the last one", "HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 2\r\n\r\n{}", "200 {}", 3},
		{"of an older version", "HTTP/1.0 200 OK\r\nContent-Length: 2\r\n\r\n{}", "200 {}", 3},
		{"more than the length", fine + "evil", "200 {}", 3},
		{"more than the chunks", "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\nevil", "200 ", 3},
		{"more than no content", "HTTP/1.1 204 No Content\r\n\r\nevil", "204 ", 3},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			s, c := play(t, always(tc.answer)), newClient(t)
			for range 3 {
				if got, err := get(t, c, request(t, http.MethodPatch, s.url, "{}")); err != nil || got != tc.want {
					t.Fatalf("got %.40q, %v", got, err)
				}
			}
			if n := s.connections.Load(); n != tc.connections {
				t.Errorf("%d connections, want %d", n, tc.connections)
			}
		})
	}
}

// TestNothingIsSentTwice holds: what may have reached the origin goes out once, unless it only reads.
func TestNothingIsSentTwice(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct {
		method, body string
		requests     int32
		ok           bool
	}{
		{http.MethodGet, "", 3, true},
		{http.MethodPatch, "{}", 2, false},
		{http.MethodPost, "", 2, false},
		{http.MethodDelete, "", 2, false},
	} {
		t.Run(tc.method, func(t *testing.T) {
			t.Parallel()
			s := play(t, func(n int32, _ *http.Request) string {
				if n == 2 {
					return "" // the origin closes just as the request comes
				}
				return fine
			})
			c := newClient(t)
			if _, err := get(t, c, request(t, tc.method, s.url, tc.body)); err != nil {
				t.Fatal(err)
			}
			if _, err := get(t, c, request(t, tc.method, s.url, tc.body)); (err == nil) != tc.ok {
				t.Errorf("the second: %v", err)
			}
			if n := s.requests.Load(); n != tc.requests {
				t.Errorf("the origin saw %d requests, want %d", n, tc.requests)
			}
		})
	}
}

// TestAClosedConnectionIsNotedBeforeItsUse: a change does not fail because the origin hung up while nothing was asked.
func TestAClosedConnectionIsNotedBeforeItsUse(t *testing.T) {
	t.Parallel()
	s, c := play(t, always(fine)), newClient(t)
	for i := range int32(3) {
		if _, err := get(t, c, request(t, http.MethodPatch, s.url, "{}")); err != nil {
			t.Fatalf("request %d: %v", i, err)
		}
		s.hangUp()
		time.Sleep(20 * time.Millisecond) // for the end to arrive
	}
	if n := s.requests.Load(); n != 3 {
		t.Errorf("the origin saw %d requests", n)
	}
}

func TestTheRequestAsItGoesOut(t *testing.T) {
	t.Parallel()
	s, c := play(t, always(fine)), newClient(t)
	r := request(t, http.MethodPatch, s.url+"/v1.0/x?$select=a%20b", `{"a":1}`)
	r.Host = "graph.microsoft.com"
	r.Header = http.Header{"Prefer": {"a", "b"}, "User-Agent": {""}, "Content-Length": {"99"}, "Transfer-Encoding": {"chunked"}}
	if _, err := get(t, c, r); err != nil {
		t.Fatal(err)
	}
	want := "PATCH /v1.0/x?$select=a%20b HTTP/1.1\r\nHost: graph.microsoft.com\r\nPrefer: a\r\nPrefer: b\r\nContent-Length: 7\r\n\r\n{\"a\":1}"
	if got := s.seen(); got != want {
		t.Errorf("got %q\nwant %q", got, want)
	}
	if _, err := get(t, c, request(t, http.MethodPost, s.url, "")); err != nil || !strings.Contains(s.seen(), "Content-Length: 0\r\n") {
		t.Errorf("%v; a POST without a body: %q", err, s.seen())
	}
	if _, err := get(t, c, request(t, http.MethodGet, s.url, "")); err != nil || strings.Contains(s.seen(), "Content-Length") {
		t.Errorf("%v; a GET: %q", err, s.seen())
	}
}

// TestWhatCannotBeSent is what would make one request two.
func TestWhatCannotBeSent(t *testing.T) {
	t.Parallel()
	s, c := play(t, always(fine)), newClient(t)
	for name, change := range map[string]func(*http.Request){
		"a method":       func(r *http.Request) { r.Method = "GET / HTTP/1.1\r\nX: y\r\n\r\nGET" },
		"a target":       func(r *http.Request) { r.URL.Opaque = "/ HTTP/1.1\r\nX: y" },
		"a host":         func(r *http.Request) { r.Host = "a\r\nX: y" },
		"a field name":   func(r *http.Request) { r.Header["A: b\r\nX"] = []string{"y"} },
		"a field value":  func(r *http.Request) { r.Header["A"] = []string{"b\r\nX: y"} },
		"another body":   func(r *http.Request) { r.Body = io.NopCloser(strings.NewReader("x")) },
		"too long a one": func(r *http.Request) { r.Body = wire.NewBody(make([]byte, wire.MaxBody+1)) },
	} {
		r := request(t, http.MethodPost, s.url, "")
		change(r)
		if got, err := get(t, c, r); err == nil {
			t.Errorf("%s: %q", name, got)
		}
	}
	if n := s.requests.Load(); n != 0 {
		t.Errorf("the origin saw %d requests", n)
	}
}

func TestAnswersThatAreNone(t *testing.T) {
	t.Parallel()
	for name, answer := range map[string]string{
		"noise":            "\x00\x01 not HTTP\r\n\r\n",
		"half a head":      "HTTP/1.1 200 OK\r\nContent-Le",
		"two lengths":      "HTTP/1.1 200 OK\r\nContent-Length: 2\r\nContent-Length: 3\r\n\r\n{} ",
		"protocols":        "HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\nConnection: upgrade\r\n\r\n",
		"a head too long":  "HTTP/1.1 200 OK\r\nX: " + strings.Repeat("a", 2<<20),
		"hints for ever":   strings.Repeat("HTTP/1.1 103 Early Hints\r\n\r\n", 1000),
		"a status below 1": "HTTP/1.1 099 x\r\nContent-Length: 0\r\n\r\n",
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := play(t, func(n int32, r *http.Request) string { return answer })
			c := newClient(t)
			ctx, cancel := context.WithTimeout(t.Context(), 5*time.Second)
			defer cancel()
			r := request(t, http.MethodPatch, s.url, "{}").WithContext(ctx)
			if name == "half a head" {
				time.AfterFunc(100*time.Millisecond, s.hangUp)
			}
			if got, err := get(t, c, r); err == nil || ctx.Err() != nil {
				t.Errorf("got %.40q, %v, %v", got, err, ctx.Err())
			}
			if n := s.requests.Load(); n != 1 {
				t.Errorf("the origin saw %d requests", n)
			}
		})
	}
}

func TestTheCallerGoesAway(t *testing.T) {
	t.Parallel()
	gone := make(chan struct{})
	origin := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/half" {
			_, _ = io.WriteString(w, "{")
			_ = http.NewResponseController(w).Flush()
		}
		<-r.Context().Done()
		gone <- struct{}{}
	}))
	t.Cleanup(origin.Close)
	c := newClient(t)
	for _, path := range []string{"/", "/half"} {
		ctx, cancel := context.WithCancel(t.Context())
		time.AfterFunc(50*time.Millisecond, cancel)
		_, err := get(t, c, request(t, http.MethodGet, origin.URL+path, "").WithContext(ctx))
		if err == nil || path == "/" && !errors.Is(err, context.Canceled) {
			t.Errorf("%s: %v", path, err)
		}
		select {
		case <-gone:
		case <-time.After(10 * time.Second):
			t.Errorf("%s: the origin was not told", path)
		}
	}
}

// TestABodyThatIsNotReadToItsEnd: its connection carries nothing else.
func TestABodyThatIsNotReadToItsEnd(t *testing.T) {
	t.Parallel()
	s, c := play(t, always("HTTP/1.1 200 OK\r\nContent-Length: 100000\r\n\r\n"+strings.Repeat("x", 100_000))), newClient(t)
	for range 2 {
		resp, err := c.RoundTrip(request(t, http.MethodGet, s.url, ""))
		if err != nil {
			t.Fatal(err)
		}
		_, _ = resp.Body.Read(make([]byte, 10))
		_ = resp.Body.Close()
		_ = resp.Body.Close()
	}
	if n := s.connections.Load(); n != 2 {
		t.Errorf("%d connections", n)
	}
}

type hints []string

func (h *hints) Informed(status int, fields http.Header) {
	*h = append(*h, fmt.Sprint(status, fields["Link"]))
}

func TestInformationalAnswers(t *testing.T) {
	t.Parallel()
	s, c := play(t, always("HTTP/1.1 102 Processing\r\n\r\nHTTP/1.1 103 Early Hints\r\nLink: a\r\n\r\n"+fine)), newClient(t)
	var heard hints
	r := request(t, http.MethodGet, s.url, "")
	if got, err := get(t, c, r.WithContext(wire.WithListener(r.Context(), &heard))); err != nil || got != "200 {}" {
		t.Errorf("got %q, %v", got, err)
	}
	if got := fmt.Sprint(heard); got != "[102 [] 103 [a]]" {
		t.Errorf("heard %s", got)
	}
}

func TestTLS(t *testing.T) {
	t.Parallel()
	origin := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		_, _ = io.WriteString(w, r.Proto)
	}))
	origin.EnableHTTP2 = true
	origin.StartTLS()
	t.Cleanup(origin.Close)
	c := newClient(t)
	if _, err := get(t, c, request(t, http.MethodGet, origin.URL, "")); !errors.As(err, new(*tls.CertificateVerificationError)) {
		t.Errorf("a certificate of nobody: %v", err)
	}
	c = newClient(t)
	c.TLS.RootCAs = x509.NewCertPool()
	c.TLS.RootCAs.AddCert(origin.Certificate())
	if got, err := get(t, c, request(t, http.MethodGet, origin.URL, "")); err != nil || got != "200 HTTP/1.1" {
		t.Errorf("got %q, %v", got, err)
	}
	only := httptest.NewUnstartedServer(http.NotFoundHandler())
	only.TLS = &tls.Config{NextProtos: []string{"h3", "x"}}
	only.StartTLS()
	t.Cleanup(only.Close)
	only.TLS.NextProtos = []string{"h3", "x"} // without the one that httptest adds
	if _, err := get(t, c, request(t, http.MethodGet, only.URL, "")); !errors.Is(err, wire.ErrProtocol) {
		t.Errorf("an origin of other protocols: %v", err)
	}
}

func TestClosed(t *testing.T) {
	t.Parallel()
	s, c := play(t, always(fine)), newClient(t)
	if _, err := get(t, c, request(t, http.MethodGet, s.url, "")); err != nil {
		t.Fatal(err)
	}
	c.Close()
	if _, err := get(t, c, request(t, http.MethodGet, s.url, "")); !errors.Is(err, wire.ErrClosed) {
		t.Errorf("got %v", err)
	}
}

func TestManyAtOnce(t *testing.T) {
	t.Parallel()
	origin := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		b, _ := io.ReadAll(r.Body)
		if r.Method == http.MethodGet {
			b = []byte(r.URL.Path)
		}
		_, _ = w.Write(b)
	}))
	t.Cleanup(origin.Close)
	c := newClient(t)
	var all sync.WaitGroup
	for i := range 32 {
		all.Go(func() {
			for j := range 50 {
				body := fmt.Sprint("/", i, "-", j)
				r := request(t, http.MethodPost, origin.URL, body)
				if j%2 == 0 {
					r = request(t, http.MethodGet, origin.URL+body, "")
				}
				if got, err := get(t, c, r); err != nil || got != "200 "+body {
					t.Errorf("asked %s, got %q, %v", body, got, err)
					return
				}
			}
		})
	}
	all.Wait()
}
