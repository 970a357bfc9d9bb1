package tape

import (
	"encoding/binary"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"

	"github.com/graphwarden/graphwarden/internal/graph"
)

func keyOf(k uint64) (f fingerprint) {
	binary.BigEndian.PutUint64(f[:], k)
	return f
}

// TestTallyCounts holds the tally against a map: keys seen once, often, and again after long, and those that a filter
// takes for others.
func TestTallyCounts(t *testing.T) {
	t.Parallel()
	folder := t.TempDir()
	tl := &tally{folder: folder}
	r := rand.New(rand.NewPCG(1, 2))
	want, seen := map[uint64]int{}, []uint64{}
	for i := range 8 * maxRecent {
		k := r.Uint64()
		switch {
		case i%5 == 0 && i > 0:
			k = seen[r.IntN(len(seen))]
		case i%1000 == 1:
			k = uint64(i % 7) // from 0, and all in one place
		case i%1000 == 2:
			k = ^uint64(0) - uint64(i%3)
		default:
			seen = append(seen, k)
		}
		want[k]++
		if got := tl.add(keyOf(k), i+1); got != want[k] {
			t.Fatalf("%d: key %x got number %d, want %d", i, k, got, want[k])
		}
	}
	if len(tl.runs) == 0 || len(tl.runs) > 5 {
		t.Errorf("%d files", len(tl.runs))
	}
	if runtime.GOOS != "windows" {
		if left, err := os.ReadDir(folder); len(left) > 0 || err != nil {
			t.Errorf("files with a name: %v, %v", left, err)
		}
	}
	if err := tl.close(); err != nil {
		t.Error(err)
	}
	if left, err := os.ReadDir(folder); len(left) > 0 || err != nil {
		t.Errorf("left behind: %v, %v", left, err)
	}
}

func TestTallyWithoutDisk(t *testing.T) {
	t.Parallel()
	tl := &tally{folder: filepath.Join(t.TempDir(), "none")}
	for i := range 3 * maxRecent {
		if n := tl.add(keyOf(uint64(i)*0x9e3779b97f4a7c15), i+1); n != 1 {
			t.Fatalf("%d got %d", i, n)
		}
	}
	if n := tl.add(keyOf(0x9e3779b97f4a7c15), 1<<20); n != 2 || len(tl.runs) > 0 {
		t.Errorf("number %d, %d files", n, len(tl.runs))
	}
}

// TestTallyThatCannotRead gives numbers that leave a gap rather than one that is taken.
func TestTallyThatCannotRead(t *testing.T) {
	t.Parallel()
	tl := &tally{folder: t.TempDir()}
	given := map[string]bool{}
	for i := range 2 * maxRecent {
		k := uint64(i%(maxRecent+maxRecent/2)) * 0x9e3779b97f4a7c15
		if i == maxRecent+maxRecent/4 {
			if len(tl.runs) == 0 {
				t.Fatal("nothing was spilled")
			}
			for _, r := range tl.runs {
				r.f.Close()
			}
		}
		id := numbered(keyOf(k), tl.add(keyOf(k), i+1))
		if given[id] {
			t.Fatalf("%d: the id %s was given before", i, id)
		}
		given[id] = true
	}
}

// TestMemoryIsFlat records far more than the tally holds in memory. What is kept of each further interaction is bounded:
// the filter's ten bits, twice while two files become one.
func TestMemoryIsFlat(t *testing.T) {
	tp, err := Open(Options{Mode: Record, Cassette: filepath.Join(t.TempDir(), "c.yaml"), Origin: newGraphAnswers()})
	if err != nil {
		t.Fatal(err)
	}
	next := 0
	record := func(n int) {
		for range n {
			next++
			r, err := http.NewRequest(http.MethodPatch, fmt.Sprintf("https://graph.microsoft.com/v1.0/users/%d", next), strings.NewReader(`{"a":1}`))
			if err != nil {
				t.Fatal(err)
			}
			q, err := graph.Read(r, graph.Connection{}, graph.ReadOptions{Bare: true, CheckBody: true})
			if err != nil {
				t.Fatal(err)
			}
			resp, err := tp.RoundTrip(r.WithContext(graph.NewContext(t.Context(), q)))
			if err != nil {
				t.Fatal(err)
			}
			if _, err := io.Copy(io.Discard, resp.Body); err != nil {
				t.Fatal(err)
			}
		}
	}
	record(maxRecent + 1000)
	before := heap()
	const more = 50_000
	record(more)
	if grown := float64(int64(heap())-int64(before)) / more; grown > 5 {
		t.Errorf("%.1f bytes stay in memory of each interaction recorded", grown)
	} else {
		t.Logf("%.1f bytes of each", grown)
	}
	if err := tp.Close(); err != nil {
		t.Fatal(err)
	}
	if c, err := Load(tp.options.Cassette); err != nil || c.Len() != next {
		t.Errorf("%v", err)
	}
}
