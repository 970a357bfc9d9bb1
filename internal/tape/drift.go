package tape

import (
	"bytes"
	"fmt"
	"io"
	"net/http"
	"slices"
	"sync"

	"github.com/graphwarden/graphwarden/internal/graph"
)

// Drift is a request whose answer by the origin departs from the recorded one.
type Drift struct {
	Place
	Diffs []Diff
}

const maxDriftsListed = 100

// drifts collects them.
type drifts struct {
	mu    sync.Mutex
	count int
	named []Drift
}

func (d *drifts) add(x Drift) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.count++
	if len(d.named) < maxDriftsListed {
		d.named = append(d.named, x)
	}
}

func (d *drifts) list() (int, []Drift) {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.count, slices.Clone(d.named)
}

// differ passes the request to the origin and compares its answer with the recorded one. The client gets the origin's,
// untouched, once it is there in full. A request that was never recorded counts as missed.
func (t *Tape) differ(req *http.Request, q *graph.Request) (*http.Response, error) {
	id := t.keyers.live(q)
	i, _ := t.index.find(keyWith(t.keyers, &id), true)
	resp, err := t.origin.RoundTrip(req)
	if err != nil {
		return nil, err
	}
	if i < 0 {
		t.missed.Add(1)
		return resp, nil
	}
	was, err := t.cassette.At(i)
	if err != nil {
		return resp, nil // it was scanned when it was loaded: this does not come
	}
	body, err := io.ReadAll(io.LimitReader(resp.Body, maxRecorded+1))
	if err != nil {
		return nil, fmt.Errorf("read the origin's answer: %w", err)
	}
	if len(body) > maxRecorded {
		resp.Body = struct {
			io.Reader
			io.Closer
		}{io.MultiReader(bytes.NewReader(body), resp.Body), resp.Body}
		t.log.Warn("not compared", "method", q.Method, "why", "the answer is too long")
		return resp, nil
	}
	closeBody(resp.Body)
	resp.Body = io.NopCloser(bytes.NewReader(body))
	t.replayed.Add(1)
	x := &Interaction{Request: Request{Method: q.Method}}
	if diffs := CompareResponses(was.Response, t.response(resp, body, x), t.options.IgnoreAnswer); len(diffs) > 0 {
		t.drifts.add(Drift{Place: t.cassette.place(i), Diffs: diffs})
	}
	return resp, nil
}

// repeats is how many of the answers from the cassette were not the first of their interaction.
func (t *Tape) repeats() int {
	t.index.mu.Lock()
	defer t.index.mu.Unlock()
	used := 0
	for g := range t.index.groups.all() {
		used += int(g.used)
	}
	return max(0, int(t.replayed.Load())-used)
}

// Resume takes over what another tape of the same cassette has used up, so that a change of mode in the middle of a run
// goes on where the run is. It must be called before the first request.
func (t *Tape) Resume(from *Tape) {
	if t.index == nil || from.index == nil {
		return
	}
	from.index.mu.Lock()
	used := map[fingerprint]int32{}
	for g := range from.index.groups.all() {
		used[g.key] = g.used
	}
	from.index.mu.Unlock()
	for key, n := range used {
		for range n {
			t.index.find(key, true)
		}
	}
}
