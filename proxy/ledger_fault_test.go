package proxy

import (
	"io"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
)

// TestNoLedgerNoChange: with a ledger that cannot be written, no change is sent, whatever the policies would say and
// whether or not they are asked; reads go on.
func TestNoLedgerNoChange(t *testing.T) {
	t.Parallel()
	for _, enforce := range []Enforce{EnforceDeny, EnforceWarn, EnforceOff} {
		var writes, reads atomic.Int64
		origin := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if r.Method == http.MethodGet {
				reads.Add(1)
			} else {
				writes.Add(1)
			}
			_, _ = io.WriteString(w, "{}")
		}))
		t.Cleanup(origin.Close)
		w, err := Open(t.Context(), Settings{Enforce: enforce, Origin: origin.URL, UpstreamProxy: "none",
			CADir: filepath.Join(t.TempDir(), "ca"), Ledger: filepath.Join(t.TempDir(), "l.jsonl")})
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = w.Close() })
		c := &http.Client{Transport: w.Transport()}
		ask := func(method, path string) (int, string) {
			r, err := http.NewRequestWithContext(t.Context(), method, "https://graph.microsoft.com"+path, strings.NewReader(""))
			if err != nil {
				t.Fatal(err)
			}
			r.Header.Set("Accept", "application/json")
			resp, err := c.Do(r)
			if err != nil {
				t.Fatal(err)
			}
			defer resp.Body.Close()
			b, _ := io.ReadAll(resp.Body)
			return resp.StatusCode, string(b)
		}
		const change = "/v1.0/users/x"
		if status, body := ask(http.MethodDelete, change); status != 200 || writes.Load() != 1 {
			t.Fatalf("%s, the ledger works: got %d %s", enforce, status, body)
		}
		if err := w.ledger.Close(); err != nil {
			t.Fatal(err)
		}
		for range 2 {
			if status, body := ask(http.MethodDelete, change); status != 403 || !strings.Contains(body, "PolicyUnavailable") {
				t.Errorf("%s, the ledger fails: got %d %s", enforce, status, body)
			}
		}
		if n := writes.Load(); n != 1 {
			t.Errorf("%s: %d changes reached the origin without a ledger", enforce, n-1)
		}
		if status, body := ask(http.MethodGet, change); status != 200 || reads.Load() != 1 {
			t.Errorf("%s: a read got %d %s", enforce, status, body)
		}
	}
}
