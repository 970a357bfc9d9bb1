package wire

import (
	"context"
	"net"
	"net/http"
	"net/http/httptest"
	"testing"
	"time"
)

// TestLongIdleConnectionsAreDropped holds the sweep to its bound, and to what it must leave.
func TestLongIdleConnectionsAreDropped(t *testing.T) {
	t.Parallel()
	if !Supported {
		t.Skip("this system keeps none")
	}
	origin := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {}))
	t.Cleanup(origin.Close)
	c := &Client{Dial: func(ctx context.Context, address string) (net.Conn, error) {
		return new(net.Dialer).DialContext(ctx, "tcp", address)
	}}
	t.Cleanup(c.Close)
	at := place{"http", origin.Listener.Addr().String()}
	for range 4 {
		k, err := c.dial(t.Context(), at)
		if err != nil {
			t.Fatal(err)
		}
		c.keep(k)
	}
	c.mu.Lock()
	for _, k := range c.idle[at][:2] {
		k.since = time.Now().Add(-2 * idleFor)
	}
	old, ended := c.idle[at][0], c.idle[at][2]
	_ = ended.raw.(*net.TCPConn).CloseRead() // as if the origin had closed it
	c.mu.Unlock()
	c.dropOld()
	if n := len(c.idle[at]); n != 1 || old.alive() || ended.alive() {
		t.Errorf("%d left; the oldest stands: %v, the ended one %v", n, old.alive(), ended.alive())
	}
	if k := c.idle[at][0]; !k.alive() {
		t.Error("the fresh one was ended")
	}
}
