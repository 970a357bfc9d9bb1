package tape

import (
	"bytes"
	"compress/gzip"
	"encoding/binary"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/graphwarden/graphwarden/internal/graph"
)

// exchange is a request and its answer, as a recorder sees them.
type exchange struct {
	method, target, sent, answered string
	header, respond                http.Header
	status                         int
	verdict                        string
}

// drafted is how the exchange is written as it goes, and how it would be as an Interaction that was made first.
func (e exchange) drafted(t *testing.T, tp *Tape) (got, want string) {
	t.Helper()
	req, err := http.NewRequest(e.method, "https://graph.microsoft.com"+e.target, strings.NewReader(e.sent))
	if err != nil {
		t.Skip(err)
	}
	if e.sent == "" {
		req.Body, req.ContentLength = http.NoBody, 0
	}
	req.Header = e.header
	now := time.Date(2026, 11, 23, 10, 0, 0, 120_345_678, time.FixedZone("", 3600))
	q, err := graph.Read(req, graph.Connection{}, graph.ReadOptions{Now: func() time.Time { return now }})
	if err != nil {
		t.Skip(err)
	}
	req = req.WithContext(graph.NewContext(WithVerdict(t.Context(), e.verdict), q))
	resp := &http.Response{StatusCode: e.status, Header: e.respond}
	if e.status == 200 {
		resp.Status = "200 Fine"
	}
	d := tp.begin(req, q)
	d.response(tp, resp, []byte(e.answered))
	const took = 31500 * time.Microsecond
	d.duration(took)
	got = string(d.b)

	key := tp.idKey(new(tp.idKeyers.live(q)))
	x := &Interaction{ID: numbered(key, int(tp.started.equal.find(binary.BigEndian.Uint64(key[:8])).n)), Sequence: tp.started.sequence, Verdict: e.verdict,
		RecordedAt: now.UTC().Truncate(time.Millisecond)}
	r := tp.redact
	x.Request = Request{Body: string(r.body(q.Body)), Headers: r.requestHeader(q.Header), URL: r.url(sentURL(req, q)), Method: q.Method}
	if strings.HasPrefix(q.Header.Get("Content-Type"), "application/x-www-form-urlencoded") {
		x.Request.Body = string(r.text(q.Body, ""))
		if form, err := url.ParseQuery(x.Request.Body); err == nil {
			x.Request.Form = form
		}
	}
	x.Response = tp.response(resp, []byte(e.answered), x)
	x.Response.Duration = took
	d.free()
	return got, string(x.appendYAML(nil))
}

func packed(s string) string {
	var b bytes.Buffer
	w := gzip.NewWriter(&b)
	io.WriteString(w, s)
	w.Close()
	return b.String()
}

// draftTapes are recorders with and without what a user can ask for.
func draftTapes(t testing.TB) map[string]*Tape {
	tapes := map[string]*Tape{}
	for name, o := range map[string]Redaction{
		"plain": {},
		"asked": {KeepHeaders: []string{"X-Kept", "Authorization", "a-1", "A-10", "A-9"}, Fields: []string{"nick"},
			Rules: []string{"header:Prefer", "header:Etag", "/id", "regex:c0nf([a-z]+)"}},
		"pseudonyms": {Pseudonyms: Pseudonyms{Kinds: []string{"guid", "upn"}, Key: []byte("0123456789abcdef")}},
	} {
		tp, err := Open(Options{Mode: Record, Cassette: filepath.Join(t.TempDir(), name+".yaml"), Origin: newGraphAnswers(), Redact: o})
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = tp.Close() })
		tapes[name] = tp
	}
	return tapes
}

func TestDraftIsTheInteraction(t *testing.T) {
	t.Parallel()
	const secret = "eyJhbGciOiJub25lIn0.eyJhIjoxfQ.c2ln"
	headers := []http.Header{
		{},
		{"Accept": {"application/json"}, "Content-Type": {"application/json; charset=utf-8"}, "Prefer": {"a", "b=c, d"}, "X-Unkept": {"x"}},
		{"Authorization": {benchToken()}, "If-Match": {`W/"1"`}, "X-Kept": {"", " ", "true", "1", "null", "c0nfabc"}, "A-1": {"1"}, "A-10": {"2"}, "A-9": {"3"}},
		{"Authorization": {benchToken(), "Basic abc", ""}, "X-Kept": {}, "Client-Request-Id": {secret}},
		{"Authorization": {}, "Prefer": {}, "x-kept": {"lower"}},
		{justificationHeader: {"why", "not"}, codeHeader: {"123456"}, "Content-Type": {"application/x-www-form-urlencoded"}},
		{"Location": {"https://u:p@graph.microsoft.com/v1.0/x?sig=abcdef&a=b", "/b"}, "Etag": {`"1"`}, "Content-Type": {"text/plain"}, "Vary": {"a\tb: c"}},
		{"Location": {}, "Content-Length": {"17"}, "Retry-After": {"120"}, "Request-Id": {"0d5f1c6e-4a07-4d5b-9c0f-2f6a3a0f8f11"}},
		{"Content-Encoding": {"identity"}, "Content-Length": {"17"}, "request-id": {"lower"}, "Warning": {"Bearer " + strings.Repeat("a", 30)}},
		{"Www-Authenticate": {`Bearer realm="", authorization_uri="https://login.microsoftonline.com/common"`}, "Link": {"-----BEGIN PRIVATE KEY-----abc-----END PRIVATE KEY-----"}},
	}
	bodies := []string{"", `{}`, `{"a":"b: c"}`, `{"password":"planted","id":"6f1c2d3e-4a5b-4c6d-8e7f-901a2b3c4d5e","nick":"x"}`, "plain c0nfabc # text", "a\nb\n", " lead\n\tx", "a=b&password=planted",
		"\xff\x00binary", `{"a":"` + secret + `"}`, "true", "123", "a\r\nb", "---", "1:30", `[1,"it's"]`, `{"a":1}  `, "{\"a\":\"\t\x7f\"}", `{"a":"é"}`, packed(`{"password":"planted"}`), strings.Repeat("long ", 2000)}
	n := 0
	for name, tp := range draftTapes(t) {
		for _, method := range []string{"PATCH", "POST", "GET", "HEAD"} {
			for i, header := range headers {
				for k, body := range bodies {
					e := exchange{method: method, target: fmt.Sprintf("/v1.0/users/6f1c2d3e-4a5b-4c6d-8e7f-901a2b3c4d5e/x%d?$top=%d&sig=a%d", i%3, k%3, k%2), sent: body,
						answered: bodies[(k*7+i)%len(bodies)], header: header, respond: headers[(i*3+k)%len(headers)].Clone(), status: []int{200, 204, 404, 500}[(i+k)%4], verdict: []string{"", "allow", "warn: x"}[k%3]}
					if method == "GET" || method == "HEAD" {
						e.sent = ""
					}
					if strings.HasPrefix(e.answered, "\x1f\x8b") {
						e.respond["Content-Encoding"] = []string{" GZIP "}
					}
					t.Run("", func(t *testing.T) {
						if got, want := e.drafted(t, tp); got != want {
							t.Fatalf("%s: %+v\n got %s\nwant %s", name, e, got, want)
						}
						n++
					})
				}
			}
		}
	}
	if n < 1000 {
		t.Errorf("only %d exchanges were compared", n)
	}
}

func FuzzDraft(f *testing.F) {
	f.Add("PATCH", "/v1.0/me?a=b", "Prefer", "return=minimal", `{"a":1}`, "Content-Type", "application/json", `{"password":"x"}`, 200)
	f.Add("POST", "/v1.0/me", "authorization", "Bearer a.b.c", "a=b", "location", "https://u:p@h/?sig=x", "a\nb", 201)
	f.Add("GET", "/v1.0/x", "Content-Type", "application/x-www-form-urlencoded", "", "Content-Encoding", "gzip", packed("x"), 0)
	tapes := draftTapes(f)
	f.Fuzz(func(t *testing.T, method, target, name, value, sent, respondName, respond, answered string, status int) {
		for tape, tp := range tapes {
			e := exchange{method: method, target: target, sent: sent, answered: answered, header: http.Header{name: {value}, "Accept": {value}},
				respond: http.Header{respondName: {respond}, "Etag": {respond}}, status: status}
			if got, want := e.drafted(t, tp); got != want {
				t.Fatalf("%s: %+v\n got %s\nwant %s", tape, e, got, want)
			}
		}
	})
}
