package tape_test

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/graphwarden/graphwarden/internal/tape"
)

// awkward answers hold what looks like the lines between interactions, and lines longer than any buffer.
var awkward = []string{"a\n    - id: \"0\"\n      sequence: 99\n", strings.Repeat("x", 600<<10), "    - id: x\n\n", "{}", ""}

// backwards records n requests whose answers are read to their end in the reverse of the order in which they were sent.
func backwards(t *testing.T, o tape.Options, n int) {
	t.Helper()
	o.Origin = originFunc(func(r *http.Request) (*http.Response, error) {
		resp := answer(r, 200, awkward[len(r.URL.Path)%len(awkward)])
		resp.ContentLength = -1
		return resp, nil
	})
	rec := open(t, o)
	var bodies []io.ReadCloser
	for i := range n {
		resp, err := rec.RoundTrip(request(t, "GET", "/v1.0/"+strings.Repeat("y", i%7+1)+fmt.Sprint(i), ""))
		if err != nil {
			t.Fatal(err)
		}
		bodies = append(bodies, resp.Body)
	}
	for i := n - 1; i >= 0; i-- {
		if _, err := io.Copy(io.Discard, bodies[i]); err != nil {
			t.Fatal(err)
		}
		bodies[i].Close()
	}
	closeTape(t, rec)
}

// checkInOrder wants a sealed cassette of n interactions, in order, each with its own answer.
func checkInOrder(t *testing.T, path string, n int) {
	t.Helper()
	c, err := tape.Load(path)
	if err != nil {
		t.Fatal(err)
	}
	if c.Len() != n || len(c.Notices) > 0 {
		t.Fatalf("%d interactions of %d, notices %q", c.Len(), n, c.Notices)
	}
	for i, x := range c.Interactions() {
		if x.Sequence != i+1 {
			t.Fatalf("place %d holds sequence %d", i, x.Sequence)
		}
		target := strings.TrimPrefix(x.Request.URL, "https://graph.microsoft.com")
		if x.Response.Body != awkward[len(target)%len(awkward)] {
			t.Errorf("%s was answered %.50q", target, x.Response.Body)
		}
	}
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	at := bytes.LastIndex(data, []byte("\n...")) + 1
	sum := sha256.Sum256(data[:at])
	if want := "... # sha256:" + hex.EncodeToString(sum[:]) + "\n"; string(data[at:]) != want {
		t.Errorf("the last line is %q, want %q", data[at:], want)
	}
	if left, _ := os.ReadDir(filepath.Dir(path)); len(left) > 1 {
		t.Errorf("files are left behind: %v", left)
	}
}

func TestOrderOfSendingAtClose(t *testing.T) {
	t.Parallel()
	path := cassette(t)
	backwards(t, tape.Options{Mode: tape.Record, Cassette: path}, 20)
	checkInOrder(t, path, 20)
	backwards(t, tape.Options{Mode: tape.New, Cassette: path}, 40) // the first 20 are answered from it
	checkInOrder(t, path, 40)
	if err := os.WriteFile(path, []byte("---\nversion: 1\ninteractions:\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	backwards(t, tape.Options{Mode: tape.Record, Cassette: path}, 30) // over an old one
	checkInOrder(t, path, 30)
}
