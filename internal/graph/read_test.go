package graph_test

import (
	"bufio"
	"bytes"
	"compress/flate"
	"compress/gzip"
	"compress/zlib"
	"context"
	"crypto/tls"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/andybalholm/brotli"
	"github.com/google/go-cmp/cmp"
	"github.com/klauspost/compress/zstd"

	"github.com/graphwarden/graphwarden/internal/graph"
)

const (
	groupID = "7f1b3c52-0000-4000-8000-000000000001"
	simPath = "/beta/deviceManagement/embeddedSIMActivationCodePools/pool1/assignments/a1"
)

var options = graph.ReadOptions{
	Now:   func() time.Time { return time.Date(2026, 11, 23, 10, 0, 0, 0, time.UTC) },
	NewID: func() string { return "id-1" },
}

var intercepted = graph.Connection{ConnectHost: "graph.microsoft.com", ConnectPort: 443, SNI: "graph.microsoft.com", Client: "127.0.0.1"}

// request parses raw HTTP; \n stands for CRLF in the head, and the body follows the first empty line.
func request(t testing.TB, head, body string) *http.Request {
	t.Helper()
	head = strings.ReplaceAll(strings.TrimSpace(head), "\n", "\r\n")
	r, err := http.ReadRequest(bufio.NewReader(strings.NewReader(head + "\r\n\r\n" + body)))
	if err != nil {
		t.Fatalf("parse the test's request: %v", err)
	}
	return r
}

func read(r *http.Request) (*graph.Request, error) { return graph.Read(r, intercepted, options) }

// refusalOf wants a refusal of one code whose message has a text.
func wantRefusal(t *testing.T, err error, code graph.RefusalCode, text string) {
	t.Helper()
	refusal, ok := errors.AsType[*graph.Refusal](err)
	if !ok || refusal.Code != code || !strings.Contains(refusal.Message, text) {
		t.Fatalf("error %v, want %s with %q", err, code, text)
	}
}

func TestReadSeed(t *testing.T) {
	t.Parallel()
	r := request(t, "PATCH "+simPath+"?Expand=x HTTP/1.1\nHost: Graph.Microsoft.com.:443\nAuthorization: Bearer "+rs256(`{"scp":"A","idtyp":"user"}`)+"\nContent-Type: application/json\nAccept: application/json\nContent-Length: 101", simBody)
	q, err := read(r)
	if err != nil {
		t.Fatal(err)
	}
	if len(simBody) != 101 {
		t.Errorf("the seed's body has %d bytes", len(simBody))
	}
	if q.ID != "id-1" || q.Method != "PATCH" || q.Scheme != "https" || q.Host != "graph.microsoft.com" || q.Port != 443 || q.RawTarget != simPath+"?Expand=x" {
		t.Errorf("%+v", q)
	}
	if q.Operation.Kind != graph.KindAssignment || q.Operation.Resource != "embeddedSIMActivationCodePoolAssignment" || q.Operation.Cloud != "global" {
		t.Errorf("operation %+v", q.Operation)
	}
	wantTargets := []graph.Target{{Type: "abstract", ODataType: "microsoft.graph.deviceAndAppManagementAssignmentTarget", FilterMode: "none", Pointer: "/target"}}
	if diff := cmp.Diff(wantTargets, q.Targets); diff != "" {
		t.Error(diff)
	}
	if q.Token.Type != "delegated" || q.BodyState != graph.BodyJSON || string(q.Body) != simBody {
		t.Errorf("token %+v, body %s %q", q.Token, q.BodyState, q.Body)
	}
	wantHeader := http.Header{"Authorization": r.Header["Authorization"], "Content-Type": {"application/json"}, "Accept": {"application/json"}}
	if diff := cmp.Diff(wantHeader, q.Header); diff != "" {
		t.Error(diff)
	}
}

func TestReadRefuses(t *testing.T) {
	t.Parallel()
	const get = "GET /v1.0/me HTTP/1.1\nHost: graph.microsoft.com\n"
	const patch = "PATCH " + simPath + " HTTP/1.1\nHost: graph.microsoft.com\n"
	const jsonBody = "Content-Type: application/json\nContent-Length: 2"
	tests := []struct {
		name, head, body string
		code             graph.RefusalCode // empty when it passes
		text             string
	}{
		{name: "plain get", head: get},
		{name: "plain patch", head: patch + jsonBody, body: "{}"},
		{name: "patch without body", head: patch},
		{name: "lower-case verb", head: strings.Replace(patch, "PATCH", "Patch", 1) + jsonBody, body: "{}", code: graph.MalformedRequest, text: `method "Patch"`},
		{name: "trace", head: strings.Replace(get, "GET", "TRACE", 1), code: graph.MalformedRequest, text: "method"},
		{name: "method override", head: get + "X-HTTP-Method-Override: PATCH", code: graph.MalformedRequest, text: "send the method itself"},
		{name: "method override of odata", head: get + "x-http-method: PATCH", code: graph.MalformedRequest, text: "send the method itself"},
		{name: "third method override", head: get + "X-Method-Override: PATCH", code: graph.MalformedRequest, text: "send the method itself"},
		{name: "a header of nearly that name", head: get + "X-HTTP-Methods: PATCH"},
		{name: "upgrade", head: get + "Connection: Upgrade\nUpgrade: websocket", code: graph.MalformedRequest, text: "Upgrade"},
		{name: "connection without upgrade", head: get + "Connection: keep-alive"},
		{name: "two tokens", head: get + "Authorization: Bearer a\nAuthorization: Bearer b", code: graph.MalformedRequest, text: "2 Authorization headers"},
		{name: "one token", head: get + "Authorization: Bearer a"},
		{name: "two content types", head: patch + "Content-Type: text/plain\n" + jsonBody, body: "{}", code: graph.MalformedRequest, text: "2 Content-Type headers"},
		{name: "trailer", head: patch + "Transfer-Encoding: chunked\nTrailer: X-A\nContent-Type: application/json", body: "2\r\n{}\r\n0\r\nX-A: b\r\n\r\n", code: graph.MalformedRequest, text: "trailers"},
		{name: "chunked", head: patch + "Transfer-Encoding: chunked\nContent-Type: application/json", body: "2\r\n{}\r\n0\r\n\r\n"},
		{name: "get with a body", head: get + jsonBody, body: "{}", code: graph.MalformedRequest, text: "GET with a body"},
		{name: "get with a chunked body", head: get + "Transfer-Encoding: chunked", body: "2\r\n{}\r\n0\r\n\r\n", code: graph.MalformedRequest, text: "GET with a body"},
		{name: "get with a length of nothing", head: get + "Content-Length: 0"},
		{name: "body cut short", head: patch + "Content-Type: application/json\nContent-Length: 20", body: "{}", code: graph.MalformedRequest, text: "ended early"},
		{name: "duplicate key", head: patch + "Content-Type: application/json\nContent-Length: 13", body: `{"a":1,"A":2}`, code: graph.MalformedRequest, text: "json at 1:8"},
		{name: "json with parameters", head: patch + "Content-Type: Application/JSON; Charset=\"UTF-8\"; odata.metadata=minimal\nContent-Length: 2", body: "{}"},
		{name: "json of a kind", head: patch + "Content-Type: application/merge-patch+json\nContent-Length: 1", body: "{", code: graph.MalformedRequest, text: "json at"},
		{name: "json in utf-16", head: patch + "Content-Type: application/json; charset=utf-16\nContent-Length: 2", body: "{}", code: graph.UnsupportedEncoding, text: "send UTF-8"},
		{name: "unreadable content type", head: patch + "Content-Type: application/json; charset\nContent-Length: 2", body: "{}", code: graph.MalformedRequest, text: "Content-Type"},
		{name: "unknown encoding", head: patch + "Content-Encoding: compress\n" + jsonBody, body: "{}", code: graph.UnsupportedEncoding, text: `"compress"`},
		{name: "stacked encodings", head: patch + "Content-Encoding: gzip, gzip\n" + jsonBody, body: "{}", code: graph.UnsupportedEncoding, text: "more than one"},
		{name: "stacked headers", head: patch + "Content-Encoding: gzip\nContent-Encoding: gzip\n" + jsonBody, body: "{}", code: graph.UnsupportedEncoding, text: "more than one"},
		{name: "identity", head: patch + "Content-Encoding: identity\n" + jsonBody, body: "{}"},
		{name: "not the gzip it says", head: patch + "Content-Encoding: gzip\n" + jsonBody, body: "{}", code: graph.MalformedRequest, text: "not the gzip"},
		{name: "other host", head: strings.Replace(get, "graph.microsoft.com", "graph.microsoft.us", 1), code: graph.MisdirectedRequest, text: "address one server"},
		{name: "other port", head: strings.Replace(get, "graph.microsoft.com", "graph.microsoft.com:8443", 1), code: graph.MisdirectedRequest, text: "8443"},
		{name: "same host spelled otherwise", head: strings.Replace(get, "graph.microsoft.com", "GRAPH.microsoft.com.:443", 1)},
		{name: "user in the host", head: strings.Replace(get, "graph.microsoft.com", "a@graph.microsoft.com", 1), code: graph.MalformedRequest, text: "no host"},
		{name: "port that is no number", head: strings.Replace(get, "graph.microsoft.com", "graph.microsoft.com:x", 1), code: graph.MalformedRequest, text: "no host"},
		{name: "ipv6 host", head: strings.Replace(get, "graph.microsoft.com", "[::1]:443", 1), code: graph.MisdirectedRequest, text: "[::1]:443"},
		{name: "open ipv6 host", head: strings.Replace(get, "graph.microsoft.com", "[::1", 1), code: graph.MalformedRequest, text: "no host"},
		{name: "no port behind the colon", head: strings.Replace(get, "graph.microsoft.com", "graph.microsoft.com:", 1)},
		{name: "absolute form", head: strings.Replace(get, "/v1.0", "https://graph.microsoft.com/v1.0", 1)},
		{name: "absolute form to another host", head: strings.Replace(get, "/v1.0", "https://graph.microsoft.us/v1.0", 1), code: graph.MisdirectedRequest, text: "address one server"},
		{name: "absolute form in plain http", head: strings.Replace(get, "/v1.0", "http://graph.microsoft.com:443/v1.0", 1), code: graph.MalformedRequest, text: "use https"},
		{name: "absolute form with a user", head: strings.Replace(get, "/v1.0", "https://a:b@graph.microsoft.com/v1.0", 1), code: graph.MalformedRequest, text: "user name"},
		{name: "ambiguous path on a write", head: strings.Replace(patch, "/assignments", "//assignments", 1) + jsonBody, body: "{}", code: graph.MalformedRequest},
		{name: "ambiguous path on a read", head: strings.Replace(get, "/v1.0", "/v1.0/", 1)},
		{name: "asterisk", head: "OPTIONS * HTTP/1.1\nHost: graph.microsoft.com", code: graph.MalformedRequest, text: "request target"},
		{name: "preflight", head: "OPTIONS /v1.0/me HTTP/1.1\nHost: graph.microsoft.com\nOrigin: https://app.example"},
		{name: "batch below the root", head: "POST /v1.0/me/$batch HTTP/1.1\nHost: graph.microsoft.com\n" + jsonBody, body: "{}", code: graph.MalformedRequest, text: "below the root"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			q, err := read(request(t, tt.head, tt.body))
			if tt.code != "" {
				wantRefusal(t, err, tt.code, tt.text)
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			if q.Host != "graph.microsoft.com" || q.Port != 443 || q.Scheme != "https" {
				t.Errorf("addressed to %s://%s:%d", q.Scheme, q.Host, q.Port)
			}
		})
	}
}

// What net/http has already sorted out can still come from a caller in the same process.
func TestReadRefusesBuiltRequests(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name   string
		change func(*http.Request)
		code   graph.RefusalCode
		text   string
	}{
		{"unchanged", func(*http.Request) {}, "", ""},
		{"both framings", func(r *http.Request) {
			r.TransferEncoding = []string{"chunked"}
			r.Header["Content-Length"] = []string{"2"}
		}, graph.MalformedRequest, "both"},
		{"one header in two spellings", func(r *http.Request) {
			r.Header["authorization"] = []string{"Bearer a"}
			r.Header["Authorization"] = []string{"Bearer b"}
		}, graph.MalformedRequest, "two spellings"},
		{"host among the headers twice", func(r *http.Request) { r.Header["Host"] = []string{"a", "b"} }, graph.MalformedRequest, "2 Host"},
		{"no host at all", func(r *http.Request) { r.Host, r.URL.Host, r.URL.Scheme = "", "", "" }, graph.MalformedRequest, "no host"},
		{"plain", func(r *http.Request) { r.URL.Scheme = "http" }, graph.MalformedRequest, "use https"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			r, err := http.NewRequest("PATCH", "https://graph.microsoft.com"+simPath, strings.NewReader("{}"))
			if err != nil {
				t.Fatal(err)
			}
			tt.change(r)
			q, err := graph.Read(r, graph.Connection{}, options)
			if tt.code != "" {
				wantRefusal(t, err, tt.code, tt.text)
				return
			}
			if err != nil || q.Path.String() != simPath || q.Host != "graph.microsoft.com" {
				t.Fatalf("%v, %+v", err, q)
			}
		})
	}
}

func TestReadConnection(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name string
		conn graph.Connection
		tls  bool
		code graph.RefusalCode
	}{
		{"all agree", intercepted, true, ""},
		{"case and dot", graph.Connection{ConnectHost: "GRAPH.microsoft.com.", ConnectPort: 443, SNI: "graph.MICROSOFT.com"}, true, ""},
		{"no server name", graph.Connection{ConnectHost: "graph.microsoft.com", ConnectPort: 443}, true, ""},
		{"other server name", graph.Connection{ConnectHost: "graph.microsoft.com", ConnectPort: 443, SNI: "login.microsoftonline.com"}, true, graph.MisdirectedRequest},
		{"other connect host", graph.Connection{ConnectHost: "graph.microsoft.us", ConnectPort: 443, SNI: "graph.microsoft.com"}, true, graph.MisdirectedRequest},
		{"other connect port", graph.Connection{ConnectHost: "graph.microsoft.com", ConnectPort: 8443}, true, graph.MisdirectedRequest},
		{"tls without connect", graph.Connection{}, true, ""},
		{"neither", graph.Connection{}, false, graph.MalformedRequest},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			r := request(t, "GET /v1.0/me HTTP/1.1\nHost: graph.microsoft.com", "")
			if tt.tls {
				r.TLS = &tls.ConnectionState{}
			}
			_, err := graph.Read(r, tt.conn, options)
			if tt.code != "" {
				wantRefusal(t, err, tt.code, "")
			} else if err != nil {
				t.Fatal(err)
			}
		})
	}
}

func TestReadHeaderEndsHopByHop(t *testing.T) {
	t.Parallel()
	q, err := read(request(t, `
GET /v1.0/me HTTP/1.1
Host: graph.microsoft.com
Connection: keep-alive, X-Mine
Keep-Alive: timeout=5
Proxy-Authorization: Basic c2VjcmV0
Proxy-Connection: keep-alive
Proxy-Anything: x
TE: trailers
Expect: 100-continue
X-Mine: gone
X-Other: stays
Accept-Encoding: gzip`, ""))
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(http.Header{"X-Other": {"stays"}, "Accept-Encoding": {"gzip"}}, q.Header); diff != "" {
		t.Error(diff)
	}
}

func TestReadBodyState(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name, contentType, body string
		want                    graph.BodyState
	}{
		{"json", "application/json", "{}", graph.BodyJSON},
		{"no header but json", "", "{}", graph.BodyJSON},
		{"no header and no json", "", "x", graph.BodyOpaque},
		{"text that is json", "text/plain", "{}", graph.BodyOpaque},
		{"multipart", "multipart/form-data; boundary=x", "--x--", graph.BodyOpaque},
		{"nothing", "application/json", "", graph.BodyNone},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			r, err := http.NewRequest("PUT", "https://graph.microsoft.com/v1.0/me/photo/$value", strings.NewReader(tt.body))
			if err != nil {
				t.Fatal(err)
			}
			if tt.contentType != "" {
				r.Header.Set("Content-Type", tt.contentType)
			}
			q, err := graph.Read(r, graph.Connection{}, options)
			if err != nil {
				t.Fatal(err)
			}
			if q.BodyState != tt.want || (q.JSON != nil) != (tt.want == graph.BodyJSON) || (q.Body == nil) != (tt.want == graph.BodyNone) {
				t.Errorf("state %s, json %v, body %q", q.BodyState, q.JSON, q.Body)
			}
		})
	}
}

// compressors write a body in each encoding that is read.
var compressors = map[string]func(io.Writer) io.WriteCloser{
	"gzip":    func(w io.Writer) io.WriteCloser { return gzip.NewWriter(w) },
	"x-gzip":  func(w io.Writer) io.WriteCloser { return gzip.NewWriter(w) },
	"GZip":    func(w io.Writer) io.WriteCloser { return gzip.NewWriter(w) },
	"deflate": func(w io.Writer) io.WriteCloser { return zlib.NewWriter(w) },
	"Deflate": func(w io.Writer) io.WriteCloser { f, _ := flate.NewWriter(w, 6); return f }, // raw, as some clients send it
	"br":      func(w io.Writer) io.WriteCloser { return brotli.NewWriter(w) },
	"zstd":    func(w io.Writer) io.WriteCloser { z, _ := zstd.NewWriter(w); return z },
}

func compressed(t testing.TB, encoding string, chunk []byte, times int) []byte {
	t.Helper()
	var b bytes.Buffer
	w := compressors[encoding](&b)
	for range times {
		if _, err := w.Write(chunk); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

func encodedRequest(t testing.TB, encoding string, body []byte) *http.Request {
	t.Helper()
	r, err := http.NewRequest("PATCH", "https://graph.microsoft.com"+simPath, bytes.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("Content-Type", "application/json")
	r.Header.Set("Content-Encoding", encoding)
	return r
}

func TestReadDecodes(t *testing.T) {
	t.Parallel()
	for encoding := range compressors {
		t.Run(encoding, func(t *testing.T) {
			t.Parallel()
			sent := compressed(t, encoding, []byte(simBody), 1)
			q, err := graph.Read(encodedRequest(t, encoding, sent), graph.Connection{}, options)
			if err != nil {
				t.Fatal(err)
			}
			if string(q.Body) != simBody || q.Header["Content-Encoding"] != nil || len(q.Targets) != 1 {
				t.Errorf("body %q, header %v, targets %v", q.Body, q.Header, q.Targets)
			}
			for name, bad := range map[string][]byte{"with more behind": append(bytes.Clone(sent), "{}"...), "cut short": sent[:len(sent)-1]} {
				_, err := graph.Read(encodedRequest(t, encoding, bad), graph.Connection{}, options)
				if _, ok := errors.AsType[*graph.Refusal](err); !ok {
					t.Errorf("%s: %v", name, err)
				}
			}
		})
	}
}

// Ten megabytes of zeros in some kilobytes: refused, and no more memory spent than the limit needs.
func TestReadBomb(t *testing.T) {
	for encoding := range compressors {
		bomb := compressed(t, encoding, make([]byte, 1<<20), 10)
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		_, err := graph.Read(encodedRequest(t, encoding, bomb), graph.Connection{}, graph.ReadOptions{MaxBody: 1 << 20})
		runtime.ReadMemStats(&after)
		wantRefusal(t, err, graph.RequestTooLarge, "over 1048576 bytes")
		if spent := after.TotalAlloc - before.TotalAlloc; spent > 16<<20 {
			t.Errorf("%s: a bomb of %d bytes cost %d bytes", encoding, len(bomb), spent)
		}
	}
}

// endless never stops, and counts what was taken of it.
type endless struct{ taken int }

func (e *endless) Read(p []byte) (int, error) { e.taken += len(p); return len(p), nil }
func (e *endless) Close() error               { return nil }

func TestReadBounds(t *testing.T) {
	t.Parallel()
	o := options
	o.MaxBody = 1000
	body := `"` + strings.Repeat("x", 998) + `"`
	for _, tt := range []struct {
		body string
		code graph.RefusalCode
	}{{body, ""}, {body + " ", graph.RequestTooLarge}} {
		_, err := graph.Read(encodedRequest(t, "identity", []byte(tt.body)), graph.Connection{}, o)
		if tt.code == "" && err != nil {
			t.Fatal(err)
		} else if tt.code != "" {
			wantRefusal(t, err, tt.code, "over 1000 bytes")
		}
	}

	e := &endless{}
	r := encodedRequest(t, "identity", nil)
	r.Body, r.ContentLength = e, -1
	_, err := graph.Read(r, graph.Connection{}, o)
	wantRefusal(t, err, graph.RequestTooLarge, "")
	if e.taken > 4000 {
		t.Errorf("read %d bytes of a body over 1000", e.taken)
	}

	e = &endless{}
	r.Body, r.ContentLength = e, 1001
	_, err = graph.Read(r, graph.Connection{}, o)
	wantRefusal(t, err, graph.RequestTooLarge, "")
	if e.taken > 0 {
		t.Errorf("read %d bytes of a body announced as too large", e.taken)
	}
}

func TestReadEmbedded(t *testing.T) {
	t.Parallel()
	const pools = "/beta/deviceManagement/embeddedSIMActivationCodePools"
	const inline = `{"displayName":"x","assignments":[{"target":{"@odata.type":"#microsoft.graph.groupAssignmentTarget","groupId":"` + groupID + `"}}]}`
	tests := []struct {
		name, method, path, body string
		embedded                 bool
		operation, pointer       string
	}{
		{"update", "PATCH", pools + "/pool1", inline, true, "update", "/assignments/0/target"},
		{"create", "POST", pools, inline, true, "create", "/assignments/0/target"},
		{"in another case", "PATCH", pools + "/pool1", strings.Replace(inline, "assignments", "Assignments", 1), true, "update", "/Assignments/0/target"},
		{"two levels up", "PATCH", "/beta/deviceManagement", `{"embeddedSIMActivationCodePools":[` + inline + `]}`, true, "update", "/embeddedSIMActivationCodePools/0/assignments/0/target"},
		{"no assignments", "PATCH", pools + "/pool1", `{"displayName":"assignments"}`, false, "", ""},
		{"assignments of something else", "PATCH", "/beta/me/messages/m1", `{"assignments":[]}`, false, "", ""},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			r, err := http.NewRequest(tt.method, "https://graph.microsoft.com"+tt.path, strings.NewReader(tt.body))
			if err != nil {
				t.Fatal(err)
			}
			q, err := graph.Read(r, graph.Connection{}, options)
			if err != nil {
				t.Fatal(err)
			}
			if q.Operation.Embedded != tt.embedded {
				t.Fatalf("operation %+v", q.Operation)
			}
			if !tt.embedded {
				if len(q.Targets) != 0 || q.Operation.Kind == graph.KindAssignment {
					t.Errorf("operation %+v, targets %v", q.Operation, q.Targets)
				}
				return
			}
			op := q.Operation
			if op.Kind != graph.KindAssignment || op.Effect != graph.EffectReplace || op.Name != tt.operation || op.Resource != "embeddedSIMActivationCodePoolAssignment" {
				t.Errorf("operation %+v", op)
			}
			if len(q.Targets) != 1 || q.Targets[0].Pointer != tt.pointer || q.Targets[0].ID != groupID {
				t.Errorf("targets %+v", q.Targets)
			}
		})
	}
}

func TestContext(t *testing.T) {
	t.Parallel()
	q := &graph.Request{ID: "1"}
	if got, ok := graph.FromContext(graph.NewContext(context.Background(), q)); !ok || got != q {
		t.Errorf("got %v, %v", got, ok)
	}
	if _, ok := graph.FromContext(context.Background()); ok {
		t.Error("a request out of nowhere")
	}
}

// Whatever comes off the wire is refused with a known code or read into something consistent.
func FuzzRead(f *testing.F) {
	seed := func(head, body string) {
		f.Add([]byte(strings.ReplaceAll(head, "\n", "\r\n") + "\r\n\r\n" + body))
	}
	seed("PATCH "+simPath+" HTTP/1.1\nHost: graph.microsoft.com\nContent-Type: application/json\nContent-Length: 101", simBody)
	seed("POST /v1.0/$batch HTTP/1.1\nHost: graph.microsoft.com\nContent-Type: application/json\nContent-Length: 61", `{"requests":[{"id":"1","method":"GET","url":"/me","body":null}]}`)
	seed("GET https://graph.microsoft.com/v1.0/me HTTP/1.1\nHost: graph.microsoft.com\nConnection: x", "")
	seed("PATCH /beta//x HTTP/1.1\nHost: graph.microsoft.com\nTransfer-Encoding: chunked", "2\r\n{}\r\n0\r\n\r\n")
	f.Fuzz(func(t *testing.T, raw []byte) {
		r, err := http.ReadRequest(bufio.NewReader(bytes.NewReader(raw)))
		if err != nil {
			return
		}
		q, err := read(r)
		if err != nil {
			refusal, ok := errors.AsType[*graph.Refusal](err)
			if !ok || refusal.Code.Status() >= 500 {
				t.Fatalf("error %v", err)
			}
			if !json.Valid(refusal.Body(graph.Meta{ID: "1"})) {
				t.Fatalf("invalid refusal body for %v", err)
			}
			return
		}
		if q.Host != "graph.microsoft.com" || q.Scheme != "https" || (q.BodyState == graph.BodyNone) != (q.Body == nil) {
			t.Fatalf("%+v", q)
		}
		for _, name := range []string{"Connection", "Transfer-Encoding", "Content-Length", "Content-Encoding", "Upgrade", "X-Http-Method"} {
			if q.Header[name] != nil {
				t.Fatalf("header %s was kept", name)
			}
		}
	})
}

func BenchmarkRead(b *testing.B) {
	body := strings.NewReader(simBody)
	closer := io.NopCloser(body)
	r := request(b, "PATCH "+simPath+" HTTP/1.1\nHost: graph.microsoft.com\nAuthorization: Bearer "+graphToken+"\nContent-Type: application/json\nAccept: application/json\nUser-Agent: bench\nContent-Length: 101", simBody)
	b.ReportAllocs()
	for b.Loop() {
		body.Reset(simBody)
		r.Body = closer
		if _, err := graph.Read(r, intercepted, graph.ReadOptions{}); err != nil {
			b.Fatal(err)
		}
	}
}
