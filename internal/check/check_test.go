package check_test

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/graphwarden/graphwarden/internal/check"
	"github.com/graphwarden/graphwarden/internal/policy"
	"github.com/graphwarden/graphwarden/internal/tape"
)

const (
	assign = "https://graph.microsoft.com/beta/deviceManagement/configurationPolicies/p1/assign"
	claims = `{"aud": "https://graph.microsoft.com", "idtyp": "user", "scp": "DeviceManagementConfiguration.ReadWrite.All", "iat": 1795000000, "exp": 1795003600}`
)

// judge reads files below a folder and judges what they hold. Each line of the answer is one finding that is no audit, as
// file:line level rule pointer.
func judge(t testing.TB, reader *check.Reader, names ...string) (found []string, summary check.Summary, err error) {
	t.Helper()
	engine, err := policy.Load(t.Context(), policy.Options{})
	if err != nil {
		t.Fatal(err)
	}
	var report check.Report
	var faults []error
	for c, err := range reader.Cases(names...) {
		if err != nil {
			faults = append(faults, err)
			continue
		}
		if result, ok := check.Judge(t.Context(), engine, c); ok {
			report.Add(result)
		}
	}
	for _, r := range report.Results {
		if r.Error != "" {
			t.Errorf("%s: %s", r.File, r.Error)
		}
		for _, f := range r.Findings {
			if f.Level != policy.LevelAudit {
				found = append(found, strings.TrimSpace(fmt.Sprintf("%s:%d %s %s %s", filepath.ToSlash(r.File), f.Line, f.Level, f.ID, f.Pointer)))
			}
		}
	}
	report.Summary.Files, report.Summary.Requests = reader.Files, reader.Requests
	return found, report.Summary, errors.Join(faults...)
}

func write(t testing.TB, files map[string]string) string {
	t.Helper()
	dir := t.TempDir()
	for name, content := range files {
		path := filepath.Join(dir, filepath.FromSlash(name))
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

// TestCassettes judges the recordings that come with the program, and makes sure that they give nothing away.
func TestCassettes(t *testing.T) {
	t.Parallel()
	found, summary, err := judge(t, &check.Reader{Dir: "../.."}, "cassettes")
	if err != nil {
		t.Fatal(err)
	}
	want := []string{
		"cassettes/denied.yaml:15 deny target.unknown /request/body/assignments/1/target",
		"cassettes/denied.yaml:56 deny assign.empty /request/body",
	}
	if diff := cmp.Diff(want, found); diff != "" {
		t.Error(diff)
	}
	if diff := cmp.Diff(check.Summary{Files: 2, Requests: 4, Judged: 3, Allowed: 1, Denied: 2}, summary); diff != "" {
		t.Error(diff)
	}
	for _, name := range []string{"denied.yaml", "rollout.yaml"} {
		if secrets, err := tape.Verify("../../cassettes/"+name, tape.Redaction{}); err != nil || len(secrets) > 0 {
			t.Errorf("%s: %v %v", name, secrets, err)
		}
	}
}

func TestSingleRequests(t *testing.T) {
	t.Parallel()
	good := `"target": {"@odata.type": "#microsoft.graph.allDevicesAssignmentTarget", "deviceAndAppManagementAssignmentFilterId": "f1", "deviceAndAppManagementAssignmentFilterType": "include"}`
	for _, tt := range []struct {
		name, content string
		want          []string
		judged        int
	}{
		{"allowed", `{"method": "POST", "url": "` + assign + `", "token": ` + claims + `, "body": {"assignments": [{` + good + `}]}}`, nil, 1},
		{"the line of an entry of the body", `{
 "method": "POST", "url": "` + assign + `",
 "token": ` + claims + `,
 "body": {"assignments": [
  {` + good + `},
  {"target":
    {"@odata.type": "#microsoft.graph.nobodyAssignmentTarget"}}
 ]}}`, []string{"r.json:6 deny target.unknown /request/body/assignments/1/target"}, 1},
		{"a body as text, at the line of the text", `{"method": "POST", "url": "` + assign + `", "token": ` + claims + `,
 "body": "{\"assignments\": []}"}`, []string{"r.json:2 deny assign.empty /request/body"}, 1},
		{"the line of the header", `{"method": "POST", "url": "` + assign + `", "token": ` + claims + `,
 "headers": {
   "Accept": ["text/html"]},
 "body": {"assignments": [{` + good + `}]}}`, []string{"r.json:3 deny header.accept /request/headers/accept"}, 1},
		{"the line of the claims", `{"method": "POST", "url": "` + assign + `", "body": {"assignments": [{` + good + `}]},
 "token": {"aud": "https://graph.microsoft.com", "idtyp": "user", "scp": "User.Read", "iat": 1795000000, "exp": 1795003600}}`,
			[]string{"r.json:2 deny scope.missing /token/scopes"}, 1},
		{"a write the path hides", `{"method": "POST", "url": "https://graph.microsoft.com/beta/deviceManagement/%2561ssignments"}`,
			[]string{"r.json:1 deny MalformedRequest"}, 1},
		{"a key twice", `{"method": "POST", "url": "` + assign + `", "token": ` + claims + `, "body": {"assignments": [], "Assignments": []}}`,
			[]string{"r.json:1 deny MalformedRequest"}, 1},
		{"a read", `{"method": "GET", "url": "https://graph.microsoft.com/v1.0/me"}`, nil, 0},
		{"another host", `{"method": "POST", "url": "https://example.org/beta/deviceManagement/configurationPolicies/p1/assign"}`, nil, 0},
		{"a part of a batch", `{"method": "POST", "url": "https://graph.microsoft.com/beta/$batch", "token": ` + claims + `, "body": {"requests": [
  {"id": "1", "method": "GET", "url": "/me"},
  {"id": "2", "method": "POST", "url": "/deviceManagement/configurationPolicies/p1/assign",
   "headers": {"Content-Type": "application/json"},
   "body": {"assignments": []}}]}}`, []string{"r.json:5 deny assign.empty /requests/1/request/body"}, 1},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			found, summary, err := judge(t, &check.Reader{Dir: write(t, map[string]string{"r.json": tt.content})}, "r.json")
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(tt.want, found); diff != "" {
				t.Error(diff)
			}
			if summary.Judged != tt.judged {
				t.Errorf("%d judged, want %d", summary.Judged, tt.judged)
			}
		})
	}
}

const har = `{"log": {"version": "1.2", "creator": {"name": "x", "version": "1"}, "entries": [
  {"startedDateTime": "2026-11-18T10:00:00.000Z", "request": {"method": "GET", "url": "https://graph.microsoft.com/v1.0/me", "headers": []}},
  {"startedDateTime": "2026-11-18T11:20:00.000Z",
   "request": {"method": "POST", "url": "` + assign + `",
    "headers": [{"name": ":method", "value": "POST"}, {"name": "Content-Type", "value": "application/json"},
     {"name": "Content-Length", "value": "1"},
     {"name": "authorization", "value": "Bearer TOKEN"}],
    "postData": {"mimeType": "application/json",
     "text": "{\"assignments\":[]}"}}},
  {"startedDateTime": "2026-11-18T11:20:01.000Z", "request": {"method": "POST", "url": "https://example.org/", "headers": []}},
  {"startedDateTime": "2026-11-18T11:20:02.000Z", "request": {"method": "DELETE", "url": "https://graph.microsoft.com/beta/deviceManagement/configurationPolicies/p1/assignments/a1", "headers": []}}
]}}`

func TestHAR(t *testing.T) {
	t.Parallel()
	var notes []string
	reader := &check.Reader{Note: func(format string, args ...any) { notes = append(notes, fmt.Sprintf(format, args...)) }}
	reader.Dir = write(t, map[string]string{"a.har": strings.Replace(har, "TOKEN", "opaque", 1)})
	found, summary, err := judge(t, reader, "a.har")
	if err != nil {
		t.Fatal(err)
	}
	want := []string{
		"a.har:7 deny token.opaque /token/format",
		"a.har:9 deny assign.empty /request/body",
		"a.har:11 deny token.missing /request/headers/authorization",
	}
	slices.Sort(found)
	slices.Sort(want)
	if diff := cmp.Diff(want, found); diff != "" {
		t.Error(diff)
	}
	if diff := cmp.Diff(check.Summary{Files: 1, Requests: 4, Judged: 2, Denied: 2}, summary); diff != "" {
		t.Error(diff)
	}
	if len(notes) != 1 || !strings.Contains(notes[0], "no Authorization header") {
		t.Errorf("notes %q", notes)
	}
}

// TestInput takes the input document that another run printed, and finds the lines in that.
func TestInput(t *testing.T) {
	t.Parallel()
	dir := write(t, map[string]string{"r.json": `{"method": "POST", "url": "` + assign + `", "token": ` + claims + `, "body": {"assignments": []}}`})
	var document map[string]any
	for c, err := range (&check.Reader{Dir: dir}).Cases("r.json") {
		if err != nil {
			t.Fatal(err)
		}
		document = c.Document()
	}
	text := indented(t, document)
	found, _, err := judge(t, &check.Reader{Stdin: strings.NewReader(text)}, "-")
	if err != nil {
		t.Fatal(err)
	}
	line := 1 + strings.Count(text[:strings.LastIndex(text, `    "body": {`)], "\n")
	if diff := cmp.Diff([]string{fmt.Sprintf("-:%d deny assign.empty /request/body", line)}, found); diff != "" {
		t.Error(diff)
	}
}

func TestFolders(t *testing.T) {
	t.Parallel()
	request := `{"method": "POST", "url": "` + assign + `", "token": ` + claims + `, "body": {"assignments": []}}`
	cassette, err := os.ReadFile("../../cassettes/rollout.yaml")
	if err != nil {
		t.Fatal(err)
	}
	for _, tt := range []struct {
		name  string
		files map[string]string
		paths []string
		want  []string
		fault string
	}{
		{"what holds no request is passed over in a folder", map[string]string{"a/r.json": request, "a/package.json": `{"name": "x"}`, "a/data.yaml": "rules: {}", "a/x.txt": "x"},
			[]string{"a"}, []string{"a/r.json:1 deny assign.empty /request/body"}, ""},
		{"and is a fault when it is named", map[string]string{"package.json": `{"name": "x"}`}, []string{"package.json"}, nil, "no cassette, HAR file, request or input document"},
		{"a hidden folder is left alone", map[string]string{"a/.git/r.json": request, "a/c.yaml": string(cassette)}, []string{"a"}, nil, ""},
		{"a folder without any", map[string]string{"a/x.txt": "x"}, []string{"a"}, nil, "a has no .yaml, .json or .har file"},
		{"a file that is not there", nil, []string{"none.json"}, nil, "none.json"},
		{"JSON that is broken, with its line", map[string]string{"r.json": "{\n\"method\": \"GET\",\n\"url\" 1}"}, []string{"r.json"}, nil, "r.json: line 3"},
		{"a field nobody knows", map[string]string{"r.json": `{"method": "GET", "url": "/v1.0/me", "header": {}}`}, []string{"r.json"}, nil, `unknown field "header"`},
		{"a header that is a number", map[string]string{"r.json": `{"method": "GET", "url": "/v1.0/me", "headers": {"a": 1}}`}, []string{"r.json"}, nil, "header a"},
		{"one bad file among good ones", map[string]string{"a/bad.json": "{", "a/r.json": request}, []string{"a"}, []string{"a/r.json:1 deny assign.empty /request/body"}, "bad.json"},
		{"a damaged cassette", map[string]string{"a/c.yaml": "---\nversion: 1\ninteractions:\n    - request: [\n    - x\n"}, []string{"a"}, nil, "c.yaml"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			found, _, err := judge(t, &check.Reader{Dir: write(t, tt.files)}, tt.paths...)
			if diff := cmp.Diff(tt.want, found); diff != "" {
				t.Error(diff)
			}
			if (err == nil) != (tt.fault == "") || err != nil && !strings.Contains(err.Error(), tt.fault) {
				t.Errorf("fault %v, want %q", err, tt.fault)
			}
		})
	}
}

// TestStops leaves the loop early.
func TestStops(t *testing.T) {
	t.Parallel()
	n := 0
	for range (&check.Reader{Dir: "../.."}).Cases("cassettes", "cassettes") {
		n++
		break
	}
	if n != 1 {
		t.Errorf("%d cases after a break", n)
	}
}

func FuzzRead(f *testing.F) {
	f.Add(`{"method": "POST", "url": "/beta/x", "body": {"a": [1, {"b": 2}]}}`)
	f.Add(har)
	f.Add("---\nversion: 1\ninteractions:\n    - request:\n        body: |-\n            {}\n        url: https://graph.microsoft.com/beta/x\n        method: POST\n      response:\n        code: 200\n        duration: 1s\n")
	engine, err := policy.Load(f.Context(), policy.Options{})
	if err != nil {
		f.Fatal(err)
	}
	f.Fuzz(func(t *testing.T, text string) {
		lines := 1 + strings.Count(text, "\n")
		for c, err := range (&check.Reader{Stdin: strings.NewReader(text)}).Cases("-") {
			if err != nil {
				continue
			}
			r, _ := check.Judge(t.Context(), engine, c)
			for _, finding := range r.Findings {
				if finding.Line > lines {
					t.Errorf("%s is at line %d of %d", finding.ID, finding.Line, lines)
				}
			}
		}
	})
}
