package tape

import (
	"fmt"
	"io"
	"net/http"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/graphwarden/graphwarden/internal/graph"
)

const benchAnswer = `{"@odata.context":"https://graph.microsoft.com/beta/$metadata#x","@odata.type":"#microsoft.graph.embeddedSIMActivationCodePoolAssignment",` +
	`"id":"e7304dcc-4dcc-e730-cc4d-30e7cc4d30e7","target":{"@odata.type":"#microsoft.graph.groupAssignmentTarget"}}`

// graphAnswers is an origin that answers as Graph does.
type graphAnswers struct{ header http.Header }

func newGraphAnswers() graphAnswers {
	return graphAnswers{http.Header{
		"Content-Type":              {"application/json;odata.metadata=minimal;odata.streaming=true;IEEE754Compatible=false;charset=utf-8"},
		"Cache-Control":             {"no-cache"},
		"Vary":                      {"Accept-Encoding"},
		"Strict-Transport-Security": {"max-age=31536000"},
		"Request-Id":                {"0d5f1c6e-4a07-4d5b-9c0f-2f6a3a0f8f11"},
		"Client-Request-Id":         {"0d5f1c6e-4a07-4d5b-9c0f-2f6a3a0f8f11"},
		"X-Ms-Ags-Diagnostic":       {`{"ServerInfo":{"DataCenter":"West Europe","Slice":"E","Ring":"5","ScaleUnit":"004","RoleInstance":"AM2PEPF0001"}}`},
		"Odata-Version":             {"4.0"},
		"Date":                      {"Mon, 23 Nov 2026 10:00:00 GMT"},
		"Content-Length":            {fmt.Sprint(len(benchAnswer))},
	}}
}

func (g graphAnswers) RoundTrip(r *http.Request) (*http.Response, error) {
	return &http.Response{Status: "200 OK", StatusCode: 200, Proto: "HTTP/1.1", ProtoMajor: 1, ProtoMinor: 1, Header: g.header, Request: r,
		ContentLength: int64(len(benchAnswer)), Body: io.NopCloser(strings.NewReader(benchAnswer))}, nil
}

func benchToken() string {
	return "Bearer " + graph.MintToken(map[string]any{
		"aud": "https://graph.microsoft.com", "iss": "https://sts.windows.net/5d1a3b7c-0000-4000-8000-000000000001/",
		"iat": time.Now().Unix(), "nbf": time.Now().Unix(), "exp": time.Now().Add(time.Hour).Unix(), "amr": []any{"pwd", "mfa"},
		"app_displayname": "Rollout", "appid": "5d1a3b7c-0000-4000-8000-000000000002", "family_name": "Doe", "given_name": "Jo",
		"idtyp": "user", "ipaddr": "192.0.2.7", "oid": "5d1a3b7c-0000-4000-8000-000000000003",
		"scp": "DeviceManagementConfiguration.ReadWrite.All Group.Read.All User.Read openid profile email",
		"tid": "5d1a3b7c-0000-4000-8000-000000000001", "unique_name": "jo@contoso.example", "upn": "jo@contoso.example", "ver": "1.0",
	}, graph.TokenMinted)
}

// benchRequest is request number i as a proxy reads it.
func benchRequest(tb testing.TB, i int, token string) *http.Request {
	const body = `{"target":{"@odata.type":"microsoft.graph.groupAssignmentTarget","groupId":"6f1c2d3e-4a5b-4c6d-8e7f-901a2b3c4d5e"}}`
	url := fmt.Sprintf("https://graph.microsoft.com/beta/deviceManagement/embeddedSIMActivationCodePools/6a1b0c9e-0b1e-4c57-9d3b-2f6f0c1f7a11/assignments/e7304dcc-4dcc-e730-cc4d-%012d", i)
	req, err := http.NewRequest(http.MethodPatch, url, strings.NewReader(body))
	if err != nil {
		tb.Fatal(err)
	}
	req.Header = http.Header{"User-Agent": {"bench/1.0"}, "Accept": {"application/json"}, "Content-Type": {"application/json"},
		"Authorization": {token}, "Client-Request-Id": {"0d5f1c6e-4a07-4d5b-9c0f-2f6a3a0f8f11"}, "Sdkversion": {"graph-go-beta/0.130.0"}}
	q, err := graph.Read(req, graph.Connection{}, graph.ReadOptions{})
	if err != nil {
		tb.Fatal(err)
	}
	return req.WithContext(graph.NewContext(tb.Context(), q))
}

// BenchmarkRecord is what a tape adds to a request that it records, its origin's answer included.
func BenchmarkRecord(b *testing.B) {
	tp, err := Open(Options{Mode: Record, Cassette: filepath.Join(b.TempDir(), "c.yaml"), Origin: newGraphAnswers()})
	if err != nil {
		b.Fatal(err)
	}
	var asked [256]*http.Request
	for i := range asked {
		asked[i] = benchRequest(b, i, benchToken())
	}
	b.ReportAllocs()
	for i := 0; b.Loop(); i++ {
		resp, err := tp.RoundTrip(asked[i%len(asked)])
		if err != nil {
			b.Fatal(err)
		}
		closeBody(resp.Body)
	}
	b.StopTimer()
	if err := tp.Close(); err != nil {
		b.Fatal(err)
	}
}

// BenchmarkReplay is what a tape takes to answer such a request, with none that was asked for lately.
func BenchmarkReplay(b *testing.B) {
	for _, n := range []int{1, 1000, 100_000} {
		b.Run(fmt.Sprint(n), func(b *testing.B) {
			path := filepath.Join(b.TempDir(), "c.yaml")
			tp, err := Open(Options{Mode: Record, Cassette: path, Origin: newGraphAnswers()})
			if err != nil {
				b.Fatal(err)
			}
			like := benchRequest(b, 0, benchToken())
			q, _ := graph.FromContext(like.Context())
			ask := func(i int) {
				p, err := graph.ParsePath(fmt.Sprintf("/beta/deviceManagement/embeddedSIMActivationCodePools/6a1b0c9e-0b1e-4c57-9d3b-2f6f0c1f7a11/assignments/e7304dcc-4dcc-e730-cc4d-%012d", i))
				if err != nil {
					b.Fatal(err)
				}
				q.Path, q.RawTarget = p, p.Target()
				resp, err := tp.RoundTrip(like)
				if err != nil {
					b.Fatal(err)
				}
				if _, err := io.Copy(io.Discard, resp.Body); err != nil {
					b.Fatal(err)
				}
			}
			for i := range n {
				ask(i)
			}
			if err := tp.Close(); err != nil {
				b.Fatal(err)
			}
			if tp, err = Open(Options{Mode: Replay, Cassette: path, Repeat: RepeatLast}); err != nil {
				b.Fatal(err)
			}
			b.ReportAllocs()
			for i := 0; b.Loop(); i++ {
				ask(i * 7919 % n)
			}
		})
	}
}

// BenchmarkPeek is what a judged replay asks for before the answer.
func BenchmarkPeek(b *testing.B) {
	path := filepath.Join(b.TempDir(), "c.yaml")
	tp, err := Open(Options{Mode: Record, Cassette: path, Origin: newGraphAnswers()})
	if err != nil {
		b.Fatal(err)
	}
	req := benchRequest(b, 1, benchToken())
	if _, err := tp.RoundTrip(req); err != nil {
		b.Fatal(err)
	}
	if err := tp.Close(); err != nil {
		b.Fatal(err)
	}
	if tp, err = Open(Options{Mode: Replay, Cassette: path}); err != nil {
		b.Fatal(err)
	}
	q, _ := graph.FromContext(req.Context())
	b.ReportAllocs()
	for b.Loop() {
		if _, ok := tp.Peek(q); !ok {
			b.Fatal("not found")
		}
	}
}
