package proxy_test

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/graphwarden/graphwarden/proxy"
)

// ask sends bytes to the proxy's own port and gives the first answer, 0 for none.
func (h *harness) ask(send string) int {
	h.t.Helper()
	conn, err := net.Dial("tcp", h.addr)
	if err != nil {
		h.t.Fatal(err)
	}
	defer conn.Close()
	_ = conn.SetDeadline(time.Now().Add(20 * time.Second))
	if _, err := io.WriteString(conn, send); err != nil {
		return 0
	}
	resp, err := http.ReadResponse(bufio.NewReader(conn), &http.Request{Method: http.MethodConnect})
	if err != nil {
		return 0
	}
	return resp.StatusCode
}

func connectTo(authority string) string {
	return "CONNECT " + authority + " HTTP/1.1\r\nHost: " + authority + "\r\n\r\n"
}

// TestConnectToOddAuthorities spells hosts in the ways of resolvers, browsers and attackers. Whatever is not clearly one
// host is refused; what is clearly Graph is intercepted, never tunnelled.
func TestConnectToOddAuthorities(t *testing.T) {
	t.Parallel()
	var reached atomic.Int64
	h := withOrigin(t, proxy.Settings{}, counting(&reached, ok))
	echo := echoServer(t)
	_, port, _ := net.SplitHostPort(echo)
	for _, tc := range []struct {
		authority string
		want      []int
	}{
		{echo, []int{200}},
		{"localhost:" + port, []int{200}},
		{"here.example:" + port, []int{200}},
		{"HERE.example.:" + port, []int{200}},
		{"here.example", []int{400}},
		{"here.example:", []int{400}},
		{"here.example:0", []int{400}},
		{"here.example:65536", []int{400}},
		{"here.example:+" + port, []int{400}},
		{"here.example:" + port + ":" + port, []int{400}},
		{"here.example.." + ":" + port, []int{400}},
		{".here.example:" + port, []int{400}},
		{"here..example:" + port, []int{400}},
		{":" + port, []int{400}},
		{":", []int{400}},
		{"", []int{400}},
		{"*", []int{400}},
		{"/", []int{400}},
		{"/here.example:" + port, []int{400}},
		{"here.example:" + port + "/x", []int{400}},
		{"here.example:" + port + "?x", []int{400}},
		{"http://here.example:" + port, []int{400}},
		{"user@here.example:" + port, []int{400}},
		{"user:password@here.example:" + port, []int{400}},
		{"here%2eexample:" + port, []int{400}},
		{"here.example%00:" + port, []int{400}},
		{"h\u00e9re.example:" + port, []int{400}},
		{"[here.example]:" + port, []int{400, 502}},
		{"[::1", []int{400}},
		{"::1:" + port, []int{400}},
		{"graph.microsoft.com:443", []int{200}},
		{"graph.microsoft.com.:443", []int{200}},
		{"graph.microsoft.com..:443", []int{400}},
		{"graph.microsoft.com:0443", []int{403}},
		{"graph.microsoft.com:80", []int{403}},
		{"user@graph.microsoft.com:443", []int{400}},
		{"graph.microsoft.com:443@here.example:" + port, []int{400}},
		{"%67raph.microsoft.com:443", []int{400}},
		{"\uff47raph.microsoft.com:443", []int{400}},
		{"graph\u3002microsoft\u3002com:443", []int{400}},
		{"graph.microsoft.com\x00:443", []int{400}},
		{"graph.microsoft.com\t:443", []int{400}},
		{"graph.microsoft.com#:443", []int{400}},
		{"graph.microsoft.com\\:443", []int{400}},
	} {
		if got := h.ask(connectTo(tc.authority)); !slices.Contains(tc.want, got) {
			t.Errorf("CONNECT %q: got %d, want one of %v", tc.authority, got, tc.want)
		}
	}
	if reached.Load() != 0 {
		t.Errorf("%d requests reached the origin", reached.Load())
	}
}

// TestTheProxyIsNeverPointedAtItself asks it for itself, for metadata services and for link-local neighbours, by every
// spelling of an address and by names that stand for one, in both forms.
func TestTheProxyIsNeverPointedAtItself(t *testing.T) {
	t.Parallel()
	h := withOrigin(t, proxy.Settings{}, ok)
	_, own, _ := net.SplitHostPort(h.addr)
	hosts := []string{
		"127.0.0.1:" + own, "localhost:" + own, "LOCALHOST.:" + own, "here.example:" + own, "[::ffff:127.0.0.1]:" + own,
		"0.0.0.0:" + own, "[::]:" + own, "nowhere.example:" + own, "127.1:" + own, "0x7f.1:" + own, "2130706433:" + own, "0177.0.0.1:" + own, "0:" + own,
		"169.254.169.254:80", "[::ffff:169.254.169.254]:80", "[::ffff:a9fe:a9fe]:80", "2852039166:80", "0xa9fea9fe:80", "0251.0376.0251.0376:80", "169.254.43518:80",
		"metadata.example:80", "linklocal.example:80", "wireserver.example:80", "168.63.129.16:32526", "[fd00:ec2::254]:80",
		"[fe80::1]:443", "[fe80::1%25lo]:443", "[ff02::1]:443", "224.0.0.1:80",
	}
	for _, host := range hosts {
		if got := h.ask(connectTo(host)); got < 400 {
			t.Errorf("CONNECT %s: got %d, want a refusal", host, got)
		}
		// The proxy's own page is the one thing it serves under its own name; it is no way anywhere.
		got := h.ask("GET http://" + host + "/latest/meta-data HTTP/1.1\r\nHost: " + host + "\r\nConnection: close\r\n\r\n")
		if got < 400 {
			t.Errorf("GET http://%s: got %d, want a refusal", host, got)
		}
	}
	// Their twins: the same machine, another port.
	site := httptest.NewServer(http.HandlerFunc(ok))
	t.Cleanup(site.Close)
	_, port, _ := net.SplitHostPort(strings.TrimPrefix(site.URL, "http://"))
	for _, host := range []string{"127.0.0.1:" + port, "localhost:" + port, "here.example:" + port, "[::ffff:127.0.0.1]:" + port} {
		if got := h.ask(connectTo(host)); got != 200 {
			t.Errorf("CONNECT %s: got %d, want 200", host, got)
		}
		if got := h.ask("GET http://" + host + "/ HTTP/1.1\r\nHost: " + host + "\r\nConnection: close\r\n\r\n"); got != 200 {
			t.Errorf("GET http://%s: got %d, want 200", host, got)
		}
	}
}

// TestAddressesAreKeptFromTheUpstreamProxyToo: it would dial them from where it stands.
func TestAddressesAreKeptFromTheUpstreamProxyToo(t *testing.T) {
	t.Parallel()
	up := newUpstream(t, "user:secret")
	h := start(t, proxy.Settings{Origin: "http://127.0.0.1:1", Enforce: proxy.EnforceOff, UpstreamProxy: up.url})
	for _, host := range []string{"169.254.169.254:80", "[fe80::1]:443", h.addr} {
		if got := h.ask(connectTo(host)); got != 403 {
			t.Errorf("CONNECT %s: got %d, want 403", host, got)
		}
		if got := h.ask("GET http://" + host + "/x HTTP/1.1\r\nHost: x\r\n\r\n"); got < 400 {
			t.Errorf("GET http://%s: got %d, want a refusal", host, got)
		}
	}
	if got := up.list(); got != "" {
		t.Errorf("the upstream proxy was asked for %q", got)
	}
}

// TestHostileLines sends what is wrong already at the proxy's own port.
func TestHostileLines(t *testing.T) {
	t.Parallel()
	var reached atomic.Int64
	h := withOrigin(t, proxy.Settings{}, counting(&reached, ok))
	target := "https://graph.microsoft.com/v1.0/x"
	for _, tc := range []struct {
		name, send string
		want       []int
	}{
		{"plain http to Graph", "GET http://graph.microsoft.com/v1.0/x HTTP/1.1\r\nHost: graph.microsoft.com\r\n\r\n", []int{400}},
		{"plain http to Graph, port 443", "GET http://graph.microsoft.com:443/v1.0/x HTTP/1.1\r\nHost: graph.microsoft.com\r\n\r\n", []int{400}},
		{"plain http to Graph, a dot behind", "GET http://GRAPH.microsoft.com./v1.0/x HTTP/1.1\r\nHost: graph.microsoft.com\r\n\r\n", []int{400}},
		{"https to another port of Graph", "GET https://graph.microsoft.com:8443/v1.0/x HTTP/1.1\r\nHost: x\r\n\r\n", []int{403}},
		{"another scheme", "GET ftp://graph.microsoft.com/v1.0/x HTTP/1.1\r\nHost: graph.microsoft.com\r\n\r\n", []int{400}},
		{"a user in the target", "GET https://u:p@graph.microsoft.com/v1.0/x HTTP/1.1\r\nHost: graph.microsoft.com\r\n\r\n", []int{400}},
		{"an escaped host", "GET https://%67raph.microsoft.com/v1.0/x HTTP/1.1\r\nHost: x\r\n\r\n", []int{400}},
		{"a full-width host", "GET https://\uff47raph.microsoft.com/v1.0/x HTTP/1.1\r\nHost: x\r\n\r\n", []int{400}},
		{"no host in the target", "GET https:///v1.0/x HTTP/1.1\r\nHost: graph.microsoft.com\r\n\r\n", []int{400}},
		{"no path in the target", "GET https:graph.microsoft.com HTTP/1.1\r\nHost: graph.microsoft.com\r\n\r\n", []int{400}},
		{"origin form with Graph's host", "GET /v1.0/x HTTP/1.1\r\nHost: graph.microsoft.com\r\n\r\n", []int{404}},
		{"a write in origin form with Graph's host", "DELETE /v1.0/x HTTP/1.1\r\nHost: graph.microsoft.com\r\n\r\n", []int{405}},
		{"two hosts", "GET " + target + " HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n", []int{400}},
		{"a space before the colon", "GET " + target + " HTTP/1.1\r\nHost : a\r\n\r\n", []int{400}},
		{"NUL in a field", "GET " + target + " HTTP/1.1\r\nHost: a\r\nX: \x00\r\n\r\n", []int{400}},
		{"h2c by prior knowledge", "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\x00\x00\x00\x04\x00\x00\x00\x00\x00", []int{400, 405, 505, 0}},
		{"h2c by upgrade", "GET / HTTP/1.1\r\nHost: x\r\nConnection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: AAMAAABk\r\n\r\n", []int{200}},
		{"OPTIONS *", "OPTIONS * HTTP/1.1\r\nHost: x\r\n\r\n", []int{200, 405}},
		{"TLS", "\x16\x03\x01\x00\x05\x01\x00\x00\x01\x00\r\n\r\n", []int{400}},
		{"SOCKS 5", "\x05\x01\x00\r\n\r\n", []int{400}},
		{"a PROXY line", "PROXY TCP4 1.2.3.4 1.2.3.4 1 2\r\nGET / HTTP/1.1\r\nHost: x\r\n\r\n", []int{400}},
		{"CONNECT with a body", "CONNECT graph.microsoft.com:443 HTTP/1.1\r\nHost: graph.microsoft.com:443\r\nContent-Length: 4\r\n\r\nabcd", []int{200, 400}},
		{"CONNECT in HTTP/1.0", "CONNECT graph.microsoft.com:443 HTTP/1.0\r\n\r\n", []int{200}},
		{"connect in lower case", "connect graph.microsoft.com:443 HTTP/1.1\r\nHost: graph.microsoft.com:443\r\n\r\n", []int{400, 405}},
	} {
		if got := h.ask(tc.send); !slices.Contains(tc.want, got) {
			t.Errorf("%s: got %d, want one of %v", tc.name, got, tc.want)
		}
	}
	if reached.Load() != 0 {
		t.Errorf("%d requests reached the origin", reached.Load())
	}
	if got := h.ask(fmt.Sprintf("GET %s HTTP/1.1\r\nHost: graph.microsoft.com\r\n\r\n", target)); got != 200 || reached.Load() != 1 {
		t.Errorf("the honest twin: got %d, %d reached the origin", got, reached.Load())
	}
}
