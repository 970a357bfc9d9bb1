package proxy

import (
	"context"
	"net/http"
	"net/http/httptrace"
	"net/textproto"
	"sync"
)

// informer passes the origin's informational answers (102 Processing, 103 Early Hints) on to the client while the real
// one is awaited. A 100 is between each side and us.
type informer struct {
	w http.ResponseWriter

	mu   sync.Mutex
	over bool // the exchange has its answer: the writer is no longer ours
}

// inform returns a context that passes them on until stop is called.
func inform(ctx context.Context, w http.ResponseWriter) (_ context.Context, stop func()) {
	i := &informer{w: w}
	return httptrace.WithClientTrace(ctx, &httptrace.ClientTrace{Got1xxResponse: i.pass}), i.stop
}

func (i *informer) pass(code int, fields textproto.MIMEHeader) error {
	if code == http.StatusContinue {
		return nil
	}
	i.mu.Lock()
	defer i.mu.Unlock()
	if i.over {
		return nil
	}
	stripHopByHop(http.Header(fields))
	h := i.w.Header()
	for name, values := range fields {
		h[name] = values
	}
	i.w.WriteHeader(code)
	for name := range fields {
		delete(h, name)
	}
	return nil
}

func (i *informer) stop() {
	i.mu.Lock()
	defer i.mu.Unlock()
	i.over = true
}
