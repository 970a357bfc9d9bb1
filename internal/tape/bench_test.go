package tape

import (
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/dnaeon/go-vcr/v2/cassette"
	"github.com/graphwarden/graphwarden/internal/graph"
)

// sample is an interaction of about 1,400 bytes, as Intune answers.
func sample(i int) *Interaction {
	url := fmt.Sprintf("https://graph.microsoft.com/beta/deviceManagement/deviceConfigurations/%08x-0000-4000-8000-000000000000/assignments/%08x", i, i)
	body := fmt.Sprintf(`{"target":{"@odata.type":"#microsoft.graph.groupAssignmentTarget","groupId":"%08x-1111-4222-8333-444444444444"}}`, i)
	return &Interaction{ID: fmt.Sprintf("%016x", i), Sequence: i + 1, RecordedAt: time.Unix(1.7e9, 0), Verdict: "allow",
		Request: Request{Body: body, URL: url, Method: "PATCH", Headers: http.Header{"Accept": {"application/json"}, "Content-Type": {"application/json"},
			"Authorization": {"Bearer " + strings.Repeat("eyJ0eXAiOiJKV1QifQ", 12)}}},
		Response: Response{Body: body[:len(body)-1] + `,"id":"` + fmt.Sprint(i) + `","note":"` + strings.Repeat("x", 120) + `"}`, Code: 200, Status: "200 OK", Duration: 31 * time.Millisecond,
			Headers: http.Header{"Content-Type": {"application/json;odata.metadata=minimal"}, "Request-Id": {"5d6f0d5c-0000-4000-8000-000000000000"}, "Date": {"Mon, 23 Nov 2026 10:00:00 GMT"}}}}
}

func sampleFile(b *testing.B, n int) string {
	b.Helper()
	out := []byte(plainHead)
	for i := range n {
		out = sample(i).appendYAML(out)
	}
	path := filepath.Join(b.TempDir(), "c.yaml")
	if err := os.WriteFile(path, out, 0o600); err != nil {
		b.Fatal(err)
	}
	return path
}

func request(b testing.TB, i int) *graph.Request {
	x := sample(i)
	req, err := http.NewRequest(x.Request.Method, x.Request.URL, strings.NewReader(x.Request.Body))
	if err != nil {
		b.Fatal(err)
	}
	req.Header = http.Header{"Content-Type": {"application/json"}}
	q, err := graph.Read(req, graph.Connection{}, graph.ReadOptions{})
	if err != nil {
		b.Fatal(err)
	}
	return q
}

// sizes are the cassettes measured; the million takes minutes to make and is asked for by its own variable.
func sizes() []int {
	if os.Getenv("TAPE_BENCH_MILLION") != "" {
		return []int{1000, 10000, 100000, 1000000}
	}
	return []int{1000, 10000, 100000}
}

func BenchmarkLoad(b *testing.B) {
	for _, n := range sizes() {
		path := sampleFile(b, n)
		info, err := os.Stat(path)
		if err != nil {
			b.Fatal(err)
		}
		b.Run(fmt.Sprintf("tape-%d", n), func(b *testing.B) {
			b.SetBytes(info.Size())
			var held uint64
			for b.Loop() {
				before := heap()
				tp, err := Open(Options{Mode: Replay, Cassette: path})
				if err != nil {
					b.Fatal(err)
				}
				held = heap() - before
				runtime.KeepAlive(tp)
			}
			b.ReportMetric(float64(held)/float64(info.Size()), "held/file")
		})
		if n <= 10000 {
			b.Run(fmt.Sprintf("govcr-%d", n), func(b *testing.B) {
				b.SetBytes(info.Size())
				for b.Loop() {
					if _, err := cassette.Load(strings.TrimSuffix(path, ".yaml")); err != nil {
						b.Fatal(err)
					}
				}
			})
		}
	}
}

func heap() uint64 {
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return m.HeapAlloc
}

func BenchmarkLookup(b *testing.B) {
	for _, n := range sizes() {
		path := sampleFile(b, n)
		var asked [64]*graph.Request
		for i := range asked {
			asked[i] = request(b, n-1-i*n/len(asked))
		}
		tp, err := Open(Options{Mode: Replay, Cassette: path, Repeat: RepeatLast})
		if err != nil {
			b.Fatal(err)
		}
		b.Run(fmt.Sprintf("tape-%d", n), func(b *testing.B) {
			b.ReportAllocs()
			for i := 0; b.Loop(); i++ {
				id := tp.keyers.live(asked[i%len(asked)])
				if at, _ := tp.index.find(keyWith(tp.keyers, &id), true); at < 0 {
					b.Fatal("not found")
				}
			}
		})
		b.Run(fmt.Sprintf("served-%d", n), func(b *testing.B) {
			b.ReportAllocs()
			req, _ := http.NewRequest("PATCH", "https://graph.microsoft.com/", nil)
			for i := 0; b.Loop(); i++ {
				q := asked[i%len(asked)]
				if _, err := tp.RoundTrip(req.WithContext(graph.NewContext(b.Context(), q))); err != nil {
					b.Fatal(err)
				}
			}
		})
		if n <= 10000 {
			vcr, err := cassette.Load(strings.TrimSuffix(path, ".yaml"))
			if err != nil {
				b.Fatal(err)
			}
			vcr.ReplayableInteractions = true
			b.Run(fmt.Sprintf("govcr-%d", n), func(b *testing.B) {
				req, _ := http.NewRequest("PATCH", sample(n-1).Request.URL, nil)
				for b.Loop() {
					if _, err := vcr.GetInteraction(req); err != nil {
						b.Fatal(err)
					}
				}
			})
		}
	}
}

func BenchmarkFingerprint(b *testing.B) {
	k := newKeyers(Match{}, newRedactor(Redaction{}))
	q := request(b, 7)
	b.ReportAllocs()
	for b.Loop() {
		id := k.live(q)
		keyWith(k, &id)
	}
}

func BenchmarkAppend(b *testing.B) {
	for _, when := range []Sync{SyncInterval, SyncAlways} {
		b.Run(string(when), func(b *testing.B) {
			r, err := startRecording(filepath.Join(b.TempDir(), "c.yaml"), recordHead(""), when)
			if err != nil {
				b.Fatal(err)
			}
			x := sample(1)
			b.ReportAllocs()
			for b.Loop() {
				if err := r.append(x.Sequence, x.appendYAML(make([]byte, 0, 2048))); err != nil {
					b.Fatal(err)
				}
			}
			if _, err := r.close(); err != nil {
				b.Fatal(err)
			}
		})
	}
}
