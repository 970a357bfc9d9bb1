package tape

import (
	"bytes"
	"net/url"
	"slices"
	"strconv"
	"strings"

	"github.com/graphwarden/graphwarden/internal/graph"
)

// compare lists what keeps a recording from answering a request, in the order of the parts.
func (t *Tape) compare(was, is *identity) []Diff {
	m := t.options.Match
	var out []Diff
	part := func(off bool, name, was, is string) {
		if !off && was != is {
			out = append(out, Diff{Part: name, Recorded: was, Sent: is})
		}
	}
	part(m.NoMethod, "method", was.method, is.method)
	part(m.NoHost, "host", was.host, is.host)
	wasPath, wasQuery, _ := strings.Cut(was.target, "?")
	isPath, isQuery, _ := strings.Cut(is.target, "?")
	part(false, "path", wasPath, isPath)
	if !m.NoQuery && wasQuery != isQuery {
		out = append(out, compareQueries(wasQuery, isQuery)...)
	}
	if !m.NoApproval {
		for _, h := range []struct {
			name    string
			was, is bool
		}{{justificationHeader, was.justified, is.justified}, {codeHeader, was.coded, is.coded}} {
			if h.was != h.is {
				out = append(out, Diff{Part: "approval", Pointer: strings.ToLower(h.name), Recorded: present(h.was), Sent: present(h.is)})
			}
		}
	}
	if !m.NoETag {
		for _, c := range []struct{ name, was, is string }{{ifMatchHeader, was.ifMatch, is.ifMatch}, {ifNoneMatchHeader, was.ifNoneMatch, is.ifNoneMatch}} {
			if c.was != c.is {
				out = append(out, Diff{Part: "header", Pointer: strings.ToLower(c.name), Recorded: clip(c.was), Sent: clip(c.is)})
			}
		}
	}
	for _, name := range m.Headers {
		w, i := strings.Join(was.header.Values(name), ", "), strings.Join(is.header.Values(name), ", ")
		if w != i {
			out = append(out, Diff{Part: "header", Pointer: strings.ToLower(name), Recorded: clip(w), Sent: clip(i)})
		}
	}
	if !m.NoBody {
		out = append(out, t.compareBodies(was, is)...)
	}
	return out
}

func present(b bool) string {
	if b {
		return "present"
	}
	return "absent"
}

func compareQueries(was, is string) []Diff {
	w, errW := url.ParseQuery(was)
	i, errI := url.ParseQuery(is)
	if errW != nil || errI != nil {
		return []Diff{{Part: "query", Recorded: clip(was), Sent: clip(is)}}
	}
	var out []Diff
	for _, name := range unionKeys(w, i) {
		if a, b := strings.Join(w[name], ", "), strings.Join(i[name], ", "); a != b || len(w[name]) != len(i[name]) {
			out = append(out, Diff{Part: "query", Pointer: name, Recorded: clip(a), Sent: clip(b)})
		}
	}
	return out
}

func unionKeys[V any](a, b map[string]V) []string {
	var keys []string
	for k := range a {
		keys = append(keys, k)
	}
	for k := range b {
		if _, ok := a[k]; !ok {
			keys = append(keys, k)
		}
	}
	slices.Sort(keys)
	return keys
}

func (t *Tape) compareBodies(was, is *identity) []Diff {
	w, okW := jsonValue(was.body)
	i, okI := jsonValue(is.body)
	if !okW || !okI {
		if was.body == is.body {
			return nil
		}
		return []Diff{{Part: "body", Recorded: clip(was.body), Sent: clip(is.body)}}
	}
	for _, p := range newKeyer(t.options.Match).ignore {
		w, i = without(w, p), without(i, p)
	}
	return compareJSON(nil, "", w, i)
}

// maxDiffs bounds what is told of one recording.
const maxDiffs = 20

// compareJSON lists the places where two JSON values differ.
func compareJSON(out []Diff, pointer string, was, is any) []Diff {
	if len(out) >= maxDiffs {
		return out
	}
	switch w := was.(type) {
	case map[string]any:
		i, ok := is.(map[string]any)
		if !ok {
			break
		}
		for _, key := range unionKeys(w, i) {
			at := pointer + "/" + strings.NewReplacer("~", "~0", "/", "~1").Replace(key)
			a, okA := w[key]
			b, okB := i[key]
			switch {
			case !okA:
				out = append(out, Diff{Part: "body", Pointer: at, Sent: show(b)})
			case !okB:
				out = append(out, Diff{Part: "body", Pointer: at, Recorded: show(a)})
			default:
				out = compareJSON(out, at, a, b)
			}
		}
		return out
	case []any:
		i, ok := is.([]any)
		if !ok {
			break
		}
		for n := range max(len(w), len(i)) {
			at := pointer + "/" + strconv.Itoa(n)
			switch {
			case n >= len(w):
				out = append(out, Diff{Part: "body", Pointer: at, Sent: show(i[n])})
			case n >= len(i):
				out = append(out, Diff{Part: "body", Pointer: at, Recorded: show(w[n])})
			default:
				out = compareJSON(out, at, w[n], i[n])
			}
		}
		return out
	}
	a, b := graph.AppendCanonical(nil, was), graph.AppendCanonical(nil, is)
	if bytes.Equal(a, b) {
		return out
	}
	return append(out, Diff{Part: "body", Pointer: pointer, Recorded: clip(string(a)), Sent: clip(string(b))})
}

func show(v any) string { return clip(string(graph.AppendCanonical(nil, v))) }

// clip cuts a value to a length a person reads.
func clip(s string) string {
	const most = 120
	if len(s) <= most {
		return s
	}
	return strings.ToValidUTF8(s[:most], "") + "…"
}
