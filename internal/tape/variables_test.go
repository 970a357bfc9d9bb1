package tape_test

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/graphwarden/graphwarden/internal/tape"
)

func TestVariables(t *testing.T) {
	t.Parallel()
	path := cassette(t)
	rec := open(t, tape.Options{Mode: tape.Record, Cassette: path, Origin: originFunc(echo)})
	rec.SetVariables(map[string]string{"seed": "42"})
	rec.SetVariables(map[string]string{"clientSecret": "planted", "name": "---\nodd: [", "seed": "43"})
	send(t, rec, request(t, "GET", "/v1.0/a", ""))
	closeTape(t, rec)
	want := map[string]string{"seed": "43", "clientSecret": tape.Redacted, "name": "---\nodd: ["}
	rep := open(t, tape.Options{Mode: tape.Replay, Cassette: path})
	if diff := cmp.Diff(want, rep.Variables()); diff != "" {
		t.Errorf("variables (-want +got):\n%s", diff)
	}
	if rep.RecordedAt().IsZero() {
		t.Error("the time of the recording is not offered")
	}
	c := load(t, path)
	if len(c.Notices) > 0 {
		t.Errorf("notices %q", c.Notices)
	}
	// Recording what is missing keeps them.
	more := open(t, tape.Options{Mode: tape.New, Cassette: path, Origin: originFunc(echo)})
	send(t, more, request(t, "GET", "/v1.0/b", ""))
	closeTape(t, more)
	if c = load(t, path); c.Len() != 2 || c.Variables()["seed"] != "43" {
		t.Errorf("%d interactions, variables %v", c.Len(), c.Variables())
	}
	c.SetVariables(nil)
	if again := c.Bytes(); strings.Contains(string(again), "variables") {
		t.Errorf("variables stay:\n%s", again)
	}
}
