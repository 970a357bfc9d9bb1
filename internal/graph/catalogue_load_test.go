package graph

import (
	"strings"
	"testing"
)

func TestCatalogueIsSmall(t *testing.T) {
	t.Parallel()
	if n := len(catalogueText); n > 60_000 {
		t.Errorf("the embedded catalogue has %d bytes", n)
	}
}

// A catalogue that does not load must not open the gate: every write is unknown then.
func TestDamagedCatalogue(t *testing.T) {
	t.Parallel()
	for _, damage := range []struct{ name, old, new string }{
		{"reference out of range", "\nn\tid\t", "\nn\tid\t9999"},
		{"not a number", "\nb\t", "\nb\tx"},
		{"row too long", "\nr\t1", "\nr\t1\t1\t1\t1\t1\t1\t1\t1\t1\t1\t1\t1\t1\t1"},
	} {
		text := strings.Replace(catalogueText, damage.old, damage.new, 1)
		if text == catalogueText {
			t.Fatalf("%s: nothing was damaged", damage.name)
		}
		if c := newCatalogue(text); c.err == nil {
			t.Errorf("%s: no error", damage.name)
		}
	}
	if c := newCatalogue(catalogueText); c.err != nil {
		t.Error(c.err)
	}
}

func BenchmarkLoadCatalogue(b *testing.B) {
	b.ReportAllocs()
	for b.Loop() {
		newCatalogue(catalogueText)
	}
}
