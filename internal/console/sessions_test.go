package console_test

import (
	"context"
	"io"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/graphwarden/graphwarden/internal/console"
)

// with sends a body.
func with(text string) func(*http.Request) {
	return func(r *http.Request) {
		r.Body, r.ContentLength = io.NopCloser(strings.NewReader(text)), int64(len(text))
	}
}

// TestSessionLife starts a session, switches it, asks for it and stops it.
func TestSessionLife(t *testing.T) {
	t.Parallel()
	s := serve(t, console.Options{Write: true})
	resp := s.request(t, "POST", "/api/v1/sessions", with(`{"name":"t1","mode":"record","cassette":"t1.yaml","variables":{"seed":"7"}}`))
	if resp.StatusCode != http.StatusCreated {
		t.Fatalf("status %d", resp.StatusCode)
	}
	for _, step := range []struct {
		method, path, body string
		want               console.Session
	}{
		{"GET", "/t1", "", console.Session{Name: "t1", Mode: "record"}},
		{"POST", "/t1/mode", `{"mode":"replay"}`, console.Session{Name: "t1", Mode: "replay"}},
		{"POST", "/-/mode", `{"mode":"live"}`, console.Session{Mode: "live"}},
		{"DELETE", "/t1", "", console.Session{Name: "t1", Mode: "replay", Ended: true}},
	} {
		got := decode[console.Session](t, s.request(t, step.method, "/api/v1/sessions"+step.path, with(step.body)))
		if diff := cmp.Diff(step.want, console.Session{Name: got.Name, Mode: got.Mode, Ended: got.Ended}); diff != "" {
			t.Errorf("%s %s (-want +got):\n%s", step.method, step.path, diff)
		}
	}
}

// TestSessionBodies refuses what is not described, each beside one that is.
func TestSessionBodies(t *testing.T) {
	t.Parallel()
	s := serve(t, console.Options{Write: true})
	for _, tt := range []struct {
		body string
		want int
	}{
		{`{"name":"a"}`, 201}, {`{"name":"b","mode":"record"}`, 201}, {`{"name":"c","variables":{"k":"v"}}`, 201},
		{``, 400}, {`"a"`, 400}, {`{"name":"d","other":1}`, 400}, {`{"name":1}`, 400}, {`{"name":"d"} {}`, 400},
		{`{"name":"d","variables":{"k":1}}`, 400}, {`{"name":"d","variables":{"k":"` + strings.Repeat("x", 64<<10) + `"}}`, 400},
	} {
		if resp := s.request(t, "POST", "/api/v1/sessions", with(tt.body)); resp.StatusCode != tt.want {
			t.Errorf("%.60s: status %d, want %d", tt.body, resp.StatusCode, tt.want)
		}
	}
}

// TestPolicyTestsRunOnce has many ask at once: one run answers them all, and the next until a reload.
func TestPolicyTestsRunOnce(t *testing.T) {
	t.Parallel()
	s := serve(t, console.Options{})
	s.fake.testing = make(chan struct{})
	var all sync.WaitGroup
	for range 8 {
		all.Go(func() {
			got := decode[console.Tests](t, s.request(t, "GET", "/api/v1/policy/tests", nil))
			if got.Passed != 3 || got.Failed != 1 || len(got.Files) != 3 {
				t.Errorf("tests %+v", got)
			}
		})
	}
	for s.fake.runs.Load() == 0 {
		time.Sleep(time.Millisecond)
	}
	close(s.fake.testing)
	all.Wait()
	ask := func() {
		decode[console.Tests](t, s.request(t, "GET", "/api/v1/policy/tests", nil))
	}
	ask()
	if n := s.fake.runs.Load(); n != 1 {
		t.Errorf("%d runs before a reload, want 1", n)
	}
	s.Reloaded(nil)
	ask()
	ask()
	if n := s.fake.runs.Load(); n != 2 {
		t.Errorf("%d runs after a reload, want 2", n)
	}
}

// TestPolicyTestsOutrunByReload does not keep the outcome of files that changed during the run, nor one that was given up.
func TestPolicyTestsOutrunByReload(t *testing.T) {
	t.Parallel()
	s := serve(t, console.Options{})
	s.fake.testing = make(chan struct{})
	gone, leave := context.WithCancel(t.Context())
	r, err := http.NewRequestWithContext(gone, "GET", s.http.URL+"/api/v1/policy/tests", nil)
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("Authorization", "Bearer "+s.Token())
	left := make(chan error, 1)
	go func() {
		resp, err := s.http.Client().Do(r)
		if err == nil {
			_ = resp.Body.Close()
		}
		left <- err
	}()
	wait := func(runs int32) {
		for s.fake.runs.Load() < runs {
			time.Sleep(time.Millisecond)
		}
	}
	wait(1)
	leave()
	if err := <-left; err == nil {
		t.Error("an answer although nobody waited")
	}
	second := make(chan int, 1)
	go func() { second <- s.request(t, "GET", "/api/v1/policy/tests", nil).StatusCode }()
	wait(2)
	s.Reloaded(nil)
	close(s.fake.testing)
	if status := <-second; status != http.StatusOK {
		t.Errorf("status %d", status)
	}
	decode[console.Tests](t, s.request(t, "GET", "/api/v1/policy/tests", nil))
	if n := s.fake.runs.Load(); n != 3 {
		t.Errorf("%d runs, want 3", n)
	}
}
