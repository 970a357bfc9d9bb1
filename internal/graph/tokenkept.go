package graph

import (
	"crypto/sha256"
	"net/http"
	"slices"
	"sync/atomic"
)

// tokensKept is how many different tokens are remembered: clients use one for an hour and thousands of requests.
const tokensKept = 64

// Tokens reads tokens as ReadToken does and remembers what it read of the last ones. It keeps a token's SHA-256 and its
// claims, never the token. It is safe for concurrent use; the slices of the Tokens it returns are shared and must not be
// written to.
type Tokens struct {
	slots [tokensKept]atomic.Pointer[keptToken]
}

type keptToken struct {
	sum  [sha256.Size]byte
	read Token
}

// Read is ReadToken.
func (k *Tokens) Read(h http.Header) Token {
	values := h["Authorization"]
	if k == nil || len(values) != 1 || len(values[0]) > maxTokenBytes {
		return ReadToken(h)
	}
	var buf [4 << 10]byte // on the stack, so that the usual token is not copied to the heap
	sum := sha256.Sum256(append(buf[:0], values[0]...))
	slot := &k.slots[sum[0]%tokensKept]
	if kept := slot.Load(); kept != nil && kept.sum == sum {
		return kept.read
	}
	t := ReadToken(h)
	// Clipped, so that whoever appends gets a slice of their own.
	t.Scopes, t.Roles, t.Anomalies = slices.Clip(t.Scopes), slices.Clip(t.Roles), slices.Clip(t.Anomalies)
	slot.Store(&keptToken{sum, t})
	return t
}
