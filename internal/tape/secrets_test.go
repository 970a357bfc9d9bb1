package tape

import (
	"bytes"
	"math/rand/v2"
	"strings"
	"testing"
)

// checkSuspicious wants no secret in a text that passes for one without.
func checkSuspicious(t *testing.T, r *redactor, s string) (found bool) {
	t.Helper()
	b := []byte(s)
	for i := range b {
		for _, start := range []int{0, max(0, i-9)} {
			if secretMark[b[i]] {
				_, _, kind := r.secretAt(b, i, start)
				found = found || kind != ""
			}
		}
	}
	quiet := !suspicious(s, strings.IndexByte)
	if quiet != !suspicious(b, bytes.IndexByte) {
		t.Fatalf("%q: text and bytes differ", s)
	}
	if found && quiet {
		t.Fatalf("%q holds a secret and passes", s)
	}
	return found
}

func TestSuspicious(t *testing.T) {
	t.Parallel()
	r := newRedactor(Redaction{})
	parts := []string{"eyJ", "ey", "J", "hbGciOiJub25lIn0", ".", "Q~", "8Q~", "abc8Q~" + strings.Repeat("x", 34), "~", "Q", "Bearer ", "B", "Be", strings.Repeat("a", 22), "-----", "-----BEGIN ",
		"RSA PRIVATE KEY-----", "sig=", "password", "=", "abcdef", " ", "-", "6f1c2d3e-4a5b"}
	rnd := rand.New(rand.NewPCG(3, 4))
	found := 0
	for range 50_000 {
		var s strings.Builder
		for range 1 + rnd.IntN(7) {
			s.WriteString(parts[rnd.IntN(len(parts))])
		}
		if checkSuspicious(t, r, s.String()) {
			found++
		}
	}
	if found < 2_000 {
		t.Errorf("only %d texts held a secret", found)
	}
	for _, s := range []string{"", "6f1c2d3e-4a5b-4c6d-8e7f-901a2b3c4d5e", "West Europe", "Bdy", "Jane", "a~b", "Mon, 23 Nov 2026 10:00:00 GMT"} {
		if !r.quiet(s) {
			t.Errorf("%q is looked at twice", s)
		}
	}
}

func FuzzSuspicious(f *testing.F) {
	f.Add("Bearer eyJhbGciOiJub25lIn0.eyJhIjoxfQ.c2ln")
	f.Add("-----BEGIN PRIVATE KEY-----x?sig=abcdef")
	f.Add("abc8Q~" + strings.Repeat("x", 34))
	r := newRedactor(Redaction{})
	f.Fuzz(func(t *testing.T, s string) { checkSuspicious(t, r, s) })
}
