package tape_test

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/graphwarden/graphwarden/internal/graph"
	"github.com/graphwarden/graphwarden/internal/tape"
)

const (
	host  = "https://graph.microsoft.com"
	route = "/beta/deviceManagement/embeddedSIMActivationCodePools/2b9c9b3c-0000-4000-8000-000000000001/assignments/a1"
)

// originFunc answers without a network.
type originFunc func(*http.Request) (*http.Response, error)

func (f originFunc) RoundTrip(r *http.Request) (*http.Response, error) { return f(r) }

// echo answers with the method and the body it was sent.
func echo(r *http.Request) (*http.Response, error) {
	var body []byte
	if r.Body != nil {
		body, _ = io.ReadAll(r.Body)
	}
	return answer(r, 200, fmt.Sprintf(`{"method":%q,"path":%q,"got":%q}`, r.Method, r.URL.Path, body)), nil
}

func answer(r *http.Request, code int, body string) *http.Response {
	return &http.Response{
		StatusCode: code, Status: fmt.Sprintf("%d %s", code, http.StatusText(code)), Proto: "HTTP/1.1", ProtoMajor: 1, ProtoMinor: 1,
		Header: http.Header{"Content-Type": {"application/json"}, "Request-Id": {"r1"}, "Set-Cookie": {"s=planted-cookie"}},
		Body:   io.NopCloser(strings.NewReader(body)), ContentLength: int64(len(body)), Request: r,
	}
}

func request(t testing.TB, method, target, body string, header ...string) *http.Request {
	t.Helper()
	var r io.Reader
	if body != "" {
		r = strings.NewReader(body)
	}
	req := httptest.NewRequest(method, host+target, r)
	req.RequestURI = ""
	if body != "" {
		req.Header.Set("Content-Type", "application/json")
	}
	for i := 0; i+1 < len(header); i += 2 {
		req.Header.Add(header[i], header[i+1])
	}
	q, err := graph.Read(req, graph.Connection{}, graph.ReadOptions{})
	if err != nil {
		t.Fatalf("read request: %v", err)
	}
	req.Body = io.NopCloser(bytes.NewReader(q.Body))
	return req.WithContext(graph.NewContext(req.Context(), q))
}

func open(t testing.TB, o tape.Options) *tape.Tape {
	t.Helper()
	tp, err := tape.Open(o)
	if err != nil {
		t.Fatalf("open: %v", err)
	}
	t.Cleanup(func() { tp.Close() })
	return tp
}

func send(t testing.TB, tp http.RoundTripper, req *http.Request) (*http.Response, string) {
	t.Helper()
	resp, err := tp.RoundTrip(req)
	if err != nil {
		t.Fatalf("%s %s: %v", req.Method, req.URL, err)
	}
	b, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatalf("read answer: %v", err)
	}
	resp.Body.Close()
	return resp, string(b)
}

func closeTape(t testing.TB, tp *tape.Tape) {
	t.Helper()
	if err := tp.Close(); err != nil {
		t.Fatalf("close: %v", err)
	}
}

func cassette(t testing.TB) string { return filepath.Join(t.TempDir(), "c.yaml") }

func TestRecordThenReplay(t *testing.T) {
	t.Parallel()
	path := cassette(t)
	const body = `{"target":{"@odata.type":"microsoft.graph.allDevicesAssignmentTarget"}}`
	rec := open(t, tape.Options{Mode: tape.Record, Cassette: path, Origin: originFunc(echo)})
	_, first := send(t, rec, request(t, "PATCH", route, body, "Authorization", "Bearer planted.token.x"))
	closeTape(t, rec)

	rep := open(t, tape.Options{Mode: tape.Replay, Cassette: path})
	other := "{ \"target\" : {\"@odata.type\":\"microsoft.graph.allDevicesAssignmentTarget\" }\n}"
	resp, second := send(t, rep, request(t, "PATCH", strings.ToUpper(route[:5])+route[5:], other, "client-request-id", "mine"))
	if diff := cmp.Diff(first, second); diff != "" {
		t.Errorf("replayed body (-recorded +replayed):\n%s", diff)
	}
	if resp.ProtoMajor != 1 || resp.ProtoMinor != 1 || resp.Close || resp.ContentLength != int64(len(first)) {
		t.Errorf("answer is %s, Close %t, length %d", resp.Proto, resp.Close, resp.ContentLength)
	}
	if got := resp.Header.Get("Client-Request-Id"); got != "mine" {
		t.Errorf("client-request-id %q is not the caller's", got)
	}
	file, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if bytes.Contains(file, []byte("planted")) {
		t.Errorf("the file holds a secret:\n%s", file)
	}
}

func TestReplayMisses(t *testing.T) {
	t.Parallel()
	path := cassette(t)
	const body = `{"target":{"@odata.type":"#microsoft.graph.groupAssignmentTarget","groupId":"6f9a4c0e-1111-4a2b-9c3d-00000000000%s"}}`
	rec := open(t, tape.Options{Mode: tape.Record, Cassette: path, Origin: originFunc(echo)})
	send(t, rec, request(t, "PATCH", route, fmt.Sprintf(body, "1")))
	closeTape(t, rec)

	rep := open(t, tape.Options{Mode: tape.Replay, Cassette: path})
	_, err := rep.RoundTrip(request(t, "PATCH", route, fmt.Sprintf(body, "2")))
	var miss *tape.Miss
	if !errors.Is(err, tape.ErrMiss) || !errors.As(err, &miss) {
		t.Fatalf("another group id: got %v, want a miss", err)
	}
	want := []tape.Diff{{Part: "body", Pointer: "/target/groupId",
		Recorded: `"6f9a4c0e-1111-4a2b-9c3d-000000000001"`, Sent: `"6f9a4c0e-1111-4a2b-9c3d-000000000002"`}}
	if diff := cmp.Diff(want, miss.Nearest[0].Diffs); diff != "" {
		t.Errorf("diffs (-want +got):\n%s", diff)
	}
	if r := miss.Refusal(); r.Code != graph.CassetteMiss || len(r.Details) != 1 || r.Details[0].Target != "/request/body/target/groupId" {
		t.Errorf("refusal %+v", r)
	}
	send(t, rep, request(t, "PATCH", route, fmt.Sprintf(body, "1")))
	if _, err := rep.RoundTrip(request(t, "PATCH", route, fmt.Sprintf(body, "1"))); !errors.As(err, &miss) || miss.Used != 1 {
		t.Errorf("a second time: got %v, want a miss that tells the recording was used", err)
	}
	if s := rep.Stats(); s.Replayed != 1 || s.Missed != 2 || s.Unused != 0 {
		t.Errorf("stats %+v", s)
	}
}

func TestManyRecordAtOnce(t *testing.T) {
	t.Parallel()
	path := cassette(t)
	rec := open(t, tape.Options{Mode: tape.Record, Cassette: path, Origin: originFunc(echo)})
	const clients, each = 50, 20
	all := func(tp *tape.Tape) {
		var wg sync.WaitGroup
		for c := range clients {
			wg.Go(func() {
				for i := range each {
					body := fmt.Sprintf(`{"n":%d}`, c*each+i)
					if _, got := send(t, tp, request(t, "PATCH", route, body)); !strings.Contains(got, fmt.Sprint(c*each+i)) {
						t.Errorf("request %s got %s", body, got)
					}
				}
			})
		}
		wg.Wait()
	}
	all(rec)
	closeTape(t, rec)
	rep := open(t, tape.Options{Mode: tape.Replay, Cassette: path})
	all(rep)
	if s := rep.Stats(); s.Interactions != clients*each || s.Replayed != clients*each || s.Unused != 0 || s.Missed != 0 {
		t.Errorf("stats %+v", s)
	}
}
