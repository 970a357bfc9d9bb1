package wire

import (
	"bufio"
	"bytes"
	"context"
	"io"
	"net/http"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// askedFor is what is compared of a request.
type askedFor struct {
	Method, Target, URL, Host string
	Header                    http.Header
	Length                    int64
	Close                     bool
	Body                      string
	Taken                     int
}

func requestByNetHTTP(b []byte) (askedFor, error) {
	in := bufio.NewReaderSize(bytes.NewReader(b), len(b)+16)
	r, err := http.ReadRequest(in)
	if err != nil {
		return askedFor{}, err
	}
	body, err := io.ReadAll(r.Body)
	return askedFor{r.Method, r.RequestURI, r.URL.String(), r.Host, r.Header, r.ContentLength, r.Close, string(body), len(b) - in.Buffered()}, err
}

func requestByAsked(b []byte) (askedFor, found) {
	k := &served{s: &Server{HeaderBytes: 8 << 10}, base: (&http.Request{Proto: "HTTP/1.1", ProtoMajor: 1, ProtoMinor: 1}).WithContext(context.Background())}
	r, n, found := k.asked(b)
	if r == nil {
		return askedFor{}, found
	}
	body, _ := io.ReadAll(r.Body)
	return askedFor{r.Method, r.RequestURI, r.URL.String(), r.Host, r.Header, r.ContentLength, r.Close, string(body), n}, found
}

var plainRequests = map[string]string{
	"a read":            "GET /v1.0/x?$select=id HTTP/1.1\r\nHost: graph.microsoft.com\r\n\r\n",
	"a change":          "PATCH /v1.0/x HTTP/1.1\r\nhost: graph.microsoft.com\r\nContent-Type: application/json\r\ncontent-length: 2\r\nauthorization: Bearer x\r\n\r\n{}",
	"a kept connection": "GET / HTTP/1.1\r\nHost: x\r\nConnection: Keep-Alive\r\n\r\n",
	"a field twice":     "GET / HTTP/1.1\r\nHost: x:443\r\nPrefer: a\r\nprefer: b\r\n\r\n",
	"another behind":    "POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 0\r\n\r\nGET /evil HTTP/1.1\r\n\r\n",
	"odd fields":        "GET /%41 HTTP/1.1\r\nHost: x\r\nX_y: \t\r\n1: \xff\r\n\r\n",
}

var otherRequests = map[string]string{
	"an older version":       "GET / HTTP/1.0\r\nHost: x\r\n\r\n",
	"HTTP/2":                 "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
	"no host":                "GET / HTTP/1.1\r\n\r\n",
	"two hosts":              "GET / HTTP/1.1\r\nHost: x\r\nHost: x\r\n\r\n",
	"an odd host":            "GET / HTTP/1.1\r\nHost: a@b\r\n\r\n",
	"absolute form":          "GET https://x/ HTTP/1.1\r\nHost: x\r\n\r\n",
	"asterisk":               "OPTIONS * HTTP/1.1\r\nHost: x\r\n\r\n",
	"CONNECT":                "CONNECT x:443 HTTP/1.1\r\nHost: x:443\r\n\r\n",
	"an odd escape":          "GET /%zz HTTP/1.1\r\nHost: x\r\n\r\n",
	"a space in the target":  "GET /a b HTTP/1.1\r\nHost: x\r\n\r\n",
	"chunks":                 "POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
	"chunks and a length":    "POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
	"two lengths":            "POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 0\r\nContent-Length: 1\r\n\r\n",
	"a signed length":        "POST / HTTP/1.1\r\nHost: x\r\nContent-Length: +1\r\n\r\nx",
	"a long body":            "POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 99999\r\n\r\nx",
	"the last one":           "GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n",
	"fields for this hop":    "GET / HTTP/1.1\r\nHost: x\r\nConnection: keep-alive, x\r\n\r\n",
	"an expectation":         "POST / HTTP/1.1\r\nHost: x\r\nExpect: 100-continue\r\nContent-Length: 1\r\n\r\nx",
	"an upgrade":             "GET / HTTP/1.1\r\nHost: x\r\nUpgrade: h2c\r\n\r\n",
	"a trailer":              "POST / HTTP/1.1\r\nHost: x\r\nTrailer: X\r\n\r\n",
	"pragma":                 "GET / HTTP/1.1\r\nHost: x\r\nPragma: no-cache\r\n\r\n",
	"a folded line":          "GET / HTTP/1.1\r\nHost: x\r\nX: a\r\n b\r\n\r\n",
	"a space before a colon": "GET / HTTP/1.1\r\nHost: x\r\nX : a\r\n\r\n",
	"a line feed":            "GET / HTTP/1.1\r\nHost: x\r\nX: a\nY: b\r\n\r\n",
	"a bare line feed":       "GET / HTTP/1.1\nHost: x\r\n\r\n",
	"a line without a feed":  "0 / HTTP/1.1\r0Host:0\r\n\r\n",
	"a carriage return":      "GET / HTTP/1.1\r\nHost: x\r\nX: a\rb\r\n\r\n",
	"a NUL":                  "GET / HTTP/1.1\r\nHost: x\r\nX: \x00\r\n\r\n",
	"a blank line before":    "\r\n\r\nGET / HTTP/1.1\r\nHost: x\r\n\r\n",
	"a long head":            "GET / HTTP/1.1\r\nHost: x\r\nX: " + strings.Repeat("a", 9<<10) + "\r\n\r\n",
	"a head without an end":  "GET / HTTP/1.1\r\nHost: x\r\nX: " + strings.Repeat("a", 9<<10),
}

func TestAskedReadsAsNetHTTPDoes(t *testing.T) {
	t.Parallel()
	for name, request := range plainRequests {
		got, found := requestByAsked([]byte(request))
		want, err := requestByNetHTTP([]byte(request))
		if found != plainRequest || err != nil {
			t.Errorf("%s: found %d; net/http: %v", name, found, err)
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("%s (-net/http +ours):\n%s", name, diff)
		}
		// Whatever is missing of it, nothing is made of it.
		for cut := range got.Taken {
			if got, found := requestByAsked([]byte(request)[:cut]); found != halfAHead && found != halfABody {
				t.Fatalf("%s, the first %d bytes: %d, %+v", name, cut, found, got)
			}
		}
	}
	for name, request := range otherRequests {
		if got, found := requestByAsked([]byte(request)); found != otherRequest {
			t.Errorf("%s: found %d: %+v", name, found, got)
		}
	}
}

// FuzzAsked holds our reader of requests against net/http's: whatever ours takes, that reads just so.
func FuzzAsked(f *testing.F) {
	for _, requests := range []map[string]string{plainRequests, otherRequests} {
		for _, request := range requests {
			f.Add([]byte(request))
		}
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		got, found := requestByAsked(b)
		if found != plainRequest {
			return
		}
		want, err := requestByNetHTTP(b)
		if err != nil {
			t.Fatalf("net/http refuses it: %v", err)
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Fatalf("-net/http +ours:\n%s", diff)
		}
	})
}

func BenchmarkAsked(b *testing.B) {
	request := []byte("PATCH /beta/deviceManagement/embeddedSIMActivationCodePools/1/assignments/2 HTTP/1.1\r\nHost: graph.microsoft.com\r\n" +
		"Authorization: Bearer " + strings.Repeat("x", 900) + "\r\nContent-Type: application/json\r\nAccept: application/json\r\nUser-Agent: bench\r\n" +
		"client-request-id: 0\r\nContent-Length: 150\r\n\r\n" + strings.Repeat("x", 150))
	k := &served{s: &Server{HeaderBytes: 8 << 10}, base: (&http.Request{}).WithContext(context.Background())}
	b.ReportAllocs()
	for b.Loop() {
		if _, _, found := k.asked(request); found != plainRequest {
			b.Fatal("not read")
		}
	}
}
