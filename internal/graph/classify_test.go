package graph_test

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/graphwarden/graphwarden/internal/graph"
)

func TestClassify(t *testing.T) {
	t.Parallel()
	type result struct {
		Kind         graph.Kind
		Name, Route  string
		Effect       graph.Effect
		Resource, ID string // ID is the value of the last parameter asked for
	}
	const pool = "/deviceManagement/embeddedSIMActivationCodePools/{embeddedSIMActivationCodePoolId}"
	tests := []struct {
		name, method, target, id string
		want                     result
	}{
		{"update", "PATCH", "/beta/deviceManagement/embeddedSIMActivationCodePools/P/assignments/A", "embeddedSIMActivationCodePoolAssignmentId", result{graph.KindAssignment, "update", pool + "/assignments/{embeddedSIMActivationCodePoolAssignmentId}", graph.EffectModify, "embeddedSIMActivationCodePoolAssignment", "A"}},
		{"create", "POST", "/beta/deviceManagement/embeddedSIMActivationCodePools/P/assignments", "embeddedSIMActivationCodePoolId", result{graph.KindAssignment, "create", pool + "/assignments", graph.EffectAdd, "embeddedSIMActivationCodePoolAssignment", "P"}},
		{"delete", "DELETE", "/beta/deviceManagement/embeddedSIMActivationCodePools/P/assignments/A", "", result{graph.KindAssignment, "delete", pool + "/assignments/{embeddedSIMActivationCodePoolAssignmentId}", graph.EffectRemove, "embeddedSIMActivationCodePoolAssignment", ""}},
		{"assign", "POST", "/beta/deviceManagement/embeddedSIMActivationCodePools/P/assign", "", result{graph.KindAssignment, "assign", pool + "/assign", graph.EffectReplace, "embeddedSIMActivationCodePoolAssignment", ""}},
		{"put where only patch is", "PUT", "/beta/deviceManagement/embeddedSIMActivationCodePools/P/assignments/A", "", result{graph.KindUnknownWrite, "update", "", graph.EffectModify, "unknown", ""}},
		{"unknown verb", "MERGE", "/beta/deviceManagement/embeddedSIMActivationCodePools/P/assignments/A", "", result{graph.KindUnknownWrite, "update", "", graph.EffectModify, "unknown", ""}},
		{"v1.0 of a beta route", "PATCH", "/v1.0/deviceManagement/embeddedSIMActivationCodePools/P/assignments/A", "", result{graph.KindUnknownWrite, "update", "", graph.EffectModify, "unknown", ""}},
		{"v1.0 of a beta action", "POST", "/v1.0/deviceAppManagement/policySets/1/update", "", result{graph.KindUnknownWrite, "create", "", graph.EffectAdd, "unknown", ""}},
		{"guid in an id is folded", "PATCH", "/beta/roleManagement/directory/roleAssignments/ABCDEF00-0000-4000-8000-000000000000", "unifiedRoleAssignmentId", result{graph.KindAssignment, "update", "/roleManagement/directory/roleAssignments/{unifiedRoleAssignmentId}", graph.EffectModify, "unifiedRoleAssignment", "abcdef00-0000-4000-8000-000000000000"}},
		{"alternate key of a row", "POST", "/beta/servicePrincipals(appId='it''s')/appRoleAssignedTo", "appId", result{graph.KindAssignment, "create", "/servicePrincipals(appId={value})/appRoleAssignedTo", graph.EffectAdd, "appRoleAssignment", "it's"}},
		{"alternate key elsewhere", "POST", "/beta/groups(uniqueName='x')/appRoleAssignments", "groupId", result{graph.KindAssignment, "create", "/groups/{groupId}/appRoleAssignments", graph.EffectAdd, "appRoleAssignment", "uniqueName='x'"}},
		{"row told apart by its cast", "PATCH", "/beta/deviceManagement/deviceConfigurations/C/graph.macOSScepCertificateProfile/rootCertificate/assignments/A", "deviceConfigurationAssignmentId", result{graph.KindAssignment, "update", "/deviceManagement/deviceConfigurations/{deviceConfigurationId}/microsoft.graph.macOSScepCertificateProfile/rootCertificate/assignments/{deviceConfigurationAssignmentId}", graph.EffectModify, "deviceConfigurationAssignment", "A"}},
		{"row without a cast", "PATCH", "/beta/deviceManagement/deviceConfigurations/C/rootCertificate/assignments/A", "deviceConfigurationId", result{graph.KindAssignment, "update", "/deviceManagement/deviceConfigurations/{deviceConfigurationId}/rootCertificate/assignments/{deviceConfigurationAssignmentId}", graph.EffectModify, "deviceConfigurationAssignment", "C"}},
		{"licences", "POST", "/v1.0/users/U/assignLicense", "userId", result{graph.KindAssignment, "action", "/users/{userId}/assignLicense", graph.EffectModify, "assignLicense", "U"}},
		{"reprocess changes nothing", "POST", "/v1.0/users/U/reprocessLicenseAssignment", "", result{graph.KindAssignment, "action", "/users/{userId}/reprocessLicenseAssignment", graph.EffectNone, "reprocessLicenseAssignment", ""}},
		{"unassign", "POST", "/beta/deviceManagement/windowsAutopilotDeviceIdentities/D/unassignUserFromDevice", "", result{graph.KindAssignment, "action", "/deviceManagement/windowsAutopilotDeviceIdentities/{windowsAutopilotDeviceIdentityId}/unassignUserFromDevice", graph.EffectRemove, "unassignUserFromDevice", ""}},
		{"ref added", "POST", "/v1.0/education/me/assignments/A/categories/$ref", "", result{graph.KindAssignment, "ref", "/education/me/assignments/{educationAssignmentId}/categories/$ref", graph.EffectAdd, "educationAssignment", ""}},
		{"filter", "PATCH", "/beta/deviceManagement/assignmentFilters/F", "deviceAndAppManagementAssignmentFilterId", result{graph.KindIndirectAssignment, "update", "/deviceManagement/assignmentFilters/{deviceAndAppManagementAssignmentFilterId}", graph.EffectModify, "deviceAndAppManagementAssignmentFilter", "F"}},
		{"group member added", "POST", "/v1.0/groups/G/members/$ref", "groupId", result{graph.KindIndirectAssignment, "ref", "/groups/{groupId}/members/$ref", graph.EffectAdd, "group", "G"}},
		{"group member removed", "DELETE", "/v1.0/groups('G')/members/M/$ref", "memberId", result{graph.KindIndirectAssignment, "ref", "/groups/{groupId}/members/{memberId}/$ref", graph.EffectRemove, "group", "M"}},
		{"group owner removed", "DELETE", "/beta/groups/G/owners/M/$ref", "ownerId", result{graph.KindIndirectAssignment, "ref", "/groups/{groupId}/owners/{ownerId}/$ref", graph.EffectRemove, "group", "M"}},
		{"group changed", "PATCH", "/beta/groups/G", "groupId", result{graph.KindIndirectAssignment, "update", "/groups/{groupId}", graph.EffectModify, "group", "G"}},
		{"group without a version", "PATCH", "/v2.0/groups/G", "", result{graph.KindOther, "update", "", graph.EffectNone, "", ""}},
		{"scope tag", "PATCH", "/beta/deviceManagement/roleScopeTags/0", "roleScopeTagId", result{graph.KindIndirectAssignment, "update", "/deviceManagement/roleScopeTags/{roleScopeTagId}", graph.EffectModify, "roleScopeTag", "0"}},
		{"unknown collection", "POST", "/beta/deviceManagement/newThings/1/assignments", "", result{graph.KindUnknownWrite, "create", "", graph.EffectAdd, "unknown", ""}},
		{"unknown suffix", "DELETE", "/beta/x/1/fooAssignedTo/2", "", result{graph.KindUnknownWrite, "delete", "", graph.EffectRemove, "unknown", ""}},
		{"unknown assign", "POST", "/beta/deviceManagement/newThings/1/graph.assign", "", result{graph.KindUnknownWrite, "assign", "", graph.EffectReplace, "unknown", ""}},
		{"assign on a collection", "POST", "/beta/deviceManagement/deviceConfigurations/assign", "", result{graph.KindUnknownWrite, "assign", "", graph.EffectReplace, "unknown", ""}},
		{"unknown unassign", "POST", "/beta/x/1/unassignNumber", "", result{graph.KindUnknownWrite, "action", "", graph.EffectRemove, "unknown", ""}},
		{"ref below unknown assignments", "PUT", "/beta/x/1/assignments/2/$ref", "", result{graph.KindUnknownWrite, "ref", "", graph.EffectModify, "unknown", ""}},
		{"request in another place", "POST", "/beta/x/roleAssignmentScheduleRequests", "", result{graph.KindUnknownWrite, "create", "", graph.EffectAdd, "unknown", ""}},
		{"entity by its URL", "DELETE", "/beta/$entity?$id=https://graph.microsoft.com/beta/x/1", "", result{graph.KindUnknownWrite, "delete", "", graph.EffectRemove, "unknown", ""}},
		{"ref to an assignment", "DELETE", "/beta/x/1/y/$ref?$id=https://graph.microsoft.com/beta/x/assignments/1", "", result{graph.KindUnknownWrite, "ref", "", graph.EffectRemove, "unknown", ""}},
		{"ref to an assignment, no dollar", "DELETE", "/beta/x/1/y/$ref?Id=https://graph.microsoft.com/beta/x/assignments/1", "", result{graph.KindUnknownWrite, "ref", "", graph.EffectRemove, "unknown", ""}},
		{"id of something else", "POST", "/beta/x/1/y?id=assignments", "", result{graph.KindOther, "create", "", graph.EffectNone, "", ""}},
		{"ref to something else", "DELETE", "/beta/x/1/y/$ref?$id=https://graph.microsoft.com/beta/users/1", "", result{graph.KindOther, "delete", "", graph.EffectNone, "", ""}},
		{"read", "GET", "/beta/deviceManagement/embeddedSIMActivationCodePools/P/assignments/A", "", result{graph.KindOther, "read", "", graph.EffectNone, "", ""}},
		{"other write", "PATCH", "/beta/deviceManagement/managedDevices/D", "", result{graph.KindOther, "update", "", graph.EffectNone, "", ""}},
		{"assigned is not assign", "POST", "/beta/x/1/assigned", "", result{graph.KindOther, "create", "", graph.EffectNone, "", ""}},
		{"assignment alone is not assignments", "PATCH", "/beta/x/1/assignment", "", result{graph.KindOther, "update", "", graph.EffectNone, "", ""}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			op := graph.Classify(tt.method, mustParse(t, tt.target))
			got := result{op.Kind, op.Name, op.Route, op.Effect, op.Resource, op.IDs[tt.id]}
			if diff := cmp.Diff(tt.want, got); diff != "" {
				t.Errorf("%s %s (-want +got):\n%s", tt.method, tt.target, diff)
			}
		})
	}
}

const seedTarget = "/beta/deviceManagement/embeddedSIMActivationCodePools/7c1a2ae5-2ae5-7c1a-e52a-1a7ce52a1a7c/assignments/f0db0d43-0d43-f0db-430d-dbf0430ddbf0"

func BenchmarkParsePath(b *testing.B) {
	for _, bm := range []struct{ name, target string }{
		{"seed", seedTarget},
		{"quoted", "/Beta/devicemanagement/deviceConfigurations('a%2Db')/graph.windows10GeneralConfiguration/assignments?select=id"},
		{"other", "/v1.0/me/messages/AAMkAGI2?$select=id,subject"},
	} {
		b.Run(bm.name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				if _, err := graph.ParsePath(bm.target); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

func BenchmarkClassify(b *testing.B) {
	p, other := mustParse(b, seedTarget), mustParse(b, "/beta/deviceManagement/managedDevices/1")
	b.Run("seed", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			graph.Classify("PATCH", p)
		}
	})
	b.Run("other", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			graph.Classify("PATCH", other)
		}
	})
}

func BenchmarkParseAndClassify(b *testing.B) {
	b.ReportAllocs()
	for b.Loop() {
		p, _ := graph.ParsePath(seedTarget)
		graph.Classify("PATCH", p)
	}
}
