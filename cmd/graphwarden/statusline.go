package main

import (
	"fmt"
	"io"
	"time"

	"github.com/graphwarden/graphwarden/proxy"
)

// statusLine is the last line of a terminal, written over as counts change. It is for serve: under run the command's own
// output has the terminal. Its owner holds a lock around every call; a nil one shows nothing.
type statusLine struct {
	w                            io.Writer
	paint                        paint
	requests, allowed, denied, n int
	shown                        bool
	last                         time.Time
}

// statusEvery keeps a busy proxy from spending its time on a terminal.
const statusEvery = 100 * time.Millisecond

func (l *statusLine) count(e proxy.Exchange) {
	if l == nil {
		return
	}
	l.requests++
	switch verdictWord(e) {
	case "allow", "warn":
		l.allowed++
	case "deny", "would":
		l.denied++
	case "miss", "error":
		l.n++
	}
}

// show writes the line anew, unless it just did.
func (l *statusLine) show() {
	if l == nil || l.shown && time.Since(l.last) < statusEvery {
		return
	}
	text := fmt.Sprintf("%d requests, %d changes allowed, %d denied, %d refused otherwise", l.requests, l.allowed, l.denied, l.n)
	fmt.Fprintf(l.w, "\r\x1b[K%s", l.paint.dim(text))
	l.shown, l.last = true, time.Now()
}

// clear makes room for a line of another kind.
func (l *statusLine) clear() {
	if l == nil || !l.shown {
		return
	}
	_, _ = io.WriteString(l.w, "\r\x1b[K")
	l.shown = false
}

// waiting says on a terminal what is taking its time, once it has taken half a second. The result ends it.
func waiting(env *Env, what string) (done func()) {
	if !env.TTY || env.Getenv("TERM") == "dumb" {
		return func() {}
	}
	stop, stopped := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(stopped)
		select {
		case <-stop:
			return
		case <-time.After(500 * time.Millisecond):
		}
		start := time.Now()
		for {
			fmt.Fprintf(env.Stderr, "\r\x1b[K%s (%ds)", what, int(time.Since(start).Seconds()))
			select {
			case <-stop:
				_, _ = io.WriteString(env.Stderr, "\r\x1b[K")
				return
			case <-time.After(time.Second):
			}
		}
	}()
	return func() { close(stop); <-stopped }
}
