package tape_test

import (
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/graphwarden/graphwarden/internal/tape"
)

func TestDiffReportsDrift(t *testing.T) {
	t.Parallel()
	was := `{"@odata.context":"c1","id":"1","displayName":"Kiosk","lastModifiedDateTime":"2020","target":{"groupId":"g","@odata.etag":"e1"},"list":[1,2]}`
	for _, c := range []struct {
		name, now string
		code      int
		ignore    []string
		want      []string
	}{
		{"the same but for what changes by itself", `{"list":[1,2.0],"target":{"@odata.etag":"e2","groupId":"g"},"lastModifiedDateTime":"2026","displayName":"Kiosk","id":"1","@odata.context":"c2"}`, 200, nil, nil},
		{"a renamed field", strings.Replace(was, `"displayName"`, `"name"`, 1), 200, nil,
			[]string{`body /displayName: recorded "Kiosk", not sent`, `body /name: sent "Kiosk", not recorded`}},
		{"a value deep inside", strings.Replace(was, `"g"`, `"h"`, 1), 200, nil, []string{`body /target/groupId: recorded "g", sent "h"`}},
		{"one that is ignored", strings.Replace(was, `"g"`, `"h"`, 1), 200, []string{"/target/groupId"}, nil},
		{"another status", was, 201, nil, []string{`status: recorded 200, sent 201`}},
		{"an entry more", strings.Replace(was, `[1,2]`, `[1,2,3]`, 1), 200, nil, []string{`body /list/2: sent 3, not recorded`}},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			path := recorded(t, func(r *http.Request) (*http.Response, error) { return answer(r, 200, was), nil }, request(t, "GET", "/v1.0/a", ""))
			d := open(t, tape.Options{Mode: tape.Differ, Cassette: path, IgnoreAnswer: c.ignore,
				Origin: originFunc(func(r *http.Request) (*http.Response, error) { return answer(r, c.code, c.now), nil })})
			resp, got := send(t, d, request(t, "GET", "/v1.0/a", ""))
			if got != c.now || resp.StatusCode != c.code {
				t.Errorf("the client got %d %s, want the origin's %d %s", resp.StatusCode, got, c.code, c.now)
			}
			send(t, d, request(t, "GET", "/v1.0/unheard-of", ""))
			s := d.Stats()
			var have []string
			for _, drift := range s.Drifts {
				for _, diff := range drift.Diffs {
					have = append(have, diff.String())
				}
			}
			if diff := cmp.Diff(c.want, have); diff != "" {
				t.Errorf("drift (-want +got):\n%s", diff)
			}
			if s.Missed != 1 || s.Drifted != min(1, len(c.want)) {
				t.Errorf("%d missed, %d drifted", s.Missed, s.Drifted)
			}
		})
	}
}

func TestCompareAndExplain(t *testing.T) {
	t.Parallel()
	n := 0
	counting := func(r *http.Request) (*http.Response, error) {
		n++
		return answer(r, 200, fmt.Sprintf(`{"n":%d,"request-id":"%d"}`, min(n, 3), n)), nil
	}
	get := func(name string) *http.Request { return request(t, "GET", "/v1.0/"+name, "") }
	a := recorded(t, counting, get("x"), get("x"), get("gone"), get("y"))
	n = 0
	b := recorded(t, counting, get("y"), get("x"), get("x"), get("new"), get("x"))
	d, err := tape.Compare(load(t, a), load(t, b), tape.Match{}, nil)
	if err != nil {
		t.Fatal(err)
	}
	name := func(list []tape.Place) (out []string) {
		for _, p := range list {
			out = append(out, p.Method+" "+p.URL)
		}
		return out
	}
	if diff := cmp.Diff([]string{"GET https://graph.microsoft.com/v1.0/gone"}, name(d.OnlyA)); diff != "" {
		t.Errorf("only in a (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff([]string{"GET https://graph.microsoft.com/v1.0/x", "GET https://graph.microsoft.com/v1.0/new"}, name(d.OnlyB)); len(d.OnlyB) != 2 {
		t.Errorf("only in b (-want +got):\n%s", diff)
	}
	if len(d.Changed) != 3 || d.Equal() {
		t.Errorf("changed %+v", d.Changed)
	}
	same, err := tape.Compare(load(t, a), load(t, a), tape.Match{}, nil)
	if err != nil || !same.Equal() || same.Same != 4 {
		t.Errorf("a cassette differs from itself: %+v, %v", same, err)
	}

	tp := open(t, tape.Options{Mode: tape.Replay, Cassette: a})
	e, err := tp.Explain(request(t, "GET", "/v1.0/x?$top=1", ""), 10)
	if err != nil {
		t.Fatal(err)
	}
	if e.Answer != nil || len(e.Candidates) != 4 {
		t.Fatalf("explained as %+v", e)
	}
	for _, c := range e.Candidates {
		if len(c.Diffs) == 0 {
			t.Errorf("%s: nothing tells why it lost", c.URL)
		}
	}
	e, err = tp.Explain(get("x"), 10)
	if err != nil || e.Answer == nil || e.Equal != 2 || len(e.Candidates[0].Diffs) != 0 {
		t.Errorf("explained as %+v, %v", e, err)
	}
	if s := tp.Stats(); s.Replayed != 0 || s.Unused != 4 {
		t.Errorf("explaining used something up: %+v", s)
	}
}

func TestRepeatsAndResume(t *testing.T) {
	t.Parallel()
	n := 0
	path := recorded(t, func(r *http.Request) (*http.Response, error) {
		n++
		return answer(r, 200, fmt.Sprint(n)), nil
	}, request(t, "GET", "/v1.0/a", ""), request(t, "GET", "/v1.0/a", ""))
	first := open(t, tape.Options{Mode: tape.Replay, Cassette: path, Repeat: tape.RepeatLast})
	body := func(tp *tape.Tape) string {
		resp, err := tp.RoundTrip(request(t, "GET", "/v1.0/a", ""))
		if err != nil {
			return err.Error()
		}
		b, _ := io.ReadAll(resp.Body)
		return string(b)
	}
	if got := body(first); got != "1" {
		t.Fatalf("got %s", got)
	}
	second := open(t, tape.Options{Mode: tape.New, Cassette: path, Origin: originFunc(echo)})
	second.Resume(first)
	if got := body(second); got != "2" {
		t.Errorf("after resuming got %s, want 2", got)
	}
	if got := body(second); !strings.Contains(got, "GET") {
		t.Errorf("what is missing is not asked of the origin: %s", got)
	}
	body(first)
	body(first)
	body(first)
	if s := first.Stats(); s.Repeats != 2 {
		t.Errorf("%d repeats, want 2", s.Repeats)
	}
}
