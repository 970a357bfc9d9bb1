package proxy_test

import (
	"context"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/graphwarden/graphwarden/proxy"
)

// soakEnv and soakClientsEnv say how much TestSoak does; without the first it does nothing.
const (
	soakEnv        = "SOAK_EXCHANGES"
	soakClientsEnv = "SOAK_CLIENTS"
)

// soaked is one proxy under TestSoak.
type soaked struct {
	name string
	h    *harness
}

// TestSoak sends exchanges through four proxies at once (live and judged, recording, recording and judged with a ledger,
// replaying) from many clients over both protocols; some hang up in the middle, some connect anew. What is promised: after
// a warm-up neither goroutines nor open files nor the heap grow, and every answer is the one it should be.
func TestSoak(t *testing.T) {
	total, clients := soakSize(t, soakEnv, 0), soakSize(t, soakClientsEnv, 200)
	if total == 0 {
		t.Skip("make soak runs it")
	}
	dir := t.TempDir()
	origin := func(w http.ResponseWriter, r *http.Request) {
		b, _ := io.ReadAll(r.Body)
		w.Header().Set("Content-Type", "application/json")
		if r.URL.Query().Has("chunked") {
			w.(http.Flusher).Flush()
		}
		_, _ = w.Write(b)
		_, _ = io.WriteString(w, strings.Repeat(" ", 500))
	}
	replayed := filepath.Join(dir, "replayed.yaml")
	first := soakProxy(t, proxy.Settings{Mode: "record", Cassette: replayed}, origin)
	for n := range soakKinds {
		if got, want := soakOnce(t.Context(), first.client(true), n, false); got != want {
			t.Fatalf("recording kind %d: got %q, want %q", n, got, want)
		}
	}
	if err := first.warden.Shutdown(t.Context()); err != nil {
		t.Fatal(err)
	}
	proxies := []soaked{
		{"live", soakProxy(t, proxy.Settings{}, origin)},
		{"record", soakProxy(t, proxy.Settings{Mode: "record", Cassette: filepath.Join(dir, "off.yaml"), Enforce: proxy.EnforceOff}, origin)},
		{"judged record with ledger", soakProxy(t, proxy.Settings{Mode: "record", Cassette: filepath.Join(dir, "on.yaml"), Ledger: filepath.Join(dir, "l.jsonl")}, origin)},
		{"replay", start(t, proxy.Settings{Mode: "replay", Cassette: replayed, Repeat: "cycle"})},
	}
	var done, cancelled, wrong atomic.Int64
	latency := make([][]time.Duration, clients)
	run := func(n int64) {
		var left atomic.Int64
		left.Store(n)
		var wg sync.WaitGroup
		for i := range clients {
			wg.Go(func() {
				p := proxies[i%len(proxies)]
				c := p.h.client(i/len(proxies)%2 == 0)
				defer c.CloseIdleConnections()
				for left.Add(-1) >= 0 {
					kind := rand.IntN(soakKinds)
					hangUp := rand.IntN(500) == 0
					began := time.Now()
					got, want := soakOnce(t.Context(), c, kind, hangUp)
					switch {
					case hangUp:
						cancelled.Add(1)
					case got == want || p.name == "record" && want == "403":
					default:
						if wrong.Add(1) < 20 {
							t.Errorf("%s, kind %d: got %q, want %q", p.name, kind, got, want)
						}
					}
					if took := time.Since(began); len(latency[i]) < 20_000 {
						latency[i] = append(latency[i], took)
					}
					done.Add(1)
					if rand.IntN(300) == 0 {
						c.CloseIdleConnections()
					}
				}
			})
		}
		wg.Wait()
	}
	began := time.Now()
	warm := min(int64(total)/5, 100_000)
	run(warm)
	before := soakHeld()
	run(int64(total) - warm)
	took := time.Since(began)
	after := soakHeld()
	// Idle connections to the origin are as many as were ever needed at once, which may be seen late; each has two ends here.
	files := before.files + max(10, clients/2)
	for range 100 { // what hung up last is still on its way out
		if after.goroutines <= before.goroutines+20 && after.files <= files {
			break
		}
		time.Sleep(100 * time.Millisecond)
		after = soakHeld()
	}
	all := slices.Concat(latency...)
	slices.Sort(all)
	t.Logf("%d exchanges by %d clients in %s, %.0f a second; %d hung up, %d wrong", done.Load(), clients, took.Round(time.Second),
		float64(done.Load())/took.Seconds(), cancelled.Load(), wrong.Load())
	t.Logf("latency p50 %s, p99 %s, p99.9 %s", all[len(all)/2], all[len(all)*99/100], all[len(all)*999/1000])
	t.Logf("after warm-up %+v, at the end %+v", before, after)
	if after.goroutines > before.goroutines+20 {
		t.Errorf("goroutines grew from %d to %d", before.goroutines, after.goroutines)
	}
	if after.files > files {
		t.Errorf("open files grew from %d to %d", before.files, after.files)
	}
	// A recording keeps the place of each interaction, 32 bytes.
	if allowed := before.heap + 16<<20 + uint64(total)*64; after.heap > allowed {
		t.Errorf("the heap grew from %d to %d bytes", before.heap, after.heap)
	}
	for _, p := range proxies {
		sum := p.h.warden.Summary()
		t.Logf("%s: %d allowed, %d denied, %d recorded, %d replayed, %d missed, %d failed", p.name, sum.Allowed, sum.Denied, sum.Recorded, sum.Replayed, sum.Missed, sum.Failed)
		if sum.Missed > 0 {
			t.Errorf("%s: %d missed", p.name, sum.Missed)
		}
	}
}

// soakProxy serves a Warden, judge on unless told otherwise, before a handler.
func soakProxy(t *testing.T, s proxy.Settings, handler http.HandlerFunc) *harness {
	t.Helper()
	origin := httptest.NewServer(handler)
	t.Cleanup(origin.Close)
	s.Origin = origin.URL
	return start(t, s)
}

func soakSize(t *testing.T, name string, otherwise int) int {
	t.Helper()
	text := os.Getenv(name)
	if text == "" {
		return otherwise
	}
	n, err := strconv.Atoi(text)
	if err != nil || n < 1 {
		t.Fatalf("%s=%q is no number of anything", name, text)
	}
	return n
}

// footprint is what the process holds.
type footprint struct {
	goroutines, files int
	heap              uint64
}

func soakHeld() (f footprint) {
	for range 3 {
		runtime.GC()
		time.Sleep(50 * time.Millisecond)
	}
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	f.heap = m.HeapAlloc
	f.goroutines, f.files = held()
	return f
}

// soakKinds is how many different requests there are. One in eight is denied, one in eight a read.
const soakKinds = 64

// soakOnce sends one request and says what came of it and what should have: the body, or the status of a refusal.
func soakOnce(ctx context.Context, c *http.Client, kind int, hangUp bool) (got, want string) {
	method, url, body := http.MethodPatch, poolURL, strings.Replace(groupBody, "6f1c2d3e", fmt.Sprintf("6f1c%04x", kind), 1)
	want = body
	token := granted
	switch kind % 8 {
	case 0:
		token, want = scopeless, "403"
	case 1:
		method, url, body, want = http.MethodGet, fmt.Sprintf("%s?$top=%d", poolURL, kind), "", ""
	case 2:
		url += "?chunked=1"
	}
	if hangUp {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeout(ctx, rand.N(300*time.Millisecond))
		defer cancel()
	}
	r, err := http.NewRequestWithContext(ctx, method, url, strings.NewReader(body))
	if err != nil {
		return err.Error(), want
	}
	if body == "" {
		r.Body = http.NoBody
	} else {
		r.Header.Set("Content-Type", "application/json")
	}
	r.Header.Set("Accept", "application/json")
	r.Header.Set("Authorization", token)
	resp, err := c.Do(r)
	if err != nil {
		return err.Error(), want
	}
	defer resp.Body.Close()
	b, err := io.ReadAll(resp.Body)
	switch {
	case err != nil:
		return err.Error(), want
	case resp.StatusCode == http.StatusForbidden && strings.Contains(string(b), `"PolicyDenied"`):
		return "403", want
	case resp.StatusCode != http.StatusOK:
		return resp.Status + " " + string(b), want
	}
	return strings.TrimRight(string(b), " "), want
}

var scopeless = bearer("User.Read")
