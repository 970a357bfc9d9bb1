package tape_test

import (
	"bytes"
	"compress/gzip"
	"encoding/json"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/graphwarden/graphwarden/internal/graph"
	"github.com/graphwarden/graphwarden/internal/tape"
)

// places puts a secret where secrets have been found in recordings.
var places = []struct {
	name            string
	target, sent    string
	header, respond string // respond is the response's header
	answer          string
}{
	{name: "bearer token", header: "Authorization: Bearer %s"},
	{name: "basic", header: "Authorization: Basic %s"},
	{name: "cookie", header: "Cookie: session=%s"},
	{name: "unknown header", header: "X-My-Own-Key: %s"},
	{name: "approval code", header: "X-Msft-Approval-Code: %s"},
	{name: "justification", header: "X-Msft-Approval-Justification: %s"},
	{name: "set-cookie", respond: "Set-Cookie: s=%s; Secure"},
	{name: "unknown response header", respond: "X-Internal: %s"},
	{name: "location", respond: "Location: https://x.blob.core.windows.net/c?sv=1&sig=%s&se=2"},
	{name: "approval code in the answer", respond: "X-Msft-Approval-Code: %s", answer: `{"error":{"message":"use code %s"}}`},
	{name: "password", sent: `{"a":1,"passwordProfile":{"password":"%s"}}`},
	{name: "odd spelling", sent: `{"Client-Secret" : "%s"}`},
	{name: "escaped key", sent: `{"p\u0061ssword":"%s"}`},
	{name: "inside a secret object", sent: `{"token":{"parts":["%s"]}}`},
	{name: "JSON in a string", answer: `{"error":{"message":"{\"clientSecret\":\"%s\"}"}}`},
	{name: "secretText", answer: `{"secretText":"%s","id":"1"}`},
	{name: "access token", answer: `{"access_token":"%s","expires_in":3599}`},
	{name: "connection string", answer: `{"note":"DefaultEndpointsProtocol=https;AccountKey=%s;EndpointSuffix=x"}`},
	{name: "SAS with an escaped ampersand", answer: `{"url":"https://x/y?a=1\u0026sig=%s\u0026b=2"}`},
	{name: "private key", answer: `{"pem":"-----BEGIN RSA PRIVATE KEY-----\n%s\n-----END RSA PRIVATE KEY-----"}`},
	{name: "query", target: "/v1.0/me?$select=id&access_token=%s"},
	{name: "SAS query", target: "/v1.0/me?sig=%s"},
	{name: "text", answer: "plain text with Password=%s; and more"},
}

func TestNoSecretIsRecorded(t *testing.T) {
	t.Parallel()
	for _, packed := range []bool{false, true} {
		for _, p := range places {
			t.Run(fmt.Sprintf("%s/packed=%t", p.name, packed), func(t *testing.T) {
				t.Parallel()
				checkPlanted(t, p.target, p.sent, p.header, p.respond, p.answer, packed)
			})
		}
	}
}

func checkPlanted(t *testing.T, target, sent, header, respond, answered string, packed bool) {
	const secret = "pl4nted+S3cret/AAAABBBBCCCCDDDD=="
	fill := func(s string) string { return strings.ReplaceAll(s, "%s", secret) }
	if target == "" {
		target = "/v1.0/me"
	}
	target = strings.ReplaceAll(target, "%s", url.QueryEscape(secret))
	if answered == "" {
		answered = `{"id":"1"}`
	}
	answered = fill(answered)
	method := "GET"
	if sent != "" {
		method = "POST"
	}
	ask := func() *http.Request {
		var h []string
		if name, value, ok := strings.Cut(fill(header), ": "); ok {
			h = []string{name, value}
		}
		return request(t, method, target, fill(sent), h...)
	}
	path := cassette(t)
	rec := open(t, tape.Options{Mode: tape.Record, Cassette: path, Origin: originFunc(func(r *http.Request) (*http.Response, error) {
		body := answered
		resp := answer(r, 200, body)
		if name, value, ok := strings.Cut(fill(respond), ": "); ok {
			resp.Header.Set(name, value)
		}
		if packed {
			var b bytes.Buffer
			w := gzip.NewWriter(&b)
			io.WriteString(w, body)
			w.Close()
			resp.Header.Set("Content-Encoding", "gzip")
			resp.Body, resp.ContentLength = io.NopCloser(&b), -1
		}
		return resp, nil
	})})
	resp, got := send(t, rec, ask())
	if packed {
		r, err := gzip.NewReader(strings.NewReader(got))
		if err != nil {
			t.Fatalf("the recording client got no gzip: %v", err)
		}
		b, _ := io.ReadAll(r)
		got = string(b)
	}
	if got != answered {
		t.Errorf("the recording client got %q, the origin sent %q", got, answered)
	}
	if name, value, ok := strings.Cut(fill(respond), ": "); ok && resp.Header.Get(name) != value {
		t.Errorf("the recording client got %s %q", name, resp.Header.Get(name))
	}
	noneHolds(t, filepath.Dir(path), secret)
	noneHolds(t, filepath.Dir(path), url.QueryEscape(secret))
	closeTape(t, rec)
	noneHolds(t, filepath.Dir(path), secret)
	noneHolds(t, filepath.Dir(path), "pl4nted")
	if found, err := tape.Verify(path, tape.Redaction{}); err != nil || len(found) > 0 {
		t.Errorf("verify of what was just recorded: %v %v", found, err)
	}
	// The client of the replay sends the secret again, and is answered.
	rep := open(t, tape.Options{Mode: tape.Replay, Cassette: path})
	if _, body := send(t, rep, ask()); !strings.Contains(answered, secret) && body != answered {
		t.Errorf("replayed %q, want %q", body, answered)
	}
}

func TestOrdinaryBodiesAreKept(t *testing.T) {
	t.Parallel()
	for _, body := range []string{
		`{"passwordRequired":true,"passwordMinimumLength":8,"tokenType":"x","secretless":"no"}`,
		`{"@odata.nextLink":"https://graph.microsoft.com/v1.0/users?$skiptoken=RFNwdAIAAQ"}`,
		`{ "code": "BadRequest", "y": "eyJ", "formula":"a=b", "base64":"aGVsbG8gd29ybGQ=" }`,
		`{"password":"", "token":null}`,
	} {
		path := cassette(t)
		rec := open(t, tape.Options{Mode: tape.Record, Cassette: path, Origin: originFunc(func(r *http.Request) (*http.Response, error) {
			return answer(r, 200, body), nil
		})})
		send(t, rec, request(t, "GET", "/v1.0/me?$skiptoken=abc", ""))
		closeTape(t, rec)
		c, err := tape.Load(path)
		if err != nil {
			t.Fatal(err)
		}
		x, err := c.At(0)
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(body, x.Response.Body); diff != "" {
			t.Errorf("(-sent +kept):\n%s", diff)
		}
		if !strings.HasSuffix(x.Request.URL, "?$skiptoken=abc") {
			t.Errorf("url is %s", x.Request.URL)
		}
	}
}

func TestTokenKeepsWhatPoliciesRead(t *testing.T) {
	t.Parallel()
	token := graph.MintToken(map[string]any{"scp": "DeviceManagementConfiguration.ReadWrite.All", "aud": "https://graph.microsoft.com",
		"tid": "11111111-2222-4333-8444-555555555555", "unique_name": "planted@contoso.com"}, "minted")
	path := cassette(t)
	rec := open(t, tape.Options{Mode: tape.Record, Cassette: path, Origin: originFunc(echo)})
	req := request(t, "PATCH", route, `{}`, "Authorization", "Bearer "+token)
	send(t, rec, req.WithContext(tape.WithVerdict(req.Context(), "allow")))
	closeTape(t, rec)
	noneHolds(t, filepath.Dir(path), "planted")

	rep := open(t, tape.Options{Mode: tape.Replay, Cassette: path})
	q, _ := graph.FromContext(request(t, "PATCH", route, `{}`).Context())
	for range 2 { // looking does not use it up
		got, ok := rep.Peek(q)
		if !ok || got.Verdict != "allow" || got.Time.IsZero() {
			t.Fatalf("peek: %+v %t", got, ok)
		}
		if claims := graph.ReadToken(http.Header{"Authorization": {got.Authorization}}); len(claims.Scopes) != 1 || claims.Tenant == "" {
			t.Errorf("the recorded token says %+v", claims)
		}
	}
	send(t, rep, request(t, "PATCH", route, `{}`))
	if _, ok := rep.Peek(q); ok {
		t.Error("peek finds what was used up")
	}
}

func TestVerifyAndScrub(t *testing.T) {
	t.Parallel()
	const leaky = `---
version: 1
interactions:
    - request:
        body: '{"a":{"password":"hunter2hunter2"}}'
        form: {}
        headers:
            Authorization:
                - Bearer abc.def.ghi
        url: https://graph.microsoft.com/v1.0/users?access_token=abcdef
        method: POST
      response:
        body: '{"list":[{"x":1},{"secretText":"abc"}]}'
        headers:
            Set-Cookie:
                - a=b
        status: 201 Created
        code: 201
        duration: 1ms
`
	path := cassette(t)
	if err := os.WriteFile(path, []byte(leaky), 0o600); err != nil {
		t.Fatal(err)
	}
	got, err := tape.Verify(path, tape.Redaction{})
	if err != nil {
		t.Fatal(err)
	}
	want := []tape.Finding{
		{File: path, Line: 10, Interaction: 1, Where: "request.url", Kind: "query-secret"},
		{File: path, Line: 5, Interaction: 1, Where: "request.body", Pointer: "/a/password", Kind: "secret-field"},
		{File: path, Line: 8, Interaction: 1, Where: "request.headers.Authorization", Kind: "authorization"},
		{File: path, Line: 13, Interaction: 1, Where: "response.body", Pointer: "/list/1/secretText", Kind: "secret-field"},
		{File: path, Line: 15, Interaction: 1, Where: "response.headers.Set-Cookie", Kind: "header"},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("findings (-want +got):\n%s", diff)
	}
	c, err := tape.Load(path)
	if err != nil {
		t.Fatal(err)
	}
	if changed, err := tape.Scrub(c, tape.Redaction{}); err != nil || !changed {
		t.Fatalf("scrub: %t, %v", changed, err)
	}
	if err := c.Save(path); err != nil {
		t.Fatal(err)
	}
	if got, err := tape.Verify(path, tape.Redaction{}); err != nil || len(got) > 0 {
		t.Errorf("after scrubbing: %v, %v", got, err)
	}
	rep := open(t, tape.Options{Mode: tape.Replay, Cassette: path})
	send(t, rep, request(t, "POST", "/v1.0/users?access_token=abcdef", `{"a":{"password":"hunter2hunter2"}}`))
}

// TestRedactionKeepsJSON feeds random documents: what was JSON stays JSON, and no value under a secret name is left.
func TestRedactionKeepsJSON(t *testing.T) {
	t.Parallel()
	r := rand.New(rand.NewPCG(9, 10))
	path := cassette(t)
	var body string
	rec := open(t, tape.Options{Mode: tape.Record, Cassette: path, Origin: originFunc(func(r *http.Request) (*http.Response, error) {
		return answer(r, 200, body), nil
	})})
	for range 500 {
		b, err := json.MarshalIndent(document(r, 0), "", "  ")
		if err != nil {
			t.Fatal(err)
		}
		body = string(b)
		send(t, rec, request(t, "GET", "/v1.0/me", ""))
	}
	closeTape(t, rec)
	noneHolds(t, filepath.Dir(path), "pl4nted")
	c, err := tape.Load(path)
	if err != nil {
		t.Fatal(err)
	}
	for i, x := range c.Interactions() {
		if x == nil || !json.Valid([]byte(x.Response.Body)) {
			t.Fatalf("interaction %d is not JSON any more: %+v", i, x)
		}
	}
}

func document(r *rand.Rand, depth int) any {
	names := []string{"id", "displayName", "a\"b", "x\\", "", "ключ"}
	if depth > 3 {
		return r.IntN(100)
	}
	switch r.IntN(4) {
	case 0:
		return names[r.IntN(len(names))]
	case 1:
		return []any{document(r, depth+1), document(r, depth+1)}
	}
	m := map[string]any{}
	for range r.IntN(4) {
		m[names[r.IntN(len(names))]] = document(r, depth+1)
	}
	if r.IntN(2) == 0 {
		name := []string{"password", "client_secret", "ACCESS-TOKEN", "privateKey", "token"}[r.IntN(5)]
		m[name] = []any{"pl4nted\"\\", []any{"pl4nted", "x"}, map[string]any{"deep": []any{"pl4nted"}}}[r.IntN(3)]
	}
	return m
}
