package graph_test

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/graphwarden/graphwarden/internal/graph"
)

func TestLookupTargetType(t *testing.T) {
	t.Parallel()
	filters := []string{"deviceAndAppManagementAssignmentFilterId", "deviceAndAppManagementAssignmentFilterType"}
	group := graph.TargetType{Name: "#microsoft.graph.groupAssignmentTarget", Kind: "group", Properties: append([]string{"groupId"}, filters...), Required: []string{"groupId"}}
	groupV1 := group
	groupV1.Properties = []string{"groupId"}
	tests := []struct {
		name, version, odataType string
		want                     graph.TargetType
		ok                       bool
	}{
		{"hash", "beta", "#microsoft.graph.groupAssignmentTarget", group, true},
		{"no hash", "beta", "microsoft.graph.groupAssignmentTarget", group, true},
		{"alias", "beta", "graph.groupAssignmentTarget", group, true},
		{"bare, other case", "beta", "GROUPassignmenttarget", group, true},
		{"metadata URL", "beta", "https://graph.microsoft.com/beta/$metadata#microsoft.graph.groupAssignmentTarget", group, true},
		{"v1.0 has no filter", "v1.0", "#microsoft.graph.groupAssignmentTarget", groupV1, true},
		{"exclusion", "beta", "#Microsoft.Graph.exclusionGroupAssignmentTarget", graph.TargetType{Name: "#microsoft.graph.exclusionGroupAssignmentTarget", Kind: "exclusion_group", Properties: append([]string{"groupId"}, filters...), Required: []string{"groupId"}}, true},
		{"all devices", "v1.0", "#microsoft.graph.allDevicesAssignmentTarget", graph.TargetType{Name: "#microsoft.graph.allDevicesAssignmentTarget", Kind: "all_devices"}, true},
		{"all users", "beta", "#microsoft.graph.allLicensedUsersAssignmentTarget", graph.TargetType{Name: "#microsoft.graph.allLicensedUsersAssignmentTarget", Kind: "all_users", Properties: filters}, true},
		{"collection", "v1.0", "graph.configurationManagerCollectionAssignmentTarget", graph.TargetType{Name: "#microsoft.graph.configurationManagerCollectionAssignmentTarget", Kind: "collection", Properties: []string{"collectionId"}, Required: []string{"collectionId"}}, true},
		{"abstract", "v1.0", "microsoft.graph.deviceAndAppManagementAssignmentTarget", graph.TargetType{Name: "#microsoft.graph.deviceAndAppManagementAssignmentTarget", Kind: "abstract"}, true},
		{"cloud PC", "beta", "microsoft.graph.cloudPcManagementGroupAssignmentTarget", graph.TargetType{Name: "#microsoft.graph.cloudPcManagementGroupAssignmentTarget", Kind: "group", Properties: []string{"groupId", "servicePlanId", "allotmentDisplayName", "allotmentLicensesCount"}, Required: []string{"groupId"}}, true},
		{"scope tag is beta only", "v1.0", "microsoft.graph.scopeTagGroupAssignmentTarget", graph.TargetType{}, false},
		{"scope tag", "beta", "microsoft.graph.scopeTagGroupAssignmentTarget", graph.TargetType{Name: "#microsoft.graph.scopeTagGroupAssignmentTarget", Kind: "group", Properties: append([]string{"targetType", "entraObjectId"}, filters...), Required: []string{"entraObjectId"}}, true},
		{"other namespace", "beta", "evil.groupAssignmentTarget", graph.TargetType{}, false},
		{"empty", "beta", "", graph.TargetType{}, false},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			got, ok := graph.LookupTargetType(tt.version, tt.odataType)
			if diff := cmp.Diff(tt.want, got); diff != "" || ok != tt.ok {
				t.Errorf("ok = %v, want %v (-want +got):\n%s", ok, tt.ok, diff)
			}
		})
	}
}
