package tape

import (
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/graphwarden/graphwarden/internal/graph"
)

// checkRespond holds the short way from the file to an answer against the long one, for every interaction of a cassette.
func checkRespond(t *testing.T, path string) (short int) {
	t.Helper()
	tp, err := Open(Options{Mode: Replay, Cassette: path, Latency: Latency{Recorded: true}})
	if err != nil {
		t.Skip(err)
	}
	for i := range tp.cassette.items {
		if got, ok := tp.quickRecorded(i); ok {
			want, err := tp.cassette.recorded(i)
			if diff := cmp.Diff(want, got); diff != "" || err != nil {
				t.Fatalf("interaction %d, %v (-long +short):\n%s", i, err, diff)
			}
			short++
		}
		for _, header := range []http.Header{{}, {"Client-Request-Id": {"mine", "other"}, "Accept-Encoding": {"gzip, br"}}} {
			for _, method := range []string{"PATCH", "HEAD"} {
				q := &graph.Request{Method: method, Header: header}
				for range 3 { // what was remembered of the first is as good
					got, took, ok := tp.respond(i, nil, q)
					x, err := tp.cassette.answer(i)
					if !ok {
						break
					}
					short++
					if err != nil {
						t.Fatalf("interaction %d is answered, and should not be: %v", i, err)
					}
					want := x.answer(nil, q)
					if diff := cmp.Diff(plainAnswer(t, want), plainAnswer(t, got)); diff != "" {
						t.Fatalf("interaction %d (-long +short):\n%s", i, diff)
					}
					if took != x.Response.Duration {
						t.Fatalf("interaction %d took %v, want %v", i, took, x.Response.Duration)
					}
				}
			}
		}
	}
	return short
}

// plainAnswer is an answer that can be compared.
func plainAnswer(t *testing.T, r *http.Response) map[string]any {
	t.Helper()
	b, err := io.ReadAll(r.Body)
	if err != nil {
		t.Fatal(err)
	}
	return map[string]any{"status": r.Status, "code": r.StatusCode, "proto": fmt.Sprint(r.Proto, r.ProtoMajor, r.ProtoMinor), "header": r.Header,
		"length": r.ContentLength, "body": string(b)}
}

func TestRespondIsTheAnswer(t *testing.T) {
	t.Parallel()
	texts := []string{"", "{}", `{"a":"it's"}`, "a\nb\n", "true", "\xff", "\ttab", "12", `{"a":"` + strings.Repeat("long ", 500) + `"}`}
	fields := []http.Header{
		{}, {"Content-Type": {"application/json"}, "Request-Id": {"1"}, "Etag": {`W/"1"`}, "Content-Length": {"2"}}, {"Content-Length": {"77"}, "Client-Request-Id": {"mine"}},
		{"Client-Request-Id": {"theirs"}, "Connection": {"close"}, "Trailer": {"x"}, "Keep-Alive": {"a"}, "Transfer-Encoding": {"chunked"}, "X-Odd": {"1", "", "3"}, "Vary": {}, "lower-case": {"a: b"}, "Www-Authenticate": {"a", "b"}},
		{"Content-Length": {}, "Client-Request-Id": {}, "Date": {"Mon, 23 Nov 2026 10:00:00 GMT"}, "Odd: Name": {"x"}},
	}
	many := http.Header{}
	for i := range maxAnswered + 1 {
		many.Set(fmt.Sprintf("X-%d", i), "x")
	}
	c := &Cassette{}
	for i := range 400 {
		x := sample(i)
		x.Response.Body, x.Response.Headers = texts[i%len(texts)], fields[i%len(fields)]
		if i%50 == 0 {
			x.Response.Headers = many
		}
		x.Response.Code = []int{200, 204, 304, 404, 799, 101}[i%6]
		x.Response.Status = []string{"200 OK", "", "304 Not Modified", "404 Nothing here", "404"}[i%5]
		x.Response.Duration = []time.Duration{0, 12345, 31500 * time.Microsecond, 90 * time.Second, time.Second}[i%5]
		if i%30 == 7 {
			x.Encoding = "gzip"
		}
		c.Add(x)
	}
	path := filepath.Join(t.TempDir(), "c.yaml")
	if err := c.Save(path); err != nil {
		t.Fatal(err)
	}
	if n := checkRespond(t, path); n < 3000 {
		t.Errorf("only %d answers went the short way", n)
	}
}

// TestRespondOnWhatOthersWrote goes over every cassette that the tests and the demo have.
func TestRespondOnWhatOthersWrote(t *testing.T) {
	t.Parallel()
	paths, err := filepath.Glob("../../cassettes/*.yaml")
	if err != nil {
		t.Fatal(err)
	}
	short := 0
	for _, path := range paths {
		t.Run(filepath.Base(path), func(t *testing.T) { short += checkRespond(t, path) })
	}
	if short == 0 {
		t.Error("none went the short way")
	}
}

func FuzzRespond(f *testing.F) {
	x := sample(1)
	x.Response.Headers["X-Odd"] = []string{"a: b", "'", ""}
	x.Response.Headers["Empty"] = []string{}
	f.Add(string(x.appendYAML(nil)))
	x.Response.Body, x.Response.Status = "a\nb\n", "true"
	f.Add(string(x.appendYAML(nil)))
	f.Add("    - request:\n        body: \"\"\n        url: /a\n        method: GET\n      response:\n        headers: {}\n        duration: 1h1.5s\n        code: 0200\n        status: null\n        body: !!binary /w==\n")
	f.Add("    - response:\n        body: ''\n        headers:\n            A:\n                - x\n            A:\n                - y\n        status: 'it''s'\n        code: 200\n        duration: 1x1ms\n      request:\n        url: /a\n        method: GET\n")
	dir := f.TempDir()
	f.Fuzz(func(t *testing.T, item string) {
		path := filepath.Join(dir, "c.yaml")
		if err := os.WriteFile(path, []byte(plainHead+item), 0o600); err != nil {
			t.Fatal(err)
		}
		checkRespond(t, path)
	})
}

// TestAllocations bounds what a tape allocates for an exchange, with room for what the race detector drops.
func TestAllocations(t *testing.T) {
	path := filepath.Join(t.TempDir(), "c.yaml")
	rec, err := Open(Options{Mode: Record, Cassette: path, Origin: newGraphAnswers()})
	if err != nil {
		t.Fatal(err)
	}
	req := benchRequest(t, 1, benchToken())
	once := func(tp *Tape) float64 {
		return testing.AllocsPerRun(200, func() {
			if _, err := tp.RoundTrip(req); err != nil {
				t.Fatal(err)
			}
		})
	}
	if n := once(rec); n > 16 {
		t.Errorf("%v allocations of a recorded exchange", n)
	}
	if err := rec.Close(); err != nil {
		t.Fatal(err)
	}
	rep, err := Open(Options{Mode: Replay, Cassette: path, Repeat: RepeatCycle})
	if err != nil {
		t.Fatal(err)
	}
	if n := once(rep); n > 12 {
		t.Errorf("%v allocations of a replayed exchange", n)
	}
}
