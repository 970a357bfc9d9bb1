package graph

import (
	"crypto/sha256"
	"net/http"
	"slices"
	"sync/atomic"
)

// tokensKept is how many different tokens are remembered: clients use one for an hour and thousands of requests.
const tokensKept = 64

// keptTokens remembers what was made of the last tokens, by the SHA-256 of the header that carried them, never by the token.
type keptTokens[T any] struct {
	slots [tokensKept]atomic.Pointer[keptToken[T]]
}

type keptToken[T any] struct {
	sum  [sha256.Size]byte
	made T
}

func (k *keptTokens[T]) get(authorization string, read func() T) T {
	var buf [4 << 10]byte // on the stack, so that the usual token is not copied to the heap
	sum := sha256.Sum256(append(buf[:0], authorization...))
	slot := &k.slots[sum[0]%tokensKept]
	if kept := slot.Load(); kept != nil && kept.sum == sum {
		return kept.made
	}
	made := read()
	slot.Store(&keptToken[T]{sum, made})
	return made
}

// Tokens reads tokens as ReadToken does and remembers what it read of the last ones. It is safe for concurrent use; the
// slices of the Tokens it returns are shared and must not be written to.
type Tokens struct{ kept keptTokens[Token] }

// Read is ReadToken.
func (k *Tokens) Read(h http.Header) Token {
	values := h["Authorization"]
	if k == nil || len(values) != 1 || len(values[0]) > maxTokenBytes {
		return ReadToken(h)
	}
	return k.kept.get(values[0], func() Token {
		t := ReadToken(h)
		// Clipped, so that whoever appends gets a slice of their own.
		t.Scopes, t.Roles, t.Anomalies = slices.Clip(t.Scopes), slices.Clip(t.Roles), slices.Clip(t.Anomalies)
		return t
	})
}

// RedactedTokens redacts tokens as RedactToken does and remembers what became of the last ones. It is safe for concurrent
// use.
type RedactedTokens struct{ kept keptTokens[string] }

// Redact is RedactToken.
func (k *RedactedTokens) Redact(authorization string) string {
	if len(authorization) > maxTokenBytes {
		return RedactToken(authorization)
	}
	return k.kept.get(authorization, func() string { return RedactToken(authorization) })
}
