package policy

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"net/http"
	"slices"
	"strings"

	"github.com/open-policy-agent/opa/v1/ast"

	"github.com/graphwarden/graphwarden/internal/graph"
)

// InputSchema is the name and version of the input document.
const InputSchema = "graphwarden.input/v1"

// OverrideHeader carries the code of an emergency override. Only its SHA-256 enters the input document.
const OverrideHeader = "X-Graphwarden-Override"

// overrideMember is its name in the document.
const overrideMember = "x-graphwarden-override"

// Input is the document the policies judge. Every field is always present: null or empty, never missing. It shares the
// request's body and must not be changed beneath its first two levels.
func Input(r *graph.Request, c Context) map[string]any {
	f := new(facts)
	f.of(r, c)
	return nativeObject(document, f)
}

func nativeObject(fields []field, f *facts) map[string]any {
	m := make(map[string]any, len(fields))
	for i := range fields {
		if one := &fields[i]; one.fields != nil {
			m[one.name] = nativeObject(one.fields, f)
		} else {
			value := one.leaf(f)
			m[one.name] = value.native()
		}
	}
	return m
}

// inputValue is all of Input as OPA takes it.
func inputValue(r *graph.Request, c Context) ast.Value { return ast.LazyObject(Input(r, c)) }

// InputJSON is Input as indented JSON: what stock OPA and conftest take.
func InputJSON(r *graph.Request, c Context) ([]byte, error) {
	return json.MarshalIndent(Input(r, c), "", "  ")
}

func queryInput(query map[string][]string) map[string]any {
	m := make(map[string]any, len(query))
	for name, values := range query {
		m[name] = list(values)
	}
	return m
}

// headersInput is the header without anything that may hold a secret, names in lower case.
func headersInput(header http.Header) map[string]any {
	m := make(map[string]any, len(header))
	for name, values := range header {
		if name == OverrideHeader {
			m[overrideMember] = digests(values)
			continue
		}
		if lower, secret := headerName(name); !secret {
			m[lower] = list(values)
		}
	}
	return m
}

// headerInput is one member of headersInput.
func headerInput(f *facts, name string) leaf {
	for header, values := range f.r.Header {
		if header == OverrideHeader {
			if name == overrideMember {
				return words(digests(values))
			}
		} else if lower, secret := headerName(header); lower == name && !secret {
			return words(values)
		}
	}
	return leaf{kind: leafAbsent}
}

// digests replaces each override code by its SHA-256 in hex.
func digests(codes []string) []string {
	sums := make([]string, len(codes))
	for i, code := range codes {
		sum := sha256.Sum256([]byte(code))
		sums[i] = hex.EncodeToString(sum[:])
	}
	return sums
}

// IsRead reports whether a request changes nothing.
func IsRead(r *graph.Request) bool {
	switch r.Method {
	case http.MethodGet, http.MethodHead, http.MethodOptions:
		return true
	}
	return false
}

// secretWords mark a header name that carries a secret.
var secretWords = []string{"authorization", "cookie", "token", "secret", "password", "api-key", "apikey",
	"functions-key", "subscription-key", "credential", "signature", "client-cert", "assertion"}

// usualHeaders spares the usual headers the folding and the search for secret words.
var usualHeaders = map[string]string{
	"Accept": "accept", "Accept-Encoding": "accept-encoding", "Accept-Language": "accept-language",
	"Client-Request-Id": "client-request-id", "Content-Length": "content-length", "Content-Type": "content-type",
	"Prefer": "prefer", "Retry-Attempt": "retry-attempt", "Sdkversion": "sdkversion", "User-Agent": "user-agent",
}

// headerName is the lower-case name, and whether the header is kept out of the input document.
func headerName(name string) (string, bool) {
	if lower, ok := usualHeaders[name]; ok {
		return lower, false
	}
	lower := strings.ToLower(name)
	return lower, slices.ContainsFunc(secretWords, func(word string) bool { return strings.Contains(lower, word) })
}

// list is the slice, never nil: an absent list is empty in the document, not null.
func list(values []string) []string {
	if values == nil {
		return noStrings
	}
	return values
}
