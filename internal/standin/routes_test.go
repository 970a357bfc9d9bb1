package standin_test

import (
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/graphwarden/graphwarden/internal/graph"
	"github.com/graphwarden/graphwarden/internal/standin"
)

var parameter = regexp.MustCompile(`\{[^}]*\}`)

// everything holds every scope that any row asks for, so that only the routes are under test.
func everything() string {
	var scopes []string
	for _, r := range graph.Routes() {
		scopes = append(scopes, r.Permissions.DelegatedWork...)
		scopes = append(scopes, r.Permissions.Application...)
	}
	slices.Sort(scopes)
	return strings.Join(slices.Compact(scopes), " ")
}

// TestEveryRouteAnswersAsDocumented sends each catalogued request: by its template with casts and all.
func TestEveryRouteAnswersAsDocumented(t *testing.T) {
	t.Parallel()
	auth := head("Authorization", token(map[string]any{"scp": everything()}))
	routes := graph.Routes()
	if len(routes) < 700 {
		t.Fatalf("the catalogue holds %d routes", len(routes))
	}
	statuses := map[string]int{"create": 201, "update": 200, "delete": 204, "ref": 204}
	for _, r := range routes {
		h := newGraph(standin.Options{})
		path := "/" + r.Version + parameter.ReplaceAllString(r.Template, "some-id")
		body := ""
		switch {
		case r.Kind == "ref" && r.Method != "DELETE":
			body = `{"@odata.id":"https://graph.microsoft.com/beta/things('x')"}`
		case r.Kind == "assign":
			body = `{"assignments":[` + pageBody + `]}`
		case r.Method != "DELETE":
			body = pageBody
		}
		status, v := do(t, h, request{r.Method, path, body, auth})
		want := statuses[r.Kind]
		if number, _, ok := strings.Cut(r.DocsStatus, " "); ok {
			want, _ = strconv.Atoi(number)
		}
		if want == 0 || strings.Contains(r.Template, "reprocessAssignments") {
			if status != 200 && status != 204 {
				t.Errorf("%s %s answers %d, want 200 or 204", r.Method, path, status)
			}
			continue
		}
		if status != want {
			t.Errorf("%s %s answers %d %v, want %d", r.Method, path, status, v, want)
		}
		if r.Kind == "update" && at(v, "id") != "some-id" {
			t.Errorf("%s %s answers %v, want the object with its id", r.Method, path, v)
		}
	}
}

// TestRoutesRefuseWithoutTheirScope is the twin: the same requests by a token for something else.
func TestRoutesRefuseWithoutTheirScope(t *testing.T) {
	t.Parallel()
	h := newGraph(standin.Options{})
	auth := head("Authorization", token(map[string]any{"scp": "Calendars.Read"}))
	for _, r := range graph.Routes() {
		if !r.Permissions.Known {
			continue
		}
		path := "/" + r.Version + parameter.ReplaceAllString(r.Template, "some-id")
		if status, _ := do(t, h, request{r.Method, path, pageBody, auth}); status != 403 {
			t.Errorf("%s %s answers %d to a token without scope, want 403", r.Method, path, status)
		}
	}
}

func TestResolve(t *testing.T) {
	t.Parallel()
	const route = "/deviceManagement/embeddedSIMActivationCodePools/{id}/assignments/{id}"
	esim := standin.Change{Version: "beta", Method: "PATCH", Template: route, Keys: []string{"P", "A"}}
	assign := standin.Change{Version: "beta", Method: "POST", Template: "/deviceManagement/embeddedSIMActivationCodePools/{id}/assign", Keys: []string{"P"}}
	app := standin.Change{Version: "v1.0", Method: "POST", Template: "/deviceAppManagement/mobileApps/{id}/assignments", Keys: []string{"P"}}
	tests := []struct {
		name, method, target string
		want                 standin.Change
	}{
		{"as documented", "PATCH", "/beta/deviceManagement/embeddedSIMActivationCodePools/P/assignments/A", esim},
		{"case folded", "PATCH", "/BETA/DEVICEMANAGEMENT/EmbeddedSimActivationCodePools/P/Assignments/A", esim},
		{"keys in parentheses", "PATCH", "/beta/deviceManagement/embeddedSIMActivationCodePools('P')/assignments('A')", esim},
		{"encoded parentheses", "PATCH", "/beta/deviceManagement/embeddedSIMActivationCodePools%28%27P%27%29/assignments%28A%29", esim},
		{"named key", "PATCH", "/beta/deviceManagement/embeddedSIMActivationCodePools(id='P')/assignments/A", esim},
		{"slash before parentheses", "PATCH", "/beta/deviceManagement/embeddedSIMActivationCodePools/('P')/assignments/A", esim},
		{"empty segments", "PATCH", "//beta///deviceManagement//embeddedSIMActivationCodePools/P/assignments/A//", esim},
		{"dot segments", "PATCH", "/beta/users/../deviceManagement/./embeddedSIMActivationCodePools/P/assignments/A", esim},
		{"encoded dots", "PATCH", "/beta/users/%2e%2e/deviceManagement/embeddedSIMActivationCodePools/P/assignments/A", esim},
		{"climbing over a key", "PATCH", "/beta/users('x')/../deviceManagement/embeddedSIMActivationCodePools/P/assignments/A", esim},
		{"backslashes", "PATCH", `/beta\deviceManagement\embeddedSIMActivationCodePools/P/assignments/A`, esim},
		{"letters encoded", "PATCH", "/beta/deviceManagement/%65mbeddedSIMActivationCodePools/P/%61ssignments/A", esim},
		{"tenant", "PATCH", "/beta/contoso.example/deviceManagement/embeddedSIMActivationCodePools/P/assignments/A", esim},
		{"tenant id", "PATCH", "/beta/11111111-2222-4333-8444-555555555555/deviceManagement/embeddedSIMActivationCodePools/P/assignments/A", esim},
		{"absolute", "PATCH", "https://graph.microsoft.com/beta/deviceManagement/embeddedSIMActivationCodePools/P/assignments/A", esim},
		{"query", "PATCH", "/beta/deviceManagement/embeddedSIMActivationCodePools/P/assignments/A?$select=id", esim},
		{"action", "POST", "/beta/deviceManagement/embeddedSIMActivationCodePools/P/assign", assign},
		{"qualified action", "POST", "/beta/deviceManagement/embeddedSIMActivationCodePools/P/microsoft.graph.assign", assign},
		{"aliased action", "POST", "/beta/deviceManagement/embeddedSIMActivationCodePools/P/graph.Assign", assign},
		{"called action", "POST", "/beta/deviceManagement/embeddedSIMActivationCodePools('P')/microsoft.graph.assign()", assign},
		{"cast", "POST", "/v1.0/deviceAppManagement/mobileApps/P/graph.win32LobApp/assignments", app},
		{"long cast", "POST", "/v1.0/deviceAppManagement/mobileApps/P/microsoft.graph.iosVppApp/assignments", app},
		{"collection cast", "POST", "/v1.0/deviceAppManagement/mobileApps/microsoft.graph.iosVppApp/P/assignments", app},
		{"quote doubled", "PATCH", "/beta/deviceManagement/embeddedSIMActivationCodePools('O''P')/assignments/A",
			standin.Change{Version: "beta", Method: "PATCH", Template: route, Keys: []string{"O'P", "A"}}},
		{"encoded slash stays in the id", "PATCH", "/beta/deviceManagement/embeddedSIMActivationCodePools/P%2Fassign/assignments/A",
			standin.Change{Version: "beta", Method: "PATCH", Template: route, Keys: []string{"P/assign", "A"}}},
		{"ids keep their case", "PATCH", "/beta/deviceManagement/embeddedSIMActivationCodePools/p/assignments/a",
			standin.Change{Version: "beta", Method: "PATCH", Template: route, Keys: []string{"p", "a"}}},
	}
	for _, tt := range tests {
		got, ok := standin.Resolve(tt.method, tt.target)
		if diff := cmp.Diff(tt.want, got); diff != "" || !ok {
			t.Errorf("%s: %s %s (-want +got):\n%s", tt.name, tt.method, tt.target, diff)
		}
	}
}

func TestResolveRefuses(t *testing.T) {
	t.Parallel()
	tests := []struct{ name, method, target string }{
		{"other version", "PATCH", "/v2.0/deviceManagement/embeddedSIMActivationCodePools/P/assignments/A"},
		{"beta only", "PATCH", "/v1.0/deviceManagement/embeddedSIMActivationCodePools/P/assignments/A"},
		{"encoded twice", "PATCH", "/beta/deviceManagement/embeddedSIMActivationCodePools/P/%2561ssignments/A"},
		{"key without set", "PATCH", "/beta/deviceManagement/('P')/assignments/A"},
		{"no such method", "PUT", "/beta/deviceManagement/embeddedSIMActivationCodePools/P/assignments/A"},
		{"collection", "PATCH", "/beta/deviceManagement/embeddedSIMActivationCodePools/P/assignments"},
		{"get of an action", "GET", "/beta/deviceManagement/embeddedSIMActivationCodePools/P/assign"},
		{"reserved name as id", "PATCH", "/beta/deviceManagement/embeddedSIMActivationCodePools/P/assignments/$ref"},
		{"root", "PATCH", "/"},
	}
	for _, tt := range tests {
		if got, ok := standin.Resolve(tt.method, tt.target); ok {
			t.Errorf("%s: %s %s resolves to %+v", tt.name, tt.method, tt.target, got)
		}
	}
}

// FuzzResolve: whatever resolves must still resolve, to the same change, when it is written out plainly.
func FuzzResolve(f *testing.F) {
	f.Add("PATCH", "/beta/deviceManagement/embeddedSIMActivationCodePools('P')/assignments/A")
	f.Add("POST", "/v1.0//deviceAppManagement/mobileApps/P/graph.win32LobApp/assign?x")
	f.Add("DELETE", `/beta/users\%2e%2e/groups/(a='b')`)
	f.Add("GET", "/beta/a(')/..%2f")
	f.Fuzz(func(t *testing.T, method, target string) {
		got, ok := standin.Resolve(method, target)
		if !ok {
			return
		}
		keys := got.Keys
		plain := parameter.ReplaceAllStringFunc(got.Template, func(string) string {
			k := keys[0]
			keys = keys[1:]
			return "('" + strings.NewReplacer("%", "%25", "/", "%2F", `\`, "%5C", "?", "%3F", "#", "%23", "'", "''").Replace(k) + "')"
		})
		again, ok := standin.Resolve(method, "/"+got.Version+strings.ReplaceAll(plain, "/('", "('"))
		if diff := cmp.Diff(got, again); diff != "" || !ok {
			t.Errorf("%q written as %q (-first +again):\n%s", target, plain, diff)
		}
	})
}
