package wire

import (
	"bufio"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"slices"
	"strings"
	"syscall"
	"time"
)

// conn is one connection to an origin. It belongs to one exchange at a time.
type conn struct {
	c    *Client
	at   place
	raw  net.Conn // below TLS
	over net.Conn // raw, or TLS on it
	in   *bufio.Reader
	out  []byte // the request as it goes out

	probe syscall.RawConn // nil if it cannot be told whether the origin has closed it
	peek  func(fd uintptr) bool
	quiet bool // what peek found
	cut   func()

	used     bool      // it has carried an exchange
	since    time.Time // it is idle
	deadline time.Time
	headLeft int // how much of a head may still come; below zero while a body is read

	// sent and heard tell of the exchange under way whether a byte went out and whether one came.
	sent, heard bool
}

func newConn(c *Client, at place, raw net.Conn) *conn {
	k := &conn{c: c, at: at, raw: raw, over: raw}
	k.in = bufio.NewReader(incomingOf{k})
	k.cut = func() { _ = raw.Close() }
	k.prepareProbe()
	return k
}

// greet sets TLS up.
func (k *conn) greet(ctx context.Context, base *tls.Config, host string) error {
	config := base.Clone()
	config.NextProtos = []string{"http/1.1"}
	config.DynamicRecordSizingDisabled = true // one record, one write
	if config.ServerName == "" {
		config.ServerName = host
	}
	secure := tls.Client(outgoingOf{k.raw, k}, config)
	err := secure.HandshakeContext(ctx)
	if err != nil && strings.Contains(err.Error(), "no application protocol") {
		return errors.Join(ErrProtocol, err)
	}
	k.over = secure
	return err
}

// outgoingOf notes what goes out below TLS.
type outgoingOf struct {
	net.Conn
	k *conn
}

func (o outgoingOf) Write(p []byte) (int, error) {
	n, err := o.Conn.Write(p)
	if n > 0 {
		o.k.sent = true
	}
	return n, err
}

// incomingOf bounds heads.
type incomingOf struct{ k *conn }

var errLongHead = errors.New("the head of the answer is over a mebibyte")

func (i incomingOf) Read(p []byte) (int, error) {
	k := i.k
	if k.headLeft == 0 {
		return 0, errLongHead
	}
	if k.headLeft > 0 && len(p) > k.headLeft {
		p = p[:k.headLeft]
	}
	n, err := k.over.Read(p)
	if n > 0 {
		k.heard = true
	}
	if k.headLeft > 0 {
		k.headLeft -= n
	}
	return n, err
}

// exchange sends a request and reads the head of its answer, and its body if that is here already.
func (k *conn) exchange(r *http.Request, body []byte) (*http.Response, error) {
	k.sent, k.heard = false, false
	k.extend()
	stop := func() bool { return true }
	if ctx := r.Context(); ctx.Done() != nil {
		stop = context.AfterFunc(ctx, k.cut)
	}
	resp, err := k.ask(r, body)
	if err == nil {
		err = k.take(resp, stop)
	}
	if err != nil {
		stop()
	}
	return resp, err
}

func (k *conn) ask(r *http.Request, body []byte) (*http.Response, error) {
	out, err := appendRequest(k.out[:0], r, body)
	if err != nil {
		return nil, err
	}
	n, unsent := k.over.Write(out)
	k.sent = k.sent || n > 0
	if k.out = out; cap(out) > 4*bufferSize {
		k.out = nil
	}
	if unsent != nil {
		// An origin that refuses a request half-way says so before it hangs up.
		if !k.sent || k.raw.SetReadDeadline(time.Now().Add(time.Second)) != nil {
			return nil, unsent
		}
		k.deadline = time.Time{}
	}
	resp, err := k.answer(r)
	switch {
	case unsent != nil && err != nil:
		return nil, unsent
	case unsent != nil:
		resp.Close = true
	}
	return resp, err
}

// maxInformational bounds how many answers may come before the real one.
const maxInformational = 16

// answer reads the head of an answer, and tells of the informational ones before it.
func (k *conn) answer(r *http.Request) (*http.Response, error) {
	k.headLeft = maxHead
	if _, err := k.in.Peek(1); err == nil {
		if resp, n, ok := whole(r, k.here()); ok {
			_, _ = k.in.Discard(n) // they are here
			k.headLeft = -1
			return resp, nil
		}
	}
	for range maxInformational {
		resp, err := http.ReadResponse(k.in, r)
		switch {
		case err == io.EOF || err == io.ErrUnexpectedEOF:
			return nil, fmt.Errorf("the connection ended before an answer: %w", io.ErrUnexpectedEOF)
		case err != nil:
			return nil, err
		case resp.StatusCode == http.StatusSwitchingProtocols:
			return nil, errors.New("the origin switches protocols, unasked")
		case resp.StatusCode >= 200:
			k.headLeft = -1
			return resp, nil
		case resp.StatusCode < 100:
			return nil, fmt.Errorf("a status of %d", resp.StatusCode)
		}
		tell(r.Context(), resp.StatusCode, resp.Header)
	}
	return nil, errors.New("more informational answers than anybody sends")
}

// here is what has come and was not read.
func (k *conn) here() []byte {
	b, _ := k.in.Peek(k.in.Buffered())
	return b
}

// extend gives the origin time.
func (k *conn) extend() {
	if due(&k.deadline, time.Now(), answerIn) {
		_ = k.raw.SetDeadline(k.deadline) // fails where the connection has ended, which the next use tells
	}
}

// release takes the connection out of its exchange.
func (k *conn) release(keep bool) {
	// Bytes that nobody asked for would be taken for the next answer.
	if !keep || k.in.Buffered() > 0 || k.probe == nil {
		k.end()
		return
	}
	k.c.keep(k)
}

func (k *conn) end() { _ = k.raw.Close() }

// alive tells whether an idle connection still stands: anything that came, an end included, means that it does not.
func (k *conn) alive() bool {
	k.quiet = false
	return k.probe.Read(k.peek) == nil && k.quiet
}

const bufferSize = 4 << 10

// appendRequest writes a request as it goes over the wire (RFC 9112 section 3).
func appendRequest(b []byte, r *http.Request, body []byte) ([]byte, error) {
	target := r.URL.RequestURI()
	host := r.Host
	if host == "" {
		host = r.URL.Host
	}
	if !isToken(r.Method) || !isVisible(target) || !isVisible(host) {
		return b, errors.New("method, target or host hold what cannot be sent")
	}
	b = slices.Grow(b, 1024+len(body))
	b = append(append(append(append(b, r.Method...), ' '), target...), " HTTP/1.1\r\nHost: "...)
	b = append(append(b, host...), "\r\n"...)
	for name, values := range r.Header {
		switch name {
		case "Host", "Content-Length", "Transfer-Encoding", "Trailer", "Connection":
			continue
		case "User-Agent": // an empty one means that none is sent
			if len(values) > 0 && values[0] == "" {
				continue
			}
		}
		if !isToken(name) {
			return b, fmt.Errorf("field name %q cannot be sent", name)
		}
		for _, v := range values {
			if !isFieldValue(v) {
				return b, fmt.Errorf("the value of %s cannot be sent", name)
			}
			b = append(append(append(append(b, name...), ": "...), v...), "\r\n"...)
		}
	}
	if len(body) > 0 || r.Method == http.MethodPost || r.Method == http.MethodPut || r.Method == http.MethodPatch {
		b = appendInt(append(b, "Content-Length: "...), len(body))
		b = append(b, "\r\n"...)
	}
	return append(append(b, "\r\n"...), body...), nil
}
