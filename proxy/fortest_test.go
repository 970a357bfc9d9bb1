package proxy_test

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/graphwarden/graphwarden/proxy"
)

// recordingTB is a test that notes what it is told.
type recordingTB struct {
	*testing.T
	cleanups []func()
	told     []string
}

func (r *recordingTB) Cleanup(f func()) { r.cleanups = append(r.cleanups, f) }
func (r *recordingTB) Errorf(format string, args ...any) {
	r.told = append(r.told, fmt.Sprintf(format, args...))
}
func (r *recordingTB) Fatalf(format string, args ...any) {
	r.told = append(r.told, "fatal: "+fmt.Sprintf(format, args...))
}

func (r *recordingTB) end() []string {
	for i := len(r.cleanups) - 1; i >= 0; i-- {
		r.cleanups[i]()
	}
	return r.told
}

// recordedFor makes a cassette of two reads.
func recordedFor(t *testing.T) string {
	t.Helper()
	cassette := filepath.Join(t.TempDir(), "c.yaml")
	origin := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { fmt.Fprintf(w, `{"path":%q}`, r.URL.Path) }))
	t.Cleanup(origin.Close)
	tb := &recordingTB{T: t}
	w := proxy.ForTest(tb, proxy.Settings{Mode: "record", Cassette: cassette, Origin: origin.URL, Enforce: proxy.EnforceOff})
	send(t, w.Client(), "GET", "https://graph.microsoft.com/v1.0/a", "")
	send(t, w.ProxyClient(""), "GET", "https://graph.microsoft.com/v1.0/b", "")
	if told := tb.end(); len(told) > 0 {
		t.Fatalf("recording: %q", told)
	}
	return cassette
}

func TestForTest(t *testing.T) {
	t.Parallel()
	cassette := recordedFor(t)
	for _, c := range []struct {
		name  string
		paths []string
		allow bool
		want  []string
	}{
		{"all is used", []string{"a", "b"}, false, nil},
		{"one is not", []string{"a"}, false, []string{"graphwarden: " + cassette + ": not used: GET https://graph.microsoft.com/v1.0/b (line "}},
		{"one is not, and may be", []string{"a"}, true, nil},
		{"one is missing", []string{"a", "b", "c"}, false, []string{"graphwarden: " + cassette + ": no recording of GET https://graph.microsoft.com/v1.0/c among 2"}},
	} {
		for _, how := range []string{"transport", "proxy"} {
			t.Run(c.name+" "+how, func(t *testing.T) {
				t.Parallel()
				tb := &recordingTB{T: t}
				w := proxy.ForTest(tb, proxy.Settings{Cassette: cassette, Enforce: proxy.EnforceOff})
				if c.allow {
					w.AllowUnused()
				}
				client := w.Client()
				if how == "proxy" {
					client = w.ProxyClient("")
					if _, err := os.Stat(w.CAFile()); err != nil {
						t.Error(err)
					}
				}
				for _, path := range c.paths {
					send(t, client, "GET", "https://graph.microsoft.com/v1.0/"+path, "")
				}
				told := tb.end()
				for i := range told {
					if i < len(c.want) && strings.HasPrefix(told[i], c.want[i]) {
						told[i] = c.want[i]
					}
				}
				if diff := cmp.Diff(c.want, told); diff != "" {
					t.Errorf("told (-want +got):\n%s", diff)
				}
			})
		}
	}
	tb := &recordingTB{T: t}
	proxy.ForTest(tb, proxy.Settings{Cassette: filepath.Join(t.TempDir(), "none.yaml")})
	if told := tb.end(); len(told) != 1 || !strings.Contains(told[0], "fatal: graphwarden: ") {
		t.Errorf("a cassette that is not there: %q", told)
	}
}

// A test of a Go client replays a cassette and fails on a miss, or when a recording is left over.
func ExampleForTest() {
	test := func(t *testing.T) {
		w := proxy.ForTest(t, proxy.Settings{Cassette: "testdata/rollout.yaml"})
		client := w.Client() // or w.ProxyURL() and w.CAFile() for another process
		resp, err := client.Get("https://graph.microsoft.com/v1.0/organization")
		if err != nil {
			t.Fatal(err)
		}
		defer resp.Body.Close()
	}
	_ = test
}

// One proxy serves parallel tests, each with a cassette of its own.
func ExampleForTest_sessions() {
	test := func(t *testing.T) {
		w := proxy.ForTest(t, proxy.Settings{Cassette: "testdata/{session}.yaml"})
		for _, name := range []string{"checkout", "refund"} {
			t.Run(name, func(t *testing.T) {
				resp, err := w.ProxyClient(name).Get("https://graph.microsoft.com/v1.0/me")
				if err != nil {
					t.Fatal(err)
				}
				defer resp.Body.Close()
			})
		}
	}
	_ = test
}

// A Warden's Transport records and replays with no proxy at all.
func ExampleWarden_Transport() {
	dir, err := os.MkdirTemp("", "graphwarden")
	if err != nil {
		panic(err)
	}
	defer os.RemoveAll(dir)
	graph := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { fmt.Fprint(w, `{"value":[]}`) }))
	for _, s := range []proxy.Settings{
		{Mode: "record", Origin: graph.URL},
		{Mode: "replay"},
	} {
		s.Cassette = filepath.Join(dir, "groups.yaml")
		w, err := proxy.Open(context.Background(), s)
		if err != nil {
			panic(err)
		}
		resp, err := (&http.Client{Transport: w.Transport()}).Get("https://graph.microsoft.com/v1.0/groups")
		if err != nil {
			panic(err)
		}
		body, _ := io.ReadAll(resp.Body)
		resp.Body.Close()
		fmt.Println(s.Mode, resp.StatusCode, string(body))
		if err := w.Close(); err != nil {
			panic(err)
		}
		graph.Close() // a replay needs no Graph
	}
	// Output:
	// record 200 {"value":[]}
	// replay 200 {"value":[]}
}
