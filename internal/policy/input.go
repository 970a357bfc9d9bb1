package policy

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/open-policy-agent/opa/v1/ast"

	"github.com/graphwarden/graphwarden/internal/graph"
)

// InputSchema is the name and version of the input document.
const InputSchema = "graphwarden.input/v1"

// OverrideHeader carries the code of an emergency override. Only its SHA-256 enters the input document.
const OverrideHeader = "X-Graphwarden-Override"

// Input is the document the policies judge. Every field is always present: null or empty, never missing. It shares the
// request's body and must not be changed.
func Input(r *graph.Request, c Context) map[string]any {
	at := c.Time
	if at.IsZero() {
		at = r.Time
	}
	token := c.Token
	if token == nil {
		token = &r.Token
	}
	mode := c.Mode
	if mode == "" {
		mode = "live"
	}
	return map[string]any{
		"schema":  InputSchema,
		"id":      r.ID,
		"mode":    mode,
		"time":    map[string]any{"ns": at.UnixNano(), "rfc3339": at.UTC().Format(time.RFC3339Nano)},
		"request": requestInput(r),
		"graph":   graphInput(r, token, mode),
		"token":   tokenInput(token, r.Operation.Cloud, at),
		"connection": map[string]any{
			"connect_host": orNull(r.Connection.ConnectHost),
			"connect_port": numberOrNull(r.Connection.ConnectPort),
			"sni":          orNull(r.Connection.SNI),
			"client":       orNull(r.Connection.Client),
		},
		"batch": batchInput(r),
		"run": map[string]any{
			"name":   orNull(c.Run),
			"totals": map[string]any{"writes": c.Totals.Writes, "targets": c.Totals.Targets},
		},
	}
}

// InputJSON is Input as indented JSON: what stock OPA and conftest take.
func InputJSON(r *graph.Request, c Context) ([]byte, error) {
	return json.MarshalIndent(Input(r, c), "", "  ")
}

// inputValue is Input as OPA takes it, converted field by field as policies ask: a verdict reads a few dozen of the
// hundred fields, and a body may be 4 MiB.
func inputValue(r *graph.Request, c Context) ast.Value { return ast.LazyObject(Input(r, c)) }

func requestInput(r *graph.Request) map[string]any {
	state := r.BodyState
	if state == "" {
		state = graph.BodyNone
	}
	var body, digest any
	if state == graph.BodyJSON {
		body = r.JSON
	}
	if len(r.Body) > 0 {
		sum := sha256.Sum256(r.Body)
		digest = hex.EncodeToString(sum[:])
	}
	id := r.Header.Get("Client-Request-Id")
	return map[string]any{
		"method":            r.Method,
		"scheme":            r.Scheme,
		"host":              r.Host,
		"port":              r.Port,
		"path":              r.Path.String(),
		"raw_target":        r.RawTarget,
		"query":             queryInput(r.Path.Query),
		"headers":           headersInput(r.Header),
		"body":              body,
		"body_state":        string(state),
		"body_bytes":        len(r.Body),
		"body_sha256":       digest,
		"client_request_id": orNull(id),
		"traceable":         isGUID(id),
		"override":          len(r.Header[OverrideHeader]) > 0,
		"accepts_json":      acceptsJSON(r.Header["Accept"]),
		"content_json":      contentJSON(r),
	}
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
			m["x-graphwarden-override"] = digests(values)
			continue
		}
		if lower, secret := headerName(name); !secret {
			m[lower] = list(values)
		}
	}
	return m
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

func batchInput(r *graph.Request) map[string]any {
	size, writes, targets := r.Batch.Size, 0, 0
	resources := map[string]bool{}
	if len(r.Parts) > 0 {
		size = len(r.Parts)
	}
	for _, part := range r.Parts {
		if !IsRead(part) {
			writes++
			targets += len(part.Targets)
			resources[part.Operation.Resource] = true
		}
	}
	return map[string]any{
		"id":         orNull(r.Batch.ID),
		"index":      r.Batch.Index,
		"size":       size,
		"depends_on": list(r.Batch.DependsOn),
		"writes":     writes,
		"resources":  len(resources),
		"targets":    targets,
	}
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

func orNull(s string) any {
	if s == "" {
		return nil
	}
	return s
}

func numberOrNull(n int) any {
	if n == 0 {
		return nil
	}
	return n
}

// list is the slice, never nil: an absent list is empty in the document, not null.
func list(values []string) []string {
	if values == nil {
		return noStrings
	}
	return values
}

var noStrings = []string{}
