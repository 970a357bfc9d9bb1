package wire

import (
	"context"
	"crypto/tls"
	"log"
	"net"
	"net/http"
	"runtime/debug"
	"sync"
	"sync/atomic"
	"time"
)

// Server answers the plain requests of TLS connections, one after the other in the connection's own goroutine, each answer
// in one write. Whatever is not plain (another protocol, a long or streamed body, a field that changes the rules, bytes
// that are no request) is net/http's: the connection goes to Rest for good, with all that was read of it, so there is one
// reader of odd requests and it is not this one.
type Server struct {
	Handler http.Handler
	// Rest takes a connection over: a *tls.Conn that has not carried a request, or a *Resumed.
	Rest func(net.Conn)
	// HeaderBytes is the longest head that is plain.
	HeaderBytes int
	// ReadHeader bounds the greeting and the time from a request's first byte to its last, Write an answer, Idle the time
	// between two.
	ReadHeader, Write, Idle time.Duration
	// ErrorLog takes a line for each handler that panics.
	ErrorLog *log.Logger

	mu      sync.Mutex
	open    map[*served]struct{}
	closing atomic.Bool
}

// Resumed is a connection on which requests may have been answered, with what was read of the next one.
type Resumed struct {
	*tls.Conn
	early []byte
}

// Read implements io.Reader.
func (c *Resumed) Read(p []byte) (int, error) {
	if len(c.early) > 0 {
		n := copy(p, c.early)
		c.early = c.early[n:]
		return n, nil
	}
	return c.Conn.Read(p)
}

// The states of a served connection. One that is greeted is idle as well: nothing was asked yet.
const (
	idle int32 = iota
	busy
	ended
)

// Serve greets a client and answers its requests until the connection ends or is Rest's. ctx is that of its requests; it
// ends when the client goes away.
func (s *Server) Serve(ctx context.Context, conn *tls.Conn) {
	k := &served{s: s, conn: conn, header: http.Header{}}
	if !s.add(k) {
		_ = conn.Close()
		return
	}
	defer s.remove(k)
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	k.cancel = cancel
	k.setReadDeadline(time.Now(), s.ReadHeader)
	err := conn.HandshakeContext(ctx)
	state := conn.ConnectionState()
	if !k.state.CompareAndSwap(idle, busy) {
		return // Shutdown has closed it
	}
	if err != nil || state.NegotiatedProtocol == "h2" {
		// Where the greeting failed, net/http fails on it again, and tells.
		_ = conn.SetDeadline(time.Time{})
		s.Rest(conn)
		return
	}
	k.base = (&http.Request{Proto: "HTTP/1.1", ProtoMajor: 1, ProtoMinor: 1, RemoteAddr: conn.RemoteAddr().String(), TLS: &state}).WithContext(ctx)
	k.setReadDeadline(time.Now(), s.ReadHeader)
	if k.loop() {
		_ = conn.SetDeadline(time.Time{})
		s.Rest(&Resumed{conn, append([]byte(nil), k.buf[k.from:k.to]...)})
		return
	}
	_ = conn.Close()
}

func (s *Server) add(k *served) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closing.Load() {
		return false
	}
	if s.open == nil {
		s.open = map[*served]struct{}{}
	}
	s.open[k] = struct{}{}
	return true
}

func (s *Server) remove(k *served) {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.open, k)
}

// Shutdown ends idle connections, lets requests that have begun be answered, and returns when none is left or ctx ends.
func (s *Server) Shutdown(ctx context.Context) error {
	s.closing.Store(true)
	look := time.NewTicker(5 * time.Millisecond)
	defer look.Stop()
	for {
		s.mu.Lock()
		left := len(s.open)
		for k := range s.open {
			if k.state.CompareAndSwap(idle, ended) {
				_ = k.conn.NetConn().Close()
			}
		}
		s.mu.Unlock()
		if left == 0 {
			return nil
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-look.C:
		}
	}
}

// Close ends all connections at once.
func (s *Server) Close() {
	s.closing.Store(true)
	s.mu.Lock()
	defer s.mu.Unlock()
	for k := range s.open {
		_ = k.conn.NetConn().Close()
	}
}

// served is one connection. All but its state belongs to its goroutine.
type served struct {
	s      *Server
	conn   *tls.Conn
	base   *http.Request // what the requests have in common
	cancel context.CancelFunc
	state  atomic.Int32

	buf      []byte // what was read; from:to is still to be looked at
	from, to int
	used     bool // it has carried a request

	readBy, writeBy time.Time // the deadlines that are set

	header http.Header // of the answers, in turn
	answer answer
	watch  watch
}

// firstRead is what a connection reads with until a request needs more.
const firstRead = 4 << 10

// loop answers requests; rest tells that the connection is not at its end.
func (k *served) loop() (rest bool) {
	k.buf = make([]byte, firstRead)
	for {
		var r *http.Request
		if r, rest = k.next(); r == nil {
			return rest
		}
		if !k.serve(r) || k.s.closing.Load() {
			return false
		}
		k.used = true
	}
}

// next waits for a request. Without one, rest tells whether the connection goes on with what is not plain.
func (k *served) next() (r *http.Request, rest bool) {
	if k.from == k.to {
		k.from, k.to = 0, 0
		if len(k.buf) > 4*firstRead {
			k.buf = make([]byte, firstRead)
		}
		if k.used { // the first request is awaited like the greeting
			k.setReadDeadline(time.Now(), k.s.Idle)
		}
		k.state.Store(idle)
		if k.s.closing.Load() {
			return nil, false
		}
		n, err := k.conn.Read(k.buf)
		if !k.state.CompareAndSwap(idle, busy) || err != nil && n == 0 {
			return nil, false
		}
		k.to = n
	}
	for hurried := false; ; {
		r, n, found := k.asked(k.buf[k.from:k.to])
		switch found {
		case plainRequest:
			k.from += n
			if hurried {
				k.readBy = time.Time{}
			}
			return r, false
		case otherRequest:
			return nil, true
		}
		if !hurried {
			hurried, k.readBy = true, time.Time{}
			k.setReadDeadline(time.Now(), k.s.ReadHeader)
		}
		k.room()
		got, err := k.conn.Read(k.buf[k.to:])
		if k.to += got; err != nil && got == 0 {
			// Half a body may take its time, half a head has had it.
			return nil, found == halfABody
		}
	}
}

// room makes some for the rest of a request: what is neither too long nor here whole.
func (k *served) room() {
	if k.from > 0 {
		k.to = copy(k.buf, k.buf[k.from:k.to])
		k.from = 0
	}
	if k.to == len(k.buf) {
		k.buf = append(k.buf, make([]byte, len(k.buf))...)
	}
}

// serve answers one request; false ends the connection.
func (k *served) serve(r *http.Request) (goesOn bool) {
	k.setWriteDeadline(time.Now(), k.s.Write)
	a := &k.answer
	a.begin(k, r)
	k.watch.start(k)
	defer func() {
		gone := k.watch.stop(k)
		if p := recover(); p != nil {
			if p != http.ErrAbortHandler && k.s.ErrorLog != nil {
				k.s.ErrorLog.Printf("panic serving %v: %v\n%s", k.base.RemoteAddr, p, debug.Stack())
			}
			goesOn = false
		}
		goesOn = goesOn && !gone
		a.end()
	}()
	k.s.Handler.ServeHTTP(a, r)
	return a.finish()
}

// setReadDeadline gives the client at least so long.
func (k *served) setReadDeadline(now time.Time, d time.Duration) {
	if due(&k.readBy, now, d) {
		_ = k.conn.SetReadDeadline(k.readBy) // fails where the connection has ended, which the next use tells
	}
}

func (k *served) setWriteDeadline(now time.Time, d time.Duration) {
	if due(&k.writeBy, now, d) {
		_ = k.conn.SetWriteDeadline(k.writeBy)
	}
}

// due moves a deadline so that at least d is left, and tells whether it had to. Long ones get some more, so that they need
// not be moved for each request.
func due(by *time.Time, now time.Time, d time.Duration) bool {
	more := slack
	if d <= slack {
		more = 0
	}
	if left := by.Sub(now); more > 0 && left >= d && left <= d+more {
		return false
	}
	*by = now.Add(d + more)
	return true
}
