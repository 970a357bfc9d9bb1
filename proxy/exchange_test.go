package proxy_test

import (
	"bytes"
	"compress/gzip"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/graphwarden/graphwarden/internal/graph"
	"github.com/graphwarden/graphwarden/proxy"
)

// TestRefusals walks the ways in which a change is stopped, each beside one that is nearly the same and goes on.
func TestRefusals(t *testing.T) {
	t.Parallel()
	h, origin := withStandin(t, proxy.Settings{})
	const rw = "DeviceManagementConfiguration.ReadWrite.All"
	appOnly := "Bearer " + graph.MintToken(map[string]any{
		"aud": "https://graph.microsoft.com", "roles": []string{rw}, "idtyp": "app", "tid": "5d1a3b7c-0000-4000-8000-000000000001",
		"appid": "5d1a3b7c-0000-4000-8000-000000000002", "exp": time.Now().Add(time.Hour).Unix(),
	}, "minted")
	big := `{"target":{"@odata.type":"microsoft.graph.groupAssignmentTarget","groupId":"` + strings.Repeat("a", 5<<20) + `"}}`
	for _, tc := range []struct {
		name, method, path, body string
		headers                  []string
		want                     int
		code                     string
		names                    string // what the answer's body must name
	}{
		{"allowed", "PATCH", poolPath, groupBody, nil, 200, "", "groupAssignmentTarget"},
		{"the page's own example", "PATCH", poolPath, `{"target":{"@odata.type":"microsoft.graph.deviceAndAppManagementAssignmentTarget"}}`, nil, 200, "", ""},
		{"no token", "PATCH", poolPath, groupBody, []string{"Authorization", ""}, 403, "PolicyDenied", "token.missing"},
		{"app-only token", "PATCH", poolPath, groupBody, []string{"Authorization", appOnly}, 403, "PolicyDenied", "permissions"},
		{"read scope alone", "PATCH", poolPath, groupBody, []string{"Authorization", bearer("DeviceManagementConfiguration.Read.All")}, 403, "PolicyDenied", rw},
		{"read scope beside", "PATCH", poolPath, groupBody, []string{"Authorization", bearer("DeviceManagementConfiguration.Read.All " + rw)}, 200, "", ""},
		{"unknown target", "PATCH", poolPath, `{"target":{"@odata.type":"microsoft.graph.everybodyAssignmentTarget"}}`, nil, 403, "PolicyDenied", "target.unknown"},
		{"malformed body", "PATCH", poolPath, `{"target":`, nil, 400, "MalformedRequest", ""},
		{"duplicate keys", "PATCH", poolPath, `{"target":{"@odata.type":"microsoft.graph.allDevicesAssignmentTarget"},"Target":{}}`, nil, 400, "MalformedRequest", "Target"},
		{"5 MiB", "PATCH", poolPath, big, nil, 413, "RequestTooLarge", ""},
		{"unknown encoding", "PATCH", poolPath, groupBody, []string{"Content-Encoding", "foo"}, 415, "UnsupportedEncoding", "foo"},
		{"method override", "POST", poolPath, groupBody, []string{"X-HTTP-Method-Override", "PATCH"}, 400, "MalformedRequest", "X-Http-Method-Override"},
		{"unknown assignment route", "PATCH", "/beta/deviceManagement/noSuchThings/1/assignments/2", groupBody, nil, 403, "PolicyDenied", "route.unknown"},
		{"no JSON accepted", "PATCH", poolPath, groupBody, []string{"Accept", "text/html"}, 403, "PolicyDenied", "Accept"},
		{"anything accepted", "PATCH", poolPath, groupBody, []string{"Accept", "*/*"}, 200, "", ""},
		{"a read without a scope", "GET", "/v1.0/organization", "", []string{"Authorization", bearer("User.Read")}, 200, "", ""},
	} {
		t.Run(tc.name, func(t *testing.T) {
			before := origin.Requests()
			headers := append([]string{"Authorization", granted}, tc.headers...)
			got := send(t, h.client(false), tc.method, "https://graph.microsoft.com"+tc.path, tc.body, headers...)
			if got.status != tc.want || (tc.code != "" && got.code() != tc.code) || !strings.Contains(got.body, tc.names) {
				t.Errorf("got %d %.300s\nwant %d %s naming %q", got.status, got.body, tc.want, tc.code, tc.names)
			}
			if reached := origin.Requests() - before; (reached == 1) != (tc.want == 200) {
				t.Errorf("%d requests reached the origin", reached)
			}
			if tc.code != "" && (got.header.Get("X-Graphwarden-Decision") == "" || got.header.Get("Request-Id") == "") {
				t.Error("the refusal lacks its ids")
			}
		})
	}
}

func TestCompressedBodyIsDecodedAndJudged(t *testing.T) {
	t.Parallel()
	h, origin := withStandin(t, proxy.Settings{})
	pack := func(s string) string {
		var b bytes.Buffer
		z := gzip.NewWriter(&b)
		_, _ = z.Write([]byte(s))
		_ = z.Close()
		return b.String()
	}
	if got := send(t, h.client(true), "PATCH", poolURL, pack(groupBody), "Authorization", granted, "Content-Encoding", "gzip"); got.status != 200 {
		t.Errorf("allowed body: got %d %s", got.status, got.body)
	}
	before := origin.Requests()
	odd := pack(`{"target":{"@odata.type":"microsoft.graph.everybodyAssignmentTarget"}}`)
	if got := send(t, h.client(true), "PATCH", poolURL, odd, "Authorization", granted, "Content-Encoding", "gzip"); got.status != 403 || origin.Requests() != before {
		t.Errorf("denied body: got %d %s", got.status, got.body)
	}
}

func TestRecordThenReplay(t *testing.T) {
	t.Parallel()
	cassette := filepath.Join(t.TempDir(), "rollout.yaml")
	recorder, origin := withStandin(t, proxy.Settings{Mode: "record", Cassette: cassette})
	c := recorder.client(false)
	second := strings.Replace(groupBody, "6f1c", "6f1d", 1)
	first := send(t, c, "PATCH", poolURL, groupBody, "Authorization", granted)
	other := send(t, c, "PATCH", poolURL, second, "Authorization", granted)
	read := send(t, c, "GET", poolURL, "", "Authorization", granted)
	denied := send(t, c, "PATCH", poolURL, groupBody, "Authorization", bearer("User.Read"))
	if first.status != 200 || other.status != 200 || read.status != 200 || denied.status != 403 {
		t.Fatalf("recording: got %d %d %d %d", first.status, other.status, read.status, denied.status)
	}
	if err := recorder.warden.Shutdown(t.Context()); err != nil {
		t.Fatal(err)
	}
	_ = origin.Close()
	file, err := os.ReadFile(cassette)
	if err != nil {
		t.Fatal(err)
	}
	if bytes.Contains(file, []byte(strings.TrimPrefix(granted, "Bearer "))) {
		t.Error("the cassette holds the token")
	}
	replayer := start(t, proxy.Settings{Mode: "replay", Cassette: cassette})
	c = replayer.client(false)
	// Out of order, other spacing and key order, and a token that nobody can read.
	spaced := `{ "target" : {"groupId":"6f1c2d3e-4a5b-4c6d-8e7f-901a2b3c4d5e", "@odata.type":"microsoft.graph.groupAssignmentTarget"} }`
	if got := send(t, c, "GET", poolURL, "", "Authorization", "Bearer dummy"); got.body != read.body {
		t.Errorf("read: got %d %s", got.status, got.body)
	}
	if got := send(t, c, "PATCH", poolURL, second, "Authorization", "Bearer dummy"); got.body != other.body || got.status != 200 {
		t.Errorf("second change: got %d %s", got.status, got.body)
	}
	if got := send(t, c, "PATCH", poolURL, spaced, "Authorization", granted); got.body != first.body || got.status != 200 {
		t.Errorf("first change: got %d %s", got.status, got.body)
	}
	// What was denied while recording is judged anew, and denied again.
	if got := send(t, c, "PATCH", poolURL, groupBody, "Authorization", bearer("User.Read")); got.status != 403 {
		t.Errorf("denied change: got %d %s", got.status, got.body)
	}
	if got := send(t, c, "PATCH", poolURL, groupBody, "Authorization", ""); got.status != 403 {
		t.Errorf("no token: got %d %s", got.status, got.body)
	}
	// One character of the group's id differs.
	missed := send(t, c, "PATCH", poolURL, strings.Replace(groupBody, "4d5e", "4d5f", 1), "Authorization", granted)
	if missed.status != 501 || missed.code() != "CassetteMiss" || !strings.Contains(missed.body, "groupId") {
		t.Errorf("miss: got %d %s", missed.status, missed.body)
	}
	sum := replayer.warden.Summary()
	if sum.Replayed != 3 || sum.Missed != 1 || sum.Unused != 0 || sum.Denied != 2 {
		t.Errorf("summary: %+v", sum)
	}
}

// TestReplayNeverDials tries every way out of a replay on a site that would answer, and counts who comes.
func TestReplayNeverDials(t *testing.T) {
	t.Parallel()
	cassette := filepath.Join(t.TempDir(), "rollout.yaml")
	recorder, _ := withStandin(t, proxy.Settings{Mode: "record", Cassette: cassette})
	send(t, recorder.client(true), "GET", "https://graph.microsoft.com/v1.0/organization", "", "Authorization", granted)
	if err := recorder.warden.Shutdown(t.Context()); err != nil {
		t.Fatal(err)
	}
	var reached atomic.Int64
	server := httptest.NewServer(counting(&reached, ok))
	t.Cleanup(server.Close)
	site := strings.TrimPrefix(server.URL, "http://")
	replayer := start(t, proxy.Settings{Mode: "replay", Cassette: cassette})
	if _, _, resp := replayer.tunnelTo(site, ""); resp.StatusCode != 403 {
		t.Errorf("CONNECT elsewhere: got %d, want 403", resp.StatusCode)
	}
	if got := send(t, replayer.client(true), "GET", "http://"+site+"/", ""); got.status != 403 {
		t.Errorf("absolute form elsewhere: got %d, want 403", got.status)
	}
	if got := send(t, replayer.client(true), "GET", "https://graph.microsoft.com/v1.0/me", "", "Authorization", granted); got.status != 501 {
		t.Errorf("miss: got %d, want 501", got.status)
	}
	if n := reached.Load(); n != 0 {
		t.Errorf("%d requests reached the site", n)
	}
}

func TestEnforceWarnLetsThroughMarked(t *testing.T) {
	t.Parallel()
	h, _ := withStandin(t, proxy.Settings{Enforce: proxy.EnforceWarn})
	// A target the judge denies and the origin takes: a group without the id it needs.
	body := `{"target":{"@odata.type":"microsoft.graph.groupAssignmentTarget"}}`
	got := send(t, h.client(true), "PATCH", poolURL, body, "Authorization", granted)
	if got.status == 403 || !strings.HasPrefix(got.header.Get("X-Graphwarden-Verdict"), "deny; ") {
		t.Errorf("got %d, verdict %q", got.status, got.header.Get("X-Graphwarden-Verdict"))
	}
	if sum := h.warden.Summary(); sum.Denied != 1 || sum.Passed != 1 {
		t.Errorf("summary: %+v", sum)
	}
}

func TestTransportNeedsNoProxy(t *testing.T) {
	t.Parallel()
	h, origin := withStandin(t, proxy.Settings{})
	c := &http.Client{Transport: h.warden.Transport()}
	if got := send(t, c, "PATCH", poolURL, groupBody, "Authorization", granted); got.status != 200 {
		t.Errorf("allowed: got %d %s", got.status, got.body)
	}
	before := origin.Requests()
	if got := send(t, c, "PATCH", poolURL, groupBody, "Authorization", bearer("User.Read")); got.status != 403 || origin.Requests() != before {
		t.Errorf("denied: got %d %s", got.status, got.body)
	}
	r, _ := http.NewRequestWithContext(t.Context(), "GET", "https://example.com/", nil)
	if _, err := c.Do(r); err == nil {
		t.Error("a host that is not Graph got an answer, want an error")
	}
}

func TestBatchIsJudgedPartByPart(t *testing.T) {
	t.Parallel()
	part := func(id, body string) string {
		return `{"id":"` + id + `","method":"PATCH","url":"` + strings.TrimPrefix(poolPath, "/beta") + `","headers":{"Content-Type":"application/json"},"body":` + body + `}`
	}
	odd := `{"target":{"@odata.type":"microsoft.graph.everybodyAssignmentTarget"}}`
	const url = "https://graph.microsoft.com/beta/$batch"
	mixed := `{"requests":[` + part("1", groupBody) + `,` + part("2", odd) + `]}`
	t.Run("allowed", func(t *testing.T) {
		h, _ := withStandin(t, proxy.Settings{})
		got := send(t, h.client(true), "POST", url, `{"requests":[`+part("1", groupBody)+`]}`, "Authorization", granted)
		if got.status != 200 || strings.Contains(got.body, "PolicyDenied") {
			t.Errorf("got %d %s", got.status, got.body)
		}
	})
	t.Run("whole", func(t *testing.T) {
		h, origin := withStandin(t, proxy.Settings{})
		got := send(t, h.client(true), "POST", url, mixed, "Authorization", granted)
		if got.status != 200 || !strings.Contains(got.body, `"status":403`) || !strings.Contains(got.body, `"status":424`) || origin.Requests() != 0 {
			t.Errorf("got %d %s; %d reached the origin", got.status, got.body, origin.Requests())
		}
		if sum := h.warden.Summary(); sum.Denied != 1 {
			t.Errorf("summary: %+v", sum)
		}
	})
	t.Run("partial", func(t *testing.T) {
		h, origin := withStandin(t, proxy.Settings{BatchPartial: true})
		got := send(t, h.client(true), "POST", url, mixed, "Authorization", granted)
		if got.status != 200 || !strings.Contains(got.body, `"status":403`) || !strings.Contains(got.body, `"status":200`) || origin.Requests() != 1 {
			t.Errorf("got %d %s; %d reached the origin", got.status, got.body, origin.Requests())
		}
	})
}
