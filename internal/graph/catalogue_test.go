package graph_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/graphwarden/graphwarden/internal/graph"
)

func TestRoutesCounts(t *testing.T) {
	t.Parallel()
	kinds, versions, families := map[string]int{}, map[string]int{}, map[string]int{}
	related, inferred, alias, profiles := 0, 0, 0, map[string]int{}
	noPermissions := 0
	seen := map[string]bool{}
	for _, r := range graph.Routes() {
		kinds[r.Kind]++
		versions[r.Version]++
		families[r.Family]++
		profiles[r.PermissionProfile]++
		if r.Related {
			related++
		}
		if r.Inferred {
			inferred++
		}
		if r.Alias {
			alias++
		}
		if !r.Permissions.Known {
			noPermissions++
		}
		key := r.Version + " " + r.Method + " " + r.Template
		if seen[key] {
			t.Errorf("%s is listed twice", key)
		}
		seen[key] = true
		if r.Resource == "" || r.Effect == "" {
			t.Errorf("%s has resource %q and effect %q", key, r.Resource, r.Effect)
		}
	}
	if diff := cmp.Diff(map[string]int{"create": 197, "delete": 190, "update": 188, "action": 89, "assign": 70, "ref": 26}, kinds); diff != "" {
		t.Errorf("kinds (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff(map[string]int{"beta": 561, "v1.0": 199}, versions); diff != "" {
		t.Errorf("versions (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff(map[string]int{
		"intune": 330, "cloudPC": 29, "privilegedIdentity": 132, "education": 60, "entitlementManagement": 55, "directory": 36,
		"roleManagement": 36, "cloudLicensing": 23, "teamsAdministration": 22, "externalIdentities": 12, "licensing": 10,
		"officeConfiguration": 8, "partner": 7,
	}, families); diff != "" {
		t.Errorf("families (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff(map[string]int{"documented": 1, "current": 759}, profiles); diff != "" {
		t.Errorf("profiles (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff([]int{158, 75, 123, 332 - 75}, []int{related, inferred, alias, noPermissions}); diff != "" {
		t.Errorf("related, inferred, alias, without permissions (-want +got):\n%s", diff)
	}
}

func TestSeedRoute(t *testing.T) {
	t.Parallel()
	configuration := []string{"DeviceManagementConfiguration.ReadWrite.All"}
	want := graph.Route{
		Family: "intune", Version: "beta", Method: "PATCH",
		Template: "/deviceManagement/embeddedSIMActivationCodePools/{embeddedSIMActivationCodePoolId}/assignments/{embeddedSIMActivationCodePoolAssignmentId}",
		Kind:     "update", Resource: "embeddedSIMActivationCodePoolAssignment", Effect: graph.EffectModify, Documented: true,
		Permissions:           graph.Permissions{Known: true, DelegatedWork: configuration, Application: configuration},
		DocumentedPermissions: graph.Permissions{Known: true, DelegatedWork: configuration},
		PermissionProfile:     "documented",
		Body:                  []graph.BodyProperty{{Name: "id", Type: "String"}, {Name: "target", Type: "deviceAndAppManagementAssignmentTarget"}},
		ResponseType:          "embeddedSIMActivationCodePoolAssignment", DocsStatus: "200 OK",
	}
	for _, r := range graph.Routes() {
		if r.PermissionProfile == "documented" {
			if diff := cmp.Diff(want, r); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		}
	}
}

// A row must be found through every spelling Graph takes for it, and each spelling that names the same objects the same
// way must have the same normal form.
func TestEveryRouteThroughEverySpelling(t *testing.T) {
	t.Parallel()
	for _, r := range graph.Routes() {
		steps := instantiate(r)
		plain := mustParse(t, spellPlain(r.Version, steps))
		for _, s := range spellings {
			target := s.spell(r.Version, steps)
			p, err := graph.ParsePath(target)
			if err != nil {
				t.Errorf("%s %s: %v", s.name, target, err)
				continue
			}
			if s.same && p.String() != plain.String() {
				t.Errorf("%s %s: normal form %s, want %s", s.name, target, p, plain)
			}
			op := graph.Classify(r.Method, p)
			want := graph.KindAssignment
			if r.Related {
				want = graph.KindIndirectAssignment
			}
			if op.Route != r.Template || op.Kind != want || op.Name != r.Kind || op.Family != r.Family || op.Resource != r.Resource || op.Effect != r.Effect {
				t.Errorf("%s %s %s: got %s %s %s, want %s", s.name, r.Method, target, op.Kind, op.Name, op.Route, r.Template)
			}
			if diff := cmp.Diff(r.Permissions, op.Permissions); diff != "" {
				t.Errorf("%s %s: permissions (-want +got):\n%s", r.Method, target, diff)
			}
			for name, id := range op.IDs {
				if !strings.HasPrefix(id, "00000000-0000-4000-8000-") && id != "app" {
					t.Errorf("%s: id %s = %q", target, name, id)
				}
			}
			if len(op.IDs) != strings.Count(r.Template, "{") {
				t.Errorf("%s: ids %v, want one for each parameter of %s", target, op.IDs, r.Template)
			}
			if read := graph.Classify("GET", p); read.Kind != graph.KindOther || read.Name != "read" {
				t.Errorf("GET %s: got %s %s, want other read", target, read.Kind, read.Name)
			}
		}
	}
}

// A row of one version only is an unknown write under the other.
func TestRouteUnderOtherVersion(t *testing.T) {
	t.Parallel()
	have := map[string]bool{}
	key := func(version, method string, steps []step) string {
		return method + " " + strings.ToLower(spellPlain(version, steps))
	}
	for _, r := range graph.Routes() {
		have[key(r.Version, r.Method, withoutCasts(instantiate(r)))] = true
	}
	other := map[string]string{"beta": "v1.0", "v1.0": "beta"}
	n := 0
	for _, r := range graph.Routes() {
		steps := instantiate(r)
		if have[key(other[r.Version], r.Method, withoutCasts(steps))] || strings.Contains(r.Template, "(appId=") {
			continue
		}
		n++
		p := mustParse(t, spellPlain(other[r.Version], steps))
		if op := graph.Classify(r.Method, p); op.Kind != graph.KindUnknownWrite || op.Resource != "unknown" {
			t.Errorf("%s %s: got %s %q, want unknown_write unknown", r.Method, p, op.Kind, op.Resource)
		}
	}
	if n < 300 {
		t.Errorf("only %d rows are of one version", n)
	}
}

func TestIsAssignParameter(t *testing.T) {
	t.Parallel()
	for _, name := range []string{
		"assignments", "ASSIGNMENTS", "mobileAppAssignments", "managedEBookAssignments", "enrollmentConfigurationAssignments",
		"officeConfigurationAssignments", "deviceHealthScriptAssignments", "deviceManagementScriptAssignments",
		"deviceManagementScriptGroupAssignments", "deviceConfigurationGroupAssignments",
		"appProvisioningConfigurationGroupAssignments", "iOSLobAppProvisioningConfigAssignments", "wdacPolicyAssignments",
		"hardwareConfigurationAssignments", "assignments@odata.bind", "aſſignments",
	} {
		if !graph.IsAssignParameter(name) {
			t.Errorf("IsAssignParameter(%q) = false", name)
		}
	}
	for _, name := range []string{"", "assignment", "value", "deviceIds", "displayName", "@odata.type", "x@assignments"} {
		if graph.IsAssignParameter(name) {
			t.Errorf("IsAssignParameter(%q) = true", name)
		}
	}
}

func TestEmbeddedProperty(t *testing.T) {
	t.Parallel()
	tests := []struct {
		target, property string
		want             bool
	}{
		{"/beta/deviceManagement/embeddedSIMActivationCodePools/1", "assignments", true},
		{"/beta/deviceManagement/embeddedSIMActivationCodePools/1", "Assignments@odata.bind", true},
		{"/beta/deviceManagement/embeddedSIMActivationCodePools", "assignments", true},
		{"/beta/deviceManagement/embeddedSIMActivationCodePools/1", "displayName", false},
		{"/beta/deviceManagement/deviceConfigurations('1')", "groupassignments", true},
		{"/beta/deviceAppManagement/mobileApps", "assignments", true},
		{"/beta/deviceAppManagement/mobileApps/1/graph.win32LobApp", "mobileAppAssignments", true},
		{"/beta/deviceManagement/managedDevices/1", "deviceName", false},
		{"/v1.0/planner/tasks/1", "assignments", true},
		{"/v1.0/planner/tasks", "assignments", true},
		{"/v1.0/me/todo/lists/1/tasks/2", "assignments", false},
		{"/v1.0/planner/tasks/1", "title", false},
		{"/beta/deviceManagement/deviceManagementPartners/1", "groupsRequiringPartnerEnrollment", true},
		{"/beta/deviceManagement/complianceManagementPartners/1", "iosEnrollmentAssignments", true},
		{"/v1.0/deviceManagement/complianceManagementPartners/1", "displayName", false},
		{"/v1.0/solutions/bookingBusinesses/1/services/2", "customQuestions", true},
		{"/v1.0/me/messages", "assignments", false},
		{"/v1.0/servicePrincipals/1", "appRoleAssignedTo", true},
		{"/v1.0/servicePrincipals/1", "appRoles", false},
	}
	for _, tt := range tests {
		if got := graph.EmbeddedProperty(mustParse(t, tt.target), tt.property); got != tt.want {
			t.Errorf("EmbeddedProperty(%s, %q) = %v, want %v", tt.target, tt.property, got, tt.want)
		}
	}
}

// step is one segment of a concrete path, with what spelling it in other ways needs.
type step struct {
	text      string
	key       bool   // an id
	cast      bool   // a type cast of the template
	action    bool   // the action at the end
	alternate string // appId='app' behind text
}

func instantiate(r graph.Route) []step {
	var steps []step
	for i, part := range strings.Split(r.Template[1:], "/") {
		switch open := strings.IndexByte(part, '('); {
		case part[0] == '{':
			steps = append(steps, step{text: fmt.Sprintf("00000000-0000-4000-8000-0000000000a%d", i%10), key: true})
		case open > 0:
			steps = append(steps, step{text: part[:open], alternate: "appId='app'"})
		default:
			s := step{text: part, action: r.Action != "" && strings.HasSuffix(part, r.Action)}
			s.cast = !s.action && strings.HasPrefix(part, "microsoft.graph.")
			steps = append(steps, s)
		}
	}
	return steps
}

func withoutCasts(steps []step) []step {
	var out []step
	for _, s := range steps {
		if !s.cast {
			out = append(out, s)
		}
	}
	return out
}

func mustParse(t testing.TB, target string) graph.Path {
	t.Helper()
	p, err := graph.ParsePath(target)
	if err != nil {
		t.Fatalf("ParsePath(%q): %v", target, err)
	}
	return p
}
