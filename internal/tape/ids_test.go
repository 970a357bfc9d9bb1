package tape

import (
	"path/filepath"
	"strings"
	"testing"
)

// TestIDsStay: the ids on cassettes that were recorded long ago are those that their requests have today.
func TestIDsStay(t *testing.T) {
	t.Parallel()
	paths, err := filepath.Glob("../../cassettes/*.yaml")
	if err != nil || len(paths) == 0 {
		t.Fatalf("no cassettes: %v", err)
	}
	for _, path := range paths {
		c, err := Load(path)
		if err != nil {
			t.Fatal(err)
		}
		var was []string
		for _, x := range c.Interactions() {
			was = append(was, x.ID)
		}
		if err := c.renumber(); err != nil {
			t.Fatal(err)
		}
		for i, x := range c.Interactions() {
			if was[i] == "" || x.ID != was[i] {
				t.Errorf("%s: interaction %d was %q, is %q", path, i+1, was[i], x.ID)
			}
		}
	}
	// Bodies whose canonical form is not the text itself.
	k := newKeyers(Match{}, newRedactor(Redaction{}))
	for _, tt := range []struct{ body, want string }{
		{`{"b":1.0,"a":[1e2,"\u0041"]}`, "e50615d0e9c1c067"},
		{" [ ] ", "6c4090cfcd68d3a5"},
		{`{"password":"x","é":null}`, "bc43f4b401ad7bb2"},
		{"not json", "539c43b98b7cbeaa"},
		{`{"a":1,"A":2}`, "17b23ffdf162511f"},
	} {
		id := identity{method: "POST", host: "graph.microsoft.com", target: "/v1.0/users?$top=1", body: string(k.redact.body([]byte(tt.body))), ifMatch: "*", coded: true}
		if got := numbered(keyWith(k, &id), 1); got != tt.want {
			t.Errorf("%s: %s, want %s", strings.TrimSpace(tt.body), got, tt.want)
		}
	}
}
