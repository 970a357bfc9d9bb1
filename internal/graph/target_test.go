package graph_test

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/graphwarden/graphwarden/internal/graph"
)

func TestTargets(t *testing.T) {
	t.Parallel()
	const (
		group  = `"@odata.type":"#microsoft.graph.groupAssignmentTarget","groupId":"` + groupID + `"`
		filter = "9a9a9a9a-0000-4000-8000-000000000002"
	)
	base := graph.Target{Type: "group", ODataType: "#microsoft.graph.groupAssignmentTarget", ID: groupID, FilterMode: "none", Pointer: "/target", Properties: []string{"groupId"}}
	with := func(change func(*graph.Target)) []graph.Target {
		t := base
		change(&t)
		return []graph.Target{t}
	}
	unknown := func(pointer string) graph.Target {
		return graph.Target{Type: "unknown", FilterMode: "none", Pointer: pointer}
	}
	typed := func(name string) []graph.Target { return with(func(t *graph.Target) { t.ODataType = name }) }
	tests := []struct {
		name, version, body string
		want                []graph.Target
	}{
		{"group", "beta", `{"target":{` + group + `}}`, []graph.Target{base}},
		{"type without #", "beta", `{"target":{"@odata.type":"microsoft.graph.groupAssignmentTarget","groupId":"` + groupID + `"}}`, typed("microsoft.graph.groupAssignmentTarget")},
		{"type by alias", "beta", `{"target":{"@odata.type":"graph.groupAssignmentTarget","groupId":"` + groupID + `"}}`, typed("graph.groupAssignmentTarget")},
		{"short annotation", "beta", `{"target":{"@type":"#microsoft.graph.groupAssignmentTarget","groupId":"` + groupID + `"}}`, []graph.Target{base}},
		{"annotations that disagree", "beta", `{"target":{"@type":"#microsoft.graph.allDevicesAssignmentTarget",` + group + `}}`, with(func(t *graph.Target) { t.Type = "unknown" })},
		{"names in another case", "beta", `{"TARGET":{"@OData.Type":"#microsoft.graph.groupAssignmentTarget","GROUPID":"7F1B3C52-0000-4000-8000-000000000001"}}`, with(func(t *graph.Target) { t.Pointer, t.Properties = "/TARGET", []string{"GROUPID"} })},
		{"exclusion", "beta", `{"target":{"@odata.type":"#microsoft.graph.exclusionGroupAssignmentTarget","groupId":"` + groupID + `"}}`, with(func(t *graph.Target) {
			t.Type, t.ODataType = "exclusion_group", "#microsoft.graph.exclusionGroupAssignmentTarget"
		})},
		{"filter", "beta", `{"target":{` + group + `,"deviceAndAppManagementAssignmentFilterId":"` + filter + `","deviceAndAppManagementAssignmentFilterType":"Include"}}`, with(func(t *graph.Target) {
			t.FilterID, t.FilterMode = filter, "include"
			t.Properties = []string{"deviceAndAppManagementAssignmentFilterId", "deviceAndAppManagementAssignmentFilterType", "groupId"}
		})},
		{"filter mode by number", "beta", `{"target":{` + group + `,"deviceAndAppManagementAssignmentFilterType":2.0}}`, with(func(t *graph.Target) {
			t.FilterMode, t.Properties = "exclude", []string{"deviceAndAppManagementAssignmentFilterType", "groupId"}
		})},
		{"filter on v1.0", "v1.0", `{"target":{` + group + `,"deviceAndAppManagementAssignmentFilterType":"none"}}`, with(func(t *graph.Target) {
			t.Properties, t.Unexpected = []string{"deviceAndAppManagementAssignmentFilterType", "groupId"}, []string{"deviceAndAppManagementAssignmentFilterType"}
		})},
		{"group without id", "beta", `{"target":{"@odata.type":"#microsoft.graph.groupAssignmentTarget","groupId":""}}`, with(func(t *graph.Target) { t.ID, t.Missing = "", []string{"groupId"} })},
		{"all devices with a group id", "beta", `{"target":{"@odata.type":"#microsoft.graph.allDevicesAssignmentTarget","groupId":"` + groupID + `"}}`, with(func(t *graph.Target) {
			t.Type, t.ODataType, t.ID, t.Unexpected = "all_devices", "#microsoft.graph.allDevicesAssignmentTarget", "", []string{"groupId"}
		})},
		{"no type", "beta", `{"target":{"groupId":"` + groupID + `"}}`, with(func(t *graph.Target) { t.Type, t.ODataType = "unknown", "" })},
		{"unknown type", "beta", `{"target":{"@odata.type":"#microsoft.graph.group","groupId":"` + groupID + `"}}`, with(func(t *graph.Target) { t.Type, t.ODataType = "unknown", "#microsoft.graph.group" })},
		{"target of another json type", "beta", `{"target":["x"]}`, []graph.Target{unknown("/target")}},
		{"null target", "beta", `{"target":null}`, nil},
		{"no target", "beta", `{"id":"x"}`, nil},
		{"intent beside the target", "beta", `{"intent":"Required","target":{` + group + `}}`, with(func(t *graph.Target) { t.Intent = "required" })},
		{"intent by its other name", "beta", `{"installIntent":"available","target":{` + group + `}}`, with(func(t *graph.Target) { t.Intent = "available" })},
		{"intent by number", "beta", `{"intent":1,"target":{` + group + `}}`, with(func(t *graph.Target) { t.Intent = "1" })},
		{"unknown intent", "beta", `{"intent":"Odd","target":{` + group + `}}`, with(func(t *graph.Target) { t.Intent = "Odd" })},
		{"filter mode of another json type", "beta", `{"target":{` + group + `,"deviceAndAppManagementAssignmentFilterType":[]}}`, with(func(t *graph.Target) {
			t.FilterMode, t.Properties = "unknown", []string{"deviceAndAppManagementAssignmentFilterType", "groupId"}
		})},
		{"list", "beta", `{"mobileAppAssignments":[{"intent":"required","target":{` + group + `}},{"target":{` + group + `}}]}`, []graph.Target{
			with(func(t *graph.Target) { t.Pointer, t.Intent = "/mobileAppAssignments/0/target", "required" })[0],
			with(func(t *graph.Target) { t.Pointer = "/mobileAppAssignments/1/target" })[0],
		}},
		{"entries without a target", "beta", `{"assignments":[{"id":"x"},"y"]}`, []graph.Target{unknown("/assignments/0"), unknown("/assignments/1")}},
		{"list that is none", "beta", `{"assignments":{"target":{` + group + `}}}`, []graph.Target{with(func(t *graph.Target) { t.Pointer = "/assignments/target" })[0], unknown("/assignments")}},
		{"list that is text", "beta", `{"assignments":"x"}`, []graph.Target{unknown("/assignments")}},
		{"older group list", "beta", `{"deviceManagementScriptGroupAssignments":[{"targetGroupId":"` + groupID + `"}]}`, []graph.Target{{Type: "group", ID: groupID, FilterMode: "none", Pointer: "/deviceManagementScriptGroupAssignments/0/targetGroupId"}}},
		{"older exclusion", "beta", `{"deviceConfigurationGroupAssignments":[{"targetGroupId":"` + groupID + `","excludeGroup":true}]}`, []graph.Target{{Type: "exclusion_group", ID: groupID, FilterMode: "none", Pointer: "/deviceConfigurationGroupAssignments/0/targetGroupId"}}},
		{"autopilot devices", "beta", `{"deviceIds":["Device-1"]}`, []graph.Target{{Type: "unknown", ID: "Device-1", FilterMode: "none", Pointer: "/deviceIds/0"}}},
		{"pointer escapes", "beta", `{"a/b~c":{"target":{` + group + `}}}`, with(func(t *graph.Target) { t.Pointer = "/a~1b~0c/target" })},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			body, err := graph.ParseJSON([]byte(tt.body))
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(tt.want, graph.Targets(tt.version, graph.Operation{Kind: graph.KindAssignment}, body)); diff != "" {
				t.Error(diff)
			}
			if got := graph.Targets(tt.version, graph.Operation{Kind: graph.KindOther}, body); got != nil {
				t.Errorf("targets of another write: %v", got)
			}
		})
	}
}
