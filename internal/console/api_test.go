package console_test

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/graphwarden/graphwarden/internal/console"
)

// decode reads an answer that must be 200.
func decode[T any](t *testing.T, resp *http.Response) T {
	t.Helper()
	var v T
	if resp.StatusCode != http.StatusOK {
		body, _ := io.ReadAll(resp.Body)
		t.Fatalf("status %d: %s", resp.StatusCode, body)
	}
	if err := json.NewDecoder(resp.Body).Decode(&v); err != nil {
		t.Fatal(err)
	}
	return v
}

type list struct {
	Exchanges []console.Exchange
	More      bool
}

func seqs(l list) []uint64 {
	out := []uint64{}
	for _, e := range l.Exchanges {
		out = append(out, e.Seq)
	}
	return out
}

func TestList(t *testing.T) {
	t.Parallel()
	s := serve(t, console.Options{Keep: 6})
	for n := 1; n <= 8; n++ {
		s.Observe(exchange(n, func(e *console.Exchange) {
			switch n {
			case 5:
				denied(e)
			case 6:
				missed(e)
			case 7:
				e.Session = "other"
			}
		}))
	}
	for _, tt := range []struct {
		query string
		want  []uint64
		more  bool
	}{
		{"", []uint64{8, 7, 6, 5, 4, 3}, false},
		{"?limit=2", []uint64{8, 7}, true},
		{"?limit=2&before=7", []uint64{6, 5}, true},
		{"?limit=2&before=5", []uint64{4, 3}, false},
		{"?before=3", []uint64{}, false},
		{"?before=9999", []uint64{8, 7, 6, 5, 4, 3}, false},
		{"?verdict=deny", []uint64{5}, false},
		{"?outcome=missed", []uint64{6}, false},
		{"?outcome=replayed&q=assignments", []uint64{8, 7, 4, 3}, false},
		{"?q=TARGET.Broad", []uint64{5}, false},
		{"?q=all+devices", []uint64{5}, false},
		{"?q=nothing+like+it", []uint64{}, false},
		{"?session=other", []uint64{7}, false},
		{"?session=", []uint64{8, 6, 5, 4, 3}, false},
	} {
		got := decode[list](t, s.request(t, "GET", "/api/v1/exchanges"+tt.query, nil))
		if diff := cmp.Diff(tt.want, seqs(got)); diff != "" || got.More != tt.more {
			t.Errorf("%s: more %v (-want +got):\n%s", tt.query, got.More, diff)
		}
	}
	for _, query := range []string{"?limit=0", "?limit=1001", "?limit=x", "?before=0", "?before=-1"} {
		if resp := s.request(t, "GET", "/api/v1/exchanges"+query, nil); resp.StatusCode != http.StatusBadRequest {
			t.Errorf("%s: status %d", query, resp.StatusCode)
		}
	}
	if resp := s.request(t, "GET", "/api/v1/exchanges/"+exchange(1, nil).ID, nil); resp.StatusCode != http.StatusNotFound {
		t.Errorf("an exchange that made room: status %d", resp.StatusCode)
	}
}

// TestDetailsMakeRoom holds what is kept to its bound: the oldest details go, the lines stay.
func TestDetailsMakeRoom(t *testing.T) {
	t.Parallel()
	s := serve(t, console.Options{Keep: 50, KeepBytes: 100 << 10})
	for n := 1; n <= 20; n++ {
		e := exchange(n, nil)
		s.Observe(e)
		d := detail()
		d.Response.Body = strings.Repeat("x", 20<<10)
		s.Attach(e.ID, d)
	}
	s.Attach("unknown", detail())
	var held []int
	for n := 1; n <= 20; n++ {
		got := decode[struct{ Detail *console.Detail }](t, s.request(t, "GET", "/api/v1/exchanges/"+exchange(n, nil).ID, nil))
		if got.Detail != nil {
			held = append(held, n)
		}
	}
	if diff := cmp.Diff([]int{17, 18, 19, 20}, held); diff != "" {
		t.Errorf("details held (-want +got):\n%s", diff)
	}
}

func TestInput(t *testing.T) {
	t.Parallel()
	s := serve(t, console.Options{})
	e := exchange(1, nil)
	s.Observe(e)
	path := "/api/v1/exchanges/" + e.ID + "/input"
	if resp := s.request(t, "GET", path, nil); resp.StatusCode != http.StatusNotFound {
		t.Errorf("before the details: status %d", resp.StatusCode)
	}
	d := detail()
	part := *d.Form
	part.Batch, part.Input = "1", json.RawMessage(`{"part":true}`)
	d.Parts = []console.Form{part}
	s.Attach(e.ID, d)
	for _, tt := range []struct {
		query string
		want  int
		holds string
	}{{"", 200, "1772616600123456789"}, {"?part=0", 200, `"part":true`}, {"?part=1", 400, "part"}, {"?part=-1", 400, "part"}, {"?part=x", 400, "part"}} {
		resp := s.request(t, "GET", path+tt.query, nil)
		body, err := io.ReadAll(resp.Body)
		if err != nil || resp.StatusCode != tt.want || !strings.Contains(string(body), tt.holds) {
			t.Errorf("%s: status %d, %s, %v", tt.query, resp.StatusCode, body, err)
		}
	}
}

func TestClients(t *testing.T) {
	t.Parallel()
	s := serve(t, console.Options{})
	named := func(name string, also func(*console.Exchange)) func(*console.Exchange) {
		return func(e *console.Exchange) {
			e.Session = name
			if also != nil {
				also(e)
			}
		}
	}
	s.Observe(exchange(1, named("a", nil)))
	s.Observe(exchange(2, named("a", denied)))
	s.Observe(exchange(3, named("b", missed)))
	s.Observe(exchange(4, named("c", func(e *console.Exchange) {
		denied(e)
		e.Enforced, e.Refusal, e.Source = false, "", "origin"
	})))
	got := decode[struct{ Clients []console.Client }](t, s.request(t, "GET", "/api/v1/sessions", nil)).Clients
	want := []console.Client{
		{Name: "c", First: day.Add(4e9), Last: day.Add(4e9), Exchanges: 1, Denied: 1, Passed: 1, Verdict: "ok"},
		{Name: "b", First: day.Add(3e9), Last: day.Add(3e9), Exchanges: 1, Allowed: 1, Missed: 1, Verdict: "missed", ExitCode: 4},
		{Name: "a", First: day.Add(1e9), Last: day.Add(2e9), Exchanges: 2, Allowed: 1, Denied: 1, Replayed: 1, Verdict: "denied", ExitCode: 3},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("clients (-want +got):\n%s", diff)
	}
	for n := range 400 {
		s.Observe(exchange(n, named(fmt.Sprint("flood-", n), nil)))
	}
	got = decode[struct{ Clients []console.Client }](t, s.request(t, "GET", "/api/v1/sessions", nil)).Clients
	if len(got) > 257 {
		t.Errorf("%d sessions are told apart", len(got))
	}
}

func TestReload(t *testing.T) {
	t.Parallel()
	s := serve(t, console.Options{Write: true})
	resp := s.request(t, "POST", "/api/v1/policy/reload", nil)
	if got := decode[console.Policy](t, resp); got.Revision != s.fake.policy.Revision || s.fake.reloads.Load() != 1 {
		t.Errorf("revision %q after %d reloads", got.Revision, s.fake.reloads.Load())
	}
	s.fake.broken.Store(true)
	resp = s.request(t, "POST", "/api/v1/policy/reload", nil)
	body, err := io.ReadAll(resp.Body)
	if err != nil || resp.StatusCode != http.StatusUnprocessableEntity || !strings.Contains(string(body), "policies/a.rego:3") {
		t.Errorf("status %d: %s, %v", resp.StatusCode, body, err)
	}
}

func TestReady(t *testing.T) {
	t.Parallel()
	s := serve(t, console.Options{})
	if resp := s.request(t, "GET", "/readyz", nil); resp.StatusCode != http.StatusOK {
		t.Errorf("status %d", resp.StatusCode)
	}
	s.fake.stopping.Store(true)
	if resp := s.request(t, "GET", "/readyz", nil); resp.StatusCode != http.StatusServiceUnavailable {
		t.Errorf("status %d while stopping", resp.StatusCode)
	}
	if resp := s.request(t, "GET", "/healthz", nil); resp.StatusCode != http.StatusOK {
		t.Errorf("health %d while stopping", resp.StatusCode)
	}
}

// readEvents reads n events of a stream: their name, and their id or data.
func readEvents(t *testing.T, r *bufio.Reader, n int) []string {
	t.Helper()
	var events []string
	name, id, data := "", "", ""
	for len(events) < n {
		text, err := r.ReadString('\n')
		if err != nil {
			t.Fatalf("after %q: %v", events, err)
		}
		text = strings.TrimSuffix(text, "\n")
		switch field, value, _ := strings.Cut(text, ": "); field {
		case "event":
			name = value
		case "id":
			id = value
		case "data":
			data = value
		case "":
			switch {
			case name == "exchange":
				events = append(events, "exchange "+id)
			case name != "":
				events = append(events, name+" "+data)
			}
			name, id, data = "", "", ""
		}
	}
	return events
}

func TestEvents(t *testing.T) {
	t.Parallel()
	s := serve(t, console.Options{Keep: 4})
	for n := 1; n <= 6; n++ {
		s.Observe(exchange(n, nil))
	}
	from := func(id string) *bufio.Reader {
		resp := s.request(t, "GET", "/api/v1/events", func(r *http.Request) {
			if id != "" {
				r.Header.Set("Last-Event-ID", id)
			}
		})
		if got := resp.Header.Get("Content-Type"); got != "text/event-stream" {
			t.Fatalf("content type %q", got)
		}
		return bufio.NewReader(resp.Body)
	}
	fresh, behind, late, ahead := from(""), from("4"), from("1"), from("777")
	if _, err := fresh.ReadString('\n'); err != nil { // the stream is open, so that it follows what comes now
		t.Fatal(err)
	}
	if _, err := ahead.ReadString('\n'); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]string{"exchange 5", "exchange 6"}, readEvents(t, behind, 2)); diff != "" {
		t.Errorf("behind (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff([]string{`dropped {"count":1}`, "exchange 3", "exchange 4"}, readEvents(t, late, 3)); diff != "" {
		t.Errorf("late (-want +got):\n%s", diff)
	}
	s.Observe(exchange(7, nil))
	for name, r := range map[string]*bufio.Reader{"fresh": fresh, "behind": behind, "ahead": ahead} {
		if diff := cmp.Diff([]string{"exchange 7"}, readEvents(t, r, 1)); diff != "" {
			t.Errorf("%s (-want +got):\n%s", name, diff)
		}
	}
	if resp := s.request(t, "GET", "/api/v1/events", func(r *http.Request) { r.Header.Set("Last-Event-ID", "x") }); resp.StatusCode != http.StatusBadRequest {
		t.Errorf("a bad id: status %d", resp.StatusCode)
	}
}

// TestEventsAreBounded opens more streams than there may be; the one too many is told so.
func TestEventsAreBounded(t *testing.T) {
	t.Parallel()
	s := serve(t, console.Options{})
	for range 32 {
		if resp := s.request(t, "GET", "/api/v1/events", nil); resp.StatusCode != http.StatusOK {
			t.Fatalf("status %d", resp.StatusCode)
		}
	}
	if resp := s.request(t, "GET", "/api/v1/events", nil); resp.StatusCode != http.StatusServiceUnavailable {
		t.Errorf("status %d, want 503", resp.StatusCode)
	}
}

// TestShutdown ends although a stream is open.
func TestShutdown(t *testing.T) {
	t.Parallel()
	s := console.New(console.Options{Proxy: newFake()})
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	served := make(chan error, 1)
	go func() { served <- s.Serve(l) }()
	r, err := http.NewRequestWithContext(t.Context(), "GET", "http://"+l.Addr().String()+"/api/v1/events", nil)
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("Authorization", "Bearer "+s.Token())
	resp, err := http.DefaultClient.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	ctx, cancel := context.WithTimeout(t.Context(), 5*time.Second)
	defer cancel()
	if err := s.Shutdown(ctx); err != nil {
		t.Error(err)
	}
	if err := <-served; err != nil {
		t.Error(err)
	}
	if _, err := io.ReadAll(resp.Body); err != nil {
		t.Errorf("the stream broke off: %v", err)
	}
}
