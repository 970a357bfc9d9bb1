package graph

import (
	"strings"
	"unicode"
	"unicode/utf8"
)

// keySet finds keys that are equal under case folding: by comparison while they are few, by a set of folded keys when
// an object has so many that comparing would be quadratic.
type keySet struct {
	few    [fewKeys]string
	hashes [fewKeys]uint32
	n      int
	many   map[string]string
}

func (k *keySet) add(key string) (other string, dup bool) {
	if k.many == nil {
		h := foldedHash(key)
		for i, other := range k.hashes[:k.n] {
			if other == h && strings.EqualFold(k.few[i], key) {
				return k.few[i], true
			}
		}
		if k.n < fewKeys {
			k.few[k.n], k.hashes[k.n] = key, h
			k.n++
			return "", false
		}
		k.many = make(map[string]string, 4*fewKeys)
		for _, other := range k.few {
			k.many[fold(other)] = other
		}
	}
	f := fold(key)
	if other, dup := k.many[f]; dup {
		return other, true
	}
	k.many[f] = key
	return "", false
}

// foldedHash is the FNV-1a hash of the folded key. It only saves comparisons, so collisions made on purpose cost at most
// fewKeys of them.
func foldedHash(key string) uint32 {
	h := uint32(2166136261)
	for i := range len(key) {
		c := key[i]
		if c >= utf8.RuneSelf {
			// Some other letters equal an ASCII one (the Kelvin sign is a k), so they need the full fold.
			if f := fold(key); f != key {
				return foldedHash(f)
			}
		}
		if c >= 'a' && c <= 'z' {
			c -= 'a' - 'A'
		}
		h = (h ^ uint32(c)) * 16777619
	}
	return h
}

// fold maps every rune to the least of those it equals under simple case folding, so that fold(a) == fold(b) exactly
// when strings.EqualFold(a, b).
func fold(s string) string {
	return strings.Map(func(r rune) rune {
		if r < utf8.RuneSelf {
			if 'a' <= r && r <= 'z' {
				r -= 'a' - 'A'
			}
			return r
		}
		least := r
		for f := unicode.SimpleFold(r); f != r; f = unicode.SimpleFold(f) {
			least = min(least, f)
		}
		return least
	}, s)
}

func clip(s string) string {
	if len(s) > 80 {
		return strings.ToValidUTF8(s[:80], "") + "…"
	}
	return s
}
