package wire

import (
	"strings"
	"testing"
)

// TestIsFieldValue tries every byte at every place, among bytes of every kind.
func TestIsFieldValue(t *testing.T) {
	t.Parallel()
	for _, among := range []string{strings.Repeat("a", 20), strings.Repeat("\xff", 20), strings.Repeat(" ~", 10), strings.Repeat("\t\x80", 10)} {
		for at := range len(among) {
			for c := range 256 {
				s := among[:at] + string([]byte{byte(c)}) + among[at+1:]
				if got, want := isFieldValue(s), c >= ' ' && c != 0x7f || c == '\t'; got != want {
					t.Fatalf("%q: %v", s, got)
				}
			}
		}
	}
	if !isFieldValue("") {
		t.Error("an empty value")
	}
}
