package tape

import (
	"crypto/sha256"
	"net/http"
	"strconv"
	"strings"

	"github.com/graphwarden/graphwarden/internal/graph"
)

// fingerprint is the identity of a request: equal requests have the same one. 128 bits of SHA-256, so that no two
// different requests ever share it.
type fingerprint [16]byte

// identity is what of a request may count for its fingerprint, redacted and in normal form.
type identity struct {
	method, host string
	// target is the canonical path with its sorted query.
	target           string
	body             string
	justified, coded bool
	// ifMatch and ifNoneMatch are the request's conditions.
	ifMatch, ifNoneMatch string
	header               http.Header // only what Match.Headers names
}

// keyer computes fingerprints. It is used by one goroutine.
type keyer struct {
	match  Match
	ignore [][]string
	buf    []byte
	texts  graph.Rewriter
}

func newKeyer(m Match) *keyer {
	k := &keyer{match: m}
	for _, p := range m.Ignore {
		var path []string
		for part := range strings.SplitSeq(strings.TrimPrefix(p, "/"), "/") {
			path = append(path, strings.NewReplacer("~1", "/", "~0", "~").Replace(part))
		}
		k.ignore = append(k.ignore, path)
	}
	return k
}

// key is the fingerprint of a request. Each part is framed by its length, so no two sets of parts run together.
func (k *keyer) key(r *identity) fingerprint {
	b := k.buf[:0]
	if !k.match.NoMethod {
		b = appendPart(b, 'm', r.method)
	}
	if !k.match.NoHost {
		b = appendPart(b, 'h', r.host)
	}
	path, query, _ := strings.Cut(r.target, "?")
	b = appendPart(b, 'p', path)
	if !k.match.NoQuery {
		b = appendPart(b, 'q', query)
	}
	if !k.match.NoApproval {
		b = append(b, 'a', bit(r.justified)|bit(r.coded)<<1)
	}
	if !k.match.NoETag {
		if r.ifMatch != "" {
			b = appendPart(b, 'i', r.ifMatch)
		}
		if r.ifNoneMatch != "" {
			b = appendPart(b, 'o', r.ifNoneMatch)
		}
	}
	for _, name := range k.match.Headers {
		b = appendPart(b, 'n', strings.Join(r.header.Values(name), ", "))
	}
	if !k.match.NoBody && len(r.body) > 0 {
		b = k.appendBody(b, r)
	}
	k.buf = b
	sum := sha256.Sum256(b)
	return fingerprint(sum[:16])
}

func bit(b bool) byte {
	if b {
		return 1
	}
	return 0
}

func appendPart(b []byte, kind byte, s string) []byte {
	b = strconv.AppendInt(append(b, kind), int64(len(s)), 10)
	return append(append(b, ':'), s...)
}

// appendBody appends the body as a JSON value if it is one, else as it is.
func (k *keyer) appendBody(b []byte, r *identity) []byte {
	batch := r.method == http.MethodPost && strings.HasSuffix(r.target, "/$batch")
	if !batch && len(k.ignore) == 0 { // as it stands: nothing need be built of it
		if looksJSON(r.body) {
			if b, ok := k.texts.Append(append(b, 'j'), r.body); ok {
				return b
			}
		}
		return appendPart(b, 'r', r.body)
	}
	v, ok := jsonValue(r.body)
	if !ok {
		return appendPart(b, 'r', r.body)
	}
	if batch {
		if batch, ok := normalBatch(v, r.target); ok {
			v = batch
		}
	}
	for _, p := range k.ignore {
		v = without(v, p)
	}
	return graph.AppendCanonical(append(b, 'j'), v)
}

// jsonValue reads a body that is a JSON object or array.
func jsonValue(body string) (any, bool) {
	if !looksJSON(body) {
		return nil, false
	}
	v, err := graph.ParseJSON([]byte(body))
	return v, err == nil
}

// looksJSON reports whether a body begins as a JSON object or array does.
func looksJSON(body string) bool {
	if body != "" && (body[0] == '{' || body[0] == '[') {
		return true
	}
	trimmed := strings.TrimLeft(body, " \t\r\n\ufeff")
	return trimmed != "" && (trimmed[0] == '{' || trimmed[0] == '[')
}

// normalBatch is the body of a $batch with its parts as they count: url in normal form, and of the headers only
// whether the approval headers are there, and the conditions.
func normalBatch(v any, target string) (any, bool) {
	body, _ := v.(map[string]any)
	parts, ok := body["requests"].([]any)
	if !ok {
		return nil, false
	}
	prefix := strings.TrimSuffix(target, "/$batch")
	out := make([]any, len(parts))
	for i, p := range parts {
		part, ok := p.(map[string]any)
		if !ok {
			return nil, false
		}
		n := make(map[string]any, len(part))
		for name, value := range part {
			switch name {
			case "url":
				s, _ := value.(string)
				n[name] = canonicalTarget(prefix + "/" + strings.TrimPrefix(s, "/"))
			case "method":
				s, _ := value.(string)
				n[name] = strings.ToUpper(s)
			case "headers":
				headers, _ := value.(map[string]any)
				for h := range headers {
					if strings.EqualFold(h, justificationHeader) || strings.EqualFold(h, codeHeader) {
						n["has "+strings.ToLower(h)] = true
					} else if strings.EqualFold(h, ifMatchHeader) || strings.EqualFold(h, ifNoneMatchHeader) {
						n["is "+strings.ToLower(h)] = headers[h]
					}
				}
			default:
				n[name] = value
			}
		}
		out[i] = n
	}
	return map[string]any{"requests": out}, true
}

// without is v less what the path names; * names every key or index.
func without(v any, path []string) any {
	if len(path) == 0 {
		return v
	}
	switch v := v.(type) {
	case map[string]any:
		out := make(map[string]any, len(v))
		for key, e := range v {
			switch {
			case path[0] != "*" && path[0] != key:
				out[key] = e
			case len(path) > 1:
				out[key] = without(e, path[1:])
			}
		}
		return out
	case []any:
		out := make([]any, 0, len(v))
		for i, e := range v {
			switch {
			case path[0] != "*" && path[0] != strconv.Itoa(i):
				out = append(out, e)
			case len(path) > 1:
				out = append(out, without(e, path[1:]))
			}
		}
		return out
	}
	return v
}

var defaultPort = map[string]string{"http": ":80", "https": ":443"}

// locate splits an absolute URL into its host, with the port unless it is the scheme's own, and its canonical target.
func locate(raw string) (host, target string) {
	scheme, rest, ok := strings.Cut(raw, "://")
	if !ok {
		return "", canonicalTarget(raw)
	}
	host = rest
	target = "/"
	if i := strings.IndexAny(rest, "/?#"); i >= 0 {
		host, target = rest[:i], rest[i:]
	}
	if i := strings.LastIndexByte(host, '@'); i >= 0 {
		host = host[i+1:]
	}
	host = strings.TrimSuffix(strings.ToLower(host), defaultPort[strings.ToLower(scheme)])
	return host, canonicalTarget(target)
}

// canonicalTarget is Graph's normal form of a path and query; what has none keeps its path.
func canonicalTarget(raw string) string {
	raw, _, _ = strings.Cut(raw, "#")
	if raw == "" || raw[0] != '/' {
		raw = "/" + raw
	}
	p, err := graph.ParsePath(raw)
	if err != nil {
		p = graph.RawPath(raw)
	}
	return p.Target()
}
