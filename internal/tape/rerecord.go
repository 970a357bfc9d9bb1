package tape

import (
	"bytes"
	"encoding/base64"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"

	"github.com/graphwarden/graphwarden/internal/graph"
)

// A cassette that is recorded again keeps what means the same, so that a diff shows what changed and nothing else. An
// interaction stays as it was, to the byte, if request and answer differ from the old ones in nothing but
//
//   - recorded_at, duration, and the response headers that CompareResponses passes over: Date, request-id,
//     client-request-id, x-ms-ags-diagnostic, ETag, Retry-After, RateLimit-*, Content-Length and the like;
//   - the places in the response's body that are Volatile;
//   - client-request-id, and the times in the token, of the request;
//   - values that the origin made up in this run, and by which the client named the thing from then on: ids in the answer
//     to a POST, ETags, the tokens of nextLink and deltaLink. The new value becomes the old one everywhere.

// maxRenewed bounds the old cassette that is read again when it is recorded over; a larger one is replaced as it is.
const maxRenewed = 512 << 20

// renew is a new recording with what means the same as on the old one. It reports false if that is all there is: the old
// file stays.
func renew(old, fresh *Cassette) (out *Cassette, changed bool, err error) {
	n := &renewal{old: old, fresh: fresh, k: newKeyers(Match{}, newRedactor(Redaction{})), to: map[string]string{}, from: map[string]string{}}
	pairs, err := n.pair()
	if err != nil {
		return nil, false, err
	}
	out = &Cassette{Format: 1, head: fresh.head, tail: fresh.tail}
	swap := n.replacer()
	for i, j := range pairs {
		x, err := fresh.At(i)
		if err != nil {
			return nil, false, err
		}
		y := swap.interaction(x)
		if j >= 0 {
			if was, err := old.At(j); err == nil && sameMeaning(was, y) {
				z := *was
				y = &z
			}
		}
		out.Add(y)
	}
	if err := out.renumber(); err != nil {
		return nil, false, err
	}
	was := old.canonicalBytes()
	_, names, _ := takeHead(old.fileHead(), pseudonymsKey)
	_, wanted, _ := takeHead(fresh.fileHead(), pseudonymsKey)
	same := names == wanted && bytes.Equal(was[len(old.fileHead()):], out.canonicalBytes()[len(out.fileHead()):]) && len(old.Notices) == 0
	return out, !same, nil
}

// renewal finds for each new interaction the old one that it repeats.
type renewal struct {
	old, fresh *Cassette
	k          *keyers
	// to maps values made up in this run to those of the old one, from the other way round.
	to, from map[string]string
}

// pair lists for each new interaction the old one, -1 if there is none.
func (n *renewal) pair() ([]int, error) {
	was := map[fingerprint][]int{}
	for i := range n.old.items {
		if key, err := n.old.fingerprint(n.k, i); err == nil {
			was[key] = append(was[key], i)
		}
	}
	seen := map[fingerprint]int{}
	pairs := make([]int, n.fresh.Len())
	swap := n.replacer()
	for i := range pairs {
		x, err := n.fresh.At(i)
		if err != nil {
			return nil, err
		}
		one := &Cassette{}
		one.Add(swap.interaction(x))
		key, err := one.fingerprint(n.k, 0)
		if err != nil {
			return nil, err
		}
		pairs[i] = -1
		if at := seen[key]; at < len(was[key]) {
			pairs[i] = was[key][at]
			if y, err := n.old.At(pairs[i]); err == nil && n.learn(y, x) {
				swap = n.replacer()
			}
		}
		seen[key]++
	}
	return pairs, nil
}

// learn takes note of what the origin made up in the answer, and reports whether there was anything new.
func (n *renewal) learn(was, is *Interaction) bool {
	before := len(n.to)
	if was.Response.Code != is.Response.Code {
		return false
	}
	n.note(was.Response.Headers.Get("Etag"), is.Response.Headers.Get("Etag"))
	w, okW := jsonValue(was.Response.Body)
	i, okI := jsonValue(is.Response.Body)
	if okW && okI {
		n.learnJSON("", w, i, is.Request.Method == http.MethodPost)
	}
	return len(n.to) > before
}

// learnJSON walks both answers alike. Ids are learnt from what a POST made; elsewhere another id is another thing.
func (n *renewal) learnJSON(key string, was, is any, made bool) {
	switch w := was.(type) {
	case map[string]any:
		if i, ok := is.(map[string]any); ok {
			for name, e := range w {
				n.learnJSON(name, e, i[name], made)
			}
		}
	case []any:
		if i, ok := is.([]any); ok && len(i) == len(w) {
			for k, e := range w {
				n.learnJSON("", e, i[k], made)
			}
		}
	case string:
		i, ok := is.(string)
		switch {
		case !ok || w == i:
		case key == "@odata.etag", key == "id" && made:
			n.note(w, i)
		case key == "@odata.nextLink", key == "@odata.deltaLink":
			n.learnLink(w, i)
		}
	}
}

func (n *renewal) learnLink(was, is string) {
	_, w, _ := strings.Cut(was, "?")
	_, i, _ := strings.Cut(is, "?")
	old := map[string]string{}
	for part := range strings.SplitSeq(w, "&") {
		name, value, _ := strings.Cut(part, "=")
		old[unescaped(name)] = value
	}
	for part := range strings.SplitSeq(i, "&") {
		name, value, _ := strings.Cut(part, "=")
		switch name = unescaped(name); strings.ToLower(name) {
		case "$skiptoken", "$deltatoken":
			n.note(old[name], value)
		}
	}
}

// minMadeUp is the length below which a value may stand somewhere by chance.
const minMadeUp = 12

// note takes is for the new spelling of was, unless one of them is known from elsewhere.
func (n *renewal) note(was, is string) {
	w, i := strings.Trim(strings.TrimPrefix(was, "W/"), `"`), strings.Trim(strings.TrimPrefix(is, "W/"), `"`)
	if w == i || len(w) < minMadeUp || len(i) < minMadeUp || n.to[i] != "" || n.from[w] != "" {
		return
	}
	if bytes.Contains(n.old.original, []byte(i)) || bytes.Contains(n.fresh.original, []byte(w)) {
		return // it is not of one run alone
	}
	n.to[i], n.from[w] = w, i
}

// swapper replaces values everywhere in an interaction.
type swapper struct{ r *strings.Replacer }

func (n *renewal) replacer() swapper {
	if len(n.to) == 0 {
		return swapper{}
	}
	var list []string
	for is, was := range n.to {
		list = append(list, is, was)
		if a, b := url.QueryEscape(is), url.QueryEscape(was); a != is || b != was {
			list = append(list, a, b)
		}
	}
	return swapper{strings.NewReplacer(list...)}
}

func (s swapper) interaction(x *Interaction) *Interaction {
	y := *x
	if s.r == nil {
		return &y
	}
	y.Request.URL, y.Request.Body = s.r.Replace(x.Request.URL), s.r.Replace(x.Request.Body)
	y.Request.Form, y.Request.Headers = s.lists(x.Request.Form), s.lists(x.Request.Headers)
	y.Response.Body, y.Response.Headers = s.r.Replace(x.Response.Body), s.lists(x.Response.Headers)
	if h := y.Response.Headers; len(y.Response.Body) != len(x.Response.Body) && h.Get("Content-Length") != "" {
		h.Set("Content-Length", strconv.Itoa(len(y.Response.Body)))
	}
	return &y
}

func (s swapper) lists(m map[string][]string) http.Header {
	out := make(http.Header, len(m))
	for name, values := range m {
		list := make([]string, len(values))
		for i, v := range values {
			list[i] = s.r.Replace(v)
		}
		out[name] = list
	}
	return out
}

// sameMeaning reports whether two recordings of equal requests say the same.
func sameMeaning(was, is *Interaction) bool {
	return was.Verdict == is.Verdict && was.Encoding == is.Encoding && bytes.Equal(was.extra, is.extra) &&
		sameRequestHeaders(was.Request.Headers, is.Request.Headers) && len(CompareResponses(was.Response, is.Response, nil)) == 0
}

func sameRequestHeaders(was, is http.Header) bool {
	for _, name := range unionKeys(was, is) {
		w, i := was[name], is[name]
		switch name {
		case "Client-Request-Id":
			if len(w) != len(i) {
				return false
			}
		case "Authorization":
			if !slices.EqualFunc(w, i, func(a, b string) bool { return timeless(a) == timeless(b) }) {
				return false
			}
		default:
			if !slices.Equal(w, i) {
				return false
			}
		}
	}
	return true
}

// timeless is a redacted token without the times in it.
func timeless(authorization string) string {
	parts := strings.Split(authorization, ".")
	if len(parts) < 2 {
		return authorization
	}
	raw, err := base64.RawURLEncoding.DecodeString(parts[1])
	if err != nil {
		return authorization
	}
	v, ok := jsonValue(string(raw))
	if claims, isMap := v.(map[string]any); ok && isMap {
		for _, name := range []string{"iat", "nbf", "exp"} {
			delete(claims, name)
		}
		return string(graph.AppendCanonical(nil, claims))
	}
	return authorization
}
