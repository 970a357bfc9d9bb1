package tape_test

import (
	"bytes"
	"compress/gzip"
	"compress/zlib"
	"context"
	"errors"
	"fmt"
	"net/http"
	"os"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/andybalholm/brotli"
	"github.com/google/go-cmp/cmp"
	"github.com/graphwarden/graphwarden/internal/tape"
	"github.com/klauspost/compress/zstd"
)

// recorded makes a cassette by sending requests to an origin.
func recorded(t *testing.T, origin originFunc, reqs ...*http.Request) string {
	t.Helper()
	path := cassette(t)
	rec := open(t, tape.Options{Mode: tape.Record, Cassette: path, Origin: origin})
	for _, req := range reqs {
		send(t, rec, req)
	}
	closeTape(t, rec)
	return path
}

func TestRepeat(t *testing.T) {
	t.Parallel()
	var n atomic.Int32
	get := func() *http.Request { return request(t, "GET", "/v1.0/me", "") }
	path := recorded(t, func(r *http.Request) (*http.Response, error) {
		return answer(r, []int{429, 503, 200}[n.Add(1)-1], "{}"), nil
	}, get(), get(), get())
	for _, test := range []struct {
		repeat tape.Repeat
		want   []int // 0 is a miss
	}{
		{tape.RepeatError, []int{429, 503, 200, 0, 0}},
		{tape.RepeatLast, []int{429, 503, 200, 200, 200}},
		{tape.RepeatCycle, []int{429, 503, 200, 429, 503}},
	} {
		rep := open(t, tape.Options{Mode: tape.Replay, Cassette: path, Repeat: test.repeat})
		var got []int
		for range test.want {
			resp, err := rep.RoundTrip(get())
			switch {
			case errors.Is(err, tape.ErrMiss):
				got = append(got, 0)
			case err != nil:
				t.Fatal(err)
			default:
				got = append(got, resp.StatusCode)
			}
		}
		if diff := cmp.Diff(test.want, got); diff != "" {
			t.Errorf("%s (-want +got):\n%s", test.repeat, diff)
		}
		if s := rep.Stats(); s.Unused != 0 {
			t.Errorf("%s: stats %+v", test.repeat, s)
		}
	}
	rep := open(t, tape.Options{Mode: tape.Replay, Cassette: path})
	send(t, rep, get())
	if s := rep.Stats(); s.Unused != 2 || len(s.UnusedList) != 2 || s.UnusedList[0].Method != "GET" || s.UnusedList[0].Line < 10 {
		t.Errorf("stats %+v", s)
	}
}

func TestMatching(t *testing.T) {
	t.Parallel()
	const body = `{"a":1.0,"b":[{"id":"x","note":"n"}]}`
	batch := func(id, url, group string) string {
		return fmt.Sprintf(`{"requests":[{"id":%q,"method":"PATCH","url":%q,"headers":{"Content-Type":"application/json"},"body":{"target":{"groupId":%q}}}]}`, id, url, group)
	}
	for _, test := range []struct {
		name       string
		match      tape.Match
		was, is    []string // method, target, body, header…
		wantAnswer bool
	}{
		{"the same", tape.Match{}, []string{"PATCH", route, body}, []string{"PATCH", route, body}, true},
		{"order, spaces and number form", tape.Match{}, []string{"PATCH", route, body}, []string{"PATCH", route, ` {"b":[{"note":"n","id":"x"}], "a":1e0}`}, true},
		{"another number", tape.Match{}, []string{"PATCH", route, body}, []string{"PATCH", route, strings.Replace(body, "1.0", "1.1", 1)}, false},
		{"number and text", tape.Match{}, []string{"PATCH", route, body}, []string{"PATCH", route, strings.Replace(body, "1.0", `"1"`, 1)}, false},
		{"a key more", tape.Match{}, []string{"PATCH", route, body}, []string{"PATCH", route, strings.Replace(body, "1.0", `1,"c":null`, 1)}, false},
		{"another method", tape.Match{}, []string{"PUT", route, body}, []string{"PATCH", route, body}, false},
		{"another method, not counted", tape.Match{NoMethod: true}, []string{"PUT", route, body}, []string{"PATCH", route, body}, true},
		{"query order", tape.Match{}, []string{"GET", "/v1.0/me?$top=1&$select=id", ""}, []string{"GET", "/v1.0/me?$select=id&$top=1", ""}, true},
		{"another query", tape.Match{}, []string{"GET", "/v1.0/me?$top=1", ""}, []string{"GET", "/v1.0/me?$top=2", ""}, false},
		{"another query, not counted", tape.Match{NoQuery: true}, []string{"GET", "/v1.0/me?$top=1", ""}, []string{"GET", "/v1.0/me?$top=2", ""}, true},
		{"case of names", tape.Match{}, []string{"GET", "/v1.0/devicemanagement/DeviceConfigurations", ""}, []string{"GET", "/V1.0/deviceManagement/deviceConfigurations", ""}, true},
		{"case of an id", tape.Match{}, []string{"GET", "/v1.0/deviceManagement/deviceConfigurations/ab", ""}, []string{"GET", "/v1.0/deviceManagement/deviceConfigurations/AB", ""}, false},
		{"volatile headers", tape.Match{}, []string{"GET", "/v1.0/me", "", "User-Agent", "a", "SdkVersion", "1"}, []string{"GET", "/v1.0/me", "", "Traceparent", "x", "Authorization", "Bearer y"}, true},
		{"a header that counts", tape.Match{Headers: []string{"Prefer"}}, []string{"GET", "/v1.0/me", "", "Prefer", "a"}, []string{"GET", "/v1.0/me", "", "Prefer", "b"}, false},
		{"a header that counts, the same", tape.Match{Headers: []string{"Prefer"}}, []string{"GET", "/v1.0/me", "", "Prefer", "a"}, []string{"GET", "/v1.0/me", "", "prefer", "a"}, true},
		{"approval present or not", tape.Match{}, []string{"PATCH", route, body}, []string{"PATCH", route, body, "x-msft-approval-justification", "YQ=="}, false},
		{"another justification", tape.Match{}, []string{"PATCH", route, body, "X-Msft-Approval-Justification", "Yg=="}, []string{"PATCH", route, body, "x-msft-approval-justification", "YQ=="}, true},
		{"approval not counted", tape.Match{NoApproval: true}, []string{"PATCH", route, body}, []string{"PATCH", route, body, "x-msft-approval-code", "1"}, true},
		{"an ignored field", tape.Match{Ignore: []string{"/b/*/note"}}, []string{"PATCH", route, body}, []string{"PATCH", route, strings.Replace(body, `"n"`, `"other"`, 1)}, true},
		{"a field beside it", tape.Match{Ignore: []string{"/b/*/note"}}, []string{"PATCH", route, body}, []string{"PATCH", route, strings.Replace(body, `"x"`, `"y"`, 1)}, false},
		{"batch, url spelled otherwise", tape.Match{}, []string{"POST", "/v1.0/$batch", batch("1", "/deviceManagement/deviceConfigurations/a/assignments/b", "g1")},
			[]string{"POST", "/v1.0/$batch", batch("1", "devicemanagement/deviceconfigurations('a')/assignments/b", "g1")}, true},
		{"batch, another group", tape.Match{}, []string{"POST", "/v1.0/$batch", batch("1", "/deviceManagement/deviceConfigurations/a/assignments/b", "g1")},
			[]string{"POST", "/v1.0/$batch", batch("1", "/deviceManagement/deviceConfigurations/a/assignments/b", "g2")}, false},
		{"batch, another id", tape.Match{}, []string{"POST", "/v1.0/$batch", batch("1", "/me", "g1")}, []string{"POST", "/v1.0/$batch", batch("2", "/me", "g1")}, false},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			path := recorded(t, echo, request(t, test.was[0], test.was[1], test.was[2], test.was[3:]...))
			rep := open(t, tape.Options{Mode: tape.Replay, Cassette: path, Match: test.match})
			_, err := rep.RoundTrip(request(t, test.is[0], test.is[1], test.is[2], test.is[3:]...))
			if test.wantAnswer && err != nil || !test.wantAnswer && !errors.Is(err, tape.ErrMiss) {
				t.Fatalf("got %v, want an answer: %t", err, test.wantAnswer)
			}
			if miss, ok := errors.AsType[*tape.Miss](err); ok && (len(miss.Nearest) != 1 || len(miss.Nearest[0].Diffs) == 0) {
				t.Errorf("the miss does not say what differs: %v", miss)
			}
		})
	}
}

func TestParseMatch(t *testing.T) {
	t.Parallel()
	got, err := tape.ParseMatch("-host, -query,+header:Prefer,+body")
	if diff := cmp.Diff(tape.Match{NoHost: true, NoQuery: true, Headers: []string{"Prefer"}}, got); err != nil || diff != "" {
		t.Errorf("%v (-want +got):\n%s", err, diff)
	}
	if _, err := tape.ParseMatch("-hosts"); err == nil {
		t.Error("an unknown part is taken")
	}
}

func TestEncodings(t *testing.T) {
	t.Parallel()
	plain := strings.Repeat(`{"id":"x"}`, 50)
	pack := map[string]func([]byte) []byte{
		"gzip": func(b []byte) []byte {
			var out bytes.Buffer
			w := gzip.NewWriter(&out)
			w.Write(b)
			w.Close()
			return out.Bytes()
		},
		"deflate": func(b []byte) []byte {
			var out bytes.Buffer
			w := zlib.NewWriter(&out)
			w.Write(b)
			w.Close()
			return out.Bytes()
		},
		"br": func(b []byte) []byte {
			var out bytes.Buffer
			w := brotli.NewWriter(&out)
			w.Write(b)
			w.Close()
			return out.Bytes()
		},
		"zstd": func(b []byte) []byte {
			w, _ := zstd.NewWriter(nil)
			return w.EncodeAll(b, nil)
		},
		"unheard-of": func(b []byte) []byte { return append([]byte{0xff}, b...) },
	}
	for encoding, f := range pack {
		sent := f([]byte(plain))
		path := recorded(t, func(r *http.Request) (*http.Response, error) {
			resp := answer(r, 200, string(sent))
			resp.Header.Set("Content-Encoding", encoding)
			resp.Header.Set("Content-Length", fmt.Sprint(len(sent)))
			return resp, nil
		}, request(t, "GET", "/v1.0/me", ""))
		file, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		if readable := bytes.Contains(file, []byte(plain)); readable == (encoding == "unheard-of") {
			t.Errorf("%s: readable at rest: %t", encoding, readable)
		}
		for _, accept := range []string{"", encoding, encoding + ";q=0", "identity"} {
			rep := open(t, tape.Options{Mode: tape.Replay, Cassette: path})
			resp, got := send(t, rep, request(t, "GET", "/v1.0/me", "", "Accept-Encoding", accept))
			want, wantEncoding := plain, ""
			if encoding == "unheard-of" {
				want, wantEncoding = string(sent), encoding
			} else if accept == encoding {
				wantEncoding = encoding
				if len(got) >= len(plain) || got == "" {
					t.Errorf("%s: not packed", encoding)
				}
				want = got
			}
			if got != want || resp.Header.Get("Content-Encoding") != wantEncoding || resp.Header.Get("Content-Length") != fmt.Sprint(len(got)) {
				t.Errorf("%s accepted as %q: encoding %q, length %s of %d", encoding, accept, resp.Header.Get("Content-Encoding"), resp.Header.Get("Content-Length"), len(got))
			}
		}
	}
}

func TestNoBodies(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		method string
		code   int
		length int64
	}{{"HEAD", 200, 1234}, {"DELETE", 204, 0}, {"GET", 304, 0}, {"GET", 200, 0}} {
		path := recorded(t, func(r *http.Request) (*http.Response, error) {
			resp := answer(r, test.code, "")
			resp.Body = http.NoBody
			resp.Header.Set("Etag", `W/"1"`)
			if test.method == "HEAD" {
				resp.ContentLength = test.length
				resp.Header.Set("Content-Length", fmt.Sprint(test.length))
			}
			return resp, nil
		}, request(t, test.method, "/v1.0/me", ""))
		resp, body := send(t, open(t, tape.Options{Mode: tape.Replay, Cassette: path}), request(t, test.method, "/v1.0/me", ""))
		if body != "" || resp.StatusCode != test.code || resp.ContentLength != test.length || resp.Header.Get("Etag") == "" {
			t.Errorf("%s %d: status %d, length %d, body %q", test.method, test.code, resp.StatusCode, resp.ContentLength, body)
		}
	}
}

func TestHeadersAreCopies(t *testing.T) {
	t.Parallel()
	path := recorded(t, echo, request(t, "GET", "/v1.0/me", ""))
	rep := open(t, tape.Options{Mode: tape.Replay, Cassette: path, Repeat: tape.RepeatLast})
	var wg sync.WaitGroup
	for i := range 20 {
		wg.Go(func() {
			resp, _ := send(t, rep, request(t, "GET", "/v1.0/me", ""))
			resp.Header.Set("Request-Id", fmt.Sprint(i))
			resp.Header.Add("X-Other", "1")
		})
	}
	wg.Wait()
	if resp, _ := send(t, rep, request(t, "GET", "/v1.0/me", "")); resp.Header.Get("Request-Id") != "r1" || resp.Header.Get("X-Other") != "" {
		t.Errorf("headers %v are shared between answers", resp.Header)
	}
}

func TestOpen(t *testing.T) {
	t.Parallel()
	path := recorded(t, echo, request(t, "GET", "/v1.0/me", ""))
	missing := cassette(t)
	origin := originFunc(echo)
	for _, test := range []struct {
		name string
		o    tape.Options
		mode tape.Mode
		err  string
	}{
		{"auto with a cassette", tape.Options{Mode: tape.Auto, Cassette: path, Origin: origin}, tape.Replay, ""},
		{"auto without", tape.Options{Mode: tape.Auto, Cassette: cassette(t), Origin: origin}, tape.Record, ""},
		{"new without", tape.Options{Mode: tape.New, Cassette: cassette(t), Origin: origin}, tape.Record, ""},
		{"replay without", tape.Options{Mode: tape.Replay, Cassette: missing}, "", missing + " does not exist: record it first, with --mode record"},
		{"no cassette named", tape.Options{Mode: tape.Replay}, "", "mode replay needs a cassette"},
		{"no origin", tape.Options{Mode: tape.Record, Cassette: cassette(t)}, "", "mode record needs an origin"},
		{"unknown mode", tape.Options{Mode: "spy", Cassette: path}, "", `unknown mode "spy"`},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			tp, err := tape.Open(test.o)
			if test.err != "" {
				if err == nil || !strings.Contains(err.Error(), test.err) {
					t.Fatalf("got %v, want %q", err, test.err)
				}
				return
			}
			if err != nil || tp.Mode() != test.mode {
				t.Fatalf("mode %s, %v", tp.Mode(), err)
			}
			closeTape(t, tp)
		})
	}
}

func TestLoadRefuses(t *testing.T) {
	t.Parallel()
	for name, text := range map[string]string{
		"empty": "", "marker only": "---\n", "null": "null\n", "a list": "- 1\n", "another version": "version: 3\ninteractions: []\n",
		"text": "hello", "no url": "version: 1\ninteractions:\n- request: {method: GET}\n  response: {code: 200, duration: 1s}\n",
		"number as duration": "version: 1\ninteractions:\n- request: {method: GET, url: u}\n  response: {code: 200, duration: 12}\n",
	} {
		path := cassette(t)
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		if c, err := tape.Load(path); err == nil {
			t.Errorf("%s: loads as %+v", name, c)
		}
	}
}

func TestLoadsOtherShapes(t *testing.T) {
	t.Parallel()
	const json = `{"version": 1, "interactions": [{"request": {"body": "", "form": {}, "headers": {}, "url": "https://graph.microsoft.com/v1.0/me", "method": "GET"},
		"response": {"body": "{}", "headers": {"Etag": ["1"]}, "status": "200 OK", "code": 200, "duration": "1ms"}}]}`
	const two = "version: 2\ninteractions:\n- id: 0\n  request:\n    proto: HTTP/1.1\n    proto_major: 1\n    content_length: 0\n    host: graph.microsoft.com\n    url: https://graph.microsoft.com/v1.0/me\n    method: GET\n  response:\n    proto: HTTP/2.0\n    content_length: 2\n    uncompressed: true\n    body: '{}'\n    headers:\n      Etag:\n      - \"1\"\n    status: 200 OK\n    code: 200\n    duration: 1ms\n"
	const canonicalTwo = "---\nversion: 2\ninteractions:\n    - id: 0\n      request:\n        proto: HTTP/1.1\n        trailer: {}\n        transfer_encoding:\n            - chunked\n        url: https://graph.microsoft.com/v1.0/me\n        method: GET\n      response:\n        content_length: 2\n        body: '{}'\n        headers:\n            Etag:\n                - \"1\"\n        status: 200 OK\n        code: 200\n        duration: 1ms\n"
	crlf := strings.ReplaceAll(canonicalTwo, "\n", "\r\n")
	for name, text := range map[string]string{"JSON": json, "format 2": two, "format 2 as yaml.v3 writes it": canonicalTwo, "line ends of Windows": crlf,
		"a comment":         strings.Replace(canonicalTwo, "      request:", "      # a note\n      request:", 1),
		"a second document": canonicalTwo + "---\nvariables: {a: b}\n"} {
		path := cassette(t)
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		rep := open(t, tape.Options{Mode: tape.Replay, Cassette: path})
		resp, body := send(t, rep, request(t, "GET", "/v1.0/me", ""))
		if body != "{}" || resp.Header.Get("Etag") != "1" {
			t.Errorf("%s: %q, %v", name, body, resp.Header)
		}
		add := open(t, tape.Options{Mode: tape.New, Cassette: path, Origin: originFunc(echo)})
		send(t, add, request(t, "GET", "/v1.0/users", ""))
		closeTape(t, add)
		c, err := tape.Load(path)
		if err != nil || c.Len() != 2 {
			t.Errorf("%s, added to: %v", name, err)
		}
		if name == "a second document" {
			if b, _ := os.ReadFile(path); !strings.HasSuffix(string(b), "---\nvariables: {a: b}\n") {
				t.Errorf("the second document was lost:\n%s", b)
			}
		}
	}
}

func TestRecordsInTheOrderOfSending(t *testing.T) {
	t.Parallel()
	path := cassette(t)
	release := make(chan struct{})
	rec := open(t, tape.Options{Mode: tape.Record, Cassette: path, Origin: originFunc(func(r *http.Request) (*http.Response, error) {
		if r.URL.Path == "/v1.0/slow" {
			<-release
		}
		return echo(r)
	})})
	var wg sync.WaitGroup
	started := make(chan struct{})
	slow := request(t, "GET", "/v1.0/slow", "")
	wg.Go(func() {
		close(started)
		send(t, rec, slow)
	})
	<-started
	time.Sleep(20 * time.Millisecond) // the slow request is on its way
	send(t, rec, request(t, "GET", "/v1.0/quick", ""))
	close(release)
	wg.Wait()
	closeTape(t, rec)
	c, err := tape.Load(path)
	if err != nil || c.Len() != 2 || len(c.Notices) > 0 {
		t.Fatalf("%v, notices %q", err, c.Notices)
	}
	for i, x := range c.Interactions() {
		if want := []string{"slow", "quick"}[i]; !strings.HasSuffix(x.Request.URL, want) || x.Sequence != i+1 {
			t.Errorf("place %d holds %s, sequence %d", i, x.Request.URL, x.Sequence)
		}
	}
}

func TestOriginErrorsAndLatency(t *testing.T) {
	t.Parallel()
	path := cassette(t)
	broken := errors.New("broken")
	rec := open(t, tape.Options{Mode: tape.Record, Cassette: path, Origin: originFunc(func(*http.Request) (*http.Response, error) { return nil, broken })})
	if _, err := rec.RoundTrip(request(t, "GET", "/v1.0/me", "")); err != broken {
		t.Errorf("got %v, want the origin's own error", err)
	}
	if s := rec.Stats(); s.Recorded != 0 {
		t.Errorf("stats %+v", s)
	}
	slow := open(t, tape.Options{Mode: tape.Replay, Cassette: recorded(t, echo, request(t, "GET", "/v1.0/me", "")), Latency: tape.Latency{Fixed: time.Hour}})
	req := request(t, "GET", "/v1.0/me", "")
	ctx, cancel := context.WithTimeout(req.Context(), 10*time.Millisecond)
	defer cancel()
	if _, err := slow.RoundTrip(req.WithContext(ctx)); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("a wait does not end with its request: %v", err)
	}
	live := open(t, tape.Options{Mode: tape.Live, Origin: originFunc(echo)})
	if _, body := send(t, live, request(t, "GET", "/v1.0/me", "")); !strings.Contains(body, "GET") {
		t.Errorf("live: %s", body)
	}
}

// TestReplayHasNoOrigin shows that a replay cannot go live, whatever it is asked.
func TestReplayHasNoOrigin(t *testing.T) {
	t.Parallel()
	path := recorded(t, echo, request(t, "GET", "/v1.0/me", ""))
	var dialled atomic.Int32
	rep := open(t, tape.Options{Mode: tape.Replay, Cassette: path, Origin: originFunc(func(r *http.Request) (*http.Response, error) {
		dialled.Add(1)
		return echo(r)
	})})
	for i := range 1000 {
		resp, err := rep.RoundTrip(request(t, "GET", fmt.Sprintf("/v1.0/me?$top=%d", i), ""))
		if !errors.Is(err, tape.ErrMiss) {
			t.Fatalf("%v, %v", resp, err)
		}
	}
	if n := dialled.Load(); n > 0 {
		t.Errorf("the origin was asked %d times", n)
	}
}

func TestResaveIsIdentical(t *testing.T) {
	t.Parallel()
	path := recorded(t, echo, request(t, "PATCH", route, `{"a":"\n"}`), request(t, "GET", "/v1.0/me", ""))
	was, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	c, err := tape.Load(path)
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(was, c.Bytes()) {
		t.Error("untouched, the file changes")
	}
	for i, x := range c.Interactions() {
		c.Set(i, x)
	}
	if diff := cmp.Diff(string(was), string(c.Bytes())); diff != "" {
		t.Errorf("written anew (-was +is):\n%s", diff)
	}
}
