package proxy

import (
	"context"
	"crypto/tls"
	"encoding/base64"
	"errors"
	"io"
	"net"
	"net/http"
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/graphwarden/graphwarden/internal/graph"
)

// hello is the greeting crypto/tls sends in a name.
func hello(t testing.TB, name string) []byte {
	t.Helper()
	client, server := net.Pipe()
	defer server.Close()
	go func() {
		_ = tls.Client(client, &tls.Config{ServerName: name, InsecureSkipVerify: true}).Handshake()
	}()
	b := make([]byte, 1<<14)
	n, err := server.Read(b)
	if err != nil {
		t.Fatal(err)
	}
	return b[:n]
}

// inRecords cuts a greeting into TLS records of at most size bytes each.
func inRecords(greeting []byte, size int) (out []byte) {
	body := greeting[recordHeader:]
	for len(body) > 0 {
		n := min(size, len(body))
		out = append(append(out, recordHandshake, 3, 1, byte(n>>8), byte(n)), body[:n]...)
		body = body[n:]
	}
	return out
}

var errSeen = errors.New("seen")

// bytesConn is a connection that gives bytes and takes any.
type bytesConn struct{ io.Reader }

func (bytesConn) Write(p []byte) (int, error)      { return len(p), nil }
func (bytesConn) Close() error                     { return nil }
func (bytesConn) LocalAddr() net.Addr              { return nil }
func (bytesConn) RemoteAddr() net.Addr             { return nil }
func (bytesConn) SetDeadline(time.Time) error      { return nil }
func (bytesConn) SetReadDeadline(time.Time) error  { return nil }
func (bytesConn) SetWriteDeadline(time.Time) error { return nil }

// asked is the name crypto/tls reads from a greeting, if it takes it for one.
func asked(greeting []byte) (name string, ok bool) {
	server := tls.Server(bytesConn{strings.NewReader(string(greeting))}, &tls.Config{
		GetConfigForClient: func(info *tls.ClientHelloInfo) (*tls.Config, error) {
			name, ok = info.ServerName, true
			return nil, errSeen
		},
	})
	_ = server.HandshakeContext(context.Background())
	return name, ok
}

// FuzzServerName holds our reading of a greeting against that of crypto/tls: a name it sees is seen here, and never while
// more is said to be missing.
func FuzzServerName(f *testing.F) {
	for _, name := range []string{"graph.microsoft.com", "login.microsoftonline.com", "a.b"} {
		greeting := hello(f, name)
		f.Add(greeting)
		f.Add(inRecords(greeting, 60))
		f.Add(greeting[:len(greeting)/2])
	}
	f.Add([]byte("\x16\x03\x01\x00\x05\x01\x00\x00\x01\x00"))
	f.Fuzz(func(t *testing.T, sent []byte) {
		name, need := serverName(sent)
		if need != 0 && (name != "" || need <= len(sent)) {
			t.Fatalf("%q of %d bytes, and %d needed", name, len(sent), need)
		}
		theirs, ok := asked(sent)
		if !ok || theirs == "" {
			return
		}
		if need != 0 || name != theirs {
			t.Fatalf("crypto/tls reads %q, we read %q and need %d", theirs, name, need)
		}
	})
}

func TestServerNameInPieces(t *testing.T) {
	t.Parallel()
	greeting := hello(t, "graph.microsoft.com")
	for _, size := range []int{1, 2, 3, 4, 5, 7, 60, 600, 1 << 14} {
		cut := inRecords(greeting, size)
		if name, need := serverName(cut); need != 0 || name != "graph.microsoft.com" {
			t.Errorf("records of %d bytes: %q, %d needed", size, name, need)
		}
		for n := range cut {
			if name, need := serverName(cut[:n]); need <= n || name != "" {
				t.Fatalf("records of %d bytes, the first %d: %q, %d needed", size, n, name, need)
			}
		}
	}
}

// taking is a connection that keeps what is written to it.
type taking struct {
	bytesConn
	got    []byte
	closed bool
}

func (c *taking) Write(p []byte) (int, error) { c.got = append(c.got, p...); return len(p), nil }
func (c *taking) Close() error                { c.closed = true; return nil }

// TestGuardHoldsGreetingsInPieces writes greetings to the far end of a tunnel byte by byte.
func TestGuardHoldsGreetingsInPieces(t *testing.T) {
	t.Parallel()
	hosts, err := graph.NewHosts()
	if err != nil {
		t.Fatal(err)
	}
	for name, through := range map[string]bool{"graph.microsoft.com": false, "GRAPH.microsoft.com": false, "login.microsoftonline.com": true} {
		for _, size := range []int{20, 1 << 14} {
			far := &taking{}
			c := &guardedConn{tunnelConn: &tunnelConn{Conn: far, idle: time.Minute}, hosts: hosts, log: func(string) {}}
			sent := append(inRecords(hello(t, name), size), "and more"...)
			var err error
			for i := range sent {
				if _, err = c.Write(sent[i : i+1]); err != nil {
					break
				}
			}
			if through != (err == nil) || through != (string(far.got) == string(sent)) || far.closed == through {
				t.Errorf("%s in records of %d: %v, %d of %d bytes at the far end, closed %v", name, size, err, len(far.got), len(sent), far.closed)
			}
		}
	}
	far := &taking{}
	c := &guardedConn{tunnelConn: &tunnelConn{Conn: far, idle: time.Minute}, hosts: hosts, log: func(string) {}}
	if _, err := c.Write([]byte("\x16\x03\x01\x00\x05")); err != nil || len(far.got) != 0 {
		t.Errorf("half a greeting: %v, %q", err, far.got)
	}
	if _ = c.CloseWrite(); string(far.got) != "\x16\x03\x01\x00\x05" {
		t.Errorf("half a greeting, ended: %q", far.got)
	}
}

// FuzzSplitAuthority holds what we read of a CONNECT's authority against net's own parser and against Graph's names: a host
// that is not clearly one host is refused.
func FuzzSplitAuthority(f *testing.F) {
	for _, s := range []string{"graph.microsoft.com:443", "graph.microsoft.com", "[::1]:443", "[::1]", "::1", "a:b:c", "a..b:1", "u@a:1", "%67:1", "a.:1", ":", "a:+1", "`", "\uff47:1"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, authority string) {
		host, port, ok := splitAuthority(authority)
		if !ok {
			return
		}
		if strings.ToLower(host) != host || strings.HasSuffix(host, ".") || strings.ContainsAny(host, "@/\\?#%[] \t\r\n\x00") {
			t.Fatalf("%q: host %q", authority, host)
		}
		joined := net.JoinHostPort(host, port)
		if h, p, ok := splitAuthority(joined); !ok || h != host || p != port {
			t.Fatalf("%q is %q, which is %q %q %v", authority, joined, h, p, ok)
		}
		if strings.Contains(host, ":") {
			return
		}
		if _, err := http.NewRequest(http.MethodGet, "https://"+joined+"/", nil); err != nil {
			t.Fatalf("%q: no URL can name %q: %v", authority, joined, err)
		}
	})
}

// FuzzProxyCredentials reads what a client sends for a password: what was encoded comes back, and nothing panics.
func FuzzProxyCredentials(f *testing.F) {
	f.Add("user", "password", "Basic !!")
	f.Add("", "", "basic ")
	f.Add("a", "b:c", "Basic dXNlcg==")
	f.Add("\u00fc", "\x00", "Bearer dXNlcjpw")
	f.Fuzz(func(t *testing.T, user, password, raw string) {
		proxyCredentials(&http.Request{Header: http.Header{"Proxy-Authorization": {raw}}})
		if strings.Contains(user, ":") {
			return
		}
		encoded := base64.StdEncoding.EncodeToString([]byte(user + ":" + password))
		u, p := proxyCredentials(&http.Request{Header: http.Header{"Proxy-Authorization": {"bAsIc  " + encoded + " "}}})
		if u != user || p != password {
			t.Fatalf("%q %q came back as %q %q", user, password, u, p)
		}
	})
}

// FuzzMayDial reads addresses: none of the forbidden ones passes in any spelling.
func FuzzMayDial(f *testing.F) {
	for _, s := range []string{"169.254.169.254:80", "[::ffff:a9fe:a9fe]:80", "[fe80::1%lo]:1", "127.0.0.1:1", "[fd00:ec2::254]:80", "0.0.0.0:1", "x"} {
		f.Add(s)
	}
	own := netip.MustParseAddrPort("127.0.0.1:8080")
	f.Fuzz(func(t *testing.T, address string) {
		if mayDial(address, func(a netip.AddrPort) bool { return a == own }) != nil {
			return
		}
		ap, err := netip.ParseAddrPort(address)
		if err != nil {
			t.Fatalf("%q is no address and may be dialled", address)
		}
		ip := ap.Addr().WithZone("").Unmap()
		if ip.IsLinkLocalUnicast() || ip.IsMulticast() || ip.IsUnspecified() || ip == netip.MustParseAddr("168.63.129.16") || netip.AddrPortFrom(ip, ap.Port()) == own {
			t.Fatalf("%q may be dialled", address)
		}
	})
}
