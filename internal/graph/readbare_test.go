package graph_test

import (
	"net/http"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/graphwarden/graphwarden/internal/graph"
)

// TestReadCheckBody shows that a body that is only checked is refused, or not, as one that is parsed.
func TestReadCheckBody(t *testing.T) {
	t.Parallel()
	for _, body := range append([]string{"", `{"a":1,"A":2}`, `{"a":[1,{"b":"c","b":2}]}`, `[1,`, `{"a":1}x`, "{\"a\":\"\xff\"}", `{"a":01}`,
		`{"a":"\ud800"}`, `null`, `{}`, `[]`, `"x"`, `1e999`, `{"a":{"b":[true,false,null,-1.5e3,"\u00e9"]}}`},
		strings.Repeat("[", 70)+strings.Repeat("]", 70)) {
		want, wantErr := readBody(body, graph.ReadOptions{})
		got, err := readBody(body, graph.ReadOptions{Bare: true, CheckBody: true, TakeHeader: true})
		if (err == nil) != (wantErr == nil) || err != nil && err.Error() != wantErr.Error() {
			t.Errorf("%q: checked %v, parsed %v", body, err, wantErr)
		}
		if err != nil || wantErr != nil {
			continue
		}
		if got.JSON != nil || got.BodyState != want.BodyState {
			t.Errorf("%q: JSON %v, state %v; want none, %v", body, got.JSON, got.BodyState, want.BodyState)
		}
		if diff := cmp.Diff(want.Header, got.Header); diff != "" {
			t.Errorf("%q: header (-copied +taken):\n%s", body, diff)
		}
	}
}

// TestReadBareBatch shows that a batch is opened all the same: its parts are requests of their own.
func TestReadBareBatch(t *testing.T) {
	t.Parallel()
	r := newBodyRequest(`{"requests":[{"id":"1","method":"GET","url":"/me"}]}`)
	r.Method, r.RequestURI = http.MethodPost, "/v1.0/$batch"
	q, err := graph.Read(r, graph.Connection{}, graph.ReadOptions{Bare: true, CheckBody: true})
	if err != nil || len(q.Parts) != 1 || q.JSON == nil {
		t.Errorf("a bare batch: %v, %v", q, err)
	}
}

func readBody(body string, o graph.ReadOptions) (*graph.Request, error) {
	return graph.Read(newBodyRequest(body), graph.Connection{}, o)
}

func newBodyRequest(body string) *http.Request {
	r, _ := http.NewRequest(http.MethodPatch, "https://graph.microsoft.com/beta/groups/g1", strings.NewReader(body))
	r.Header = http.Header{"Content-Type": {"application/json"}, "Content-Length": {"7"}, "Te": {"x"}, "Prefer": {"y"},
		"X-Gone": {"z"}, "Connection": {"x-gone"}}
	return r
}
