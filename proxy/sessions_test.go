package proxy_test

import (
	"crypto/tls"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/graphwarden/graphwarden/proxy"
)

// as is a client behind the proxy that bears a session's name as its user.
func (h *harness) as(session string) *http.Client {
	tr := &http.Transport{
		Proxy:           http.ProxyURL(&url.URL{Scheme: "http", Host: h.addr, User: url.User(session)}),
		TLSClientConfig: &tls.Config{RootCAs: h.roots}, ForceAttemptHTTP2: true,
	}
	h.t.Cleanup(tr.CloseIdleConnections)
	return &http.Client{Transport: tr}
}

const meURL = "https://graph.microsoft.com/v1.0/me"

// TestSessionsDoNotMix records and replays 50 cassettes with identical requests through one proxy at once.
func TestSessionsDoNotMix(t *testing.T) {
	t.Parallel()
	const users, repeats = 50, 3
	dir := t.TempDir()
	cassette := filepath.Join(dir, "{session}.yaml")
	var mu sync.Mutex
	asked := map[string]int{}
	recorder := withOrigin(t, proxy.Settings{Mode: "record", Cassette: cassette}, func(w http.ResponseWriter, r *http.Request) {
		if r.Header.Get("X-Graphwarden-Session") != "" {
			t.Error("the session's header went to the origin")
		}
		name := r.Header.Get("X-Who")
		mu.Lock()
		asked[name]++
		n := asked[name]
		mu.Unlock()
		fmt.Fprintf(w, `{"who":%q,"n":%d}`, name, n)
	})
	all := func(h *harness, who func(i int) []string) map[string][]string {
		got := map[string][]string{}
		var wg sync.WaitGroup
		for i := range users {
			wg.Go(func() {
				name := fmt.Sprintf("test-%02d", i)
				c, headers := h.as(name), who(i)
				if i%2 == 1 { // half of them name it in the header
					c, headers = h.client(i%4 == 1), append(headers, "X-Graphwarden-Session", name)
				}
				for range repeats {
					a := send(t, c, "GET", meURL, "", headers...)
					mu.Lock()
					got[name] = append(got[name], a.body)
					mu.Unlock()
				}
			})
		}
		wg.Wait()
		return got
	}
	recorded := all(recorder, func(i int) []string { return []string{"X-Who", fmt.Sprintf("test-%02d", i)} })
	for name, bodies := range recorded {
		if len(bodies) != repeats || !strings.Contains(bodies[2], name) {
			t.Fatalf("%s: recorded %q", name, bodies)
		}
	}
	if err := recorder.warden.Shutdown(t.Context()); err != nil {
		t.Fatal(err)
	}
	replayer := start(t, proxy.Settings{Mode: "replay", Cassette: cassette, Enforce: proxy.EnforceOff})
	if diff := cmp.Diff(recorded, all(replayer, func(int) []string { return nil })); diff != "" {
		t.Errorf("replayed (-recorded +replayed):\n%s", diff)
	}
	sum := replayer.warden.Summary()
	if sum.Replayed != users*repeats || sum.Missed != 0 || sum.Unused != 0 {
		t.Errorf("summary: %+v", sum)
	}
	list := replayer.warden.Sessions()
	if len(list) != users {
		t.Fatalf("%d sessions, want %d", len(list), users)
	}
	for _, s := range list {
		if s.Replayed != repeats || s.Verdict != "ok" || s.Cassette != filepath.Join(dir, s.Name+".yaml") || s.Mode != "replay" {
			t.Errorf("session: %+v", s)
		}
	}
}

func TestSessionNames(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	h := withOrigin(t, proxy.Settings{Mode: "record", Cassette: filepath.Join(dir, "s", "{session}.yaml")}, func(w http.ResponseWriter, r *http.Request) {
		fmt.Fprint(w, "{}")
	})
	for _, c := range []struct {
		name string
		want int
	}{
		{"checkout", 200}, {"a.b-c_D9", 200}, {"", 200}, {"..", 400}, {"../up", 400}, {"a/b", 400}, {`a\b`, 400}, {".hidden", 400},
		{"con", 400}, {"COM1.x", 400}, {"command", 200}, {"dot.", 400}, {"sp ace", 400}, {strings.Repeat("x", 101), 400}, {"%2e%2e", 400}, {"-o", 400},
	} {
		if got := send(t, h.client(true), "GET", meURL, "", "X-Graphwarden-Session", c.name); got.status != c.want {
			t.Errorf("header %q: got %d %s, want %d", c.name, got.status, got.body, c.want)
		}
		if c.name == "" {
			continue
		}
		if got := send(t, h.as(c.name), "GET", meURL, ""); got.status != c.want {
			t.Errorf("user %q: got %d %s, want %d", c.name, got.status, got.body, c.want)
		}
	}
	if err := h.warden.Shutdown(t.Context()); err != nil {
		t.Fatal(err)
	}
	var have []string
	err := filepath.WalkDir(dir, func(path string, d os.DirEntry, err error) error {
		if !d.IsDir() {
			have = append(have, filepath.Base(path))
		}
		return err
	})
	if diff := cmp.Diff([]string{"a.b-c_D9.yaml", "checkout.yaml", "command.yaml", "default.yaml"}, have); diff != "" || err != nil {
		t.Errorf("files (-want +got):\n%s%v", diff, err)
	}
}

// TestSessionsByCall starts and stops sessions as the admin API does.
func TestSessionsByCall(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	n := 0
	h := withOrigin(t, proxy.Settings{Mode: "live"}, func(w http.ResponseWriter, r *http.Request) {
		n++
		fmt.Fprintf(w, `{"n":%d}`, n)
	})
	path := filepath.Join(dir, "one.yaml")
	if _, err := h.warden.StartSession("one", path, "record", map[string]string{"seed": "42"}); err != nil {
		t.Fatal(err)
	}
	if _, err := h.warden.StartSession("one", path, "record", nil); !errors.Is(err, proxy.ErrSessionRuns) {
		t.Errorf("started twice: %v", err)
	}
	c := h.as("one")
	send(t, c, "GET", meURL, "")
	send(t, c, "GET", meURL, "")
	if got := send(t, h.as("somebody"), "GET", meURL, ""); got.body != `{"n":3}` {
		t.Errorf("a request of no session is not of all clients' tape: %s", got.body)
	}
	s, err := h.warden.StopSession("one")
	if err != nil || s.Recorded != 2 || !s.Ended || s.Verdict != "ok" {
		t.Errorf("stopped: %+v, %v", s, err)
	}
	if got := send(t, c, "GET", meURL, ""); got.status != 501 || !strings.Contains(got.body, "has ended") {
		t.Errorf("after its end: %d %s", got.status, got.body)
	}
	if _, err := h.warden.StopSession("one"); !errors.Is(err, proxy.ErrNoSession) {
		t.Errorf("stopped twice: %v", err)
	}

	s, err = h.warden.StartSession("one", path, "replay", nil)
	if err != nil || s.Variables["seed"] != "42" || s.RecordedAt.IsZero() {
		t.Fatalf("replay: %+v, %v", s, err)
	}
	if got := send(t, c, "GET", meURL, ""); got.body != `{"n":1}` {
		t.Errorf("replayed %s", got.body)
	}
	// A change of mode in the middle affects only what comes, and goes on where the sequence is.
	if got := send(t, c, "GET", "https://graph.microsoft.com/v1.0/other", ""); got.status != 501 {
		t.Errorf("what was not recorded: %d %s", got.status, got.body)
	}
	if err := h.warden.SetMode("one", "new"); err != nil {
		t.Fatal(err)
	}
	if got := send(t, c, "GET", meURL, ""); got.body != `{"n":2}` {
		t.Errorf("after the change of mode: %s", got.body)
	}
	if got := send(t, c, "GET", "https://graph.microsoft.com/v1.0/other", ""); got.body != `{"n":4}` {
		t.Errorf("new: %d %s", got.status, got.body)
	}
	s, err = h.warden.StopSession("one")
	if err != nil || s.Verdict != "missed" || s.Replayed != 2 || s.Recorded != 1 || s.Missed != 1 || s.Unused != 0 || len(s.Misses) != 1 {
		t.Errorf("stopped: %+v, %v", s, err)
	}

	for _, c := range []struct{ name, cassette, mode string }{
		{"../up", path, "replay"}, {"two", "", "replay"}, {"two", path, "sometimes"}, {"two", filepath.Join(dir, "none.yaml"), "replay"},
	} {
		if _, err := h.warden.StartSession(c.name, c.cassette, c.mode, nil); err == nil {
			t.Errorf("started %+v", c)
		}
	}
	if err := h.warden.SetMode("two", "replay"); !errors.Is(err, proxy.ErrNoSession) {
		t.Errorf("mode of a session that is not: %v", err)
	}
}

// TestReplayHasNoSessionWithAWayOut holds that no call opens a way out of a proxy that was opened to replay.
func TestReplayHasNoSessionWithAWayOut(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	h := start(t, proxy.Settings{Mode: "replay", Cassette: filepath.Join(dir, "{session}.yaml")})
	for _, mode := range []string{"live", "record", "auto", "new", "diff"} {
		if _, err := h.warden.StartSession("a", filepath.Join(dir, "a.yaml"), mode, nil); !errors.Is(err, proxy.ErrNoWayOut) {
			t.Errorf("start %s: %v", mode, err)
		}
		if err := h.warden.SetMode("a", mode); !errors.Is(err, proxy.ErrNoWayOut) {
			t.Errorf("set mode %s: %v", mode, err)
		}
	}
	// A session whose cassette is not there is refused, counted, and told why.
	if got := send(t, h.as("nobody"), "GET", meURL, ""); got.status != 501 || !strings.Contains(got.body, "does not exist") {
		t.Errorf("got %d %s", got.status, got.body)
	}
	if s := h.warden.Sessions(); len(s) != 1 || s[0].Missed != 1 || s[0].Verdict != "missed" || s[0].Fault == "" || h.warden.Summary().Missed != 1 {
		t.Errorf("sessions: %+v", s)
	}
}
