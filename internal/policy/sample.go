package policy

import (
	"net/http"
	"time"

	"github.com/graphwarden/graphwarden/internal/graph"
)

// sample is the request a new generation is tried on before it may judge: an ordinary change of one assignment.
func sample() *graph.Request {
	permissions := graph.Permissions{Known: true, DelegatedWork: []string{"DeviceManagementConfiguration.ReadWrite.All"}}
	at := time.Unix(1_795_000_000, 0)
	return &graph.Request{
		ID: "00000000-0000-4000-8000-000000000000", Time: at,
		Method: http.MethodPatch, Scheme: "https", Host: "graph.microsoft.com", Port: 443,
		Header: http.Header{"Accept": {"application/json"}, "Content-Type": {"application/json"}},
		Path:   graph.Path{Version: "beta"},
		Body:   []byte(`{"target":{"@odata.type":"#microsoft.graph.allDevicesAssignmentTarget"}}`), BodyState: graph.BodyJSON,
		JSON: map[string]any{"target": map[string]any{"@odata.type": "#microsoft.graph.allDevicesAssignmentTarget"}},
		Operation: graph.Operation{
			Kind: graph.KindAssignment, Name: "update", Effect: graph.EffectModify, Cloud: "global",
			Family: "intune", Resource: "embeddedSIMActivationCodePoolAssignment",
			Permissions: permissions, Documented: permissions, BodyProperties: []string{"id", "target"},
		},
		Targets: []graph.Target{{Type: "all_devices", ODataType: "#microsoft.graph.allDevicesAssignmentTarget", FilterMode: "none", Pointer: "/target"}},
		Token: graph.Token{Present: true, Format: "jwt", Type: "delegated", Scopes: permissions.DelegatedWork,
			Audience: "https://graph.microsoft.com", Expires: at.Add(time.Hour)},
	}
}
