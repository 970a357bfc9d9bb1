package graph_test

import (
	"errors"
	"os"
	"reflect"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/graphwarden/graphwarden/internal/graph"
)

func TestParsePathCorpus(t *testing.T) {
	t.Parallel()
	for _, c := range readCorpus(t, "testdata/paths.txt") {
		p, err := graph.ParsePath(c.raw)
		if reason, refused := strings.CutPrefix(c.want, "!"); refused {
			if refusal, ok := errors.AsType[*graph.Refusal](err); !ok || refusal.Code != graph.MalformedRequest || !strings.Contains(refusal.Message, reason) {
				t.Errorf("%s: got %q, %v; want a MalformedRequest that says %q", c.raw, p.Target(), err, reason)
			}
			continue
		}
		if err != nil || p.Target() != c.want {
			t.Errorf("%s: got %q, %v; want %q", c.raw, p.Target(), err, c.want)
			continue
		}
		checkStable(t, p)
	}
}

func TestParsePathParts(t *testing.T) {
	t.Parallel()
	type parts struct {
		Version, Tenant string
		Segments        []graph.Segment
		Casts           []string
		Query           map[string][]string
	}
	name := func(s string) graph.Segment { return graph.Segment{Name: s} }
	key := func(s string) graph.Segment { return graph.Segment{Name: s, Key: true} }
	tests := []struct {
		target string
		want   parts
	}{
		{"/beta/deviceManagement/roleScopeTags('0')/assign", parts{Version: "beta", Segments: []graph.Segment{name("deviceManagement"), name("roleScopeTags"), key("0"), name("assign")}}},
		{"/v1.0/contoso.com/users/bob?SELECT=id", parts{Version: "v1.0", Tenant: "contoso.com", Segments: []graph.Segment{name("users"), key("bob")}, Query: map[string][]string{"$select": {"id"}}}},
		{"/beta/deviceAppManagement/mobileApps/1/graph.win32LobApp/assignments", parts{Version: "beta", Segments: []graph.Segment{name("deviceAppManagement"), name("mobileApps"), key("1"), name("assignments")}, Casts: []string{"microsoft.graph.win32LobApp"}}},
		{"/beta/servicePrincipals(appId='a''b')/appRoleAssignments", parts{Version: "beta", Segments: []graph.Segment{name("servicePrincipals"), key("appId='a''b'"), name("appRoleAssignments")}}},
		{"/v1.0/things/delta(token='1')", parts{Version: "v1.0", Segments: []graph.Segment{name("things"), name("delta(token='1')")}}},
		{"/beta/deviceManagement/assignmentFilters('enable')", parts{Version: "beta", Segments: []graph.Segment{name("deviceManagement"), name("assignmentFilters"), key("enable")}}},
	}
	for _, tt := range tests {
		p := mustParse(t, tt.target)
		if diff := cmp.Diff(tt.want, parts{p.Version, p.Tenant, p.Segments, p.Casts, p.Query}); diff != "" {
			t.Errorf("%s (-want +got):\n%s", tt.target, diff)
		}
	}
}

func TestRawPath(t *testing.T) {
	t.Parallel()
	p := graph.RawPath("/Beta/users%252F?x=%zz")
	if p.Version != "beta" || p.Target() != "/Beta/users%252F?x=%zz" || p.String() != "/Beta/users%252F" || len(p.Segments) != 0 {
		t.Errorf("RawPath = %+v", p)
	}
	if op := graph.Classify("GET", p); op.Kind != graph.KindOther {
		t.Errorf("a read without a normal form is %s", op.Kind)
	}
	if op := graph.Classify("POST", graph.RawPath("/beta/x//Assign")); op.Kind != graph.KindUnknownWrite {
		t.Errorf("a write without a normal form that assigns is %s", op.Kind)
	}
}

func FuzzParsePath(f *testing.F) {
	for _, c := range readCorpus(f, "testdata/paths.txt") {
		f.Add(c.raw)
	}
	f.Fuzz(func(t *testing.T, target string) {
		p, err := graph.ParsePath(target)
		if err != nil {
			if refusal, ok := errors.AsType[*graph.Refusal](err); !ok || refusal.Code != graph.MalformedRequest {
				t.Fatalf("%q: the error is %T %v", target, err, err)
			}
			return
		}
		checkStable(t, p)
		if strings.Contains(p.String(), "//") || strings.Contains(p.String(), "/../") || strings.ContainsAny(p.Target(), "\\; \x00") {
			t.Fatalf("%q: normal form %q", target, p.Target())
		}
		graph.Classify("POST", p)
		graph.EmbeddedProperty(p, "assignments")
	})
}

// checkStable parses the normal form again: nothing may change.
func checkStable(t *testing.T, p graph.Path) {
	t.Helper()
	again, err := graph.ParsePath(p.Target())
	if err != nil || !reflect.DeepEqual(again, p) {
		t.Errorf("%s parses again as %#v, %v; want %#v", p.Target(), again, err, p)
	}
	for _, method := range []string{"GET", "POST", "PATCH", "DELETE"} {
		if diff := cmp.Diff(graph.Classify(method, p), graph.Classify(method, again)); diff != "" {
			t.Errorf("%s %s is classified anew (-first +second):\n%s", method, p, diff)
		}
	}
}

type corpusLine struct{ raw, want string }

func readCorpus(t testing.TB, file string) []corpusLine {
	t.Helper()
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	var lines []corpusLine
	for line := range strings.Lines(string(text)) {
		line = strings.TrimSuffix(line, "\n")
		if line == "" || line[0] == '#' {
			continue
		}
		raw, want, ok := strings.Cut(line, "\t")
		if !ok {
			t.Fatalf("%s: no tab in %q", file, line)
		}
		lines = append(lines, corpusLine{raw, want})
	}
	return lines
}
