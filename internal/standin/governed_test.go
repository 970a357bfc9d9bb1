package standin_test

import (
	"slices"
	"strings"
	"testing"

	"github.com/graphwarden/graphwarden/internal/graph"
	"github.com/graphwarden/graphwarden/internal/standin"
)

// catalogued are the rows by version, method and template without casts, as the stand-in spells templates.
func catalogued() map[string]bool {
	rows := map[string]bool{}
	for _, r := range graph.Routes() {
		plain := r.Template
		for _, s := range strings.Split(r.Template, "/") {
			if i := strings.LastIndexByte(s, '.'); strings.HasPrefix(s, "microsoft.graph.") && !strings.HasSuffix(r.Template, s) {
				plain = strings.Replace(plain, "/"+s, "", 1)
			} else if i >= 0 && strings.HasPrefix(s, "microsoft.graph.") {
				plain = strings.Replace(plain, s, s[i+1:], 1)
			}
		}
		plain = strings.Replace(plain, "(appId={value})", "/{id}", 1)
		rows[r.Version+" "+r.Method+" "+parameter.ReplaceAllString(plain, "{id}")] = true
	}
	return rows
}

// FuzzWhatIsAppliedIsGoverned holds the two routers against each other: a target that the lenient one takes for a
// catalogued write is refused by the strict one, or is governed and speaks of the same ids.
func FuzzWhatIsAppliedIsGoverned(f *testing.F) {
	for _, target := range []string{
		"/beta/deviceManagement/embeddedSIMActivationCodePools/P/assignments/A",
		"/beta/deviceManagement/embeddedSIMActivationCodePools('P')/assignments(%27A%27)",
		"/beta/deviceManagement/embeddedSIMActivationCodePools(id='P')/assignments/A",
		"/BETA//deviceManagement/x/%2e%2e/./embeddedsimactivationcodepools/P/assignments/A/",
		"/v1.0/deviceAppManagement/mobileApps/P/graph.win32LobApp/assign?$select=id",
		`/beta/myorganization/deviceAppManagement\mobileApps/P/microsoft.graph.assign()`,
		"/beta/education/classes/c/assignments/a/categories/x/$ref",
		"/v1.0/servicePrincipals(appId='x')/appRoleAssignedTo",
		"/v1.0/servicePrincipals(appId='x'rvi)/appRoleAssignedTo",
		"/v1.0/servicePrincipals(0=0)/appRoleAssignedTo",
	} {
		for _, method := range []string{"PATCH", "POST", "DELETE"} {
			f.Add(method, target)
		}
	}
	rows := catalogued()
	f.Fuzz(func(t *testing.T, method, target string) {
		applied, ok := standin.Resolve(method, target)
		if !ok || !rows[applied.Version+" "+method+" "+applied.Template] {
			return
		}
		p, err := graph.ParsePath(target)
		if err != nil {
			return
		}
		op := graph.Classify(method, p)
		if op.Kind == graph.KindOther {
			t.Fatalf("%s %q is applied as %+v and not governed", method, target, applied)
		}
		if op.Kind == graph.KindUnknownWrite {
			return
		}
		for _, id := range op.IDs {
			// An alternate key is governed as it is written, appId='x'; one named id is the key itself.
			if name, value, named := strings.Cut(id, "="); named && !strings.EqualFold(name, "id") && !slices.Contains(applied.Keys, id) {
				if id = value; strings.HasPrefix(value, "'") {
					id = strings.ReplaceAll(strings.TrimSuffix(value[1:], "'"), "''", "'")
				}
			}
			if !slices.ContainsFunc(applied.Keys, func(key string) bool { return strings.EqualFold(key, id) }) {
				t.Errorf("%s %q is applied to %q and governed as %q", method, target, applied.Keys, op.IDs)
			}
		}
	})
}

// TestCataloguedRowsAreKnown keeps the fuzz target honest: it looks at nothing that this table lacks.
func TestCataloguedRowsAreKnown(t *testing.T) {
	t.Parallel()
	rows := catalogued()
	for _, r := range graph.Routes() {
		target := "/" + r.Version + parameter.ReplaceAllString(r.Template, "x")
		applied, ok := standin.Resolve(r.Method, target)
		if !ok || !rows[applied.Version+" "+r.Method+" "+applied.Template] {
			t.Errorf("%s %s resolves to %+v, which is in no row", r.Method, target, applied)
		}
		p, err := graph.ParsePath(target)
		if err != nil {
			t.Errorf("%s: %v", target, err)
			continue
		}
		if graph.Classify(r.Method, p).Kind == graph.KindOther {
			t.Errorf("%s %s is not governed", r.Method, target)
		}
	}
}
