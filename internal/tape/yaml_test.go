package tape

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/dnaeon/go-vcr/v2/cassette"
	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"gopkg.in/yaml.v3"
)

// nasty builds strings of what YAML writers and readers stumble over.
func nasty(r *rand.Rand) string {
	pieces := []string{"\n", "\n\n", " ", "\t", "a", "b c", ":", ": ", "#", " #", "-", "- ", "'", `"`, `\`, "{", "}", "[", "\r", "\r\n",
		"\u0085", "\u2028", "\u2029", "\ufeff", "\u00a0", "é", "漢", "😀", "\x00", "\x1b", "\x7f", "\xff", "true", "null", "~", "1", "0x1f", "1_000",
		"2001-01-01", "1e3", ".5", "12:30:45", "yes", "---", "...", "%", "@", "`", "!", "&x", "*x", "|", ">", "?", ",", `{"a":1}`, "<<", "="}
	var b strings.Builder
	for range r.IntN(7) {
		b.WriteString(pieces[r.IntN(len(pieces))])
	}
	return b.String()
}

// checkScalar holds s to three promises: yaml.v3 reads it back, our scanner reads it back, and unless it is one of the
// strings yaml.v3 itself loses it is written as yaml.v3 writes it.
func checkScalar(t *testing.T, s string) {
	t.Helper()
	x := &Interaction{Request: Request{Body: s, URL: "u", Method: "GET", Form: map[string][]string{"k": {s, "x"}}},
		Response: Response{Code: 200, Status: "200 OK", Duration: time.Second}}
	out := x.appendYAML(nil)
	var read struct{ Interactions []cassette.Interaction }
	if err := yaml.Unmarshal(append([]byte("interactions:\n"), out...), &read); err != nil {
		t.Fatalf("%q: yaml.v3 cannot read what was written: %v\n%s", s, err, out)
	}
	if got := read.Interactions[0].Request; got.Body != s || got.Form["k"][0] != s {
		t.Fatalf("yaml.v3 reads %q back as %q and %q\n%s", s, got.Body, got.Form["k"][0], out)
	}
	ours, err := decode(out)
	if err != nil {
		t.Fatalf("%q: %v\n%s", s, err, out)
	}
	if ours.Request.Body != s || ours.Request.Form["k"][0] != s {
		t.Fatalf("%q decodes as %q and %q\n%s", s, ours.Request.Body, ours.Request.Form["k"][0], out)
	}
	if s == "" || classify(s)&unsafe != 0 || strings.HasPrefix(s, "\ufeff") {
		return
	}
	c := cassette.New("x")
	c.AddInteraction(&cassette.Interaction{Request: cassette.Request{Body: s, URL: "u", Method: "GET", Form: map[string][]string{"k": {s, "x"}}},
		Response: cassette.Response{Code: 200, Status: "200 OK", Duration: time.Second}})
	want, err := yaml.Marshal(c)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(strings.TrimPrefix(string(want), "version: 1\ninteractions:\n"), string(out)); diff != "" {
		t.Fatalf("%q (-yaml.v3 +ours):\n%s", s, diff)
	}
}

func TestScalarsAsYAML(t *testing.T) {
	t.Parallel()
	r := rand.New(rand.NewPCG(1, 2))
	for range 2000 {
		checkScalar(t, nasty(r))
	}
}

func FuzzScalar(f *testing.F) {
	for _, s := range []string{"", "\n", "\tx\ny", " x\ny", "x\n\n", "yes", "{\"a\": 1}", "\u2028", "\xff", "a: b", "- x", "2001-01-01", "a\r\nb"} {
		f.Add(s)
	}
	f.Fuzz(checkScalar)
}

func TestKeyOrderAsYAML(t *testing.T) {
	t.Parallel()
	r := rand.New(rand.NewPCG(3, 4))
	pieces := []string{"a", "B", "x", "-", "0", "1", "00", "10", "9", "z", "Q", "_", ".", "b"}
	for range 1000 {
		m := map[string][]string{}
		for range 6 {
			var b strings.Builder
			for range 1 + r.IntN(5) {
				b.WriteString(pieces[r.IntN(len(pieces))])
			}
			m[b.String()] = nil
		}
		want, err := yaml.Marshal(m)
		if err != nil {
			t.Fatal(err)
		}
		var got []string
		for k := range m {
			got = append(got, k)
		}
		slices.SortFunc(got, naturalOrder)
		var b strings.Builder
		for _, k := range got {
			fmt.Fprintf(&b, "%s []\n", appendKey(nil, k))
		}
		if diff := cmp.Diff(string(want), b.String()); diff != "" {
			t.Fatalf("(-yaml.v3 +ours):\n%s", diff)
		}
	}
}

// FuzzLoad feeds the loader with anything: it must neither panic nor read other things than yaml.v3 does.
func FuzzLoad(f *testing.F) {
	x := &Interaction{ID: "1", Sequence: 1, Request: Request{Body: "a\nb", URL: "https://x/y", Method: "PUT"}, Response: Response{Code: 200, Duration: time.Second}}
	f.Add(x.appendYAML([]byte(plainHead)))
	f.Add([]byte("---\nversion: 1\ninteractions: []\n"))
	f.Add([]byte("{\"version\": 2, \"interactions\": [{\"id\":0,\"request\":{\"url\":\"u\",\"method\":\"GET\"},\"response\":{\"code\":200,\"duration\":\"1s\"}}]}"))
	f.Add([]byte("---\nnull\n"))
	f.Fuzz(checkParse)
}

func checkParse(t *testing.T, data []byte) {
	c, err := parse(data, nil)
	if err != nil || !c.canonical || len(c.Notices) > 0 {
		return
	}
	var want yamlCassette
	if err := yaml.Unmarshal(data, &want); err != nil {
		return // stricter than we are, about the head or a tail
	}
	if len(want.Interactions) != c.Len() {
		t.Fatalf("%d interactions, yaml.v3 reads %d:\n%q", c.Len(), len(want.Interactions), data)
	}
	for i, got := range c.Interactions() {
		if got == nil {
			continue
		}
		y := want.Interactions[i]
		if got.Request.Body != y.Request.Body || got.Request.URL != y.Request.URL || got.Response.Body != y.Response.Body ||
			!cmp.Equal(got.Request.Headers, y.Request.Headers, cmpopts.EquateEmpty()) {
			t.Fatalf("interaction %d: %+v\nyaml.v3: %+v\n%q", i, got, y, data)
		}
	}
}

// TestEditedFiles cuts, changes and repeats pieces of a cassette: whatever loads must be what yaml.v3 reads.
func TestEditedFiles(t *testing.T) {
	t.Parallel()
	x := &Interaction{ID: "1", Sequence: 1, Request: Request{Body: "a\nb", URL: "https://x/y", Method: "PUT", Headers: map[string][]string{"A": {"b", "c"}}},
		Response: Response{Code: 200, Duration: time.Second, Body: "'{}:"}}
	whole := x.appendYAML(x.appendYAML([]byte(plainHead)))
	r := rand.New(rand.NewPCG(5, 6))
	for range 5000 {
		data := slices.Clone(whole)
		for range 1 + r.IntN(4) {
			i := r.IntN(len(data))
			switch r.IntN(4) {
			case 0:
				data[i] = byte(r.IntN(128))
			case 1:
				data = slices.Delete(data, i, min(len(data), i+1+r.IntN(5)))
			case 2:
				data = slices.Insert(data, i, "\n :-'\"|#&*~"[r.IntN(11)])
			case 3:
				data = append(slices.Clone(data[:i]), data[r.IntN(len(data)):]...)
			}
			if len(data) == 0 {
				break
			}
		}
		checkParse(t, data)
	}
}
