package proxy

import (
	"net"
	"sync/atomic"
	"time"
)

// prefixed gives a connection back the bytes that were read from it too early.
func prefixed(c net.Conn, early []byte) net.Conn {
	if len(early) == 0 {
		return c
	}
	// The bytes belong to a buffer that its owner reuses.
	return &prefixConn{Conn: c, early: append([]byte(nil), early...)}
}

type prefixConn struct {
	net.Conn
	early []byte
}

func (c *prefixConn) Read(p []byte) (int, error) {
	if len(c.early) > 0 {
		n := copy(p, c.early)
		c.early = c.early[n:]
		return n, nil
	}
	return c.Conn.Read(p)
}

func (c *prefixConn) CloseWrite() error { return closeWrite(c.Conn) }
func (c *prefixConn) CloseRead() error  { return closeRead(c.Conn) }

// interceptedConn is a client's connection behind a CONNECT. It sits below TLS, so that net/http sees a plain *tls.Conn and
// applies its timeouts, and carries what the CONNECT said.
type interceptedConn struct {
	net.Conn
	host    string
	port    int
	client  string
	session string
}

// tunnelConn is either end of a tunnel: it ends itself when nothing has moved for a while, which net/http no longer does
// for a hijacked connection.
type tunnelConn struct {
	net.Conn
	idle   time.Duration
	closed atomic.Bool
	onEnd  func(*tunnelConn)
}

func (c *tunnelConn) Read(p []byte) (int, error) {
	_ = c.Conn.SetReadDeadline(time.Now().Add(c.idle))
	return c.Conn.Read(p)
}

func (c *tunnelConn) Write(p []byte) (int, error) {
	_ = c.Conn.SetWriteDeadline(time.Now().Add(c.idle))
	return c.Conn.Write(p)
}

func (c *tunnelConn) CloseWrite() error { return closeWrite(c.Conn) }
func (c *tunnelConn) CloseRead() error  { return closeRead(c.Conn) }

func (c *tunnelConn) Close() error {
	if !c.closed.Swap(true) && c.onEnd != nil {
		c.onEnd(c)
	}
	return c.Conn.Close()
}

func closeWrite(c net.Conn) error {
	if h, ok := c.(interface{ CloseWrite() error }); ok {
		return h.CloseWrite()
	}
	return c.Close()
}

func closeRead(c net.Conn) error {
	if h, ok := c.(interface{ CloseRead() error }); ok {
		return h.CloseRead()
	}
	return nil
}
