package console_test

import (
	"io"
	"net/http"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/graphwarden/graphwarden/internal/console"
)

// TestDoors tries every way in that must be closed, each beside one like it that is open.
func TestDoors(t *testing.T) {
	t.Parallel()
	s := serve(t, console.Options{Hosts: []string{"console.example"}})
	s.Observe(exchange(1, nil))
	header := func(name, value string) func(*http.Request) {
		return func(r *http.Request) { r.Header.Set(name, value) }
	}
	host := func(name string) func(*http.Request) { return func(r *http.Request) { r.Host = name } }
	fetch := func(site, mode, dest string) func(*http.Request) {
		return func(r *http.Request) {
			r.Header.Set("Sec-Fetch-Site", site)
			r.Header.Set("Sec-Fetch-Mode", mode)
			r.Header.Set("Sec-Fetch-Dest", dest)
		}
	}
	anonymous := func(r *http.Request) { r.Header.Del("Authorization") }
	own := s.http.URL
	for _, tt := range []struct {
		name, method, path string
		change             func(*http.Request)
		want               int
	}{
		{"with the token", "GET", "/api/v1/exchanges", nil, 200},
		{"no token", "GET", "/api/v1/exchanges", anonymous, 401},
		{"a wrong token", "GET", "/api/v1/exchanges", header("Authorization", "Bearer "+s.Token()[1:]+"x"), 401},
		{"an empty token", "GET", "/api/v1/exchanges", header("Authorization", "Bearer "), 401},
		{"the token by another scheme", "GET", "/api/v1/exchanges", header("Authorization", "Basic "+s.Token()), 401},
		{"the scheme in lower case", "GET", "/api/v1/exchanges", header("Authorization", "bearer "+s.Token()), 200},
		{"the token in a cookie", "GET", "/api/v1/exchanges", func(r *http.Request) {
			anonymous(r)
			r.Header.Set("Cookie", "token="+s.Token())
		}, 401},
		{"the token in the query", "GET", "/api/v1/exchanges?token=" + s.Token(), anonymous, 401},
		{"the stream without token", "GET", "/api/v1/events", anonymous, 401},
		{"metrics without token", "GET", "/metrics", anonymous, 401},
		{"metrics", "GET", "/metrics", nil, 200},
		{"the page needs no token", "GET", "/", anonymous, 200},
		{"nor does health", "GET", "/healthz", anonymous, 200},

		{"our own page", "GET", "/api/v1/status", header("Origin", own), 200},
		{"a page of another origin, with the token", "GET", "/api/v1/status", header("Origin", "https://evil.example"), 403},
		{"a page that hides its origin", "GET", "/api/v1/status", header("Origin", "null"), 403},
		{"another port of this machine", "GET", "/api/v1/status", header("Origin", "http://127.0.0.1:1"), 403},
		{"health for a page of another origin", "GET", "/healthz", header("Origin", "https://evil.example"), 403},
		{"a preflight", "OPTIONS", "/api/v1/status", header("Origin", "https://evil.example"), 403},
		{"an image in another page", "GET", "/page/icon.svg", fetch("cross-site", "no-cors", "image"), 403},
		{"the icon in our page", "GET", "/page/icon.svg", fetch("same-origin", "no-cors", "image"), 200},
		{"a script in another page", "GET", "/page/console.js", fetch("cross-site", "no-cors", "script"), 403},
		{"a link to the page", "GET", "/", fetch("cross-site", "navigate", "document"), 200},
		{"a frame of the page", "GET", "/", fetch("cross-site", "navigate", "iframe"), 403},
		{"a link to the API", "GET", "/api/v1/status", fetch("cross-site", "navigate", "document"), 403},
		{"a page of a sibling host", "GET", "/api/v1/status", fetch("same-site", "cors", "empty"), 403},

		{"localhost", "GET", "/api/v1/status", host("localhost:9"), 200},
		{"an address of the seventh", "GET", "/api/v1/status", host("[::1]:9"), 200},
		{"the name given", "GET", "/api/v1/status", host("Console.example:9"), 200},
		{"a name that was pointed here", "GET", "/api/v1/status", host("evil.example"), 421},
		{"one with our port", "GET", "/", host("evil.example:80"), 421},
		{"one that looks like an address", "GET", "/api/v1/status", host("127.0.0.1.evil.example"), 421},
		{"health by such a name", "GET", "/healthz", host("evil.example"), 421},

		{"writing where only reading is allowed", "POST", "/api/v1/policy/reload", nil, 403},
		{"starting a session where only reading is allowed", "POST", "/api/v1/sessions", nil, 403},
		{"stopping one", "DELETE", "/api/v1/sessions/checkout-test", nil, 403},
		{"switching one", "POST", "/api/v1/sessions/checkout-test/mode", nil, 403},
		{"looking at one", "GET", "/api/v1/sessions/checkout-test", nil, 200},
		{"another method", "DELETE", "/api/v1/exchanges", nil, 404},
		{"nowhere", "GET", "/api/v2/status", nil, 404},
		{"out of the page's folder", "GET", "/page/..%2fconsole.go", nil, 404},
		{"the description as a file", "GET", "/page/..%2fopenapi.json", nil, 404},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			resp := s.request(t, tt.method, tt.path, tt.change)
			if resp.StatusCode != tt.want {
				t.Errorf("status %d, want %d", resp.StatusCode, tt.want)
			}
			for name, want := range map[string]string{
				"X-Content-Type-Options": "nosniff", "X-Frame-Options": "DENY", "Referrer-Policy": "no-referrer", "Cache-Control": "no-store",
				"Cross-Origin-Resource-Policy": "same-origin", "Access-Control-Allow-Origin": "",
			} {
				if got := resp.Header.Get(name); got != want {
					t.Errorf("%s: %q, want %q", name, got, want)
				}
			}
			policy := resp.Header.Get("Content-Security-Policy")
			if !strings.HasPrefix(policy, "default-src 'none';") || !strings.Contains(policy, "frame-ancestors 'none'") || strings.Contains(policy, "unsafe") {
				t.Errorf("policy %q", policy)
			}
			body, err := io.ReadAll(resp.Body)
			if err != nil {
				t.Fatal(err)
			}
			if tt.want >= 400 && (strings.Contains(string(body), "graph.microsoft.com") || strings.Contains(string(body), s.Token())) {
				t.Errorf("the answer tells: %s", body)
			}
		})
	}
	if n := s.fake.reloads.Load(); n != 0 {
		t.Errorf("the policies were reloaded %d times", n)
	}
	if diff := cmp.Diff(newFake().sessions, s.fake.Sessions()); diff != "" {
		t.Errorf("sessions (-before +after):\n%s", diff)
	}
}

// TestPageHoldsNothing keeps script, style and addresses of others out of the page: its policy would block them.
func TestPageHoldsNothing(t *testing.T) {
	t.Parallel()
	s := serve(t, console.Options{})
	body, err := io.ReadAll(s.request(t, "GET", "/", nil).Body)
	if err != nil {
		t.Fatal(err)
	}
	for _, word := range []string{"<style", " style=", " onclick=", "javascript:", "//cdn", "https://", s.Token()} {
		if strings.Contains(string(body), word) {
			t.Errorf("the page holds %q", word)
		}
	}
	if !strings.Contains(string(body), `<script src="/page/console.js" type="module"></script>`) {
		t.Error("the page lacks its program")
	}
}

func TestTokensDiffer(t *testing.T) {
	t.Parallel()
	a, b := console.NewToken(), console.NewToken()
	if a == b || len(a) < 43 {
		t.Errorf("tokens %q and %q", a, b)
	}
}
