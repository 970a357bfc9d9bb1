package proxy

import (
	"crypto/sha256"
	"crypto/subtle"
	"encoding/base64"
	"errors"
	"net"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"time"
)

// ErrNeedsPassword is returned by Serve for a listener that other machines can reach while no password is set: an open
// proxy would lend this machine's way to Graph to anybody.
var ErrNeedsPassword = errors.New("other machines can reach this address, so the proxy needs a password")

// shedding is a listener that takes a bounded number of connections. One more is answered and closed, so that its client
// knows why, and those that are open go on.
type shedding struct {
	net.Listener
	max  int64
	open atomic.Int64
	shed func(net.Addr)
}

const shedAnswer = "HTTP/1.1 503 Service Unavailable\r\nContent-Type: text/plain; charset=utf-8\r\nContent-Length: 43\r\nConnection: close\r\n\r\n" +
	"graphwarden: too many connections are open\n"

func (s *shedding) Accept() (net.Conn, error) {
	for {
		c, err := s.Listener.Accept()
		if err != nil {
			return nil, err
		}
		if s.open.Add(1) <= s.max {
			return &counted{Conn: c, done: sync.OnceFunc(func() { s.open.Add(-1) })}, nil
		}
		s.open.Add(-1)
		s.shed(c.RemoteAddr())
		_ = c.SetDeadline(time.Now().Add(time.Second))
		_, _ = c.Write([]byte(shedAnswer))
		_ = c.Close()
	}
}

// counted gives its place back when it is closed.
type counted struct {
	net.Conn
	done func()
}

func (c *counted) Close() error {
	c.done()
	return c.Conn.Close()
}

func (c *counted) CloseWrite() error { return closeWrite(c.Conn) }
func (c *counted) CloseRead() error  { return closeRead(c.Conn) }

// loopback says whether only this machine can reach an address.
func loopback(a net.Addr) bool {
	tcp, ok := a.(*net.TCPAddr)
	return !ok || tcp.IP.IsLoopback()
}

// admit checks the proxy's password, where one is set, and answers a client that does not have it. The user part is free:
// it names a session.
func (f *front) admit(w http.ResponseWriter, r *http.Request) bool {
	want := f.w.settings.ProxyPassword
	if want == "" {
		return true
	}
	_, password := proxyCredentials(r)
	a, b := sha256.Sum256([]byte(password)), sha256.Sum256([]byte(want))
	if subtle.ConstantTimeCompare(a[:], b[:]) == 1 {
		return true
	}
	w.Header().Set("Proxy-Authenticate", `Basic realm="graphwarden", charset="UTF-8"`)
	plainError(w, http.StatusProxyAuthRequired, "the proxy wants its password: HTTPS_PROXY=http://NAME:PASSWORD@HOST:PORT")
	return false
}

// proxyCredentials are what Proxy-Authorization holds (RFC 7617).
func proxyCredentials(r *http.Request) (user, password string) {
	scheme, value, _ := strings.Cut(r.Header.Get("Proxy-Authorization"), " ")
	if !strings.EqualFold(scheme, "Basic") {
		return "", ""
	}
	text, err := base64.StdEncoding.DecodeString(strings.TrimSpace(value))
	if err != nil {
		return "", ""
	}
	user, password, _ = strings.Cut(string(text), ":")
	return user, password
}
