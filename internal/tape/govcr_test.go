package tape_test

import (
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/dnaeon/go-vcr/v2/recorder"
	"github.com/google/go-cmp/cmp"
	"github.com/graphwarden/graphwarden/internal/tape"
)

// bodies are answers that YAML finds hard.
var bodies = []string{`{"id":"1"}`, "\n{\"a\":1}\n", "\tx\ny", " x\ny\n\n", "\u2028\nx", "\xff\xfe\x00binary\n", "", "plain", "yes",
	"two\nlines", "a\r\nb", "\ufeffx\ny", "  ", "# no comment\n", "- a\n- b\n", "😀"}

// readable are those that go-vcr 2.1.0 reads back as it wrote them.
var readable = []string{`{"id":"1"}`, "\xff\xfe\x00binary\n", "", "plain", "yes", "two\nlines", "a\r\nb", "  ", "# no comment\n", "- a\n- b\n", "😀", " x\ny"}

// graphLike serves bodies[n] at /v1.0/n/N.
func graphLike(t *testing.T, bodies []string) *httptest.Server {
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		var n int
		if _, err := fmt.Sscanf(r.URL.Path, "/v1.0/n/%d", &n); err != nil {
			t.Errorf("path %s: %v", r.URL.Path, err)
		}
		sent, _ := io.ReadAll(r.Body)
		w.Header().Set("X-Sent", fmt.Sprint(len(sent)))
		w.Header().Set("Content-Type", "application/json")
		io.WriteString(w, bodies[n])
	}))
	t.Cleanup(s.Close)
	return s
}

func askAll(t *testing.T, base string, bodies []string, tr http.RoundTripper) []string {
	t.Helper()
	var got []string
	for n := range bodies {
		req, err := http.NewRequest("PATCH", fmt.Sprintf("%s/v1.0/n/%d", base, n), strings.NewReader(`{"n":"`+strings.Repeat("x", n)+`"}`))
		if err != nil {
			t.Fatal(err)
		}
		req.Header.Set("Content-Type", "application/json")
		resp, err := (&http.Client{Transport: tr}).Do(req)
		if err != nil {
			t.Fatalf("request %d: %v", n, err)
		}
		b, err := io.ReadAll(resp.Body)
		if err != nil {
			t.Fatal(err)
		}
		got = append(got, string(b))
	}
	return got
}

func TestGoVCRReplaysOurs(t *testing.T) {
	t.Parallel()
	path := cassette(t)
	origin := graphLike(t, bodies)
	rec := open(t, tape.Options{Mode: tape.Record, Cassette: path, Origin: http.DefaultTransport})
	want := askAll(t, origin.URL, bodies, rec)
	closeTape(t, rec)
	if diff := cmp.Diff(bodies, want); diff != "" {
		t.Errorf("recording changed an answer (-sent +got):\n%s", diff)
	}
	origin.Close()

	vcr, err := recorder.NewAsMode(strings.TrimSuffix(path, ".yaml"), recorder.ModeReplaying, nil)
	if err != nil {
		t.Fatal(err)
	}
	vcr.SkipRequestLatency = true
	if diff := cmp.Diff(want, askAll(t, origin.URL, bodies, vcr)); diff != "" {
		t.Errorf("go-vcr replays other answers (-ours +go-vcr):\n%s", diff)
	}
	if diff := cmp.Diff(want, askAll(t, origin.URL, bodies, open(t, tape.Options{Mode: tape.Replay, Cassette: path}))); diff != "" {
		t.Errorf("our own replay (-recorded +replayed):\n%s", diff)
	}
}

func TestReplaysGoVCRs(t *testing.T) {
	t.Parallel()
	path := cassette(t)
	origin := graphLike(t, readable)
	vcr, err := recorder.NewAsMode(strings.TrimSuffix(path, ".yaml"), recorder.ModeRecording, nil)
	if err != nil {
		t.Fatal(err)
	}
	want := askAll(t, origin.URL, readable, vcr)
	if err := vcr.Stop(); err != nil {
		t.Fatal(err)
	}
	origin.Close()
	file, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	c, err := tape.Load(path)
	if err != nil {
		t.Fatal(err)
	}
	again := filepath.Join(t.TempDir(), "again.yaml")
	if err := c.Save(again); err != nil {
		t.Fatal(err)
	}
	saved, err := os.ReadFile(again)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(file), string(saved)); diff != "" {
		t.Errorf("an untouched file changed (-was +is):\n%s", diff)
	}
	rep := open(t, tape.Options{Mode: tape.Replay, Cassette: path})
	if diff := cmp.Diff(want, askAll(t, origin.URL, readable, rep)); diff != "" {
		t.Errorf("replay of go-vcr's file (-recorded +replayed):\n%s", diff)
	}
}
