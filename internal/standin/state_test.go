package standin_test

import (
	"bytes"
	"compress/gzip"
	"encoding/base64"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/graphwarden/graphwarden/internal/standin"
)

const groupBody = `{"target":{"@odata.type":"#microsoft.graph.groupAssignmentTarget","groupId":"g1"}}`

// step is one request of a story and what must come of it.
type step struct {
	req    request
	status int
	path   []string // into the answer; nothing is compared when empty
	want   any
}

func story(t *testing.T, h http.Handler, steps []step) {
	t.Helper()
	for i, s := range steps {
		status, v := do(t, h, s.req)
		if status != s.status {
			t.Fatalf("step %d, %s %s: %d %v, want %d", i, s.req.method, s.req.target, status, v, s.status)
		}
		if s.path == nil {
			continue
		}
		if diff := cmp.Diff(s.want, at(v, s.path...)); diff != "" {
			t.Errorf("step %d, %s %s, at %v (-want +got):\n%s", i, s.req.method, s.req.target, s.path, diff)
		}
	}
}

func TestStories(t *testing.T) {
	t.Parallel()
	list := poolPath + "/assignments"
	assign := func(bodies ...string) request {
		return request{"POST", poolPath + "/assign", `{"assignments":[` + strings.Join(bodies, ",") + `]}`, nil}
	}
	get := func(target string) request { return request{"GET", target, "", nil} }
	tests := map[string]struct {
		opts  standin.Options
		steps []step
	}{
		"a patch merges and stays": {steps: []step{
			{request{"PATCH", assignmentPath, `{"source":"direct"}`, nil}, 200, []string{"target", "@odata.type"}, "microsoft.graph.allLicensedUsersAssignmentTarget"},
			{request{"PATCH", assignmentPath, groupBody, nil}, 200, []string{"source"}, "direct"},
			{get(assignmentPath), 200, []string{"target", "groupId"}, "g1"},
		}},
		"names of properties have no case": {steps: []step{
			{request{"PATCH", assignmentPath, `{"TARGET":{"groupId":"g2"}}`, nil}, 200, []string{"target", "groupId"}, "g2"},
			{request{"PATCH", assignmentPath, `{"ID":"other","Target":{"groupId":"a"},"target":{"groupId":"b"}}`, nil}, 200, []string{"target", "groupId"}, "b"},
			{get(assignmentPath), 200, []string{"id"}, standin.SeedAssignment},
		}},
		"both ways to write a key are one object": {steps: []step{
			{request{"PATCH", "/beta/deviceManagement/EMBEDDEDSIMActivationCodePools('p')/assignments('a')", groupBody, nil}, 200, nil, nil},
			{get("/beta/deviceManagement/embeddedSIMActivationCodePools/p/assignments/a"), 200, []string{"target", "groupId"}, "g1"},
			{get("/beta/deviceManagement/embeddedSIMActivationCodePools/P/assignments/a"), 200, []string{"target"}, nil},
		}},
		"an unseen id is taken to exist": {steps: []step{
			{get(poolPath + "/assignments/new"), 200, []string{"id"}, "new"},
			{request{"PATCH", poolPath + "/assignments/new", groupBody, nil}, 200, []string{"id"}, "new"},
			{get(list + "?$count=true"), 200, []string{"@odata.count"}, 2.0},
		}},
		"an unseen id is not found when strict": {standin.Options{Strict: true}, []step{
			{request{"PATCH", poolPath + "/assignments/new", groupBody, nil}, 404, []string{"error", "code"}, "ResourceNotFound"},
			{request{"DELETE", poolPath + "/assignments/new", "", nil}, 404, nil, nil},
			{get("/beta/users/nobody"), 404, []string{"error", "code"}, "Request_ResourceNotFound"},
			{get("/beta/deviceManagement/embeddedSIMActivationCodePools/none/assignments"), 404, nil, nil},
			{request{"PATCH", assignmentPath, groupBody, nil}, 200, nil, nil},
		}},
		"what is deleted is gone": {steps: []step{
			{request{"DELETE", assignmentPath, "", nil}, 204, nil, nil},
			{get(assignmentPath), 404, nil, nil},
			{request{"PATCH", assignmentPath, groupBody, nil}, 404, nil, nil},
			{request{"DELETE", assignmentPath, "", nil}, 404, nil, nil},
			{get(list), 200, []string{"value"}, []any{}},
		}},
		"children of what is deleted are gone": {steps: []step{
			{request{"DELETE", poolPath, "", nil}, 204, nil, nil},
			{get(assignmentPath), 404, nil, nil},
		}},
		"created objects have ids of their own": {steps: []step{
			{request{"POST", list, groupBody, nil}, 201, []string{"id"}, "47c0574d-9673-5f45-8fc4-a599b6b7df1b"},
			{get(poolPath + "/assignments/47c0574d-9673-5f45-8fc4-a599b6b7df1b"), 200, []string{"target", "groupId"}, "g1"},
			{get(list + "?$count=true"), 200, []string{"@odata.count"}, 2.0},
		}},
		"assign replaces the set": {steps: []step{
			{assign(groupBody), 200, []string{"value", "target", "groupId"}, "g1"},
			{get(assignmentPath), 404, nil, nil},
			{get(list + "?count=true"), 200, []string{"@odata.count"}, 1.0},
			{assign(), 200, []string{"value"}, []any{}},
			{get(list), 200, []string{"value"}, []any{}},
		}},
		"assign ignores a target named twice": {steps: []step{
			{assign(groupBody, groupBody), 200, nil, nil},
			{get(list + "?$count=true"), 200, []string{"@odata.count"}, 1.0},
		}},
		"assign under another parameter": {steps: []step{
			{request{"POST", "/v1.0/deviceAppManagement/mobileApps/x/assign", `{"MobileAppAssignments":[` + groupBody + `]}`,
				head("Authorization", token(map[string]any{"scp": "DeviceManagementApps.ReadWrite.All"}))}, 204, nil, nil},
			{request{"GET", "/v1.0/deviceAppManagement/mobileApps/x/assignments", "",
				head("Authorization", token(map[string]any{"scp": "DeviceManagementApps.Read.All"}))}, 200, []string{"value", "target", "groupId"}, "g1"},
		}},
		"assignments inside a parent's body": {steps: []step{
			{request{"PATCH", poolPath, `{"displayName":"x","assignments":[` + groupBody + `]}`, nil}, 200, []string{"assignments"}, nil},
			{get(list), 200, []string{"value", "target", "groupId"}, "g1"},
			{get(poolPath + "?$expand=assignments"), 200, []string{"assignments", "target", "groupId"}, "g1"},
		}},
		"query options": {steps: []step{
			{request{"POST", list, groupBody, nil}, 201, nil, nil},
			{get(list + "?$top=1"), 200, []string{"@odata.nextLink"}, "https://graph.microsoft.com" + list + "?$top=1&$skiptoken=1"},
			{get(list + "?$top=1&$skiptoken=1"), 200, []string{"value", "target", "groupId"}, "g1"},
			{get(poolPath + "?SELECT=displayName"), 200, []string{"activationCodeCount"}, nil},
			{get(poolPath + "?$expand=nothing"), 400, nil, nil},
		}},
		"references": {steps: []step{
			{request{"POST", "/beta/education/classes/c/assignments/a/categories/$ref", `{"@odata.id":"https://graph.microsoft.com/beta/education/classes/c/assignmentCategories('cat')"}`, eduToken()}, 204, nil, nil},
			{request{"GET", "/beta/education/classes/c/assignments/a/categories", "", eduToken()}, 200, []string{"value", "id"}, "cat"},
			{request{"DELETE", "/beta/education/classes/c/assignments/a/categories/cat/$ref", "", eduToken()}, 204, nil, nil},
			{request{"GET", "/beta/education/classes/c/assignments/a/categories", "", eduToken()}, 200, []string{"value"}, []any{}},
			{request{"POST", "/beta/education/classes/c/assignments/a/categories/$ref", `{}`, eduToken()}, 400, nil, nil},
		}},
		"plain reads": {steps: []step{
			{get("/v1.0/me"), 200, []string{"userPrincipalName"}, "ada@example.com"},
			{get("/v1.0/users/" + standin.SeedUser), 200, []string{"displayName"}, "Ada Admin"},
			{get("/v1.0/groups/" + standin.SeedGroup), 200, []string{"displayName"}, "Ring 0 Pilot"},
			{get("/v1.0/organization"), 200, []string{"value", "displayName"}, "Stand-in"},
			{get("/beta/deviceManagement"), 200, nil, nil},
			{get("/v1.0"), 200, []string{"@odata.context"}, "https://graph.microsoft.com/v1.0/$metadata"},
		}},
		"as seen, one collection": {standin.Options{AsSeen: []string{"embeddedSIMActivationCodePools"}}, []step{
			{request{"PATCH", assignmentPath, groupBody, nil}, 400, []string{"error", "code"}, "No method match route template"},
			{request{"DELETE", assignmentPath, "", nil}, 400, nil, nil},
			{request{"POST", list, groupBody, nil}, 400, nil, nil},
			{get(list), 200, nil, nil},
			{assign(groupBody), 200, nil, nil},
			{assign(pageBody), 400, []string{"error", "message"}, "Cannot create an abstract class."},
			{request{"PATCH", "/beta/deviceManagement/deviceCompliancePolicies/p/assignments/a", groupBody, nil}, 200, nil, nil},
		}},
		"as seen, all that was reported": {standin.Options{AsSeen: []string{"intune"}}, []step{
			{request{"POST", "/v1.0/deviceManagement/deviceCompliancePolicies/p/assignments", groupBody, nil}, 400, []string{"error", "message"},
				"No OData route exists that match template ~/singleton/navigation/key/navigation with http verb POST for request /StandinFEService/deviceManagement/deviceCompliancePolicies('p')/assignments."},
			{request{"PATCH", "/v1.0/deviceManagement/deviceCompliancePolicies/p/assignments/a", groupBody, nil}, 200, nil, nil},
			{request{"PATCH", assignmentPath, groupBody, nil}, 200, nil, nil},
		}},
		"every third request is throttled": {standin.Options{ThrottleEvery: 3}, []step{
			{get(list), 200, nil, nil}, {get(list), 200, nil, nil},
			{get(list), 429, []string{"error", "code"}, "TooManyRequests"},
			{get(list), 200, nil, nil},
		}},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			story(t, newGraph(tt.opts), tt.steps)
		})
	}
}

func eduToken() http.Header { return head("Authorization", token(map[string]any{"scp": everything()})) }

func TestRefusals(t *testing.T) {
	t.Parallel()
	var packed bytes.Buffer
	z := gzip.NewWriter(&packed)
	_, _ = z.Write([]byte(pageBody))
	_ = z.Close()
	var bomb bytes.Buffer
	z = gzip.NewWriter(&bomb)
	_, _ = z.Write(bytes.Repeat([]byte(" "), 5<<20))
	_ = z.Close()
	claims := func(c map[string]any) http.Header { return head("Authorization", token(c)) }
	fits := `{"note":"` + strings.Repeat("x", 4<<20-11) + `"}`
	tests := []struct {
		name   string
		req    request
		status int
		code   any
	}{
		{"as documented", request{"PATCH", assignmentPath, pageBody, nil}, 200, nil},
		{"no token", request{"PATCH", assignmentPath, pageBody, head("Authorization", "")}, 401, "InvalidAuthenticationToken"},
		{"no bearer", request{"PATCH", assignmentPath, pageBody, head("Authorization", "Basic eA==")}, 401, "InvalidAuthenticationToken"},
		{"opaque token", request{"PATCH", assignmentPath, pageBody, head("Authorization", "Bearer EwBabc")}, 401, "InvalidAuthenticationToken"},
		{"expired", request{"PATCH", assignmentPath, pageBody, claims(map[string]any{"exp": noon.Unix() - 1})}, 401, "InvalidAuthenticationToken"},
		{"about to expire", request{"PATCH", assignmentPath, pageBody, claims(map[string]any{"exp": noon.Unix() + 1})}, 200, nil},
		{"wrong audience", request{"PATCH", assignmentPath, pageBody, claims(map[string]any{"aud": "https://vault.example.com"})}, 401, "InvalidAuthenticationToken"},
		{"audience by id", request{"PATCH", assignmentPath, pageBody, claims(map[string]any{"aud": "00000003-0000-0000-c000-000000000000"})}, 200, nil},
		{"audience with slash", request{"PATCH", assignmentPath, pageBody, claims(map[string]any{"aud": "https://graph.microsoft.com/"})}, 200, nil},
		{"missing scope", request{"PATCH", assignmentPath, pageBody, claims(map[string]any{"scp": "DeviceManagementConfiguration.Read.All"})}, 403, "Forbidden"},
		{"read scope reads", request{"GET", assignmentPath, "", claims(map[string]any{"scp": "DeviceManagementConfiguration.Read.All"})}, 200, nil},
		{"app with role", request{"PATCH", assignmentPath, pageBody, head("Authorization", app(configScope))}, 200, nil},
		{"app without role", request{"PATCH", assignmentPath, pageBody, head("Authorization", app("User.Read.All"))}, 403, "Forbidden"},
		{"app where only users may", request{"POST", "/beta/privilegedRoleAssignments/x/makeEligible", `{}`, head("Authorization", app(strings.Fields(everything())...))}, 403, "Authorization_RequestDenied"},
		{"user there", request{"POST", "/beta/privilegedRoleAssignments/x/makeEligible", `{}`, eduToken()}, 200, nil},
		{"personal account", request{"PATCH", assignmentPath, pageBody, claims(map[string]any{"tid": "9188040d-6c67-4c5b-b112-36a304b66dad"})}, 403, "Forbidden"},
		{"malformed", request{"PATCH", assignmentPath, `{"target":{}`, nil}, 400, "BadRequest"},
		{"trailing data", request{"PATCH", assignmentPath, pageBody + `{}`, nil}, 400, "BadRequest"},
		{"array", request{"PATCH", assignmentPath, `[` + pageBody + `]`, nil}, 400, "BadRequest"},
		{"no body", request{"PATCH", assignmentPath, "", nil}, 400, "BadRequest"},
		{"byte order mark", request{"PATCH", assignmentPath, "\xef\xbb\xbf" + pageBody, nil}, 200, nil},
		{"other media type", request{"PATCH", assignmentPath, pageBody, head("Content-Type", "text/plain")}, 415, "UnsupportedMediaType"},
		{"media type with charset", request{"PATCH", assignmentPath, pageBody, head("Content-Type", "application/json; charset=utf-8")}, 200, nil},
		{"unknown target", request{"PATCH", assignmentPath, `{"target":{"@odata.type":"#microsoft.graph.noSuchTarget"}}`, nil}, 400, "ModelValidationFailure"},
		{"unknown target in assign", request{"POST", poolPath + "/assign", `{"assignments":[{"target":{"@odata.type":"#microsoft.graph.noSuchTarget"}}]}`, nil}, 400, "ModelValidationFailure"},
		{"foreign namespace", request{"PATCH", assignmentPath, `{"@odata.type":"#contoso.thing"}`, nil}, 400, "ModelValidationFailure"},
		{"type without namespace sign", request{"PATCH", assignmentPath, `{"target":{"@odata.type":"graph.groupAssignmentTarget","groupId":"g"}}`, nil}, 200, nil},
		{"unknown segment", request{"PATCH", "/beta/deviceManagement/nothing/P", pageBody, nil}, 400, "BadRequest"},
		{"no version", request{"GET", "/users", "", nil}, 400, "BadRequest"},
		{"wrong method", request{"PUT", assignmentPath, pageBody, nil}, 405, "Request_BadRequest"},
		{"mixed case method", request{"Patch", assignmentPath, pageBody, nil}, 400, "BadRequest"},
		{"gzip", request{"PATCH", assignmentPath, packed.String(), head("Content-Encoding", "gzip")}, 200, nil},
		{"not gzip", request{"PATCH", assignmentPath, pageBody, head("Content-Encoding", "gzip")}, 400, "BadRequest"},
		{"unknown encoding", request{"PATCH", assignmentPath, pageBody, head("Content-Encoding", "foo")}, 415, "UnsupportedMediaType"},
		{"encoded twice", request{"PATCH", assignmentPath, packed.String(), head("Content-Encoding", "gzip, gzip")}, 415, "UnsupportedMediaType"},
		{"as large as may be", request{"PATCH", assignmentPath, fits, nil}, 200, nil},
		{"too large", request{"PATCH", assignmentPath, fits + " ", nil}, 413, "RequestEntityTooLarge"},
		{"too large when decoded", request{"PATCH", assignmentPath, bomb.String(), head("Content-Encoding", "gzip")}, 413, "RequestEntityTooLarge"},
		{"unknown preference", request{"PATCH", assignmentPath, pageBody, head("Prefer", "respond-async")}, 200, nil},
		{"preflight", request{"OPTIONS", assignmentPath, "", head("Origin", "https://app.example.com", "Authorization", "")}, 200, nil},
		{"options", request{"OPTIONS", assignmentPath, "", nil}, 405, "Request_BadRequest"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			status, v := do(t, newGraph(standin.Options{}), tt.req)
			if status != tt.status || code(v) != tt.code {
				t.Errorf("got %d %v, want %d %v", status, code(v), tt.status, tt.code)
			}
		})
	}
}

func TestMetadataIsOpen(t *testing.T) {
	t.Parallel()
	resp := request{"GET", "/beta/$metadata", "", head("Authorization", "")}.send(t, newGraph(standin.Options{}))
	if body := read(t, resp); resp.StatusCode != 200 || resp.Header.Get("Content-Type") != "application/xml" || !strings.Contains(body, "<edmx:Edmx") {
		t.Errorf("got %d %s", resp.StatusCode, body)
	}
}

func TestClientRequestID(t *testing.T) {
	t.Parallel()
	h := newGraph(standin.Options{})
	resp := request{"GET", assignmentPath, "", nil}.send(t, h)
	if a, b := resp.Header.Get("request-id"), resp.Header.Get("client-request-id"); a == "" || a != b {
		t.Errorf("request-id %q and client-request-id %q should be one when the client sends none", a, b)
	}
	next := request{"GET", assignmentPath, "", head("client-request-id", "mine")}.send(t, h)
	if next.Header.Get("client-request-id") != "mine" || next.Header.Get("request-id") == resp.Header.Get("request-id") {
		t.Errorf("got %v", next.Header)
	}
}

func TestThrottleSaysWhen(t *testing.T) {
	t.Parallel()
	resp := request{"GET", assignmentPath, "", nil}.send(t, newGraph(standin.Options{ThrottleEvery: 1, RetryAfter: 7 * time.Second}))
	if resp.StatusCode != 429 || resp.Header.Get("Retry-After") != "7" {
		t.Errorf("got %d, Retry-After %q", resp.StatusCode, resp.Header.Get("Retry-After"))
	}
}

func TestApproval(t *testing.T) {
	t.Parallel()
	h := newGraph(standin.Options{Approval: []string{"embeddedSIMActivationCodePools"}})
	why := base64.StdEncoding.EncodeToString([]byte("ticket 1"))
	patch := func(body string, pairs ...string) *http.Response {
		return request{"PATCH", assignmentPath, body, head(pairs...)}.send(t, h)
	}
	check := func(what string, resp *http.Response, status int) {
		t.Helper()
		if resp.StatusCode != status {
			t.Fatalf("%s: %d %s, want %d", what, resp.StatusCode, read(t, resp), status)
		}
	}
	check("without justification", patch(pageBody), 400)
	check("no Base64", patch(pageBody, "x-msft-approval-justification", "!"), 400)
	check("too long", patch(pageBody, "x-msft-approval-justification", base64.StdEncoding.EncodeToString(make([]byte, 1025))), 400)
	asked := patch(pageBody, "x-msft-approval-justification", why)
	check("with justification", asked, 412)
	given := asked.Header.Get("x-msft-approval-code")
	if given == "" {
		t.Fatal("no code in the answer")
	}
	check("asked again", patch(pageBody, "x-msft-approval-justification", why), 409)
	check("another body", patch(groupBody, "x-msft-approval-code", given), 400)
	check("another code", patch(pageBody, "x-msft-approval-code", "x"), 400)
	story(t, h, []step{{request{"GET", "/beta/deviceManagement/operationApprovalRequests", "", nil}, 200, []string{"value", "id"}, given}})
	check("with code", patch(pageBody, "x-msft-approval-code", given), 200)
	check("code used up", patch(pageBody, "x-msft-approval-code", given), 400)
	story(t, h, []step{
		{request{"GET", assignmentPath, "", nil}, 200, nil, nil},
		{request{"PATCH", "/beta/deviceManagement/deviceConfigurations/x/assignments/a", groupBody, nil}, 200, nil, nil},
	})
}

func TestOnChangeTellsWhatWasApplied(t *testing.T) {
	t.Parallel()
	var got []standin.Change
	h := newGraph(standin.Options{OnChange: func(c standin.Change) { got = append(got, c) }})
	for _, q := range []request{
		{"GET", assignmentPath, "", nil},
		{"PATCH", assignmentPath, `{`, nil},
		{"PATCH", assignmentPath, pageBody, nil},
		{"POST", "/beta/$batch", `{"requests":[{"id":"1","method":"DELETE","url":"` + strings.TrimPrefix(assignmentPath, "/beta") + `"}]}`, nil},
	} {
		_ = q.send(t, h)
	}
	const route = "/deviceManagement/embeddedSIMActivationCodePools/{id}/assignments/{id}"
	keys := []string{standin.SeedPool, standin.SeedAssignment}
	want := []standin.Change{{"beta", "PATCH", route, keys}, {"beta", "DELETE", route, keys}}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("changes (-want +got):\n%s", diff)
	}
}

func TestLatency(t *testing.T) {
	t.Parallel()
	began := time.Now()
	request{"GET", assignmentPath, "", nil}.send(t, newGraph(standin.Options{Latency: 30 * time.Millisecond}))
	if took := time.Since(began); took < 30*time.Millisecond {
		t.Errorf("answered after %v", took)
	}
}

func TestManyAtOnce(t *testing.T) {
	t.Parallel()
	h := newGraph(standin.Options{})
	var wg sync.WaitGroup
	for range 8 {
		wg.Go(func() {
			for range 50 {
				request{"PATCH", assignmentPath, groupBody, nil}.send(t, h)
				request{"POST", poolPath + "/assignments", groupBody, nil}.send(t, h)
				request{"GET", poolPath + "/assignments", "", nil}.send(t, h)
			}
		})
	}
	wg.Wait()
	story(t, h, []step{{request{"GET", poolPath + "/assignments?$count=true", "", nil}, 200, []string{"@odata.count"}, 401.0}})
}
