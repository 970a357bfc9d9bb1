package tape_test

import (
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	vcr4cassette "gopkg.in/dnaeon/go-vcr.v4/pkg/cassette"
	vcr4 "gopkg.in/dnaeon/go-vcr.v4/pkg/recorder"

	"github.com/graphwarden/graphwarden/internal/tape"
)

// corpus is a cassette with what formats stumble over: spaces in JSON, binary, several lines, headers that repeat or are
// empty, keys of other tools, a token, no body at all.
func corpus(t *testing.T) string {
	t.Helper()
	bodies := []string{"", `{"a": 1,  "b":[true,null,1e3]}`, `{"a":1}`, "line one\nline two\n", "\n\tstarts oddly", "\x00\x01\xff\xfe", "caf\u00e9 \u2028 \u00a0", `"text"`, "[1,2]", "<a>&amp;</a>"}
	kinds := []string{"application/json", "application/octet-stream", "text/plain; charset=utf-8", "", "application/xml"}
	var b strings.Builder
	b.WriteString("---\nversion: 1\nrecorder: \"graphwarden test\"\ninteractions:\n")
	path := filepath.Join(t.TempDir(), "corpus.yaml")
	if err := os.WriteFile(path, []byte(b.String()+"...\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	c := load(t, path)
	n := 0
	for _, body := range bodies {
		for _, kind := range kinds {
			n++
			h := http.Header{"Accept": {"application/json", "text/plain"}, "Prefer": {}}
			rh := http.Header{"Date": {"Mon, 23 Nov 2026 10:00:00 GMT"}}
			if kind != "" {
				h.Set("Content-Type", kind)
				rh.Set("Content-Type", kind)
			}
			x := &tape.Interaction{ID: fmt.Sprintf("%016x", n), Sequence: n, Verdict: "allow",
				Request:  tape.Request{Method: "POST", URL: fmt.Sprintf("https://graph.microsoft.com/v1.0/x/%d?$top=1&$top=2", n), Body: body, Headers: h},
				Response: tape.Response{Code: 200, Status: "200 OK", Body: body, Headers: rh, Duration: 1234567}}
			if n%3 == 0 {
				x.Encoding, x.Request.Form = "gzip", map[string][]string{"a": {"1", "2"}}
			}
			c.Add(x)
		}
	}
	if err := c.Save(path); err != nil {
		t.Fatal(err)
	}
	return path
}

func TestConvertThereAndBack(t *testing.T) {
	t.Parallel()
	path := corpus(t)
	recordedHere := recorded(t, echo, request(t, "GET", "/v1.0/a", ""), request(t, "PATCH", route, `{"a":1}`))
	for _, from := range []string{path, recordedHere} {
		want, err := os.ReadFile(from)
		if err != nil {
			t.Fatal(err)
		}
		for _, format := range tape.Formats() {
			t.Run(filepath.Base(from)+"/"+string(format), func(t *testing.T) {
				t.Parallel()
				text, err := tape.Convert(load(t, from), format)
				if err != nil {
					t.Fatal(err)
				}
				other := filepath.Join(t.TempDir(), "other")
				if err := os.WriteFile(other, text, 0o600); err != nil {
					t.Fatal(err)
				}
				back, was, err := tape.Import(other)
				if err != nil {
					t.Fatal(err)
				}
				if was != format {
					t.Errorf("read as %s, want %s", was, format)
				}
				if diff := cmp.Diff(string(want), string(back.Bytes())); diff != "" {
					t.Errorf("there and back (-was +is):\n%s", diff)
				}
			})
		}
	}
}

func TestForeignFormatTwoComesBack(t *testing.T) {
	t.Parallel()
	const two = `---
version: 2
interactions:
    - id: 7
      request:
        proto: HTTP/2.0
        proto_major: 2
        proto_minor: 0
        content_length: 2
        transfer_encoding: []
        trailer: {}
        host: graph.microsoft.com
        remote_addr: 10.0.0.1:5
        request_uri: /v1.0/a
        body: hi
        form:
            q:
                - "1"
        headers:
            X-Own:
                - v
        url: https://graph.microsoft.com/v1.0/a?q=1
        method: POST
      response:
        proto: HTTP/2.0
        proto_major: 2
        proto_minor: 0
        transfer_encoding: []
        trailer:
            X-Sum:
                - "9"
        content_length: 3
        uncompressed: true
        body: yes
        headers: {}
        status: 200 OK
        code: 200
        duration: 1ms
`
	path := filepath.Join(t.TempDir(), "two.yaml")
	write := func(path string, b []byte) {
		if err := os.WriteFile(path, b, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	write(path, []byte(two))
	one, format, err := tape.Import(path)
	if err != nil || format != tape.GoVCR2 {
		t.Fatalf("import: %v, %s", err, format)
	}
	if one.Format != 1 {
		t.Errorf("format %d, want 1", one.Format)
	}
	saved := path + ".one.yaml"
	write(saved, one.Bytes())
	again, err := tape.Convert(load(t, saved), tape.GoVCR2)
	if err != nil {
		t.Fatal(err)
	}
	write(path+".again.yaml", again)
	a, err := vcr4cassette.Load(strings.TrimSuffix(path, ".yaml"))
	if err != nil {
		t.Fatal(err)
	}
	b, err := vcr4cassette.Load(path + ".again")
	if err != nil {
		t.Fatalf("%v\n%s", err, again)
	}
	if a.Interactions[0].Request.String() != b.Interactions[0].Request.String() || a.Interactions[0].Response.String() != b.Interactions[0].Response.String() {
		t.Errorf("came back as\n%s\nwant\n%s", again, two)
	}
	if !strings.Contains(string(again), "X-Sum") || !strings.Contains(string(again), "id: 7") {
		t.Errorf("lost on the way: %s", again)
	}
}

func TestGoVCR4ReplaysWhatIsConverted(t *testing.T) {
	t.Parallel()
	body := `{"target":{"groupId":"g1"}}`
	plain := func(method, target, body string) *http.Request {
		req, err := http.NewRequest(method, host+target, strings.NewReader(body))
		if err != nil {
			t.Fatal(err)
		}
		if body == "" {
			req, _ = http.NewRequest(method, host+target, nil)
		} else {
			req.Header.Set("Content-Type", "application/json")
		}
		return req
	}
	path := recorded(t, echo, request(t, "PATCH", route, body), request(t, "GET", "/v1.0/groups?$top=2", ""))
	two, err := tape.Convert(load(t, path), tape.GoVCR2)
	if err != nil {
		t.Fatal(err)
	}
	converted := filepath.Join(t.TempDir(), "two")
	if err := os.WriteFile(converted+".yaml", two, 0o600); err != nil {
		t.Fatal(err)
	}
	// The default matcher compares everything, so the request is what the tape saw.
	r, err := vcr4.New(converted, vcr4.WithMode(vcr4.ModeReplayOnly), vcr4.WithSkipRequestLatency(true))
	if err != nil {
		t.Fatal(err)
	}
	defer r.Stop()
	for _, c := range []struct{ method, target, body, want string }{
		{"PATCH", route, body, `"method":"PATCH"`},
		{"GET", "/v1.0/groups?$top=2", "", `"method":"GET"`},
	} {
		_, got := send(t, r, plain(c.method, c.target, c.body))
		if !strings.Contains(got, c.want) {
			t.Errorf("%s: %s", c.method, got)
		}
	}
	if _, err := r.RoundTrip(plain("PATCH", route, strings.Replace(body, "g1", "g2", 1))); err == nil {
		t.Error("another body was a hit")
	}
}

func TestImportsWhatOthersWrote(t *testing.T) {
	t.Parallel()
	jwt := "eyJhbGciOiJub25lIiwidHlwIjoiSldUIn0.eyJzdWIiOiJwbGFudGVkIn0.c2lnbmF0dXJl"
	for _, c := range []struct {
		name, text string
		want       []string
	}{
		{"har of a browser", `{"log":{"version":"1.2","creator":{"name":"Firefox","version":"1"},"entries":[
			{"startedDateTime":"2026-11-23T10:00:02.000Z","time":31.5,"request":{"method":"GET","url":"https://graph.microsoft.com/v1.0/b","httpVersion":"HTTP/2","headers":[{"name":":method","value":"GET"},{"name":"accept","value":"*/*"}]},
			 "response":{"status":200,"statusText":"","headers":[{"name":"content-encoding","value":"gzip"},{"name":"content-type","value":"application/json"}],"content":{"size":2,"mimeType":"application/json","text":"e30=","encoding":"base64"}}},
			{"startedDateTime":"2026-11-23T10:00:01.000Z","time":5,"request":{"method":"POST","url":"https://graph.microsoft.com/v1.0/a","headers":[{"name":"Authorization","value":"Bearer ` + jwt + `"},{"name":"Cookie","value":"s=planted"}],"postData":{"mimeType":"application/json","text":"{\"password\":\"planted\"}"}},
			 "response":{"status":204,"statusText":"No Content","headers":[],"content":{"size":0,"mimeType":"x-unknown"}}},
			{"startedDateTime":"2026-11-23T10:00:03.000Z","time":0,"request":{"method":"GET","url":"https://graph.microsoft.com/v1.0/failed","headers":[]},"response":{"status":0,"statusText":"","headers":[],"content":{}}}]}}`,
			[]string{"1 POST a", "2 GET b"}},
		{"azure", `{"Entries":[{"RequestUri":"https://graph.microsoft.com/v1.0/a","RequestMethod":"GET","RequestHeaders":{"Accept":"*/*","Authorization":"Bearer ` + jwt + `"},"RequestBody":null,
			"StatusCode":200,"ResponseHeaders":{"Content-Type":"application/json","Set-Cookie":["a=planted","b=planted"]},"ResponseBody":{"clientSecret":"planted","id":"1"}},
			{"RequestUri":"https://graph.microsoft.com/v1.0/b","RequestMethod":"PUT","RequestHeaders":{"Content-Type":"application/octet-stream"},"RequestBody":"AAH/","StatusCode":201,"ResponseHeaders":{"Content-Type":"text/plain"},"ResponseBody":["one\n","two"]}],
			"Variables":{"seed":"42"}}`, []string{"1 GET a", "2 PUT b"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			path := filepath.Join(t.TempDir(), "other.json")
			if err := os.WriteFile(path, []byte(c.text), 0o600); err != nil {
				t.Fatal(err)
			}
			got, _, err := tape.Import(path)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(c.want, summary(got)); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
			for _, secret := range []string{"planted", "c2lnbmF0dXJl"} {
				if strings.Contains(string(got.Bytes()), secret) {
					t.Errorf("%s is on the cassette:\n%s", secret, got.Bytes())
				}
			}
			if c.name == "azure" {
				x, _ := got.At(1)
				if x.Request.Body != "\x00\x01\xff" || x.Response.Body != "one\ntwo" || got.Variables()["seed"] != "42" {
					t.Errorf("read as %+v, variables %v", x, got.Variables())
				}
			} else if x, _ := got.At(1); x.Encoding != "gzip" || x.Response.Body != "{}" || x.Request.Headers.Get("Accept") != "*/*" {
				t.Errorf("read as %+v", x)
			}
		})
	}
}

func FuzzImport(f *testing.F) {
	for _, s := range []string{`{"log":{"entries":[]}}`, `{"Entries":[{"RequestUri":"a","RequestMethod":"b"}]}`, "---\nversion: 2\ninteractions:\n    - id: 0\n"} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		path := filepath.Join(t.TempDir(), "f")
		if err := os.WriteFile(path, b, 0o600); err != nil {
			t.Skip()
		}
		c, _, err := tape.Import(path)
		if err != nil {
			return
		}
		out, err := tape.Convert(c, tape.GoVCR1)
		if err != nil {
			t.Fatalf("what was imported does not convert: %v", err)
		}
		if err := os.WriteFile(path, out, 0o600); err != nil {
			t.Skip()
		}
		if back, err := tape.Load(path); err != nil && c.Len() > 0 || err == nil && back.Len() != c.Len() {
			t.Fatalf("what was imported does not load: %v\n%s", err, out)
		}
	})
}
