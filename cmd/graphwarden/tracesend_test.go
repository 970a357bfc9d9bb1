package main

import (
	"compress/gzip"
	"encoding/pem"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	tracepb "go.opentelemetry.io/proto/otlp/trace/v1"
	"google.golang.org/protobuf/encoding/protowire"
	"google.golang.org/protobuf/proto"
)

// batch is one span with the ids 01… and 02…, a child of 03….
func batch() []*tracepb.ResourceSpans {
	id := func(b byte, n int) []byte { return []byte(strings.Repeat(string(rune(b)), n)) }
	return []*tracepb.ResourceSpans{{ScopeSpans: []*tracepb.ScopeSpans{{Spans: []*tracepb.Span{{
		TraceId: id(1, 16), SpanId: id(2, 8), ParentSpanId: id(3, 8), Name: "PATCH x", Kind: tracepb.Span_SPAN_KIND_SERVER,
	}}}}}}
}

// sendTo sends the batch with what the variables say.
func sendTo(t *testing.T, environ ...string) error {
	t.Helper()
	s, err := readCollectorSettings(&Env{Environ: environ})
	if err != nil {
		t.Fatal(err)
	}
	c := newCollector(s)
	c.resend = time.Millisecond
	defer c.client.CloseIdleConnections()
	return c.UploadTraces(t.Context(), batch())
}

func TestCollectorEncodings(t *testing.T) {
	t.Parallel()
	var span tracepb.TracesData
	var header http.Header
	var path string
	server := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		header, path = r.Header, r.URL.Path
		var body io.Reader = r.Body
		if r.Header.Get("Content-Encoding") == "gzip" {
			body, _ = gzip.NewReader(body)
		}
		content, _ := io.ReadAll(body)
		if err := proto.Unmarshal(content, &span); err != nil {
			t.Error(err)
		}
	}))
	t.Cleanup(server.Close)
	base := "OTEL_EXPORTER_OTLP_ENDPOINT=" + server.URL + "/base"
	if err := sendTo(t, base, "OTEL_EXPORTER_OTLP_HEADERS=api-key=a%2Cb", "OTEL_EXPORTER_OTLP_COMPRESSION=gzip"); err != nil {
		t.Fatal(err)
	}
	want := &tracepb.TracesData{ResourceSpans: batch()}
	if !proto.Equal(&span, want) || header.Get("Api-Key") != "a,b" || header.Get("Content-Encoding") != "gzip" || path != "/base/v1/traces" {
		t.Errorf("got %v, %v, %s", &span, header, path)
	}
}

func TestCollectorAnswers(t *testing.T) {
	t.Parallel()
	partial := func(count uint64, message string) string {
		b := protowire.AppendVarint(protowire.AppendTag(nil, 1, protowire.VarintType), count)
		b = protowire.AppendString(protowire.AppendTag(b, 2, protowire.BytesType), message)
		return string(protowire.AppendBytes(protowire.AppendTag(nil, 1, protowire.BytesType), b))
	}
	for name, tt := range map[string]struct {
		first       int // the first answer's status; the second is 200
		contentType string
		answer      string
		sent        int
		fault       string
	}{
		"taken":              {first: 200, sent: 1},
		"busy, then taken":   {first: 503, sent: 2},
		"throttled":          {first: 429, sent: 2},
		"refused":            {first: 400, answer: "no such tenant", sent: 1, fault: "400 Bad Request: no such tenant"},
		"partly":             {first: 200, contentType: contentProtobuf, answer: partial(10, "full"), sent: 1, fault: "rejected 10 spans: full"},
		"nothing rejected":   {first: 200, contentType: contentProtobuf, answer: partial(0, ""), sent: 1},
		"broken":             {first: 200, contentType: contentProtobuf, answer: "\x0a\xff", sent: 1, fault: "read the collector's answer"},
		"of some other type": {first: 200, contentType: "text/html", answer: "hello", sent: 1},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			sent := 0
			server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				if sent++; sent > 1 {
					return
				}
				w.Header().Set("Content-Type", tt.contentType)
				w.WriteHeader(tt.first)
				_, _ = io.WriteString(w, tt.answer)
			}))
			defer server.Close()
			err := sendTo(t, "OTEL_EXPORTER_OTLP_ENDPOINT="+server.URL)
			if sent != tt.sent || (err == nil) != (tt.fault == "") || err != nil && !strings.Contains(err.Error(), tt.fault) {
				t.Errorf("sent %d times, %v; want %d, %q", sent, err, tt.sent, tt.fault)
			}
		})
	}
}

// A process that ends does not wait for a collector that is busy.
func TestCollectorStops(t *testing.T) {
	t.Parallel()
	asked := make(chan struct{}, 10)
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		asked <- struct{}{}
		w.Header().Set("Retry-After", "30")
		w.WriteHeader(http.StatusServiceUnavailable)
	}))
	t.Cleanup(server.Close)
	s, err := readCollectorSettings(&Env{Environ: []string{"OTEL_EXPORTER_OTLP_ENDPOINT=" + server.URL}})
	if err != nil {
		t.Fatal(err)
	}
	c := newCollector(s)
	ended := make(chan error, 1)
	go func() { ended <- c.UploadTraces(t.Context(), batch()) }()
	<-asked
	if err := c.Stop(t.Context()); err != nil {
		t.Fatal(err)
	}
	select {
	case err := <-ended:
		if err == nil {
			t.Error("what was not sent is no error")
		}
	case <-time.After(10 * time.Second):
		t.Error("it still waits")
	}
}

func TestCollectorSettings(t *testing.T) {
	t.Parallel()
	server := httptest.NewTLSServer(http.NotFoundHandler())
	t.Cleanup(server.Close)
	ca := filepath.Join(t.TempDir(), "ca.pem")
	if err := os.WriteFile(ca, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: server.Certificate().Raw}), 0o600); err != nil {
		t.Fatal(err)
	}
	for name, tt := range map[string]struct {
		environ    []string // behind OTEL_EXPORTER_OTLP_
		url, fault string
		with       func(collectorSettings) bool
	}{
		"all signals":          {environ: []string{"ENDPOINT=http://c:4318"}, url: "http://c:4318/v1/traces"},
		"all signals, folder":  {environ: []string{"ENDPOINT=https://c/otlp/"}, url: "https://c/otlp/v1/traces"},
		"traces alone":         {environ: []string{"ENDPOINT=http://c", "TRACES_ENDPOINT=https://d/in"}, url: "https://d/in"},
		"traces, no path":      {environ: []string{"TRACES_ENDPOINT=https://d"}, url: "https://d/"},
		"insecure":             {environ: []string{"ENDPOINT=https://c", "INSECURE=TRUE"}, url: "http://c/v1/traces"},
		"secure":               {environ: []string{"ENDPOINT=http://c", "INSECURE=false"}, url: "https://c/v1/traces"},
		"no scheme":            {environ: []string{"ENDPOINT=localhost:4318"}, fault: "ENDPOINT"},
		"other scheme":         {environ: []string{"ENDPOINT=unix:///run/c"}, fault: "ENDPOINT"},
		"timeout":              {environ: []string{"ENDPOINT=http://c", "TIMEOUT=1500"}, url: "http://c/v1/traces", with: func(s collectorSettings) bool { return s.timeout == 1500*time.Millisecond }},
		"no timeout":           {environ: []string{"ENDPOINT=http://c", "TIMEOUT=1s"}, fault: "TIMEOUT"},
		"headers":              {environ: []string{"ENDPOINT=http://c", "HEADERS=a=b=c, d=%20e"}, url: "http://c/v1/traces", with: func(s collectorSettings) bool { return s.headers["a"] == "b=c" && s.headers["d"] == "e" }},
		"headers of their own": {environ: []string{"ENDPOINT=http://c", "HEADERS=a=b", "TRACES_HEADERS=c=d"}, url: "http://c/v1/traces", with: func(s collectorSettings) bool { return len(s.headers) == 1 && s.headers["c"] == "d" }},
		"no headers":           {environ: []string{"ENDPOINT=http://c", "HEADERS=secret"}, fault: "HEADERS"},
		"broken headers":       {environ: []string{"ENDPOINT=http://c", "HEADERS=a=secret%0d%0ab"}, fault: "HEADERS"},
		"certificate":          {environ: []string{"ENDPOINT=https://c", "CERTIFICATE=" + ca}, url: "https://c/v1/traces", with: func(s collectorSettings) bool { return s.tls.RootCAs != nil }},
		"certificate, http":    {environ: []string{"ENDPOINT=http://c", "CERTIFICATE=" + ca}, fault: "plain http"},
		"no certificate":       {environ: []string{"ENDPOINT=https://c", "CERTIFICATE=" + ca + ".none"}, fault: "CERTIFICATE"},
		"no client pair":       {environ: []string{"ENDPOINT=https://c", "CLIENT_CERTIFICATE=" + ca, "CLIENT_KEY=" + ca}, fault: "CLIENT_CERTIFICATE"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			env := &Env{}
			for _, v := range tt.environ {
				env.Environ = append(env.Environ, "OTEL_EXPORTER_OTLP_"+v)
			}
			s, err := readCollectorSettings(env)
			switch {
			case tt.fault != "":
				if err == nil || !strings.Contains(err.Error(), tt.fault) || strings.Contains(err.Error(), "secret") {
					t.Errorf("got %v, want an error about %s, without values", err, tt.fault)
				}
			case err != nil || s.url != tt.url || tt.with != nil && !tt.with(s):
				t.Errorf("got %+v, %v, want %s", s, err, tt.url)
			}
		})
	}
}
