package proxy_test

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/graphwarden/graphwarden/proxy"
)

// witness is an origin that notes what reaches it.
type witness struct {
	mu   sync.Mutex
	seen []string
}

func (o *witness) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(r.Body)
	if r.URL.Path != sentinelPath {
		line := r.Method + " " + r.URL.RequestURI() + " " + string(body)
		if err != nil {
			line += " " + err.Error()
		}
		for _, name := range []string{"Transfer-Encoding", "Trailer", "Upgrade", "Http2-Settings", "Expect"} {
			if v := r.Header.Values(name); len(v) > 0 {
				line += fmt.Sprintf(" %s:%q", name, v)
			}
		}
		if len(r.Trailer) > 0 || r.Host != "graph.microsoft.com" {
			line += fmt.Sprintf(" trailer %v host %s", r.Trailer, r.Host)
		}
		o.mu.Lock()
		o.seen = append(o.seen, line)
		o.mu.Unlock()
	}
	ok(w, r)
}

// take gives what has arrived since the last call.
func (o *witness) take() []string {
	o.mu.Lock()
	defer o.mu.Unlock()
	seen := o.seen
	o.seen = nil
	return seen
}

const (
	sentinelPath = "/v1.0/sentinel"
	// sentinel follows hostile bytes on the same connection: it tells whether the proxy still reads requests where the
	// client means them to begin.
	sentinel = "GET " + sentinelPath + " HTTP/1.1\r\nHost: graph.microsoft.com\r\nConnection: close\r\n\r\n"
)

// statuses sends bytes and lists what is answered until the connection ends; 0 stands for an end without an answer.
func statuses(t *testing.T, conn net.Conn, br *bufio.Reader, send string, cut bool) []int {
	t.Helper()
	_ = conn.SetDeadline(time.Now().Add(10 * time.Second))
	go func() {
		_, _ = io.WriteString(conn, send)
		if c, ok := conn.(interface{ CloseWrite() error }); ok && cut {
			_ = c.CloseWrite()
		}
	}()
	var got []int
	for {
		resp, err := http.ReadResponse(br, nil)
		if err == nil {
			_, err = io.Copy(io.Discard, resp.Body)
			got = append(got, resp.StatusCode)
		}
		if err != nil {
			if timeout, ok := errors.AsType[net.Error](err); ok && timeout.Timeout() {
				t.Errorf("the connection is still open after %v", got)
			}
			break
		}
	}
	if got == nil {
		got = []int{0}
	}
	return got
}

// hostile is a way to write a request that two readers may read in two ways, or that means to hurt the reader.
type hostile struct {
	name, send string
	// want lists what may be answered before the sentinel; a final 200 more is the sentinel's.
	want [][]int
	// reached is what the origin must have seen of it.
	reached []string
	// cut ends the client's side behind the bytes, without a sentinel.
	cut bool
}

func (h hostile) allows(got []int) bool {
	return slices.ContainsFunc(h.want, func(want []int) bool { return slices.Equal(want, got) })
}

var (
	refused400   = [][]int{{400}}
	refused501   = [][]int{{501}, {400}}
	closed       = [][]int{{0}, {400}}
	answered     = [][]int{{200, 200}}
	answered400  = [][]int{{400, 200}, {400}}
	answeredThen = [][]int{{200, 400}}
)

// write is a request that would change something were it let through.
func write(fields, body string) string {
	return "POST /v1.0/x HTTP/1.1\r\nHost: graph.microsoft.com\r\nContent-Type: application/json\r\n" + fields + "\r\n" + body
}

func get(fields string) string {
	return "GET /v1.0/x HTTP/1.1\r\nHost: graph.microsoft.com\r\n" + fields + "\r\n"
}

const (
	smuggled = "DELETE /v1.0/victim HTTP/1.1\r\nHost: graph.microsoft.com\r\n\r\n"
	seenPost = "POST /v1.0/x {}"
	seenGet  = "GET /v1.0/x "
)

var hostileHTTP1 = []hostile{
	// Twins that are answered.
	{name: "an honest write", send: write("Content-Length: 2\r\n", "{}"), want: answered, reached: []string{seenPost}},
	{name: "an honest chunked write", send: write("Transfer-Encoding: chunked\r\n", "2\r\n{}\r\n0\r\n\r\n"), want: answered, reached: []string{seenPost}},
	{name: "an honest read", send: get(""), want: answered, reached: []string{seenGet}},

	// Where a body ends. What is read by one rule is written anew, so the origin cannot read it by another.
	{name: "CL and TE: the chunks count", send: write("Content-Length: 4\r\nTransfer-Encoding: chunked\r\n", "2\r\n{}\r\n0\r\n\r\n"), want: answered, reached: []string{seenPost}},
	{name: "TE and CL: the chunks count", send: write("Transfer-Encoding: chunked\r\nContent-Length: 400\r\n", "2\r\n{}\r\n0\r\n\r\n"), want: answered, reached: []string{seenPost}},
	{name: "CL.TE smuggling is two requests, each judged", send: write(fmt.Sprintf("Content-Length: %d\r\nTransfer-Encoding: chunked\r\n", 5+len(smuggled)), "0\r\n\r\n"+smuggled),
		want: [][]int{{200, 200, 200}}, reached: []string{"POST /v1.0/x ", "DELETE /v1.0/victim "}},
	{name: "TE.TE", send: write("Transfer-Encoding: chunked\r\nTransfer-Encoding: identity\r\n", "2\r\n{}\r\n0\r\n\r\n"), want: refused501},
	{name: "TE list", send: write("Transfer-Encoding: gzip, chunked\r\n", "2\r\n{}\r\n0\r\n\r\n"), want: refused501},
	{name: "TE unknown", send: write("Transfer-Encoding: xchunked\r\nContent-Length: 2\r\n", "{}"), want: refused501},
	{name: "TE identity", send: write("Transfer-Encoding: identity\r\nContent-Length: 2\r\n", "{}"), want: refused501},
	{name: "TE behind a vertical tab", send: write("Transfer-Encoding: \x0bchunked\r\nContent-Length: 2\r\n", "{}"), want: refused501},
	{name: "TE in quotes", send: write("Transfer-Encoding: \"chunked\"\r\nContent-Length: 2\r\n", "{}"), want: refused501},
	{name: "space before the colon", send: write("Transfer-Encoding : chunked\r\nContent-Length: 2\r\n", "{}"), want: refused400},
	{name: "tab before the colon", send: write("Content-Length\t: 2\r\n", "{}"), want: refused400},
	{name: "two lengths", send: write("Content-Length: 2\r\nContent-Length: 3\r\n", "{} "), want: refused400},
	{name: "two lengths in one", send: write("Content-Length: 2, 3\r\n", "{} "), want: refused400},
	{name: "the same length twice", send: write("Content-Length: 2\r\nContent-Length: 2\r\n", "{}"), want: answered, reached: []string{seenPost}},
	{name: "signed length", send: write("Content-Length: +2\r\n", "{}"), want: refused400},
	{name: "negative length", send: write("Content-Length: -2\r\n", "{}"), want: refused400},
	{name: "hexadecimal length", send: write("Content-Length: 0x2\r\n", "{}"), want: refused400},
	{name: "length over 64 bits", send: write("Content-Length: 18446744073709551618\r\n", "{}"), want: refused400},
	{name: "length over 63 bits", send: write("Content-Length: 9223372036854775808\r\n", "{}"), want: refused400},
	{name: "empty length", send: write("Content-Length:\r\n", "{}"), want: refused400},
	{name: "length of another name", send: write("Content_Length: 2\r\n", ""), want: [][]int{{200, 200}}, reached: []string{"POST /v1.0/x "}},
	{name: "more than the length is the next request", send: write("Content-Length: 2\r\n", "{}{}\r\n\r\n"), want: answeredThen, reached: []string{seenPost}},
	{name: "less than the length", send: write("Content-Length: 20\r\n", "{}"), want: closed, cut: true},
	{name: "no body at all", send: write("Content-Length: 20\r\n", ""), want: closed, cut: true},
	{name: "a read with a body", send: get("Content-Length: 2\r\n") + "{}", want: answered400},
	{name: "a read with chunks", send: get("Transfer-Encoding: chunked\r\n") + "2\r\n{}\r\n0\r\n\r\n", want: answered400},

	// Chunks.
	{name: "chunk size over 64 bits", send: write("Transfer-Encoding: chunked\r\n", "10000000000000002\r\n{}\r\n0\r\n\r\n"), want: refused400},
	{name: "chunk size of letters", send: write("Transfer-Encoding: chunked\r\n", "xyz\r\n{}\r\n0\r\n\r\n"), want: refused400},
	{name: "chunk size negative", send: write("Transfer-Encoding: chunked\r\n", "-2\r\n{}\r\n0\r\n\r\n"), want: refused400},
	{name: "chunk size with 0x", send: write("Transfer-Encoding: chunked\r\n", "0x2\r\n{}\r\n0\r\n\r\n"), want: refused400},
	{name: "chunk longer than its size", send: write("Transfer-Encoding: chunked\r\n", "2\r\n{} \r\n0\r\n\r\n"), want: refused400},
	{name: "chunk shorter than its size", send: write("Transfer-Encoding: chunked\r\n", "9\r\n{}\r\n0\r\n\r\n"), want: refused400},
	{name: "chunk without an end", send: write("Transfer-Encoding: chunked\r\n", "2\r\n{}\r\n"), want: closed, cut: true},
	{name: "chunk size line without an end", send: write("Transfer-Encoding: chunked\r\n", strings.Repeat("0", 8192)), want: refused400},
	{name: "chunk with an extension", send: write("Transfer-Encoding: chunked\r\n", "2;a=b\r\n{}\r\n0\r\n\r\n"), want: answered, reached: []string{seenPost}},
	{name: "chunk of padded size", send: write("Transfer-Encoding: chunked\r\n", "0000000000000002\r\n{}\r\n0\r\n\r\n"), want: answered, reached: []string{seenPost}},
	{name: "mebibytes of extensions", send: write("Transfer-Encoding: chunked\r\n", strings.Repeat("1;"+strings.Repeat("a", 3000)+"\r\n \r\n", 300)+"0\r\n\r\n"), want: refused400},
	{name: "trailers", send: write("Transfer-Encoding: chunked\r\nTrailer: Authorization\r\n", "2\r\n{}\r\n0\r\nAuthorization: Bearer x\r\nContent-Length: 9\r\n\r\n"), want: answered400},

	// The head.
	{name: "two hosts", send: "GET /v1.0/x HTTP/1.1\r\nHost: graph.microsoft.com\r\nHost: evil.example\r\n\r\n", want: refused400},
	{name: "the same host twice", send: "GET /v1.0/x HTTP/1.1\r\nHost: graph.microsoft.com\r\nHost: graph.microsoft.com\r\n\r\n", want: refused400},
	{name: "no host", send: "GET /v1.0/x HTTP/1.1\r\n\r\n", want: refused400},
	{name: "a comma in the host", send: "GET /v1.0/x HTTP/1.1\r\nHost: graph.microsoft.com, evil.example\r\n\r\n", want: [][]int{{400}, {400, 200}, {421, 200}}},
	{name: "a folded field", send: write("Content-Length: 2\r\nX-A: b\r\n c: d\r\n", "{}"), want: [][]int{{200, 200}, {400}}, reached: []string{seenPost}},
	{name: "a fold before any field", send: "GET /v1.0/x HTTP/1.1\r\n Host: graph.microsoft.com\r\n\r\n", want: refused400},
	{name: "bare line feeds", send: strings.ReplaceAll(get(""), "\r\n", "\n"), want: answered, reached: []string{seenGet}},
	{name: "bare carriage return in a field", send: get("X-A: b\rTransfer-Encoding: chunked\r\n"), want: refused400},
	{name: "NUL in a field", send: get("X-A: a\x00b\r\n"), want: refused400},
	{name: "control character in a field", send: get("X-A: a\x01b\r\n"), want: refused400},
	{name: "NUL in a name", send: get("X-\x00A: b\r\n"), want: refused400},
	{name: "a name of no letters", send: get(": b\r\n"), want: refused400},
	{name: "a line without a colon", send: get("X-A\r\n"), want: refused400},
	{name: "a name with UTF-8", send: get("X-\u00c4: b\r\n"), want: refused400},
	{name: "64 KiB of fields over the limit", send: get(strings.Repeat("X-A: "+strings.Repeat("a", 1000)+"\r\n", 70)), want: [][]int{{431}}},
	{name: "ten thousand fields", send: get(strings.Repeat("A: \r\n", 10000)), want: [][]int{{431}}},
	{name: "one endless line", send: "GET /" + strings.Repeat("a", 70<<10), want: [][]int{{431}}},
	{name: "an unknown expectation", send: write("Content-Length: 2\r\nExpect: the-unexpected\r\n", "{}"), want: [][]int{{417}}},

	// The request line.
	{name: "HTTP/0.9", send: "GET /v1.0/x\r\n", want: refused400},
	{name: "HTTP/3.0", send: "GET /v1.0/x HTTP/3.0\r\nHost: graph.microsoft.com\r\n\r\n", want: [][]int{{505}}},
	{name: "HTTP/1.10", send: "GET /v1.0/x HTTP/1.10\r\nHost: graph.microsoft.com\r\n\r\n", want: refused400},
	{name: "two spaces", send: "GET  /v1.0/x HTTP/1.1\r\nHost: graph.microsoft.com\r\n\r\n", want: refused400},
	{name: "a space in the target", send: "GET /v1.0/x y HTTP/1.1\r\nHost: graph.microsoft.com\r\n\r\n", want: refused400},
	{name: "the HTTP/2 preface", send: "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", want: [][]int{{400}, {505}, {0}}},
	{name: "lower case method", send: "patch /v1.0/x HTTP/1.1\r\nHost: graph.microsoft.com\r\nContent-Length: 2\r\n\r\n{}", want: answered400},
	{name: "TRACE", send: "TRACE /v1.0/x HTTP/1.1\r\nHost: graph.microsoft.com\r\n\r\n", want: answered400},
	{name: "a method with a separator", send: "GE(T /v1.0/x HTTP/1.1\r\nHost: graph.microsoft.com\r\n\r\n", want: refused400},
	{name: "OPTIONS *", send: "OPTIONS * HTTP/1.1\r\nHost: graph.microsoft.com\r\n\r\n", want: [][]int{{200, 200}, {400, 200}}},
	{name: "GET *", send: "GET * HTTP/1.1\r\nHost: graph.microsoft.com\r\n\r\n", want: answered400},
	{name: "an authority for a target", send: "GET graph.microsoft.com:443 HTTP/1.1\r\nHost: graph.microsoft.com\r\n\r\n", want: answered400},
	{name: "an absolute target in clear", send: "GET http://graph.microsoft.com/v1.0/x HTTP/1.1\r\nHost: graph.microsoft.com\r\n\r\n", want: [][]int{{400, 200}, {421, 200}}},
	{name: "an absolute target with a user", send: "GET https://a:b@graph.microsoft.com/v1.0/x HTTP/1.1\r\nHost: graph.microsoft.com\r\n\r\n", want: [][]int{{400, 200}}},
	{name: "a scheme of its own", send: "GET ftp://graph.microsoft.com/v1.0/x HTTP/1.1\r\nHost: graph.microsoft.com\r\n\r\n", want: [][]int{{400, 200}, {421, 200}}},
	{name: "CONNECT inside", send: "CONNECT evil.example:443 HTTP/1.1\r\nHost: evil.example:443\r\n\r\n", want: [][]int{{405}}},
	{name: "CONNECT to Graph inside", send: "CONNECT graph.microsoft.com:443 HTTP/1.1\r\nHost: graph.microsoft.com:443\r\n\r\n", want: [][]int{{405}}},

	// Other protocols are not spoken.
	{name: "a websocket", send: get("Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: x3JJHMbDL1EzLkh9GBhXDw==\r\n"), want: answered400},
	{name: "h2c", send: get("Connection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: AAMAAABkAARAAAAAAAIAAAAA\r\n"), want: answered400},
	{name: "another TLS inside", send: "\x16\x03\x01\x00\x05\x01\x00\x00\x01\x00", want: refused400},
}

// TestHostileHTTP1 writes each of them inside an intercepted connection, and asks as an honest client afterwards.
func TestHostileHTTP1(t *testing.T) {
	t.Parallel()
	origin := &witness{}
	h := withOrigin(t, proxy.Settings{Limits: proxy.Limits{HeaderBytes: 32 << 10}}, origin.ServeHTTP)
	honest := h.client(true)
	for _, tc := range hostileHTTP1 {
		send := tc.send
		if !tc.cut {
			send += sentinel
		}
		conn, _, _ := h.tunnelTo("graph.microsoft.com:443", "")
		c := h.secure(conn, "graph.microsoft.com")
		if got := statuses(t, c, bufio.NewReader(c), send, tc.cut); !tc.allows(got) {
			t.Errorf("%s: answered %v, want one of %v", tc.name, got, tc.want)
		}
		if diff := cmp.Diff(tc.reached, origin.take()); diff != "" {
			t.Errorf("%s: what reached the origin (-want +got):\n%s", tc.name, diff)
		}
		if got := send1(t, honest); got != 200 {
			t.Errorf("%s: an honest client is answered %d afterwards", tc.name, got)
		}
	}
}

func send1(t *testing.T, c *http.Client) int {
	t.Helper()
	return send(t, c, "GET", "https://graph.microsoft.com"+sentinelPath, "").status
}

// TestHostileGreetings sends what is no TLS of ours behind a CONNECT: nothing of it is served, and the connection ends.
func TestHostileGreetings(t *testing.T) {
	t.Parallel()
	origin := &witness{}
	h := withOrigin(t, proxy.Settings{Limits: proxy.Limits{ReadHeader: 300 * time.Millisecond}}, origin.ServeHTTP)
	for name, greeting := range map[string]string{
		"nothing":              "",
		"noise":                "\x00\xff\x00\xff\x00\xff\x00\xff",
		"SSL 2":                "\x80\x2e\x01\x00\x02\x00\x15\x00\x00\x00\x10",
		"a record over 16 KiB": "\x16\x03\x01\xff\xff" + strings.Repeat("a", 1<<16-1),
		"an empty record":      "\x16\x03\x01\x00\x00",
		"half a record":        "\x16\x03\x01\x02\x00\x01",
		"SSH":                  "SSH-2.0-OpenSSH_9.9\r\n",
		"plain HTTP":           write("Content-Length: 2\r\n", "{}"),
		"plain HTTP/2":         "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
	} {
		conn, br, _ := h.tunnelTo("graph.microsoft.com:443", greeting)
		_ = conn.SetDeadline(time.Now().Add(5 * time.Second))
		b, err := io.ReadAll(br)
		if timeout, isNet := errors.AsType[net.Error](err); isNet && timeout.Timeout() {
			t.Errorf("%s: the connection stays open", name)
		}
		if bytes.Contains(b, []byte(" 200 ")) {
			t.Errorf("%s: answered %q", name, b)
		}
	}
	if seen := origin.take(); len(seen) > 0 {
		t.Errorf("the origin saw %q", seen)
	}
	if got := send1(t, h.client(true)); got != 200 {
		t.Errorf("an honest client is answered %d afterwards", got)
	}
}
