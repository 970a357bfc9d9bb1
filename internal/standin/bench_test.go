package standin_test

import (
	"io"
	"net/http"
	"net/url"
	"strings"
	"testing"

	"github.com/graphwarden/graphwarden/internal/standin"
)

// sink is a response writer that keeps nothing.
type sink struct{ header http.Header }

func (s *sink) Header() http.Header         { return s.header }
func (s *sink) Write(b []byte) (int, error) { return len(b), nil }
func (s *sink) WriteHeader(int)             {}

func BenchmarkPatch(b *testing.B) {
	h := standin.NewHandler(standin.Options{Now: clock})
	header := head("Authorization", token(nil), "Content-Type", "application/json", "Accept", "application/json", "Accept-Encoding", "gzip")
	target, err := url.Parse(assignmentPath)
	if err != nil {
		b.Fatal(err)
	}
	body := strings.NewReader("")
	r := &http.Request{Method: "PATCH", RequestURI: assignmentPath, URL: target, Host: "graph.microsoft.com", Header: header,
		Body: io.NopCloser(body), ContentLength: int64(len(pageBody))}
	w := &sink{header: http.Header{}}
	b.ReportAllocs()
	for b.Loop() {
		body.Reset(pageBody)
		clear(w.header)
		h.ServeHTTP(w, r)
	}
}
