package proxy_test

import (
	"net"
	"net/http"
	"os"
	"path/filepath"
	"runtime"
	"testing"

	"github.com/graphwarden/graphwarden/internal/bench/lean"
	"github.com/graphwarden/graphwarden/proxy"
)

// BenchmarkExchange sends one kept connection's requests through the whole proxy. What client and origin allocate is measured
// without the proxy and taken off: allocs/request is the proxy's own, with those of net/http and crypto/tls.
func BenchmarkExchange(b *testing.B) {
	origin, ca := leanOrigin(b)
	bare := allocations(b, lean.Route{Origin: origin}, 200)
	for _, bb := range []struct {
		name   string
		s      proxy.Settings
		remake bool
	}{
		{"live", proxy.Settings{Enforce: proxy.EnforceOff}, false},
		{"judged", proxy.Settings{Enforce: proxy.EnforceDeny}, false},
		{"record", proxy.Settings{Enforce: proxy.EnforceOff, Mode: "record"}, false},
		{"replay", proxy.Settings{Enforce: proxy.EnforceOff, Mode: "replay", Repeat: "cycle"}, true},
		{"replay judged", proxy.Settings{Enforce: proxy.EnforceDeny, Mode: "replay", Repeat: "cycle"}, true},
	} {
		b.Run(bb.name, func(b *testing.B) {
			s := bb.s
			if s.Mode != "" {
				s.Cassette = filepath.Join(b.TempDir(), "bench.yaml")
			}
			if bb.remake {
				recorded(b, s.Cassette, origin, ca)
			} else {
				s.Origin, s.OriginCAPEM = "https://"+origin, ca
			}
			h := start(b, s)
			route := lean.Route{Proxy: h.addr}
			own := allocations(b, route, 200) - bare
			c, patch := dial(b, route)
			for b.Loop() {
				if err := c.Do(patch.Bytes); err != nil {
					b.Fatal(err)
				}
			}
			b.ReportMetric(own, "allocs/request")
		})
	}
}

// leanOrigin serves the canned answer until the benchmark ends.
func leanOrigin(b *testing.B) (addr string, ca []byte) {
	b.Helper()
	authority, err := lean.NewAuthority()
	if err != nil {
		b.Fatal(err)
	}
	leaf, err := authority.Leaf(lean.Host)
	if err != nil {
		b.Fatal(err)
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { _ = l.Close() })
	go func() { _ = lean.Serve(l, *leaf) }()
	return l.Addr().String(), authority.PEM()
}

func dial(b *testing.B, route lean.Route) (*lean.Client, *lean.Patch) {
	b.Helper()
	c, err := lean.Dial(route)
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { _ = c.Close() })
	return c, lean.NewPatch(granted[len("Bearer "):], false)
}

// recorded makes a cassette with the benchmark's request on it.
func recorded(b *testing.B, path, origin string, ca []byte) {
	b.Helper()
	w, err := proxy.Open(b.Context(), proxy.Settings{
		Mode: "record", Cassette: path, Origin: "https://" + origin, OriginCAPEM: ca, UpstreamProxy: "none", Enforce: proxy.EnforceOff,
	})
	if err != nil {
		b.Fatal(err)
	}
	client := &http.Client{Transport: w.Transport()}
	if got := send(b, client, http.MethodPatch, "https://"+lean.Host+lean.Target(0, false), lean.Body, "Authorization", granted); got.status != http.StatusOK {
		b.Fatalf("recording answered %d: %s", got.status, got.body)
	}
	if err := w.Close(); err != nil {
		b.Fatal(err)
	}
	if _, err := os.Stat(path); err != nil {
		b.Fatal(err)
	}
}

// allocations counts those of the whole process per request.
func allocations(b *testing.B, route lean.Route, n int) float64 {
	b.Helper()
	c, patch := dial(b, route)
	for range 50 {
		if err := c.Do(patch.Bytes); err != nil {
			b.Fatal(err)
		}
	}
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	for range n {
		if err := c.Do(patch.Bytes); err != nil {
			b.Fatal(err)
		}
	}
	runtime.ReadMemStats(&after)
	return float64(after.Mallocs-before.Mallocs) / float64(n)
}
