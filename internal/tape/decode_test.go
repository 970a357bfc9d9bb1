package tape

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"gopkg.in/yaml.v3"
)

// TestDecodeAnswer holds the short way of a replay to the full reading.
func TestDecodeAnswer(t *testing.T) {
	t.Parallel()
	x := &Interaction{
		ID: "a", Sequence: 3, Encoding: "gzip",
		Request: Request{Body: "{}", URL: "https://graph.microsoft.com/beta/x", Method: "PATCH", Headers: map[string][]string{"Accept": {"a", "b"}}},
		Response: Response{Body: "it's\n", Status: "200 OK", Code: 200, Duration: 5,
			Headers: map[string][]string{"Vary": {"a", "b", "c"}, "Date": {"d"}, "X-Unusual": {"1"}, "Link": {}, "Etag": {"e"}}},
	}
	raw := x.appendYAML(nil)
	full, err := decode(raw)
	if err != nil {
		t.Fatal(err)
	}
	short, err := decodeAnswer(raw)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(x.Response, full.Response); diff != "" {
		t.Errorf("full reading (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff(full.Response, short.Response); diff != "" || short.Encoding != full.Encoding {
		t.Errorf("full (-) and short (+) reading differ:\n%s", diff)
	}
	// The lists share an array: who appends to one must not write into its neighbour.
	h := short.Response.Headers
	h["Date"] = append(h["Date"], "more")
	if diff := cmp.Diff([]string{"e"}, h["Etag"]); diff != "" {
		t.Errorf("an append reached the neighbour:\n%s", diff)
	}
	if _, err := decodeAnswer(raw[:len(raw)/2]); err == nil {
		t.Error("half an interaction is an answer")
	}
}

// TestRecorded holds what a judge is told to the full reading.
func TestRecorded(t *testing.T) {
	t.Parallel()
	at := time.Date(2026, 11, 23, 10, 0, 0, 5e6, time.UTC)
	for _, x := range []*Interaction{
		{ID: "a-2", Sequence: 7, RecordedAt: at, Verdict: "warn", Request: Request{Headers: map[string][]string{"Authorization": {"Bearer x", "y"}, "Accept": {"z"}}}},
		{Request: Request{URL: "https://graph.microsoft.com/beta/x", Method: "GET"}},
	} {
		c := &Cassette{data: x.appendYAML(nil)}
		c.items = []span{{to: len(c.data)}}
		got, err := c.recorded(0)
		want := Recorded{ID: x.ID, Sequence: x.Sequence, Time: x.RecordedAt, Authorization: x.Request.Headers.Get("Authorization"), Verdict: x.Verdict}
		if diff := cmp.Diff(want, got); diff != "" || err != nil {
			t.Errorf("(-want +got), error %v:\n%s", err, diff)
		}
	}
}

// TestUsualNumber holds the short cut to what yaml.v3 quotes.
func TestUsualNumber(t *testing.T) {
	t.Parallel()
	for _, s := range []string{"1", "240", "4.0", "4.", "1.5.2", "12345678901234567", "999999999999999999", "2026-11-23", "1e5", "0", "012", "1_0", "9x", "4.0 "} {
		out, err := yaml.Marshal(s)
		if err != nil {
			t.Fatal(err)
		}
		if usualNumber(s) && out[0] != '"' {
			t.Errorf("%q is taken for a number, and yaml.v3 writes %s", s, out)
		}
	}
	if !usualNumber("240") || !usualNumber("4.0") {
		t.Error("240 and 4.0 go the long way")
	}
}
