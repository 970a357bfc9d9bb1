//go:build unix

package main

import (
	"io"
	"io/fs"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/graphwarden/graphwarden/internal/graph"
)

// canaries are secrets, one for each place where one may stand. Each says in its text where it was planted.
var canaries = []string{
	"canary-bearer-signature", "canary-opaque-token", "canary-proxy-password", "canary-cookie", "canary-api-key", "canary-body-password",
	"canary-client-secret", "canary-query-sig", "canary-set-cookie", "canary-answer-token", "canary-answer-password", "canary-absolute-cookie",
	"canary-denied-secret", "canary-malformed-password", "canary-unreadable-sig", "canary-basic-password", "canary-batch-password",
}

// TestNoCanaryIsFound plants secrets in everything that passes and looks for them in all that the proxy writes, at its
// most talkative: both streams, the cassette, the ledger, the CA's folder, and every page of the console.
func TestNoCanaryIsFound(t *testing.T) {
	t.Parallel()
	seen := map[string]bool{} // that the origin did get what was planted
	origin := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		b, _ := io.ReadAll(r.Body)
		all := r.URL.String() + strings.Join(r.Header.Values("Authorization"), " ") + r.Header.Get("Cookie") + r.Header.Get("X-Api-Key") + string(b)
		for _, c := range canaries {
			if strings.Contains(all, c) {
				seen[c] = true
			}
		}
		w.Header().Set("Content-Type", "application/json")
		w.Header().Set("Set-Cookie", "session=canary-set-cookie; HttpOnly")
		_, _ = io.WriteString(w, `{"access_token":"canary-answer-token","value":[{"password":"canary-answer-password","ok":true}]}`)
	}))
	t.Cleanup(origin.Close)
	f := newFiles(t)
	s := serve(t, f.home, "", append(f.flags(origin.URL), "--admin", "127.0.0.1:0", "--proxy-password", "canary-proxy-password")...)
	s.proxy = strings.Replace(s.proxy, "http://", "http://session:canary-proxy-password@", 1)
	c := s.client()
	ask := func(method, url, body string, headers ...string) int {
		r, err := http.NewRequest(method, url, strings.NewReader(body))
		if err != nil {
			t.Fatal(err)
		}
		r.Header.Set("Content-Type", "application/json")
		r.Header.Set("Accept", "application/json")
		for i := 0; i+1 < len(headers); i += 2 {
			r.Header.Set(headers[i], headers[i+1])
		}
		resp, err := c.Do(r)
		if err != nil {
			t.Logf("%s %s: %v", method, url, err)
			return 0
		}
		defer resp.Body.Close()
		_, _ = io.Copy(io.Discard, resp.Body)
		return resp.StatusCode
	}
	const host = "https://graph.microsoft.com"
	signed := "Bearer " + graph.MintToken(map[string]any{"aud": host, "scp": "User.ReadWrite.All", "exp": time.Now().Add(time.Hour).Unix()}, "minted")
	signed = signed[:strings.LastIndexByte(signed, '.')+1] + "canary-bearer-signature"
	if got := ask("PATCH", host+"/v1.0/users/1?sig=canary-query-sig", `{"passwordProfile":{"password":"canary-body-password"},"client_secret":"canary-client-secret"}`,
		"Authorization", standingToken, "Cookie", "a=canary-cookie", "X-Api-Key", "canary-api-key"); got != 200 {
		t.Errorf("the change: %d", got)
	}
	ask("GET", host+"/v1.0/me", "", "Authorization", signed)
	ask("GET", host+"/v1.0/me?$top=1", "", "Authorization", "Bearer canary-opaque-token")
	ask("GET", host+"/v1.0/me?$top=2", "", "Authorization", "Basic Y2FuYXJ5LWJhc2ljLXBhc3N3b3Jk", "X-Canary", "")
	ask("PATCH", host+"/beta/deviceManagement/embeddedSIMActivationCodePools/1/assignments/2?sig=canary-query-sig", `{"password":"canary-denied-secret"}`, "Authorization", signed)
	ask("PATCH", host+"/v1.0/users/1", `{"password":"canary-malformed-password"`, "Authorization", signed)
	ask("PATCH", host+"/v1.0/users//1?sig=canary-unreadable-sig", `{}`, "Authorization", signed)
	ask("PATCH", host+"/v1.0/users/%252f?access_token=canary-unreadable-sig", `{}`, "Authorization", signed)
	ask("POST", host+"/v1.0/$batch", `{"requests":[{"id":"1","method":"PATCH","url":"/users/1?sig=canary-query-sig","headers":{"Content-Type":"application/json"},"body":{"password":"canary-batch-password"}}]}`, "Authorization", signed)
	ask("GET", origin.URL+"/x?sig=canary-query-sig", "", "Cookie", "a=canary-absolute-cookie")
	ask("GET", "http://127.0.0.1:1/x?sig=canary-query-sig", "", "Cookie", "a=canary-absolute-cookie")
	for _, want := range []string{"canary-cookie", "canary-api-key", "canary-body-password", "canary-query-sig", "canary-bearer-signature", "canary-opaque-token"} {
		if !seen[want] {
			t.Errorf("%s did not reach the origin: the test plants nothing", want)
		}
	}

	found := func(where, text string) {
		t.Helper()
		for _, canary := range append(canaries, "Y2FuYXJ5LWJhc2ljLXBhc3N3b3Jk") {
			if i := strings.Index(text, canary); i >= 0 {
				t.Errorf("%s is found in %s: …%s…", canary, where, text[max(0, i-200):min(len(text), i+60)])
			}
		}
	}
	for path, text := range s.consolePages(t) {
		found("the console's "+path, text)
	}
	_ = s.cmd.Process.Signal(syscall.SIGTERM)
	if code := s.ended(); code != 0 {
		t.Errorf("exit code %d", code)
	}
	found("what it printed", s.out.String())
	if !strings.Contains(s.out.String(), "/v1.0/users/1") {
		t.Errorf("it printed nothing of the exchanges:\n%s", &s.out)
	}
	looked := 0
	err := filepath.WalkDir(f.home, func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		text, err := os.ReadFile(path)
		looked++
		found(d.Name(), string(text))
		if info, statErr := d.Info(); statErr == nil && info.Mode().Perm()&0o077 != 0 && !strings.Contains(path, "/ca/") {
			t.Errorf("%s has mode %v, want 0600", d.Name(), info.Mode())
		}
		return err
	})
	if err != nil || looked < 4 {
		t.Errorf("%d files, %v", looked, err)
	}
}

var consoleLink = regexp.MustCompile(`console (http://[^/]+)/#token=(\S+)`)

// consolePages asks the console for everything it has.
func (s *served) consolePages(t *testing.T) map[string]string {
	t.Helper()
	link := consoleLink.FindStringSubmatch(s.out.String())
	if link == nil {
		t.Fatalf("no console in\n%s", &s.out)
	}
	pages := map[string]string{}
	get := func(path string) string {
		r, _ := http.NewRequest("GET", link[1]+path, nil)
		r.Header.Set("Authorization", "Bearer "+link[2])
		resp, err := (&http.Client{Timeout: 5 * time.Second}).Do(r)
		if err != nil {
			t.Fatal(err)
		}
		defer resp.Body.Close()
		b, _ := io.ReadAll(resp.Body)
		pages[path] = string(b)
		return string(b)
	}
	time.Sleep(300 * time.Millisecond) // details are built beside the answers
	list := get("/api/v1/exchanges")
	for _, id := range regexp.MustCompile(`"id":\s*"([0-9a-f-]{36})"`).FindAllStringSubmatch(list, -1) {
		get("/api/v1/exchanges/" + id[1])
		get("/api/v1/exchanges/" + id[1] + "/input")
	}
	for _, path := range []string{"/metrics", "/api/v1/status", "/api/v1/sessions", "/api/v1/cassette", "/api/v1/policy", "/"} {
		get(path)
	}
	if len(pages) < 10 {
		t.Errorf("the console has %d pages only: %.300s", len(pages), list)
	}
	return pages
}
