package lean_test

import (
	"math/rand/v2"
	"net"
	"slices"
	"testing"
	"time"

	"github.com/graphwarden/graphwarden/internal/bench/lean"
)

func origin(t testing.TB) string {
	t.Helper()
	authority, err := lean.NewAuthority()
	if err != nil {
		t.Fatal(err)
	}
	leaf, err := authority.Leaf(lean.Host)
	if err != nil {
		t.Fatal(err)
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = l.Close() })
	go func() { _ = lean.Serve(l, *leaf) }()
	return l.Addr().String()
}

func TestClientAndOrigin(t *testing.T) {
	t.Parallel()
	route := lean.Route{Origin: origin(t)}
	for name, chunked := range map[string]bool{"fixed length": false, "chunked": true} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c, err := lean.Dial(route)
			if err != nil {
				t.Fatal(err)
			}
			defer c.Close()
			patch := lean.NewPatch("x", chunked)
			for i := range 100 {
				patch.Number(i)
				if err := c.Do(patch.Bytes); err != nil {
					t.Fatalf("request %d: %v", i, err)
				}
			}
		})
	}
	if err := lean.Greet(route); err != nil {
		t.Errorf("greet: %v", err)
	}
}

// TestFewAllocations allows what crypto/tls itself allocates for a record on each side.
func TestFewAllocations(t *testing.T) {
	c, err := lean.Dial(lean.Route{Origin: origin(t)})
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	patch := lean.NewPatch("x", false)
	got := testing.AllocsPerRun(200, func() {
		if err := c.Do(patch.Bytes); err != nil {
			t.Fatal(err)
		}
	})
	if got > 4 {
		t.Errorf("client and origin allocate %v times per request: they would count as the proxy's", got)
	}
}

func TestNumber(t *testing.T) {
	t.Parallel()
	patch := lean.NewPatch("x", false)
	patch.Number(1234567)
	want := "PATCH " + lean.Target(1234567, false) + " HTTP/1.1\r\n"
	if got := string(patch.Bytes[:len(want)]); got != want {
		t.Errorf("got %s, want %s", got, want)
	}
}

func TestQuantile(t *testing.T) {
	t.Parallel()
	var h, other lean.Histogram
	if h.Quantile(0.5) != 0 {
		t.Error("an empty histogram has a quantile")
	}
	var all []time.Duration
	for i := range 20000 {
		d := time.Duration(rand.ExpFloat64() * float64(time.Millisecond))
		all = append(all, d)
		if i%2 == 0 {
			h.Add(d)
		} else {
			other.Add(d)
		}
	}
	h.Merge(&other)
	slices.Sort(all)
	for _, q := range []float64{0.001, 0.5, 0.99, 0.999, 1} {
		want := all[max(int(q*float64(len(all))+0.5), 1)-1]
		if got := h.Quantile(q); got < want || float64(got) > float64(want)*1.04+1 {
			t.Errorf("quantile %v is %v, want %v to 4 percent above", q, got, want)
		}
	}
	if h.Total() != 20000 {
		t.Errorf("total %d, want 20000", h.Total())
	}
}
