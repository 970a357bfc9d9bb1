package policy_test

import (
	"strings"
	"testing"

	"github.com/open-policy-agent/opa/v1/ast"

	"github.com/graphwarden/graphwarden/internal/graph"
	"github.com/graphwarden/graphwarden/internal/policy"
)

// at is the value at a place of a document.
func at(t *testing.T, document ast.Value, path []string) ast.Value {
	t.Helper()
	var ref ast.Ref
	for _, name := range path {
		ref = append(ref, ast.StringTerm(name))
	}
	value, err := document.Find(ref)
	if err != nil {
		t.Fatalf("%v in %v: %v", path, document, err)
	}
	return value
}

// A key that tells less than the document would let one request have the verdict of another.
func TestProjectionOfEachLeaf(t *testing.T) {
	t.Parallel()
	type seen struct {
		value ast.Value
		which []int
	}
	requests := mutants(60)
	documents := make([]ast.Value, len(requests))
	for i, which := range requests {
		r, c := mutant(which...)
		documents[i] = ast.MustInterfaceToValue(policy.Input(r, c))
	}
	constant := map[string]bool{"schema": true, "token.verified": true, "graph.current": true, "graph.diff": true}
	for _, path := range policy.LeafPaths() {
		name := strings.Join(path, ".")
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			project := policy.Projector(policy.Place{Path: path})
			byKey := map[string]seen{}
			for i, which := range requests {
				r, c := mutant(which...)
				key, document := project(r, c)
				want, got := at(t, documents[i], path), at(t, document, path)
				if want.Compare(got) != 0 {
					t.Fatalf("mutations %v: %v, in the document %v", which, got, want)
				}
				if before, ok := byKey[key]; ok && before.value.Compare(want) != 0 {
					t.Fatalf("mutations %v and %v have one key: %v, %v", before.which, which, before.value, want)
				}
				byKey[key] = seen{want, which}
			}
			if !constant[name] && len(byKey) < 2 {
				t.Error("no mutation changes it")
			}
		})
	}
}

// Leaves that lie side by side in one key must not run into one another.
func TestProjectionOfAll(t *testing.T) {
	t.Parallel()
	var places []policy.Place
	for _, path := range policy.LeafPaths() {
		places = append(places, policy.Place{Path: path})
	}
	project := policy.Projector(places...)
	byKey := map[string]ast.Value{}
	for _, which := range mutants(200) {
		r, c := mutant(which...)
		want := ast.MustInterfaceToValue(policy.Input(r, c))
		key, got := project(r, c)
		if want.Compare(got) != 0 {
			t.Fatalf("mutations %v:\n%v\nwant\n%v", which, got, want)
		}
		if before, ok := byKey[key]; ok && before.Compare(want) != 0 {
			t.Fatalf("mutations %v: one key for two documents", which)
		}
		byKey[key] = want
	}
}

func TestProjectionNeighbours(t *testing.T) {
	t.Parallel()
	project := policy.Projector(policy.Place{Path: []string{"token", "tenant"}}, policy.Place{Path: []string{"token", "app"}},
		policy.Place{Path: []string{"token", "scopes"}}, policy.Place{Path: []string{"token", "roles"}},
		policy.Place{Path: []string{"request", "body"}}, policy.Place{Path: []string{"graph", "targets"}})
	keys := map[string]int{}
	for i, request := range []*graph.Request{
		{Token: graph.Token{Tenant: "ab", App: "c"}},
		{Token: graph.Token{Tenant: "a", App: "bc"}},
		{Token: graph.Token{Tenant: "xsy", App: "z"}},
		{Token: graph.Token{Tenant: "x", App: "ysz"}},
		{Token: graph.Token{Tenant: "abc"}},
		{Token: graph.Token{App: "abc"}},
		{Token: graph.Token{Scopes: []string{"a", "b"}}},
		{Token: graph.Token{Scopes: []string{"ab"}}},
		{Token: graph.Token{Scopes: []string{"a"}, Roles: []string{"b"}}},
		{Token: graph.Token{Scopes: []string{"a", "b", ""}}},
		{Targets: []graph.Target{{}}},
		{Targets: []graph.Target{{}, {}}},
		{Targets: []graph.Target{{Type: "a"}}},
		{Targets: []graph.Target{{ODataType: "a"}}},
		{Targets: []graph.Target{{ID: "a"}}},
		{Targets: []graph.Target{{FilterID: "a"}}},
		{Targets: []graph.Target{{FilterMode: "a"}}},
		{Targets: []graph.Target{{Intent: "a"}}},
		{Targets: []graph.Target{{Pointer: "a"}}},
		{Targets: []graph.Target{{Properties: []string{"a"}}}},
		{Targets: []graph.Target{{Unexpected: []string{"a"}}}},
		{Targets: []graph.Target{{Missing: []string{"a"}}}},
		{BodyState: graph.BodyJSON, JSON: []any{"a", "b"}},
		{BodyState: graph.BodyJSON, JSON: []any{"asb"}},
		{BodyState: graph.BodyJSON, JSON: []any{[]any{"a"}, "b"}},
		{BodyState: graph.BodyJSON, JSON: []any{[]any{"a", "b"}}},
		{BodyState: graph.BodyJSON, JSON: map[string]any{"a": "b"}},
		{BodyState: graph.BodyJSON, JSON: map[string]any{"a": nil, "b": nil}},
		{BodyState: graph.BodyJSON, JSON: "ab"},
		{BodyState: graph.BodyJSON, JSON: true},
		{BodyState: graph.BodyJSON, JSON: "true"},
	} {
		key, _ := project(request, policy.Context{})
		if before, ok := keys[key]; ok {
			t.Errorf("requests %d and %d have one key", before, i)
		}
		keys[key] = i
	}
}

// What hangs on a condition is there where the condition holds, and only there.
func TestProjectionGates(t *testing.T) {
	t.Parallel()
	group := policy.Gate{Path: []string{"graph", "has", "group"}, Is: true}
	write := policy.Gate{Path: []string{"request", "method"}, Is: "PATCH"}
	tenantless := policy.Gate{Path: []string{"token", "tenant"}, Is: nil}
	targets := []string{"graph", "targets"}
	nobody, get := patch(), patch()
	nobody.Targets, get.Method = nil, "GET"
	stranger := patch()
	stranger.Token.Tenant, stranger.Targets = "", nil
	for _, test := range []struct {
		name   string
		places []policy.Place
		r      *graph.Request
		want   bool
	}{
		{"none", []policy.Place{{Path: targets}}, nobody, true},
		{"holds", []policy.Place{{targets, []policy.Gate{group}}}, patch(), true},
		{"fails", []policy.Place{{targets, []policy.Gate{group}}}, nobody, false},
		{"both hold", []policy.Place{{targets, []policy.Gate{group, write}}}, patch(), true},
		{"one of both fails", []policy.Place{{targets, []policy.Gate{group, write}}}, get, false},
		{"another way", []policy.Place{{targets, []policy.Gate{group}}, {targets, []policy.Gate{write}}}, nobody, true},
		{"another way fails too", []policy.Place{{targets, []policy.Gate{group, write}}, {targets, []policy.Gate{tenantless}}}, nobody, false},
		{"null", []policy.Place{{targets, []policy.Gate{tenantless}}}, stranger, true},
		{"a way without conditions", []policy.Place{{targets, []policy.Gate{group}}, {Path: targets}}, nobody, true},
		{"from above", []policy.Place{{targets, []policy.Gate{group}}, {Path: []string{"graph"}}}, nobody, true},
		{"a condition nobody can hold against it", []policy.Place{{targets, []policy.Gate{{Path: []string{"request", "body", "x"}, Is: true}}}}, nobody, true},
		{"a name there is not", []policy.Place{{Path: []string{"graph", "target"}}}, nobody, true},
	} {
		_, document := policy.Projector(test.places...)(test.r, policy.Context{})
		_, err := document.Find(ast.Ref{ast.StringTerm("graph"), ast.StringTerm("targets")})
		if got := err == nil; got != test.want {
			t.Errorf("%s: %v in %v", test.name, got, document)
		}
	}
}

func TestProjectionOfHeaders(t *testing.T) {
	t.Parallel()
	r := patch()
	r.Header.Set("X-Change-Ticket", "CHG1")
	r.Header.Set(policy.OverrideHeader, "code")
	whole := ast.MustInterfaceToValue(policy.Input(r, policy.Context{}))
	for _, name := range []string{"x-change-ticket", "x-graphwarden-override", "accept", "authorization", "x-none"} {
		path := ast.Ref{ast.StringTerm("request"), ast.StringTerm("headers"), ast.StringTerm(name)}
		_, document := policy.Projector(policy.Place{Path: []string{"request", "headers", name}})(r, policy.Context{})
		want, errWant := whole.Find(path)
		got, errGot := document.Find(path)
		if (errWant == nil) != (errGot == nil) || errWant == nil && want.Compare(got) != 0 {
			t.Errorf("%s: %v (%v), want %v (%v)", name, got, errGot, want, errWant)
		}
	}
}
