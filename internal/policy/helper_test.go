package policy_test

import (
	"encoding/json"
	"net/http"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/graphwarden/graphwarden/internal/graph"
	"github.com/graphwarden/graphwarden/internal/policy"
)

const (
	scope   = "DeviceManagementConfiguration.ReadWrite.All"
	group   = "00000000-0000-4000-8000-000000000007"
	tenant  = "11111111-1111-4111-8111-111111111111"
	route   = "/deviceManagement/embeddedSIMActivationCodePools/{poolId}/assignments/{assignmentId}"
	groupOT = "#microsoft.graph.groupAssignmentTarget"
)

var noon = time.Date(2026, time.September, 21, 12, 0, 0, 0, time.UTC) // a Monday

func load(t testing.TB, options policy.Options) *policy.Engine {
	t.Helper()
	engine, err := policy.Load(t.Context(), options)
	if err != nil {
		t.Fatal(err)
	}
	return engine
}

// patch is the request of the reference page, with a group for a target and a token that may make it.
func patch() *graph.Request {
	return &graph.Request{
		ID: "a1b2c3d4-0000-4000-8000-000000000001", Time: noon,
		Method: http.MethodPatch, Scheme: "https", Host: "graph.microsoft.com", Port: 443,
		RawTarget: "/beta/deviceManagement/embeddedSIMActivationCodePools/p1/assignments/a1",
		Path: graph.Path{Version: "beta", Segments: []graph.Segment{
			{Name: "deviceManagement"}, {Name: "embeddedSIMActivationCodePools"}, {Name: "p1", Key: true},
			{Name: "assignments"}, {Name: "a1", Key: true}}},
		Header: http.Header{
			"Accept": {"application/json"}, "Content-Type": {"application/json"}, "User-Agent": {"curl/8.0.0"},
			"Authorization":     {"Bearer canary-secret"},
			"Client-Request-Id": {"a1b2c3d4-0000-4000-8000-000000000002"}},
		Body:      []byte(`{"target":{"@odata.type":"` + groupOT + `","groupId":"` + group + `"}}`),
		BodyState: graph.BodyJSON,
		JSON:      map[string]any{"target": map[string]any{"@odata.type": groupOT, "groupId": group}},
		Operation: graph.Operation{
			Kind: graph.KindAssignment, Name: "update", Effect: graph.EffectModify, Cloud: "global", Family: "intune",
			Resource: "embeddedSIMActivationCodePoolAssignment", Route: route,
			IDs:               map[string]string{"poolId": "p1", "assignmentId": "a1"},
			Permissions:       graph.Permissions{Known: true, DelegatedWork: []string{scope}, Application: []string{scope}},
			Documented:        graph.Permissions{Known: true, DelegatedWork: []string{scope}},
			PermissionProfile: "documented", BodyProperties: []string{"id", "target"},
		},
		Targets: []graph.Target{{Type: "group", ODataType: groupOT, ID: group, FilterMode: "none", Pointer: "/target",
			Properties: []string{"groupId"}}},
		Token: graph.Token{Present: true, Format: "jwt", Type: "delegated", Tenant: tenant,
			App: "22222222-2222-4222-8222-222222222222", Object: "33333333-3333-4333-8333-333333333333",
			Audience: "https://graph.microsoft.com", Scopes: []string{scope}, Issued: noon.Add(-time.Minute), Expires: noon.Add(time.Hour)},
		Connection: graph.Connection{ConnectHost: "graph.microsoft.com", ConnectPort: 443, SNI: "graph.microsoft.com", Client: "127.0.0.1"},
	}
}

// write puts files into a fresh folder and returns it.
func write(t testing.TB, files map[string]string) string {
	t.Helper()
	dir := t.TempDir()
	for name, content := range files {
		full := filepath.Join(dir, filepath.FromSlash(name))
		if err := os.MkdirAll(filepath.Dir(full), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(full, []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

func ids(v policy.Verdict) []string {
	var list []string
	for _, violation := range v.Violations {
		list = append(list, violation.Level+" "+violation.ID)
	}
	return list
}

func decode(t testing.TB, document []byte) any {
	t.Helper()
	var value any
	if err := json.Unmarshal(document, &value); err != nil {
		t.Fatal(err)
	}
	return value
}
