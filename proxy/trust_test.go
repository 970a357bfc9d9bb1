package proxy_test

import (
	"fmt"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/graphwarden/graphwarden/proxy"
)

// TestExhaustedReplayNeverGoesLive sends a thousand requests more than were recorded, over a cassette that is used up and over one
// that is empty, while the way to an upstream proxy that counts is in the settings.
func TestExhaustedReplayNeverGoesLive(t *testing.T) {
	t.Parallel()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	var dialled atomic.Int64
	go func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			dialled.Add(1)
			_ = c.Close()
		}
	}()
	dir := t.TempDir()
	used, empty := filepath.Join(dir, "used.yaml"), filepath.Join(dir, "empty.yaml")
	recorder := withOrigin(t, proxy.Settings{Mode: "record", Cassette: used}, ok)
	send(t, recorder.client(true), "GET", meURL, "")
	if err := recorder.warden.Shutdown(t.Context()); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(empty, []byte("---\nversion: 1\ninteractions: []\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, cassette := range []string{used, empty} {
		h := start(t, proxy.Settings{Mode: "replay", Cassette: cassette, Enforce: proxy.EnforceOff, UpstreamProxy: "http://" + l.Addr().String()})
		if cassette == used {
			send(t, h.client(true), "GET", meURL, "")
		}
		var wg sync.WaitGroup
		for range 8 {
			c := h.client(false)
			wg.Go(func() {
				for range 125 {
					if got := send(t, c, "GET", meURL, ""); got.status != 501 {
						t.Errorf("got %d", got.status)
						return
					}
				}
			})
		}
		wg.Wait()
		if got := h.warden.Summary().Missed; got != 1000 {
			t.Errorf("%d missed, want 1000", got)
		}
	}
	for name, text := range map[string]string{"missing": "", "malformed": "---\nversion: 1\ninteractions:\n    - nothing\n    - more\n", "null": "---\n"} {
		path := filepath.Join(dir, name+".yaml")
		if text != "" {
			if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
				t.Fatal(err)
			}
		}
		if w, err := proxy.Open(t.Context(), proxy.Settings{Mode: "replay", Cassette: path}); err == nil {
			_ = w.Close()
			t.Errorf("a %s cassette opens", name)
		}
	}
	if n := dialled.Load(); n != 0 {
		t.Errorf("%d connections were opened", n)
	}
}

// TestAChangedRuleFailsTheReplay replays a change that was allowed when it was recorded under a rule that denies it.
func TestAChangedRuleFailsTheReplay(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	cassette := filepath.Join(dir, "c.yaml")
	recorder, _ := withStandin(t, proxy.Settings{Mode: "record", Cassette: cassette})
	if got := send(t, recorder.client(true), "PATCH", poolURL, groupBody, "Authorization", granted); got.status != 200 {
		t.Fatalf("recording: %d %s", got.status, got.body)
	}
	if err := recorder.warden.Shutdown(t.Context()); err != nil {
		t.Fatal(err)
	}
	rules := filepath.Join(dir, "rules")
	if err := os.Mkdir(rules, 0o755); err != nil {
		t.Fatal(err)
	}
	rule := `package graphwarden.rules.freeze

# METADATA
# title: Nothing changes
# custom:
#   id: freeze.all
#   level: deny
deny contains {"id": "freeze.all", "msg": "nothing changes before the new year", "pointer": "/target", "fix": "wait"} if {
	input.graph.kind == "assignment"
}
`
	if err := os.WriteFile(filepath.Join(rules, "freeze.rego"), []byte(rule), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		policy []string
		want   int
	}{{nil, 200}, {[]string{rules}, 403}} {
		h := start(t, proxy.Settings{Mode: "replay", Cassette: cassette, Policy: c.policy})
		got := send(t, h.client(true), "PATCH", poolURL, groupBody, "Authorization", "Bearer opaque")
		if got.status != c.want || c.want == 403 && (!strings.Contains(got.body, "freeze.all") || h.warden.Summary().Denied != 1) {
			t.Errorf("with %v: %d %s", c.policy, got.status, got.body)
		}
	}
}

// TestShuffledReplay replays a thousand calls in another order each time, eight at once; answers to equal requests come in the
// order of recording, whoever asks.
func TestShuffledReplay(t *testing.T) {
	t.Parallel()
	const calls = 1000
	cassette := filepath.Join(t.TempDir(), "c.yaml")
	recorder := withOrigin(t, proxy.Settings{Mode: "record", Cassette: cassette}, func(w http.ResponseWriter, r *http.Request) { fmt.Fprintf(w, `{"p":%q}`, r.URL.Path) })
	client := &http.Client{Transport: recorder.warden.Transport()}
	path := func(i int) string { return fmt.Sprintf("https://graph.microsoft.com/v1.0/users/%d", i%(calls/2)) }
	for i := range calls {
		send(t, client, "GET", path(i), "")
	}
	if err := recorder.warden.Shutdown(t.Context()); err != nil {
		t.Fatal(err)
	}
	for run := range 100 {
		w, err := proxy.Open(t.Context(), proxy.Settings{Mode: "replay", Cassette: cassette, Enforce: proxy.EnforceOff})
		if err != nil {
			t.Fatal(err)
		}
		client := &http.Client{Transport: w.Transport()}
		var wg sync.WaitGroup
		for worker := range 8 {
			wg.Go(func() {
				for k := worker; k < calls; k += 8 {
					i := (k*(2*run+3)*37 + run) % calls // 37 and the odd factors share nothing with 1000 but 5
					if (2*run+3)%5 == 0 {
						i = (k*37 + run) % calls
					}
					send(t, client, "GET", path(i), "")
				}
			})
		}
		wg.Wait()
		if s := w.Summary(); s.Missed != 0 || s.Unused != 0 || s.Replayed != calls {
			t.Fatalf("run %d: %+v", run, s)
		}
		if err := w.Close(); err != nil {
			t.Fatal(err)
		}
	}
}
