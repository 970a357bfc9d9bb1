package standin_test

import (
	"bytes"
	"compress/gzip"
	"crypto/tls"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"flag"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/graphwarden/graphwarden/internal/standin"
)

var update = flag.Bool("update", false, "rewrite the golden files")

const (
	poolPath       = "/beta/deviceManagement/embeddedSIMActivationCodePools/" + standin.SeedPool
	assignmentPath = poolPath + "/assignments/" + standin.SeedAssignment
	configScope    = "DeviceManagementConfiguration.ReadWrite.All"
	pageBody       = `{"target":{"@odata.type":"microsoft.graph.deviceAndAppManagementAssignmentTarget"}}`
)

var noon = time.Date(2026, 11, 23, 12, 0, 0, 0, time.UTC)

func clock() time.Time { return noon }

// token is an unsigned token with the given claims over sensible ones.
func token(claims map[string]any) string {
	all := map[string]any{"aud": "https://graph.microsoft.com", "exp": noon.Add(time.Hour).Unix(),
		"tid": "11111111-2222-4333-8444-555555555555", "idtyp": "user", "scp": configScope}
	for k, v := range claims {
		all[k] = v
	}
	body, _ := json.Marshal(all)
	enc := base64.RawURLEncoding
	return "Bearer " + enc.EncodeToString([]byte(`{"alg":"none","typ":"JWT"}`)) + "." + enc.EncodeToString(body) + ".unsigned"
}

func app(roles ...string) string {
	return token(map[string]any{"idtyp": "app", "scp": "", "roles": roles})
}

// request is one exchange of a test; Authorization is filled in unless it is given.
type request struct {
	method, target, body string
	header               http.Header
}

func (q request) send(t testing.TB, h http.Handler) *http.Response {
	t.Helper()
	r := httptest.NewRequest("GET", "/", strings.NewReader(q.body))
	r.Method, r.RequestURI, r.Host = q.method, q.target, "graph.microsoft.com"
	if q.body == "" {
		r.Body, r.ContentLength = http.NoBody, 0
	} else {
		r.Header.Set("Content-Type", "application/json")
	}
	r.Header.Set("Authorization", token(nil))
	for k, v := range q.header {
		r.Header[http.CanonicalHeaderKey(k)] = v
	}
	if len(r.Header["Authorization"]) == 1 && r.Header["Authorization"][0] == "" {
		r.Header.Del("Authorization")
	}
	w := httptest.NewRecorder()
	h.ServeHTTP(w, r)
	return w.Result()
}

func head(pairs ...string) http.Header {
	h := http.Header{}
	for i := 0; i < len(pairs); i += 2 {
		h.Set(pairs[i], pairs[i+1])
	}
	return h
}

func read(t testing.TB, resp *http.Response) string {
	t.Helper()
	b, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	_ = resp.Body.Close()
	return string(b)
}

// do sends and returns the status and the body as a JSON value, nil when there is none.
func do(t testing.TB, h http.Handler, q request) (int, any) {
	t.Helper()
	resp := q.send(t, h)
	b := read(t, resp)
	if b == "" {
		return resp.StatusCode, nil
	}
	var v any
	if err := json.Unmarshal([]byte(b), &v); err != nil {
		t.Fatalf("%s %s answered no JSON: %v\n%s", q.method, q.target, err, b)
	}
	return resp.StatusCode, v
}

// at walks maps by name and arrays by index 0.
func at(v any, path ...string) any {
	for _, p := range path {
		switch x := v.(type) {
		case map[string]any:
			v = x[p]
		case []any:
			if len(x) == 0 {
				return nil
			}
			v = x[0].(map[string]any)[p]
		default:
			return nil
		}
	}
	return v
}

func code(v any) any { return at(v, "error", "code") }

func newGraph(opts standin.Options) http.Handler {
	opts.Now = clock
	return standin.NewHandler(opts)
}

// golden compares a whole response, headers in order, with a file.
func golden(t *testing.T, name string, resp *http.Response) {
	t.Helper()
	var b bytes.Buffer
	body := read(t, resp)
	b.WriteString(resp.Status + "\n")
	if err := resp.Header.Write(&b); err != nil {
		t.Fatal(err)
	}
	got := strings.ReplaceAll(b.String(), "\r\n", "\n") + "\n" + body + "\n"
	path := filepath.Join("testdata", name+".golden")
	if *update {
		if err := os.MkdirAll("testdata", 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(want), got); diff != "" {
		t.Errorf("response differs (-want +got):\n%s", diff)
	}
}

func TestGoldenAnswers(t *testing.T) {
	t.Parallel()
	id := head("client-request-id", "8d1f6a2e-0000-4000-8000-000000000001")
	with := func(pairs ...string) http.Header {
		h := id.Clone()
		for i := 0; i < len(pairs); i += 2 {
			h.Set(pairs[i], pairs[i+1])
		}
		return h
	}
	tests := []struct {
		name string
		req  request
	}{
		{"esim_patch", request{"PATCH", assignmentPath, pageBody, with("Accept", "application/json")}},
		{"esim_patch_group", request{"PATCH", assignmentPath, `{"target":{"@odata.type":"#microsoft.graph.groupAssignmentTarget","groupId":"` + standin.SeedGroup + `"}}`, id}},
		{"esim_get", request{"GET", assignmentPath, "", id}},
		{"esim_list", request{"GET", poolPath + "/assignments", "", id}},
		{"esim_create", request{"POST", poolPath + "/assignments", pageBody, id}},
		{"esim_assign", request{"POST", poolPath + "/assign", `{"assignments":[` + pageBody + `]}`, id}},
		{"esim_delete", request{"DELETE", assignmentPath, "", id}},
		{"no_token", request{"PATCH", assignmentPath, pageBody, with("Authorization", "")}},
		{"missing_scope", request{"PATCH", assignmentPath, pageBody, with("Authorization", token(map[string]any{"scp": "User.Read"}))}},
		{"directory_missing_scope", request{"POST", "/v1.0/users/u/appRoleAssignments", `{}`, id}},
		{"malformed", request{"PATCH", assignmentPath, `{"target":`, id}},
		{"unknown_segment", request{"GET", "/beta/deviceManagement/embeddedCards", "", id}},
		{"root", request{"GET", "/", "", id}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			golden(t, tt.name, tt.req.send(t, newGraph(standin.Options{})))
		})
	}
}

// client trusts s and speaks only the given protocol.
func client(t *testing.T, s *standin.Server, http2 bool) *http.Client {
	t.Helper()
	roots := x509.NewCertPool()
	if !roots.AppendCertsFromPEM(s.CAPEM()) {
		t.Fatal("CAPEM holds no certificate")
	}
	protocols := new(http.Protocols)
	protocols.SetHTTP1(!http2)
	protocols.SetHTTP2(http2)
	tr := &http.Transport{TLSClientConfig: &tls.Config{RootCAs: roots}, Protocols: protocols}
	t.Cleanup(tr.CloseIdleConnections)
	return &http.Client{Transport: tr, Timeout: 10 * time.Second}
}

func start(t *testing.T, opts standin.Options) *standin.Server {
	t.Helper()
	s, err := standin.Start(opts)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	})
	return s
}

func TestStartServesBothProtocols(t *testing.T) {
	t.Parallel()
	s := start(t, standin.Options{Now: clock})
	for _, tt := range []struct {
		proto string
		http2 bool
	}{{"HTTP/2.0", true}, {"HTTP/1.1", false}} {
		req, err := http.NewRequest("PATCH", s.URL()+assignmentPath, strings.NewReader(pageBody))
		if err != nil {
			t.Fatal(err)
		}
		req.Header.Set("Authorization", token(nil))
		req.Header.Set("Content-Type", "application/json")
		resp, err := client(t, s, tt.http2).Do(req)
		if err != nil {
			t.Fatal(err)
		}
		body := read(t, resp)
		want := `{"@odata.type":"#microsoft.graph.embeddedSIMActivationCodePoolAssignment","id":"` + standin.SeedAssignment + `","target":{"@odata.type":"microsoft.graph.deviceAndAppManagementAssignmentTarget"}}`
		if resp.StatusCode != 200 || resp.Proto != tt.proto || body != want {
			t.Errorf("got %s %d %s, want %s 200 %s", resp.Proto, resp.StatusCode, body, tt.proto, want)
		}
	}
	if got := s.Requests(); got != 2 {
		t.Errorf("Requests() = %d, want 2", got)
	}
}

func TestCertificateNames(t *testing.T) {
	t.Parallel()
	s := start(t, standin.Options{})
	roots := x509.NewCertPool()
	roots.AppendCertsFromPEM(s.CAPEM())
	for _, name := range []string{"localhost", "127.0.0.1", "::1", "graph.microsoft.com", "microsoftgraph.chinacloudapi.cn"} {
		conn, err := tls.Dial("tcp", strings.TrimPrefix(s.URL(), "https://"), &tls.Config{RootCAs: roots, ServerName: name})
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		_ = conn.Close()
	}
	if conn, err := tls.Dial("tcp", strings.TrimPrefix(s.URL(), "https://"), &tls.Config{RootCAs: roots, ServerName: "login.microsoftonline.com"}); err == nil {
		_ = conn.Close()
		t.Error("the certificate is valid for a host that is not Graph")
	}
}

func TestAddressInUse(t *testing.T) {
	t.Parallel()
	s := start(t, standin.Options{})
	if second, err := standin.Start(standin.Options{Addr: strings.TrimPrefix(s.URL(), "https://")}); err == nil {
		_ = second.Close()
		t.Error("two stand-ins listen on one address")
	}
}

func TestGzipAnswerIsChunked(t *testing.T) {
	t.Parallel()
	s := start(t, standin.Options{Now: clock})
	c := client(t, s, false)
	c.Transport.(*http.Transport).DisableCompression = true
	for _, tt := range []struct {
		accept, encoding string
		chunked          bool
	}{{"gzip, br", "gzip", true}, {"gzip;q=0", "", false}, {"", "", false}} {
		req, _ := http.NewRequest("GET", s.URL()+"/beta/", nil)
		req.Header.Set("Authorization", token(nil))
		if tt.accept != "" {
			req.Header.Set("Accept-Encoding", tt.accept)
		}
		resp, err := c.Do(req)
		if err != nil {
			t.Fatal(err)
		}
		raw := read(t, resp)
		if got := resp.Header.Get("Content-Encoding"); got != tt.encoding {
			t.Errorf("%q: Content-Encoding %q, want %q", tt.accept, got, tt.encoding)
		}
		if got := len(resp.TransferEncoding) > 0; tt.chunked && !got {
			t.Errorf("%q: not chunked", tt.accept)
		}
		if tt.encoding == "gzip" {
			z, err := gzip.NewReader(strings.NewReader(raw))
			if err != nil {
				t.Fatal(err)
			}
			plain, err := io.ReadAll(z)
			if err != nil {
				t.Fatal(err)
			}
			raw = string(plain)
		}
		if !strings.Contains(raw, `"name":"deviceManagement"`) {
			t.Errorf("%q: the service document lacks deviceManagement", tt.accept)
		}
	}
}
