package tape_test

import (
	"errors"
	"io"
	"net/http"
	"strings"
	"testing"

	"github.com/graphwarden/graphwarden/internal/tape"
)

func TestStrictOrder(t *testing.T) {
	t.Parallel()
	get := func(name string) *http.Request { return request(t, "GET", "/v1.0/"+name, "") }
	path := recorded(t, echo, get("a"), get("b"), get("a"))
	strict := func() *tape.Tape {
		return open(t, tape.Options{Mode: tape.Replay, Cassette: path, Order: tape.OrderStrict})
	}
	in := strict()
	for _, name := range []string{"a", "b", "a"} {
		send(t, in, get(name))
	}
	var miss *tape.Miss
	if _, err := in.RoundTrip(get("a")); !errors.As(err, &miss) || miss.Used != 2 {
		t.Errorf("once too often: %v", err)
	}
	out := strict()
	if _, err := out.RoundTrip(get("b")); !errors.As(err, &miss) || miss.Next == nil ||
		!strings.Contains(err.Error(), "/v1.0/b is out of order: the next in the recording is GET https://graph.microsoft.com/v1.0/a (line 5)") {
		t.Errorf("a swap: %v", err)
	}
	send(t, out, get("a")) // what comes out of turn uses nothing up
	if _, err := out.RoundTrip(get("c")); !errors.As(err, &miss) || miss.Next != nil {
		t.Errorf("what was never recorded: %v", err)
	}
	send(t, out, get("b"))
	if s := out.Stats(); s.Missed != 2 || s.Unused != 1 {
		t.Errorf("stats %+v", s)
	}
	free := open(t, tape.Options{Mode: tape.Replay, Cassette: path})
	for _, name := range []string{"b", "a", "a"} {
		send(t, free, get(name))
	}
	if _, err := tape.Open(tape.Options{Mode: tape.Replay, Cassette: path, Order: tape.OrderStrict, Repeat: tape.RepeatLast}); err == nil {
		t.Error("strict order with repetitions was opened")
	}
	if _, err := tape.Open(tape.Options{Mode: tape.New, Cassette: path, Order: tape.OrderStrict, Origin: originFunc(echo)}); err == nil {
		t.Error("strict order was opened where a miss goes to the origin")
	}
}

func TestStaleETagGetsItsRecordedAnswer(t *testing.T) {
	t.Parallel()
	const fresh, stale = `W/"JzEtRnJlc2gn"`, `W/"JzEtU3RhbGUn"`
	patch := func(etag string) *http.Request {
		if etag == "" {
			return request(t, "PATCH", "/v1.0/a", `{"n":1}`)
		}
		return request(t, "PATCH", "/v1.0/a", `{"n":1}`, "If-Match", etag)
	}
	batch := func(etag string) *http.Request {
		return request(t, "POST", "/v1.0/$batch", `{"requests":[{"id":"1","method":"PATCH","url":"/a","headers":{"if-match":`+quote(etag)+`,"Content-Type":"application/json"},"body":{}}]}`)
	}
	origin := func(r *http.Request) (*http.Response, error) {
		body, _ := io.ReadAll(r.Body)
		if r.Header.Get("If-Match") == stale || strings.Contains(string(body), "U3RhbGUn") {
			return answer(r, 412, `{"error":{"code":"preconditionFailed"}}`), nil
		}
		return answer(r, 200, `{"n":1}`), nil
	}
	path := recorded(t, origin, patch(fresh), patch(stale), batch(fresh), batch(stale))
	replay := func(match string) *tape.Tape {
		m, err := tape.ParseMatch(match)
		if err != nil {
			t.Fatal(err)
		}
		return open(t, tape.Options{Mode: tape.Replay, Cassette: path, Match: m})
	}
	rep := replay("")
	for _, c := range []struct {
		req  *http.Request
		want int
	}{{patch(stale), 412}, {patch(fresh), 200}, {batch(stale), 412}, {batch(fresh), 200}} {
		if resp, _ := send(t, rep, c.req); resp.StatusCode != c.want {
			t.Errorf("%s with %s: %d, want %d", c.req.URL, c.req.Header.Get("If-Match"), resp.StatusCode, c.want)
		}
	}
	var miss *tape.Miss
	if _, err := rep.RoundTrip(patch("")); !errors.As(err, &miss) || !strings.Contains(err.Error(), "header if-match") {
		t.Errorf("without a condition: %v", err)
	}
	send(t, replay("-etag"), patch(""))
}

func quote(s string) string { return `"` + strings.ReplaceAll(s, `"`, `\"`) + `"` }
