package proxy

import (
	"net/http"
	"sync"
	"time"
)

// flushDelay is how long bytes of an answer of unknown length may wait for company. Long enough that an ordinary chunked
// answer leaves in one write, short enough that nobody who waits for a streamed one notices.
const flushDelay = 5 * time.Millisecond

// streamWait is how long a client may take for one write of a streamed answer, and the origin between two.
const streamWait = 2 * time.Minute

// answerWriter is the ResponseWriter goproxy copies into. It lets streamed answers out as they come.
type answerWriter struct {
	http.ResponseWriter
	atHand    bool // all of the answer is in memory
	streaming bool

	mu      sync.Mutex
	timer   *time.Timer
	pending bool
	done    bool
}

func (a *answerWriter) WriteHeader(status int) {
	if status >= 200 {
		a.streaming = !a.atHand && a.Header().Get("Content-Length") == "" && status != http.StatusNoContent && status != http.StatusNotModified
	}
	a.ResponseWriter.WriteHeader(status)
}

func (a *answerWriter) Write(p []byte) (int, error) {
	if !a.streaming {
		return a.ResponseWriter.Write(p)
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	_ = http.NewResponseController(a.ResponseWriter).SetWriteDeadline(time.Now().Add(streamWait))
	n, err := a.ResponseWriter.Write(p)
	if !a.pending && !a.done {
		a.pending = true
		if a.timer == nil {
			a.timer = time.AfterFunc(flushDelay, a.flushLater)
		} else {
			a.timer.Reset(flushDelay)
		}
	}
	return n, err
}

func (a *answerWriter) flushLater() {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.pending && !a.done {
		a.pending = false
		_ = http.NewResponseController(a.ResponseWriter).Flush()
	}
}

// Flush lets out what has been written, for goproxy's own flushing of event streams.
func (a *answerWriter) Flush() {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.pending = false
	_ = http.NewResponseController(a.ResponseWriter).Flush()
}

// finish ends the delayed flushing before net/http takes the ResponseWriter back.
func (a *answerWriter) finish() {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.done = true
	if a.timer != nil {
		a.timer.Stop()
	}
}

func (a *answerWriter) Unwrap() http.ResponseWriter { return a.ResponseWriter }

var copyBuffers = sync.Pool{New: func() any {
	b := make([]byte, 16<<10)
	return &b
}}
