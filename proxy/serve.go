package proxy

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"time"
)

// noDeadline takes a deadline away.
var noDeadline time.Time

// Serve accepts clients on a listener until Shutdown or Close; it may be called for several listeners. It returns nil after
// either.
func (w *Warden) Serve(l net.Listener) error {
	f := w.front
	if !loopback(l.Addr()) && w.settings.ProxyPassword == "" {
		return fmt.Errorf("serve %s: %w", l.Addr(), ErrNeedsPassword)
	}
	f.own.add(l.Addr())
	l = &shedding{Listener: l, max: int64(w.limits.Connections), shed: func(a net.Addr) {
		w.log.Warn("connection shed: too many are open", "client", a.String(), "limit", w.limits.Connections)
	}}
	f.start.Do(func() {
		f.serving.Store(true)
		go func() { _ = f.inner.Serve(f.accept) }()
	})
	if err := f.outer.Serve(l); err != nil && !errors.Is(err, http.ErrServerClosed) {
		return fmt.Errorf("serve %s: %w", l.Addr(), err)
	}
	return nil
}

// Shutdown stops accepting, lets open exchanges finish until ctx ends, ends tunnels, and flushes the recording and the
// ledger. The error tells what could not be finished or flushed.
func (w *Warden) Shutdown(ctx context.Context) error {
	if w.closed.Swap(true) {
		return nil
	}
	f := w.front
	errs := []error{drained("clients", f.outer.Shutdown(ctx))}
	errs = append(errs, drained("intercepted connections", f.plain.Shutdown(ctx)))
	if f.serving.Load() {
		errs = append(errs, drained("intercepted connections", f.inner.Shutdown(ctx)))
	}
	f.close()
	return errors.Join(append(errs, w.release())...)
}

func drained(what string, err error) error {
	if err != nil {
		return fmt.Errorf("drain %s: %w", what, err)
	}
	return nil
}

// close ends everything at once.
func (f *front) close() {
	_ = f.outer.Close()
	f.plain.Close()
	_ = f.accept.Close()
	_ = f.inner.Close()
	f.tunnels.closeAll()
	f.goproxy.Tr.CloseIdleConnections()
}
