// Package wire carries requests to an origin over HTTP/1.1 (RFC 9112): one exchange at a time on a kept connection, in the
// caller's own goroutine, the request in one write.
//
// It takes what a proxy has read whole (a body that is bytes, a header that is sane) and gives back an ordinary
// http.Response. It follows no redirect, undoes no encoding, keeps no cookie and adds no field. A request that may have
// reached the origin is never sent twice, unless it only reads.
package wire

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"net/http"
	"slices"
	"sync"
	"time"
)

// The bounds of a Client.
const (
	// MaxBody is the longest request body that is sent: it goes out before the answer is looked at, so it must fit what
	// lies between the two ends.
	MaxBody = 64 << 10
	// maxHead bounds the head of an answer, its informational ones together.
	maxHead = 1 << 20
	// perHost is how many idle connections are kept to one host: as many as clients one machine is likely to run at once.
	perHost = 512
	// idleFor is how long one is kept.
	idleFor = 90 * time.Second
	// connectIn bounds dialling and greeting, answerIn the wait for an answer's head and for each stretch of its body.
	connectIn = 10 * time.Second
	answerIn  = 2 * time.Minute
	// slack spares setting a deadline anew for each request.
	slack = 30 * time.Second
)

// ErrProtocol says that the origin speaks no HTTP/1.1.
var ErrProtocol = errors.New("the origin speaks no HTTP/1.1")

// ErrClosed says that the Client was closed.
var ErrClosed = errors.New("the way to the origin is closed")

// Client is a http.RoundTripper for requests whose body is a *Body of at most MaxBody bytes, or none. It is safe for
// concurrent use.
type Client struct {
	// Dial opens a connection to an address (host:port).
	Dial func(ctx context.Context, address string) (net.Conn, error)
	// TLS is how an https origin is greeted. Its server name and protocols are set here.
	TLS *tls.Config

	mu     sync.Mutex
	idle   map[place][]*conn // the longest idle first
	sweep  *time.Timer       // nil while nothing is idle
	closed bool
}

// place is what a connection leads to.
type place struct{ scheme, host string }

// Supported tells whether this system can tell a connection that the origin has closed; without that none can be kept.
const Supported = probes

// Takes tells whether a request can be sent by RoundTrip.
func Takes(r *http.Request) bool {
	if !Supported || r.URL.Scheme != "https" && r.URL.Scheme != "http" {
		return false
	}
	if r.Body == nil || r.Body == http.NoBody {
		return true
	}
	b, ok := r.Body.(*Body)
	return ok && b.Len() <= MaxBody
}

// RoundTrip implements http.RoundTripper. Its errors are those of the network, of TLS, or of an answer that is no HTTP; after
// one the request may have been carried out. The end of the request's context ends the exchange.
func (c *Client) RoundTrip(r *http.Request) (*http.Response, error) {
	body, err := bodyOf(r)
	if err != nil {
		return nil, err
	}
	for {
		k, err := c.connection(r)
		if err != nil {
			return nil, fmt.Errorf("reach the origin: %w", err)
		}
		resp, err := k.exchange(r, body)
		if err == nil {
			return resp, nil
		}
		k.end()
		if ctxErr := r.Context().Err(); ctxErr != nil {
			return nil, ctxErr
		}
		// A kept connection may have been closed by the origin at the very moment.
		if k.used && (!k.sent || !k.heard && onlyReads(r.Method)) {
			continue
		}
		return nil, fmt.Errorf("exchange with the origin: %w", err)
	}
}

func onlyReads(method string) bool {
	return method == http.MethodGet || method == http.MethodHead || method == http.MethodOptions
}

// connection is an idle one that still stands, or a new one.
func (c *Client) connection(r *http.Request) (*conn, error) {
	at := place{r.URL.Scheme, r.URL.Host}
	for {
		k, err := c.take(at)
		if err != nil {
			return nil, err
		}
		if k == nil {
			return c.dial(r.Context(), at)
		}
		if k.alive() {
			return k, nil
		}
		k.end()
	}
}

func (c *Client) take(at place) (*conn, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.closed {
		return nil, ErrClosed
	}
	list := c.idle[at]
	if len(list) == 0 {
		return nil, nil
	}
	k := list[len(list)-1]
	list[len(list)-1] = nil
	c.idle[at] = list[:len(list)-1]
	return k, nil
}

// keep takes back a connection whose exchange is over.
func (c *Client) keep(k *conn) {
	k.used, k.since = true, time.Now()
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.closed || len(c.idle[k.at]) >= perHost {
		k.end()
		return
	}
	if c.idle == nil {
		c.idle = map[place][]*conn{}
	}
	c.idle[k.at] = append(c.idle[k.at], k)
	if c.sweep == nil {
		c.sweep = time.AfterFunc(idleFor/3, c.dropOld)
	}
}

// dropOld ends what has been idle for long, and what the origin has ended.
func (c *Client) dropOld() {
	c.mu.Lock()
	defer c.mu.Unlock()
	before := time.Now().Add(-idleFor)
	left := false
	for at, list := range c.idle {
		list = slices.DeleteFunc(list, func(k *conn) bool {
			over := k.since.Before(before) || !k.alive()
			if over {
				k.end()
			}
			return over
		})
		if len(list) == 0 {
			delete(c.idle, at)
			continue
		}
		c.idle[at] = list
		left = true
	}
	if c.sweep = nil; left {
		c.sweep = time.AfterFunc(idleFor/3, c.dropOld)
	}
}

// Close ends the idle connections; those in use end with their exchange.
func (c *Client) Close() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.closed = true
	if c.sweep != nil {
		c.sweep.Stop()
	}
	for _, list := range c.idle {
		for _, k := range list {
			k.end()
		}
	}
	c.idle = nil
}

func (c *Client) dial(ctx context.Context, at place) (*conn, error) {
	ctx, cancel := context.WithTimeout(ctx, connectIn)
	defer cancel()
	host, port, err := net.SplitHostPort(at.host)
	if err != nil {
		host, port = at.host, map[string]string{"https": "443", "http": "80"}[at.scheme]
	}
	raw, err := c.Dial(ctx, net.JoinHostPort(host, port))
	if err != nil {
		return nil, err
	}
	k := newConn(c, at, raw)
	if at.scheme == "http" {
		return k, nil
	}
	if err := k.greet(ctx, c.TLS, host); err != nil {
		_ = raw.Close()
		return nil, err
	}
	return k, nil
}
