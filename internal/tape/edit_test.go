package tape_test

import (
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/graphwarden/graphwarden/internal/tape"
)

func load(t *testing.T, path string) *tape.Cassette {
	t.Helper()
	c, err := tape.Load(path)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// summary is the requests of a cassette with their sequence.
func summary(c *tape.Cassette) (out []string) {
	for _, x := range c.Interactions() {
		out = append(out, fmt.Sprintf("%d %s %s%s", x.Sequence, x.Request.Method, filepath.Base(x.Request.URL), strings.TrimLeft(x.ID, "0123456789abcdef")))
	}
	return out
}

func TestMergeAndSelect(t *testing.T) {
	t.Parallel()
	get := func(name string) *http.Request { return request(t, "GET", "/v1.0/"+name, "") }
	base := load(t, recorded(t, echo, get("a"), get("a"), get("b")))
	mine := load(t, recorded(t, echo, get("a"), get("a"), get("b"), get("mine")))
	theirs := load(t, recorded(t, echo, get("a"), get("theirs"), get("a"), get("a"), get("b")))
	merged, err := tape.Merge(base, mine, theirs)
	if err != nil {
		t.Fatal(err)
	}
	path := cassette(t)
	if err := merged.Save(path); err != nil {
		t.Fatal(err)
	}
	again := load(t, path)
	want := []string{"1 GET a", "2 GET a-2", "3 GET b", "4 GET mine", "5 GET theirs", "6 GET a-3"}
	if diff := cmp.Diff(want, summary(again)); diff != "" || len(again.Notices) > 0 {
		t.Errorf("merged, notices %q (-want +got):\n%s", again.Notices, diff)
	}
	part, err := tape.Select(again, func(i int, x *tape.Interaction) bool { return i%2 == 1 })
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]string{"1 GET a", "2 GET mine", "3 GET a-2"}, summary(part)); diff != "" {
		t.Errorf("selected (-want +got):\n%s", diff)
	}
}

func TestFormatTwo(t *testing.T) {
	t.Parallel()
	path := cassette(t)
	origin := graphLike(t, readable)
	rec := open(t, tape.Options{Mode: tape.Record, Cassette: path, Origin: http.DefaultTransport})
	want := askAll(t, origin.URL, readable, rec)
	closeTape(t, rec)
	origin.Close()
	two, err := load(t, path).FormatTwo()
	if err != nil {
		t.Fatal(err)
	}
	converted := filepath.Join(t.TempDir(), "two")
	if err := os.WriteFile(converted+".yaml", two, 0o600); err != nil {
		t.Fatal(err)
	}
	for _, key := range []string{"version: 2\n", "        proto_major: 1\n", "        host: 127.0.0.1:", "        content_length: 9\n"} {
		if !strings.Contains(string(two), key) {
			t.Errorf("format 2 lacks %q:\n%s", key, two)
		}
	}
	rep := open(t, tape.Options{Mode: tape.Replay, Cassette: converted + ".yaml"})
	if diff := cmp.Diff(want, askAll(t, origin.URL, readable, rep)); diff != "" {
		t.Errorf("our replay of format 2 (-recorded +replayed):\n%s", diff)
	}
}
