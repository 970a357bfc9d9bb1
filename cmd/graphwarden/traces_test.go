package main

import (
	"encoding/hex"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	tracepb "go.opentelemetry.io/proto/otlp/trace/v1"
	"google.golang.org/protobuf/proto"

	"github.com/graphwarden/graphwarden/proxy"
)

// TestTraces cannot run beside others: the exporter reads the process's own environment.
func TestTraces(t *testing.T) {
	got := make(chan *tracepb.TracesData, 1)
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		var m tracepb.TracesData
		if err := proto.Unmarshal(body, &m); err != nil {
			t.Error(err)
		}
		got <- &m
	}))
	t.Cleanup(server.Close)
	t.Setenv("OTEL_EXPORTER_OTLP_ENDPOINT", server.URL)
	env := &Env{Environ: []string{"OTEL_EXPORTER_OTLP_ENDPOINT=" + server.URL}}
	tr, err := startTraces(t.Context(), env, slog.New(slog.DiscardHandler))
	if err != nil || tr == nil {
		t.Fatalf("got %v, %v, want traces", tr, err)
	}
	w, err := proxy.Open(t.Context(), proxy.Settings{Observe: tr.exchange, UpstreamProxy: "none"})
	if err != nil {
		t.Fatal(err)
	}
	defer w.Close()
	const parent = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
	r, _ := http.NewRequestWithContext(t.Context(), "PATCH", "https://graph.microsoft.com/beta/deviceManagement/embeddedSIMActivationCodePools/p/assignments/a", nil)
	r.Header.Set("Traceparent", parent)
	r.Header.Set("Authorization", "Bearer canary-token")
	resp, err := w.Transport().RoundTrip(r)
	if err != nil || resp.StatusCode != 403 {
		t.Fatalf("got %v, %v, want a refusal", resp, err)
	}
	if err := tr.close(t.Context()); err != nil {
		t.Fatal(err)
	}
	select {
	case m := <-got:
		span := m.ResourceSpans[0].ScopeSpans[0].Spans[0]
		if id := hex.EncodeToString(span.TraceId); id != "0af7651916cd43dd8448eb211c80319c" {
			t.Errorf("trace %s, want the client's", id)
		}
		if id := hex.EncodeToString(span.ParentSpanId); id != "b7ad6b7169203331" {
			t.Errorf("parent %s, want the client's span", id)
		}
		if len(span.Events) == 0 || span.Status.GetMessage() != "PolicyDenied" {
			t.Errorf("got events %v, status %v; want the violations and PolicyDenied", span.Events, span.Status)
		}
		if text := m.String(); strings.Contains(text, "canary-token") {
			t.Error("the span holds the token")
		}
	case <-time.After(5 * time.Second):
		t.Fatal("no span arrived")
	}
}

func TestNoTracesUnlessNamed(t *testing.T) {
	t.Parallel()
	for _, environ := range [][]string{
		nil,
		{"OTEL_EXPORTER_OTLP_ENDPOINT=http://127.0.0.1:1", "OTEL_SDK_DISABLED=true"},
		{"OTEL_EXPORTER_OTLP_ENDPOINT=http://127.0.0.1:1", "OTEL_TRACES_EXPORTER=none"},
	} {
		if tr, err := startTraces(t.Context(), &Env{Environ: environ}, slog.New(slog.DiscardHandler)); tr != nil || err != nil {
			t.Errorf("%v: got %v, %v, want none", environ, tr, err)
		}
	}
}
