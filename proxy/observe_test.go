package proxy_test

import (
	"bytes"
	"compress/gzip"
	"encoding/json"
	"fmt"
	"net/http"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/graphwarden/graphwarden/proxy"
)

// inspected is a channel of details, and the settings that fill it.
func inspected(s proxy.Settings) (proxy.Settings, <-chan proxy.Detail) {
	details := make(chan proxy.Detail, 16)
	s.Inspect = func(i *proxy.Inspection) {
		d := i.Detail()
		if d.ID != i.ID() {
			d.ID = "the inspection has another id: " + i.ID()
		}
		details <- d
	}
	return s, details
}

func next(t *testing.T, details <-chan proxy.Detail) proxy.Detail {
	t.Helper()
	select {
	case d := <-details:
		return d
	case <-time.After(10 * time.Second):
		t.Fatal("nothing was inspected")
		return proxy.Detail{}
	}
}

// secretless fails if a token or a planted secret is anywhere in a detail.
func secretless(t *testing.T, d proxy.Detail) {
	t.Helper()
	text, err := json.Marshal(d)
	if err != nil {
		t.Fatal(err)
	}
	for _, secret := range []string{"hunter2", strings.TrimPrefix(granted, "Bearer "), "Bearer ey"} {
		if bytes.Contains(text, []byte(secret)) {
			t.Errorf("the detail holds %.20s…: %s", secret, text)
		}
	}
}

func TestInspect(t *testing.T) {
	t.Parallel()
	s, details := inspected(proxy.Settings{})
	h, _ := withStandin(t, s)
	c := h.client(false)
	secret := `{"target":{"@odata.type":"microsoft.graph.groupAssignmentTarget","groupId":"6f1c2d3e-4a5b-4c6d-8e7f-901a2b3c4d5e"},"password":"hunter2"}`

	send(t, c, "PATCH", poolURL, groupBody, "Authorization", granted, "Cookie", "hunter2")
	d := next(t, details)
	secretless(t, d)
	if d.Status != 200 || d.Form == nil || d.Form.Operation.Name != "update" || !strings.Contains(d.ResponseBody.Text, "groupAssignmentTarget") {
		t.Errorf("an allowed change: %+v", d)
	}
	if diff := cmp.Diff([]string{"DeviceManagementConfiguration.ReadWrite.All"}, d.Form.Token.Scopes); diff != "" {
		t.Errorf("scopes (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff(groupBody, d.RequestBody.Text); diff != "" {
		t.Errorf("request body (-want +got):\n%s", diff)
	}
	var input struct {
		Schema  string
		Request struct{ Body map[string]any }
		Token   struct{ Present bool }
	}
	if err := json.Unmarshal(d.Form.Input, &input); err != nil || input.Schema != "graphwarden.input/v1" || !input.Token.Present || input.Request.Body["target"] == nil {
		t.Errorf("input document %s: %v", d.Form.Input, err)
	}

	send(t, c, "PATCH", poolURL+"?client_secret=hunter2", secret, "Authorization", granted)
	d = next(t, details)
	secretless(t, d)
	if d.Status != 403 || !strings.Contains(d.RequestBody.Text, `"password":"REDACTED"`) || !strings.Contains(string(d.Form.Input), `"password": "REDACTED"`) ||
		!strings.Contains(d.ResponseBody.Text, "PolicyDenied") {
		t.Errorf("a denied change: %s %s", d.RequestBody.Text, d.Form.Input)
	}

	batch := fmt.Sprintf(`{"requests":[{"id":"a","method":"PATCH","url":%q,"headers":{"Content-Type":"application/json"},"body":%s},
		{"id":"b","method":"PATCH","url":%q,"headers":{"Content-Type":"application/json"},"body":%s}]}`,
		strings.TrimPrefix(poolPath, "/beta"), groupBody, strings.TrimPrefix(poolPath, "/beta"), secret)
	send(t, c, "POST", "https://graph.microsoft.com/beta/$batch", batch, "Authorization", granted)
	d = next(t, details)
	secretless(t, d)
	if len(d.Parts) != 2 || d.Parts[1].Batch != "b" || d.Parts[1].Operation.Name != "update" || len(d.Parts[0].Input) == 0 {
		t.Errorf("parts of a batch: %+v", d.Parts)
	}

	send(t, c, "PATCH", poolURL, `{"a":1,"A":2}`, "Authorization", granted)
	if d = next(t, details); d.Status != 400 || d.Form != nil || !strings.Contains(d.ResponseBody.Text, "MalformedRequest") {
		t.Errorf("what could not be read: %+v", d)
	}
}

// TestInspectBodies shows answers whole, cut and compressed, and the client gets every byte of each.
func TestInspectBodies(t *testing.T) {
	t.Parallel()
	long := strings.Repeat("0123456789abcdef", 20<<10)
	var zipped bytes.Buffer
	z := gzip.NewWriter(&zipped)
	_, _ = z.Write([]byte(`{"plain":true}`))
	_ = z.Close()
	s, details := inspected(proxy.Settings{})
	h := withOrigin(t, s, func(w http.ResponseWriter, r *http.Request) {
		switch {
		case strings.HasSuffix(r.URL.Path, "long"):
			_, _ = w.Write([]byte(long))
		case strings.HasSuffix(r.URL.Path, "zipped"):
			w.Header().Set("Content-Encoding", "gzip")
			_, _ = w.Write(zipped.Bytes())
		case strings.HasSuffix(r.URL.Path, "none"):
			w.WriteHeader(http.StatusNoContent)
		default:
			_, _ = w.Write([]byte("caf\xe9"))
		}
	})
	c := h.client(true)
	for _, tt := range []struct {
		path, text string
		length     int // of the text, where that is not given
		bytes      int64
		cut        bool
	}{
		{path: "long", length: 64 << 10, bytes: int64(len(long)), cut: true},
		{path: "zipped", text: `{"plain":true}`, bytes: int64(zipped.Len())},
		{path: "none"},
		{path: "latin", text: "caf\uFFFD", bytes: 4},
	} {
		got := send(t, c, "GET", "https://graph.microsoft.com/v1.0/"+tt.path, "", "Authorization", granted, "Accept-Encoding", "gzip")
		if tt.path == "long" && got.body != long {
			t.Errorf("%s: the client got %d bytes", tt.path, len(got.body))
		}
		d := next(t, details)
		if tt.length == 0 {
			tt.length = len(tt.text)
		}
		if x := d.ResponseBody; len(x.Text) != tt.length || tt.text != "" && x.Text != tt.text || x.Bytes != tt.bytes || x.Cut != tt.cut {
			t.Errorf("%s: %.40q of %d, %d bytes, cut %v", tt.path, x.Text, len(x.Text), x.Bytes, x.Cut)
		}
	}
}

// TestInspectMiss tells the nearest recording in parts.
func TestInspectMiss(t *testing.T) {
	t.Parallel()
	cassette := filepath.Join(t.TempDir(), "c.yaml")
	h, _ := withStandin(t, proxy.Settings{Mode: "record", Cassette: cassette})
	send(t, h.client(true), "PATCH", poolURL, groupBody, "Authorization", granted)
	if err := h.warden.Shutdown(t.Context()); err != nil {
		t.Fatal(err)
	}
	s, details := inspected(proxy.Settings{Mode: "replay", Cassette: cassette})
	c := start(t, s).client(true)
	send(t, c, "PATCH", poolURL, groupBody, "Authorization", granted)
	if d := next(t, details); d.Status != 200 || d.Miss != nil {
		t.Errorf("a hit: %d, %+v", d.Status, d.Miss)
	}
	send(t, c, "PATCH", poolURL, strings.Replace(groupBody, "6f1c2d3e", "00000000", 1), "Authorization", granted)
	d := next(t, details)
	if d.Status != 501 || d.Miss == nil || len(d.Miss.Nearest) != 1 || len(d.Miss.Nearest[0].Diffs) != 1 || d.Miss.Nearest[0].Diffs[0].Pointer != "/target/groupId" {
		t.Errorf("a miss: %d, %+v", d.Status, d.Miss)
	}
}

// TestTraceContext: the W3C fields of the client reach the origin as they are.
func TestTraceContext(t *testing.T) {
	t.Parallel()
	const parent, state = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01", "vendor=opaque"
	got := make(chan http.Header, 1)
	h := withOrigin(t, proxy.Settings{}, func(_ http.ResponseWriter, r *http.Request) { got <- r.Header })
	send(t, h.client(true), "GET", "https://graph.microsoft.com/v1.0/me", "", "Authorization", granted, "Traceparent", parent, "Tracestate", state)
	header := <-got
	if diff := cmp.Diff([]string{parent, state}, []string{header.Get("Traceparent"), header.Get("Tracestate")}); diff != "" {
		t.Errorf("trace context (-sent +received):\n%s", diff)
	}
}
