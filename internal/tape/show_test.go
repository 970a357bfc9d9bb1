package tape_test

import (
	"net/http"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/graphwarden/graphwarden/internal/tape"
)

func TestShown(t *testing.T) {
	t.Parallel()
	s := tape.NewShown(tape.Redaction{})
	header := s.RequestHeader(http.Header{
		"Authorization": {"Bearer eyJhbGciOiJub25lIn0.eyJ0aWQiOiJ4In0.c2ln"}, "Cookie": {"a=b"}, "Accept": {"application/json"}, "X-Private": {"p"},
	})
	if diff := cmp.Diff(http.Header{"Accept": {"application/json"}}, header); diff != "" {
		t.Errorf("request header (-want +got):\n%s", diff)
	}
	for _, tt := range []struct{ name, in, want string }{
		{"a secret field", `{"password":"hunter2","name":"n"}`, `{"password":"REDACTED","name":"n"}`},
		{"one that was torn off", `{"name":"n","password":"hunt`, `{"name":"n","password":"REDACTED"`},
		{"no secret", `{"passwordless":"yes"}`, `{"passwordless":"yes"}`},
	} {
		if got := string(s.Body([]byte(tt.in))); got != tt.want {
			t.Errorf("%s: %s became %s, want %s", tt.name, tt.in, got, tt.want)
		}
	}
	if got := s.URL("/v1.0/x?client_secret=hunter2&$top=1"); strings.Contains(got, "hunter2") || !strings.Contains(got, "$top=1") {
		t.Errorf("URL: %s", got)
	}
}
