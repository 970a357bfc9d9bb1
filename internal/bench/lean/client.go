package lean

import (
	"bufio"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"time"
)

// Route says how a client gets to its host.
type Route struct {
	// Proxy is the address of the proxy; empty goes to Origin directly.
	Proxy, Origin string
	// Host is the name to ask for; empty means Host.
	Host string
}

func (r Route) host() string {
	if r.Host == "" {
		return Host
	}
	return r.Host
}

// Raw opens a connection to where TLS with the host begins.
func (r Route) Raw() (net.Conn, error) {
	if r.Proxy == "" {
		return net.Dial("tcp", r.Origin)
	}
	conn, err := net.Dial("tcp", r.Proxy)
	if err != nil {
		return nil, err
	}
	_ = conn.SetDeadline(time.Now().Add(patience))
	if err := connect(conn, r.host()); err != nil {
		_ = conn.Close()
		return nil, fmt.Errorf("connect through %s: %w", r.Proxy, err)
	}
	return conn, nil
}

// patience is how long a client waits for one thing before it counts as failed.
const patience = 60 * time.Second

func connect(conn net.Conn, host string) error {
	if _, err := conn.Write([]byte("CONNECT " + host + ":443 HTTP/1.1\r\nHost: " + host + ":443\r\n\r\n")); err != nil {
		return err
	}
	var buf [512]byte
	n := 0
	for {
		// The proxy speaks no further until the client has said hello, so nothing of TLS is read here.
		m, err := conn.Read(buf[n:])
		if err != nil {
			return err
		}
		if n += m; n >= 4 && string(buf[n-4:n]) == "\r\n\r\n" {
			break
		}
		if n == len(buf) {
			return errMessage
		}
	}
	if n < 12 || string(buf[9:12]) != "200" {
		return fmt.Errorf("answered %.40q", buf[:n])
	}
	return nil
}

// Config is the client's side of TLS. What it costs to verify a chain is the client's own affair and would only blur what
// the proxy costs, so nothing is verified.
func (r Route) Config(protocols ...string) *tls.Config {
	return &tls.Config{ServerName: r.host(), InsecureSkipVerify: true, NextProtos: protocols}
}

// Client is one connection that is kept.
type Client struct {
	conn *tls.Conn
	br   *bufio.Reader
}

// Dial opens the connection and finishes the handshake.
func Dial(r Route) (*Client, error) {
	raw, err := r.Raw()
	if err != nil {
		return nil, err
	}
	conn := tls.Client(raw, r.Config("http/1.1"))
	if err := conn.Handshake(); err != nil {
		_ = raw.Close()
		return nil, fmt.Errorf("handshake: %w", err)
	}
	_ = raw.SetDeadline(time.Time{})
	return &Client{conn: conn, br: bufio.NewReaderSize(conn, 8<<10)}, nil
}

// Do sends the bytes of one request and reads its answer, which must be 200 and have a body.
func (c *Client) Do(request []byte) error {
	if _, err := c.conn.Write(request); err != nil {
		return err
	}
	mark, length, err := readMessage(c.br)
	if err != nil {
		return err
	}
	if string(mark[1:]) != "200" {
		return fmt.Errorf("answered status %s", mark[1:])
	}
	if length == 0 {
		return errors.New("answered without a body")
	}
	return nil
}

// Close ends the connection at once, leaving no port behind that waits.
func (c *Client) Close() error {
	linger(c.conn.NetConn())
	return c.conn.Close()
}

// Greet opens a connection, finishes the handshake on both sides and closes it again.
func Greet(r Route) error {
	raw, err := r.Raw()
	if err != nil {
		return err
	}
	defer raw.Close()
	_ = raw.SetDeadline(time.Now().Add(patience))
	conn := tls.Client(raw, r.Config("http/1.1"))
	if err := conn.Handshake(); err != nil {
		return fmt.Errorf("handshake: %w", err)
	}
	// The other side has finished too once it answers the end with its own.
	if err := conn.CloseWrite(); err != nil {
		return err
	}
	var buf [256]byte
	for {
		if _, err := conn.Read(buf[:]); err != nil {
			linger(raw)
			return nil
		}
	}
}

func linger(c net.Conn) {
	if t, ok := c.(*net.TCPConn); ok {
		_ = t.SetLinger(0)
	}
}
