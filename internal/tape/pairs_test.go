package tape_test

import (
	"bytes"
	"encoding/json"
	"os"
	"path/filepath"
	"strconv"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/graphwarden/graphwarden/internal/tape"
	"gopkg.in/yaml.v3"
)

// foreignFiles are as other programs write them, with what our format has no place for, and without a secret.
var foreignFiles = map[string]struct {
	format tape.Format
	text   string
}{
	"browser": {tape.HAR, `{"log":{"version":"1.2","creator":{"name":"Firefox","version":"149.0"},"browser":{"name":"Firefox","version":"149.0"},
		"pages":[{"id":"page_1","startedDateTime":"2026-11-23T10:00:00.000+01:00","title":"Intune & more","pageTimings":{"onLoad":12}}],"_odd":null,
		"entries":[
		{"startedDateTime":"2026-11-23T11:00:02.123+01:00","time":31.5,"pageref":"page_1","serverIPAddress":"20.0.0.1","_priority":"High","connection":null,
		 "request":{"method":"GET","url":"https://graph.microsoft.com/v1.0/b?$top=2&x=%20y","httpVersion":"HTTP/2","headers":[{"name":":method","value":"GET"},{"name":"accept","value":"*/*"},{"name":"Prefer","value":"a"},{"name":"prefer","value":"b"}],
			"queryString":[{"name":"$top","value":"2"},{"name":"x","value":" y"}],"cookies":[],"headersSize":120,"bodySize":0},
		 "response":{"status":200,"statusText":"","httpVersion":"HTTP/2","cookies":[],"headers":[{"name":"content-encoding","value":"gzip"},{"name":"content-type","value":"application/json"}],"redirectURL":"","headersSize":99,"bodySize":17,
			"content":{"size":9,"compression":-8,"mimeType":"application/json","text":"{\"a\":\"\\u00e9\"}"}},
		 "cache":{},"timings":{"blocked":1,"dns":-1,"connect":-1,"send":0,"wait":30.5,"receive":0,"ssl":-1}},
		{"startedDateTime":"2026-11-23T10:00:01.000Z","time":5.25,"request":{"method":"POST","url":"https://graph.microsoft.com/v1.0/a","headers":[{"name":"Content-Type","value":"application/x-www-form-urlencoded"}],"queryString":[],
			"postData":{"mimeType":"application/x-www-form-urlencoded","params":[{"name":"a b","value":"1&2"}]}},
		 "response":{"status":204,"statusText":"No Content","headers":[],"content":{"size":0,"mimeType":"x-unknown"}}},
		{"startedDateTime":"2026-11-23T10:00:03.000Z","time":0,"request":{"method":"GET","url":"https://graph.microsoft.com/v1.0/failed","headers":[]},"response":{"status":0,"statusText":"","headers":[],"content":{}}},
		{"startedDateTime":"2026-11-23T10:00:04.000Z","time":-1,"request":{"method":"GET","url":"https://graph.microsoft.com/v1.0/photo","headers":[]},
		 "response":{"status":200,"statusText":"OK","headers":[{"name":"Content-Type","value":"image/png"}],"content":{"size":4,"mimeType":"image/png","text":"/9j/AA==","encoding":"base64"}}}]}}`},
	"sdk": {tape.Azure, `{"Entries":[
		{"RequestUri":"https://graph.microsoft.com/v1.0/a","RequestMethod":"PATCH","RequestHeaders":{"Accept":"application/json","Content-Type":"application/json","Prefer":["a","b"]},"RequestBody":{"z":1.0,"a":[1e3,"x"]},
		 "StatusCode":200,"ResponseHeaders":{"Content-Type":"application/json; odata.metadata=minimal","Date":"Mon, 23 Nov 2026 10:00:00 GMT"},"ResponseBody":{"z":{"b":1,"a":2},"value":[]},"IsHttp2":true},
		{"RequestUri":"https://graph.microsoft.com/v1.0/b","RequestMethod":"PUT","RequestHeaders":{"Content-Type":"application/octet-stream"},"RequestBody":"AAH/","StatusCode":201,"ResponseHeaders":{"content-type":"text/plain"},"ResponseBody":["one\n","two"]},
		{"RequestUri":"https://graph.microsoft.com/v1.0/c","RequestMethod":"GET","RequestHeaders":{},"RequestBody":null,"StatusCode":204,"ResponseHeaders":{},"ResponseBody":[]}],
		"Variables":{"seed":"42","odd":"a\nb: ["},"Extra":{"x":null}}`},
	"vcr4": {tape.GoVCR2, `---
version: 2
other: [1, {a: null}]
interactions:
    - id: 7
      mine: yes
      request:
        proto: HTTP/2.0
        proto_major: 2
        proto_minor: 0
        content_length: 2
        transfer_encoding:
            - chunked
        trailer: {}
        host: graph.microsoft.com
        remote_addr: 10.0.0.1:5
        body: hi
        form:
            q:
                - "1"
        headers:
            Prefer:
                - v
        url: https://graph.microsoft.com/v1.0/a?q=1
        method: POST
      response:
        proto: HTTP/2.0
        proto_major: 2
        proto_minor: 0
        trailer:
            X-Sum:
                - "9"
        content_length: -1
        uncompressed: true
        body: !!binary /9j/AA==
        headers: {}
        status: 200 OK
        code: 200
        duration: 1.5ms
---
variables:
    seed: "42"
other: [1, 2]
`},
}

// meaning is what a file says, apart from its layout.
func meaning(t *testing.T, format tape.Format, text []byte) any {
	t.Helper()
	var v any
	switch format {
	case tape.GoVCR1:
		return string(text)
	case tape.GoVCR2:
		d := yaml.NewDecoder(bytes.NewReader(text))
		var docs []any
		for d.Decode(&v) == nil {
			docs, v = append(docs, v), nil
		}
		return docs
	}
	if err := json.Unmarshal(text, &v); err != nil {
		t.Fatalf("%v in\n%s", err, text)
	}
	return v
}

func convert(t *testing.T, text []byte, to tape.Format) []byte {
	t.Helper()
	path := filepath.Join(t.TempDir(), "in")
	if err := os.WriteFile(path, text, 0o600); err != nil {
		t.Fatal(err)
	}
	c, _, err := tape.Import(path)
	if err != nil {
		t.Fatalf("%v in\n%s", err, text)
	}
	out, err := tape.Convert(c, to)
	if err != nil {
		t.Fatal(err)
	}
	return out
}

func TestEveryPairThereAndBack(t *testing.T) {
	t.Parallel()
	odd, err := os.ReadFile(corpus(t))
	if err != nil {
		t.Fatal(err)
	}
	here, err := os.ReadFile(recorded(t, echo, request(t, "GET", "/v1.0/a", ""), request(t, "PATCH", route, `{"a":1}`)))
	if err != nil {
		t.Fatal(err)
	}
	type file struct {
		format tape.Format
		text   []byte
	}
	files := map[string]file{"corpus": {tape.GoVCR1, odd}, "recorded": {tape.GoVCR1, here}}
	for name, f := range foreignFiles {
		files[name] = file{f.format, []byte(f.text)}
	}
	for _, f := range tape.Formats()[1:] { // a cassette of ours, in each other format, is a file of that format too
		files["corpus as "+string(f)] = file{f, convert(t, odd, f)}
	}
	for name, a := range files {
		for _, b := range tape.Formats() {
			t.Run(name+"/"+string(b), func(t *testing.T) {
				t.Parallel()
				there := convert(t, a.text, b)
				back := convert(t, there, a.format)
				if diff := cmp.Diff(meaning(t, a.format, a.text), meaning(t, a.format, back)); diff != "" {
					t.Errorf("to %s and back (-was +is):\n%s\nby way of\n%s", b, diff, there)
				}
			})
		}
	}
}

// TestEditsSurvive changes what was imported, and expects the change where the file's own value would else come back.
func TestEditsSurvive(t *testing.T) {
	t.Parallel()
	for name, f := range foreignFiles {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			path := filepath.Join(t.TempDir(), "one.yaml")
			if err := os.WriteFile(path, convert(t, []byte(f.text), tape.GoVCR1), 0o600); err != nil {
				t.Fatal(err)
			}
			c := load(t, path)
			x, err := c.At(0)
			if err != nil {
				t.Fatal(err)
			}
			x.Request.Headers.Set("Prefer", "edited")
			x.Response.Body, x.Response.Code, x.Response.Status = `{"edited":true}`, 418, "418 I'm a teapot"
			c.Set(0, x)
			out, err := tape.Convert(c, f.format)
			if err != nil {
				t.Fatal(err)
			}
			if err := os.WriteFile(path, out, 0o600); err != nil {
				t.Fatal(err)
			}
			again, _, err := tape.Import(path)
			if err != nil {
				t.Fatal(err)
			}
			y, _ := again.At(0)
			if y.Response.Body != x.Response.Body || y.Response.Code != 418 || y.Request.Headers.Get("Prefer") != "edited" {
				t.Errorf("the edit is lost: %+v\n%s", y, out)
			}
		})
	}
}

func FuzzConvert(f *testing.F) {
	for _, file := range foreignFiles {
		f.Add([]byte(file.text))
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		path := filepath.Join(t.TempDir(), "f")
		if err := os.WriteFile(path, b, 0o600); err != nil {
			t.Skip()
		}
		c, _, err := tape.Import(path)
		if err != nil || c.Len() == 0 {
			return
		}
		one, err := tape.Convert(c, tape.GoVCR1)
		if err != nil {
			t.Fatalf("what was imported does not convert: %v", err)
		}
		// What is sound in every field comes back byte for byte, which TestEveryPairThereAndBack holds; of what is not, at least the
		// exchange itself does.
		want := exchanges(t, one)
		for _, to := range tape.Formats()[1:] {
			if diff := cmp.Diff(want, exchanges(t, convert(t, convert(t, one, to), tape.GoVCR1))); diff != "" {
				t.Fatalf("to %s and back (-was +is):\n%s", to, diff)
			}
		}
	})
}

// exchanges are what was sent and answered on a cassette.
func exchanges(t *testing.T, file []byte) (list [][5]string) {
	t.Helper()
	path := filepath.Join(t.TempDir(), "c.yaml")
	if err := os.WriteFile(path, file, 0o600); err != nil {
		t.Fatal(err)
	}
	c, err := tape.Load(path)
	if err != nil {
		t.Fatal(err)
	}
	for i := range c.Len() {
		x, err := c.At(i)
		if err != nil {
			t.Fatal(err)
		}
		list = append(list, [5]string{x.Request.Method, x.Request.URL, x.Request.Body, strconv.Itoa(x.Response.Code), x.Response.Body})
	}
	return list
}
