package tape_test

import (
	"os"
	"strings"
	"testing"

	"github.com/graphwarden/graphwarden/internal/tape"
)

// TestScrubReachesWhatIsBeside plants a secret in each place of a cassette that is no part of an interaction's request or
// answer.
func TestScrubReachesWhatIsBeside(t *testing.T) {
	t.Parallel()
	const planted = "?sig=planted%2Bsignature"
	for name, at := range map[string][2]string{
		"the head":     {"interactions:", "har: '{\"u\":\"x" + planted + "\"}'\ninteractions:"},
		"a key beside": {"      request:", "      note: 'x" + planted + "'\n      request:"},
		"the tail":     {"...", "---\nvariables:\n    a: \"x" + planted + "\"\n..."},
	} {
		path := recorded(t, echo, request(t, "GET", "/v1.0/a", ""))
		file, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(strings.Replace(string(file), at[0], at[1], 1)), 0o600); err != nil {
			t.Fatal(err)
		}
		c := load(t, path)
		if changed, err := tape.Scrub(c, tape.Redaction{}); err != nil || !changed {
			t.Errorf("%s: changed %t, %v", name, changed, err)
		}
		if err := c.Save(path); err != nil {
			t.Fatal(err)
		}
		again, err := os.ReadFile(path)
		if err != nil || strings.Contains(string(again), "planted") {
			t.Errorf("%s still holds it: %v\n%s", name, err, again)
		}
		if c := load(t, path); c.Len() != 1 || len(c.Notices) > 0 {
			t.Errorf("%s: %d interactions, %q", name, c.Len(), c.Notices)
		}
		if changed, err := tape.Scrub(load(t, path), tape.Redaction{}); err != nil || changed {
			t.Errorf("%s, once more: changed %t, %v", name, changed, err)
		}
	}
}
