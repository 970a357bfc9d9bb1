package graph

import (
	"crypto/sha256"
	"encoding/hex"
	"strings"
)

// PersonalTenant is the tenant all personal Microsoft accounts share. It is public, and that a token is a personal one
// is what a policy must still see after redaction, so it is the one identifier that keeps its value.
const PersonalTenant = "9188040d-6c67-4c5b-b112-36a304b66dad"

// Pseudonym replaces an identifier the same way every time: the SHA-256 of "graphwarden:" and the lower-case
// identifier, its first 32 hex digits written as a UUID of version 8 (the thirteenth digit 8, the seventeenth a). A
// policy can compute it with crypto.sha256, so data may name the pseudonym or the original. It is one way for a random
// GUID; a well-known one (the id of a public app) can be recognised by trying. A pseudonym is not its own pseudonym.
func Pseudonym(guid string) string {
	var lower [64]byte
	buf := append(lower[:0], "graphwarden:"...)
	sum := sha256.Sum256(append(buf, strings.ToLower(guid)...))
	var h [32]byte
	hex.Encode(h[:], sum[:16])
	h[12], h[16] = '8', 'a'
	var out [36]byte
	copy(out[0:], h[0:8])
	copy(out[9:], h[8:12])
	copy(out[14:], h[12:16])
	copy(out[19:], h[16:20])
	copy(out[24:], h[20:32])
	out[8], out[13], out[18], out[23] = '-', '-', '-', '-'
	return string(out[:])
}

// isPseudonym tells whether s has the shape Pseudonym gives.
func isPseudonym(s string) bool {
	return isGUID(s) && s[14] == '8' && s[19] == 'a' && s == strings.ToLower(s)
}

// isGUID tells whether s is 36 bytes of hex digits and hyphens in the usual places.
func isGUID(s string) bool {
	if len(s) != 36 {
		return false
	}
	for i := range len(s) {
		c := s[i]
		switch i {
		case 8, 13, 18, 23:
			if c != '-' {
				return false
			}
		default:
			if (c < '0' || c > '9') && (c < 'a' || c > 'f') && (c < 'A' || c > 'F') {
				return false
			}
		}
	}
	return true
}
