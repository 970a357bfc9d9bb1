package wire

import (
	"errors"
	"os"
	"time"
)

// watchAfter is how long an answer may take before it is watched whether its client still waits: most are done by then, and
// need no watching.
const watchAfter = 50 * time.Millisecond

// watch ends the context of a request whose client has gone away.
type watch struct {
	timer *time.Timer
	over  chan bool // what the watcher found: whether the client is gone
	one   [1]byte
	n     int // bytes of the next request that it read
}

func (w *watch) start(k *served) {
	if w.timer == nil {
		w.over = make(chan bool, 1)
		w.timer = time.AfterFunc(watchAfter, func() { w.over <- w.look(k) })
		return
	}
	w.timer.Reset(watchAfter)
}

// look reads: a client that waits sends nothing.
func (w *watch) look(k *served) (gone bool) {
	n, err := k.conn.Read(w.one[:])
	w.n = n
	if n == 0 && err != nil && !errors.Is(err, os.ErrDeadlineExceeded) {
		k.cancel()
		return true
	}
	return false
}

// stop ends the watching before anybody else reads.
func (w *watch) stop(k *served) (gone bool) {
	if w.timer.Stop() {
		return false
	}
	_ = k.conn.SetReadDeadline(time.Unix(1, 0))
	gone = <-w.over
	k.readBy = time.Time{}
	if w.n > 0 { // the next request has begun
		w.n = 0
		if k.to == len(k.buf) {
			k.room()
		}
		k.buf[k.to] = w.one[0]
		k.to++
	}
	return gone
}
