package wire

import (
	"context"
	"net/http"
	"strconv"
)

// tokenChars are those of a method and a field name (RFC 9110 section 5.6.2).
var tokenChars = func() (t [256]bool) {
	for c := range t {
		t[c] = c >= '0' && c <= '9' || c|0x20 >= 'a' && c|0x20 <= 'z'
	}
	for _, c := range "!#$%&'*+-.^_`|~" {
		t[c] = true
	}
	return t
}()

func isToken(s string) bool {
	for i := range len(s) {
		if !tokenChars[s[i]] {
			return false
		}
	}
	return s != ""
}

// isVisible tells whether a string holds nothing that would end a part of the request line.
func isVisible(s string) bool {
	for i := range len(s) {
		if s[i] <= ' ' || s[i] == 0x7f {
			return false
		}
	}
	return s != ""
}

// isFieldValue tells whether a string is safe as a field's value (RFC 9110 section 5.5): no control character but a tab.
func isFieldValue(s string) bool {
	const (
		ones    = 0x0101010101010101
		tops    = 0x80 * ones
		spaces  = ' ' * ones
		deletes = 0x7f * ones
	)
	i := 0
	for ; i+8 <= len(s); i += 8 {
		// Eight at once: a byte's top bit is set below if it is under a space (and no byte of UTF-8), or a delete.
		x := uint64(s[i]) | uint64(s[i+1])<<8 | uint64(s[i+2])<<16 | uint64(s[i+3])<<24 |
			uint64(s[i+4])<<32 | uint64(s[i+5])<<40 | uint64(s[i+6])<<48 | uint64(s[i+7])<<56
		d := x ^ deletes
		if ((x-spaces)&^x|(d-ones)&^d)&tops != 0 && !isFieldText(s[i:i+8]) {
			return false
		}
	}
	return isFieldText(s[i:])
}

func isFieldText(s string) bool {
	for i := range len(s) {
		if s[i] < ' ' && s[i] != '\t' || s[i] == 0x7f {
			return false
		}
	}
	return true
}

func appendInt(b []byte, n int) []byte { return strconv.AppendInt(b, int64(n), 10) }

// Listener hears of informational answers (102 Processing, 103 Early Hints) while the real one is awaited.
type Listener interface {
	Informed(status int, fields http.Header)
}

// informed is a context with a Listener.
type informed struct {
	context.Context
	l Listener
}

type listenerKey struct{}

func (c *informed) Value(key any) any {
	if key == (listenerKey{}) {
		return c.l
	}
	return c.Context.Value(key)
}

// WithListener returns a context whose requests tell l of their informational answers.
func WithListener(ctx context.Context, l Listener) context.Context { return &informed{ctx, l} }

// ListenerOf is the one that WithListener gave; nil if there is none.
func ListenerOf(ctx context.Context) Listener {
	l, _ := ctx.Value(listenerKey{}).(Listener)
	return l
}

func tell(ctx context.Context, status int, fields http.Header) {
	if l := ListenerOf(ctx); l != nil {
		l.Informed(status, fields)
	}
}
