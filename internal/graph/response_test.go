package graph_test

import (
	"bufio"
	"bytes"
	"flag"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/graphwarden/graphwarden/internal/graph"
)

var update = flag.Bool("update", false, "rewrite the golden files")

// golden compares got with a file of testdata.
func golden(t *testing.T, file string, got []byte) {
	t.Helper()
	file = filepath.Join("testdata", file)
	if *update {
		if err := os.WriteFile(file, got, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(want), string(got)); diff != "" {
		t.Error(diff)
	}
}

var denied = &graph.Refusal{
	Code:    graph.PolicyDenied,
	Message: "scope.missing: the token lacks DeviceManagementConfiguration.ReadWrite.All. Ask for it.",
	Details: []graph.Detail{
		{Code: "scope.missing", Message: "the token lacks \"it\"\n", Target: "/request/headers/authorization"},
		{Code: "target.broad", Message: "all devices"},
	},
}

func meta() graph.Meta {
	return graph.Meta{ID: "id-1", ClientRequestID: "caller-1", Time: time.Date(2026, 11, 23, 11, 0, 0, 5, time.FixedZone("", 3600))}
}

func TestRefusalResponse(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name    string
		refusal *graph.Refusal
		method  string
		change  func(*graph.Meta)
	}{
		{"denied", denied, "PATCH", func(*graph.Meta) {}},
		{"malformed", graph.Refuse(graph.MalformedRequest, "no"), "POST", func(m *graph.Meta) { m.ClientRequestID = "" }},
		{"hostile_id", graph.Refuse(graph.MalformedRequest, "a\x00\xff"), "POST", func(m *graph.Meta) { m.ClientRequestID = "a\r\nX-Evil: 1" }},
		{"long_id", graph.Refuse(graph.MisdirectedRequest, "no"), "POST", func(m *graph.Meta) { m.ClientRequestID = strings.Repeat("x", 129) }},
		{"browser", graph.Refuse(graph.CassetteMiss, "no recording"), "GET", func(m *graph.Meta) { m.Origin = "https://app.example" }},
		{"head", graph.Refuse(graph.RequestTooLarge, "no"), "HEAD", func(*graph.Meta) {}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			m := meta()
			tt.change(&m)
			resp := tt.refusal.Response(&http.Request{Method: tt.method}, m)
			if resp.Close || resp.StatusCode != tt.refusal.Code.Status() {
				t.Errorf("status %d, close %v", resp.StatusCode, resp.Close)
			}
			var b bytes.Buffer
			if err := resp.Write(&b); err != nil {
				t.Fatal(err)
			}
			golden(t, "refusal_"+tt.name+".http", b.Bytes())

			again, err := http.ReadResponse(bufio.NewReader(&b), &http.Request{Method: tt.method})
			if err != nil {
				t.Fatal(err)
			}
			body, err := io.ReadAll(again.Body)
			if err != nil {
				t.Fatal(err)
			}
			if want := tt.refusal.Body(m); tt.method != "HEAD" && !bytes.Equal(body, want) || again.ContentLength != int64(len(want)) {
				t.Errorf("on the wire %q of %d bytes, want %q", body, again.ContentLength, want)
			}
		})
	}
}

func TestRefusalResponseWithoutRequest(t *testing.T) {
	t.Parallel()
	body, err := io.ReadAll(denied.Response(nil, meta()).Body)
	if err != nil || !bytes.Equal(body, denied.Body(meta())) {
		t.Errorf("%s, %v", body, err)
	}
}
