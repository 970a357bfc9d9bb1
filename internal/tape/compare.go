package tape

import (
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"strings"
)

// Volatile are the places that differ from one answer to the next without meaning anything: JSON pointers into a
// response's body, * standing for any key or index and ** for any number of them. They are passed over when answers are
// compared.
var Volatile = []string{
	"/@odata.context", "/**/@odata.etag", "/@odata.nextLink", "/@odata.deltaLink",
	"/**/createdDateTime", "/**/lastModifiedDateTime", "/**/modifiedDateTime", "/**/lastUpdatedDateTime", "/**/lastActionDateTime",
	"/**/version", "/**/renewedDateTime", "/**/lastSyncDateTime", "/**/lastRefreshedDateTime",
	"/error/innerError", "/error/innererror", "/responses/*/headers", "/**/request-id", "/**/client-request-id",
}

// comparedHeaders are the header fields of an answer that mean something; all others are as volatile as a date.
var comparedHeaders = []string{"Content-Type", "Location", "Operation-Location", "Odata-Version", "Preference-Applied", "Allow", "Deprecation", "Sunset"}

// CompareResponses lists where an answer departs from the recorded one: Part is status, header or body. Places in ignore,
// and in Volatile, are passed over.
func CompareResponses(was, is Response, ignore []string) []Diff {
	var out []Diff
	if was.Code != is.Code {
		out = append(out, Diff{Part: "status", Recorded: strconv.Itoa(was.Code), Sent: strconv.Itoa(is.Code)})
	}
	for _, name := range comparedHeaders {
		w, i := strings.Join(was.Headers.Values(name), ", "), strings.Join(is.Headers.Values(name), ", ")
		if !sameHeader(name, w, i) {
			out = append(out, Diff{Part: "header", Pointer: strings.ToLower(name), Recorded: clip(w), Sent: clip(i)})
		}
	}
	w, okW := jsonValue(was.Body)
	i, okI := jsonValue(is.Body)
	if !okW || !okI {
		if was.Body != is.Body {
			out = append(out, Diff{Part: "body", Recorded: clip(was.Body), Sent: clip(is.Body)})
		}
		return out
	}
	return append(out, compareJSON(nil, "", withoutAll(w, ignore), withoutAll(i, ignore))...)
}

// sameHeader compares a field; the parameters of a content type are a matter of spelling.
func sameHeader(name, was, is string) bool {
	if name != "Content-Type" {
		return was == is
	}
	was, _, _ = strings.Cut(was, ";")
	is, _, _ = strings.Cut(is, ";")
	return strings.EqualFold(strings.TrimSpace(was), strings.TrimSpace(is))
}

func withoutAll(v any, ignore []string) any {
	for _, list := range [2][]string{Volatile, ignore} {
		for _, pointer := range list {
			v = withoutDeep(v, pointerPath(pointer))
		}
	}
	return v
}

func pointerPath(pointer string) []string {
	var path []string
	for part := range strings.SplitSeq(strings.TrimPrefix(pointer, "/"), "/") {
		path = append(path, strings.NewReplacer("~1", "/", "~0", "~").Replace(part))
	}
	return path
}

// withoutDeep is without, with ** for any number of keys and indexes.
func withoutDeep(v any, path []string) any {
	at := slices.Index(path, "**")
	if at < 0 {
		return without(v, path)
	}
	if at > 0 {
		return v // ** is known at the beginning only
	}
	v = without(v, path[1:])
	switch v := v.(type) {
	case map[string]any:
		out := make(map[string]any, len(v))
		for key, e := range v {
			out[key] = withoutDeep(e, path)
		}
		return out
	case []any:
		out := make([]any, len(v))
		for i, e := range v {
			out[i] = withoutDeep(e, path)
		}
		return out
	}
	return v
}

// Difference is how two cassettes differ.
type Difference struct {
	// OnlyA and OnlyB are requests that the other cassette has not, or not as often.
	OnlyA, OnlyB []Place
	// Changed are requests that both have, with another answer.
	Changed []Change
	// Same is how many are the same on both.
	Same int
}

// Place names an interaction.
type Place struct {
	ID          string
	Line        int
	Method, URL string
}

// Change is a request whose answer differs.
type Change struct {
	A, B  Place
	Diffs []Diff
}

// Equal reports whether the cassettes replay the same.
func (d *Difference) Equal() bool { return len(d.OnlyA)+len(d.OnlyB)+len(d.Changed) == 0 }

// Compare compares two cassettes by what they replay: the nth recording of a request in a with the nth in b. Match and
// ignore say what counts, as in a replay and in CompareResponses.
func Compare(a, b *Cassette, m Match, ignore []string) (*Difference, error) {
	groupsA, orderA, err := a.byRequest(m)
	if err != nil {
		return nil, err
	}
	groupsB, orderB, err := b.byRequest(m)
	if err != nil {
		return nil, err
	}
	d := &Difference{}
	for _, key := range orderA {
		inA, inB := groupsA[key], groupsB[key]
		for n, i := range inA {
			if n >= len(inB) {
				d.OnlyA = append(d.OnlyA, a.place(i))
				continue
			}
			x, errX := a.At(i)
			y, errY := b.At(inB[n])
			if errX != nil || errY != nil {
				return nil, fmt.Errorf("compare: %w", firstError(errX, errY))
			}
			if diffs := CompareResponses(x.Response, y.Response, ignore); len(diffs) > 0 {
				d.Changed = append(d.Changed, Change{A: a.place(i), B: b.place(inB[n]), Diffs: diffs})
			} else {
				d.Same++
			}
		}
	}
	for _, key := range orderB {
		for _, i := range groupsB[key][min(len(groupsA[key]), len(groupsB[key])):] {
			d.OnlyB = append(d.OnlyB, b.place(i))
		}
	}
	return d, nil
}

func firstError(errs ...error) error {
	for _, err := range errs {
		if err != nil {
			return err
		}
	}
	return nil
}

// byRequest groups the interactions by fingerprint, and lists the fingerprints in the order in which they first come.
func (c *Cassette) byRequest(m Match) (map[fingerprint][]int, []fingerprint, error) {
	k := newKeyers(m, newRedactor(Redaction{}))
	groups := map[fingerprint][]int{}
	var order []fingerprint
	for i := range c.items {
		key, err := c.fingerprint(k, i)
		if err != nil {
			return nil, nil, fmt.Errorf("compare %s: %w", c.Path, err)
		}
		if groups[key] == nil {
			order = append(order, key)
		}
		groups[key] = append(groups[key], i)
	}
	return groups, order, nil
}

func (c *Cassette) fingerprint(k *keyers, i int) (fingerprint, error) {
	raw := c.items[i]
	text := []byte(nil)
	if x, ok := c.changed[i]; ok {
		text = x.appendYAML(nil)
	} else {
		text = c.data[raw.from:raw.to]
	}
	var v view
	if err := scan(text, &v, nil, nil, nil); err != nil {
		return fingerprint{}, err
	}
	id, err := k.recorded(text, &v)
	if err != nil {
		return fingerprint{}, err
	}
	return keyWith(k, &id), nil
}

// place names interaction i.
func (c *Cassette) place(i int) Place {
	p := Place{Line: c.Line(i)}
	if x, err := c.At(i); err == nil {
		p.ID, p.Method, p.URL = x.ID, x.Request.Method, x.Request.URL
	}
	return p
}

// Explanation tells which recording answers a request, and why the others do not.
type Explanation struct {
	Method, URL  string
	Interactions int
	// Answer is the recording that answers; nil if none does.
	Answer *Place
	// Equal is how many recordings of this very request there are.
	Equal int
	// Candidates are those that come nearest, the most alike first. One without Diffs is a recording of this very request.
	Candidates []Candidate
}

// Explain tells, without using anything up, how the request would fare.
func (t *Tape) Explain(req *http.Request, most int) (*Explanation, error) {
	_, q, err := requestOf(req)
	if err != nil {
		return nil, fmt.Errorf("explain: %w", err)
	}
	id := t.keyers.live(q)
	e := &Explanation{Method: id.method, URL: "https://" + id.host + id.target}
	if t.index == nil {
		return e, nil
	}
	e.Interactions = len(t.index.next)
	i, equal := t.index.find(keyWith(t.keyers, &id), false)
	if i >= 0 {
		p := t.cassette.place(i)
		e.Answer = &p
	}
	e.Equal = equal
	e.Candidates = t.candidates(&id, most)
	return e, nil
}

// candidates are the recordings nearest to a request, the most alike first.
func (t *Tape) candidates(id *identity, most int) []Candidate {
	var out []Candidate
	for _, i := range t.nearest(id) {
		raw := t.cassette.raw(i)
		var v view
		if scan(raw, &v, nil, nil, nil) != nil {
			continue
		}
		was, err := t.keyers.recorded(raw, &v)
		if err != nil {
			continue
		}
		label, _ := v.id.text()
		out = append(out, Candidate{ID: string(label), Line: i, Method: was.method, URL: "https://" + was.host + was.target, Diffs: t.compare(&was, id)})
	}
	slices.SortStableFunc(out, func(a, b Candidate) int { return distance(a) - distance(b) })
	out = out[:min(len(out), most)]
	for k := range out {
		out[k].Line = t.cassette.Line(out[k].Line)
	}
	return out
}
