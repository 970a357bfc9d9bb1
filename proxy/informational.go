package proxy

import (
	"net/http"
	"sync"
)

// informer passes the origin's informational answers (102 Processing, 103 Early Hints) on to the client while the real
// one is awaited. A 100 is between each side and us.
type informer struct {
	w http.ResponseWriter

	mu   sync.Mutex
	over bool // the exchange has its answer: the writer is no longer ours
}

// Informed implements wire.Listener.
func (i *informer) Informed(status int, fields http.Header) {
	if status == http.StatusContinue {
		return
	}
	i.mu.Lock()
	defer i.mu.Unlock()
	if i.over {
		return
	}
	stripHopByHop(fields)
	h := i.w.Header()
	for name, values := range fields {
		h[name] = values
	}
	i.w.WriteHeader(status)
	for name := range fields {
		delete(h, name)
	}
}

// stop ends it: the writer is needed for the answer.
func (i *informer) stop() {
	i.mu.Lock()
	defer i.mu.Unlock()
	i.over = true
}
