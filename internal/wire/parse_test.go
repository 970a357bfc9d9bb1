package wire

import (
	"bufio"
	"bytes"
	"io"
	"net/http"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// read is what is compared of an answer.
type read struct {
	Status   string
	Code     int
	Proto    string
	Header   http.Header
	Length   int64
	Transfer []string
	Body     string
	Taken    int
}

func byNetHTTP(method string, b []byte) (read, error) {
	in := bufio.NewReaderSize(bytes.NewReader(b), len(b)+16)
	resp, err := http.ReadResponse(in, &http.Request{Method: method})
	if err != nil {
		return read{}, err
	}
	body, err := io.ReadAll(resp.Body)
	return read{resp.Status, resp.StatusCode, resp.Proto, resp.Header, resp.ContentLength, resp.TransferEncoding, string(body), len(b) - in.Buffered()}, err
}

func byWhole(method string, b []byte) (read, bool) {
	resp, n, ok := whole(&http.Request{Method: method}, b)
	if !ok {
		return read{}, false
	}
	body, _ := io.ReadAll(resp.Body)
	return read{resp.Status, resp.StatusCode, resp.Proto, resp.Header, resp.ContentLength, resp.TransferEncoding, string(body), n}, true
}

var plainAnswers = map[string]string{
	"a length":       "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 2\r\nrequest-id: x\r\n\r\n{}",
	"no content":     "HTTP/1.1 204 No Content\r\nDate: now\r\n\r\n",
	"chunks":         "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\n{}\r\n1\r\n \r\n0\r\n\r\n",
	"a field twice":  "HTTP/1.1 200 OK\r\nvary: a\r\nVary: b\r\nVary: c\r\nContent-Length: 0\r\n\r\n",
	"an empty field": "HTTP/1.1 404 Not Found\r\nX-Odd-Name: \r\nx_y:\t z \t\r\nContent-Length: 1\r\n\r\nx",
	"another behind": "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}HTTP/1.1 500 evil\r\n\r\n",
	"unmodified":     "HTTP/1.1 304 Not Modified\r\nContent-Length: 0\r\nETag: \"1\"\r\n\r\n",
}

// These net/http may read, or refuse; they are none of ours.
var otherAnswers = map[string]string{
	"half a head":             "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n",
	"half a body":             "HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\n{}",
	"half of the chunks":      "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\n{}\r\n",
	"until the end":           "HTTP/1.1 200 OK\r\n\r\n{}",
	"another version":         "HTTP/1.0 200 OK\r\nContent-Length: 2\r\n\r\n{}",
	"informational":           "HTTP/1.1 103 Early Hints\r\nContent-Length: 0\r\n\r\n",
	"two lengths":             "HTTP/1.1 200 OK\r\nContent-Length: 2\r\nContent-Length: 3\r\n\r\n{} ",
	"a signed length":         "HTTP/1.1 200 OK\r\nContent-Length: +2\r\n\r\n{}",
	"a length below zero":     "HTTP/1.1 200 OK\r\nContent-Length: -2\r\n\r\n{}",
	"a length and chunks":     "HTTP/1.1 200 OK\r\nContent-Length: 2\r\nTransfer-Encoding: chunked\r\n\r\n2\r\n{}\r\n0\r\n\r\n",
	"two encodings":           "HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n",
	"chunks announced twice":  "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
	"a trailer":               "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0\r\nX: y\r\n\r\n",
	"an announced trailer":    "HTTP/1.1 200 OK\r\nTrailer: X\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
	"an extension":            "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2;x=y\r\n{}\r\n0\r\n\r\n",
	"a chunk that is longer":  "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1\r\n{}\r\n0\r\n\r\n",
	"a folded line":           "HTTP/1.1 200 OK\r\nX: a\r\n b\r\nContent-Length: 0\r\n\r\n",
	"a bare line feed":        "HTTP/1.1 200 OK\nContent-Length: 0\r\n\r\n",
	"a line feed in a field":  "HTTP/1.1 200 OK\r\nX: a\nY: b\r\nContent-Length: 0\r\n\r\n",
	"a space before a colon":  "HTTP/1.1 200 OK\r\nContent-Length : 0\r\n\r\n",
	"no name":                 "HTTP/1.1 200 OK\r\n: x\r\nContent-Length: 0\r\n\r\n",
	"a NUL":                   "HTTP/1.1 200 OK\r\nX: a\x00\r\nContent-Length: 0\r\n\r\n",
	"a status of two digits":  "HTTP/1.1 20 OK\r\nContent-Length: 0\r\n\r\n",
	"a status of four digits": "HTTP/1.1 2000 OK\r\nContent-Length: 0\r\n\r\n",
	"the last one":            "HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 0\r\n\r\n",
	"no content with some":    "HTTP/1.1 204 No Content\r\nContent-Length: 2\r\n\r\n{}",
}

func TestWholeReadsAsNetHTTPDoes(t *testing.T) {
	t.Parallel()
	for name, answer := range plainAnswers {
		got, ok := byWhole(http.MethodPatch, []byte(answer))
		want, err := byNetHTTP(http.MethodPatch, []byte(answer))
		if !ok || err != nil {
			t.Errorf("%s: read %v; net/http: %v", name, ok, err)
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("%s (-net/http +ours):\n%s", name, diff)
		}
		if _, ok := byWhole(http.MethodHead, []byte(answer)); ok {
			t.Errorf("%s: read as the answer to a HEAD", name)
		}
	}
	for name, answer := range otherAnswers {
		if got, ok := byWhole(http.MethodPatch, []byte(answer)); ok {
			t.Errorf("%s: read as %+v", name, got)
		}
	}
}

// FuzzWhole holds our reader of answers against net/http's: whatever ours takes, that reads just so.
func FuzzWhole(f *testing.F) {
	for _, answers := range []map[string]string{plainAnswers, otherAnswers} {
		for _, answer := range answers {
			f.Add([]byte(answer))
		}
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		got, ok := byWhole(http.MethodPatch, b)
		if !ok {
			return
		}
		want, err := byNetHTTP(http.MethodPatch, b)
		if err != nil {
			t.Fatalf("net/http refuses it: %v", err)
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Fatalf("-net/http +ours:\n%s", diff)
		}
	})
}

func BenchmarkWhole(b *testing.B) {
	answer := []byte("HTTP/1.1 200 OK\r\nContent-Type: application/json;odata.metadata=minimal\r\nrequest-id: 0\r\nclient-request-id: 0\r\n" +
		"Cache-Control: no-cache\r\nStrict-Transport-Security: max-age=31536000\r\nDate: Mon, 01 Jan 2024 00:00:00 GMT\r\nContent-Length: 230\r\n\r\n" + strings.Repeat("x", 230))
	r := &http.Request{Method: http.MethodPatch}
	b.ReportAllocs()
	for b.Loop() {
		if _, _, ok := whole(r, answer); !ok {
			b.Fatal("not read")
		}
	}
}
