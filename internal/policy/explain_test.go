package policy_test

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/graphwarden/graphwarden/internal/graph"
	"github.com/graphwarden/graphwarden/internal/policy"
)

func explain(t testing.TB, options policy.Options, r *graph.Request) policy.Explanation {
	t.Helper()
	e, err := policy.NewExplainer(t.Context(), options)
	if err != nil {
		t.Fatal(err)
	}
	x, err := e.Explain(t.Context(), policy.Input(r, policy.Context{}))
	if err != nil {
		t.Fatal(err)
	}
	return x
}

func explained(t testing.TB, x policy.Explanation, id string) policy.Explained {
	t.Helper()
	for _, rule := range x.Rules {
		if rule.ID == id {
			return rule
		}
	}
	t.Fatalf("no rule %s", id)
	return policy.Explained{}
}

func TestExplain(t *testing.T) {
	t.Parallel()
	denied := patch()
	denied.Token.Scopes = []string{"User.Read"}
	mine := policy.Options{Paths: []string{write(t, map[string]string{"mine.rego": `package graphwarden.rules.mine

deny contains {"id": "mine.kiosk", "msg": "a kiosk"} if {
	some target in input.graph.targets
	target.type == "group"
	is_kiosk(target.id)
}

is_kiosk(id) if id in data.kiosks

warn contains {"id": concat(".", ["mine", input.graph.version]), "msg": "computed"} if input.graph.version == "v1.0"
`, "data.json": `{"kiosks": ["g1"]}`})}}
	off := policy.Options{Data: []string{writeFile(t, "off.yaml", `rules: {scope.missing: {level: "off"}}`)}}
	for _, tt := range []struct {
		name, rule string
		options    policy.Options
		request    *graph.Request
		want       policy.Explained
	}{
		{"a rule that fired, with the values that met its conditions", "scope.missing", policy.Options{}, denied, policy.Explained{
			State: policy.Fired,
			Because: [][]policy.Value{{{Name: "input.token.type", Text: `"delegated"`}, {Name: "input.graph.governed", Text: "true"},
				{Name: "lib.permissions.state", Text: `"missing"`}}},
		}},
		{"the same rule where the scope is there", "scope.missing", policy.Options{}, patch(), policy.Explained{
			State: policy.Silent,
			Unmet: []policy.Unmet{{Condition: `permissions.state == "missing"`,
				Values: []policy.Value{{Name: "lib.permissions.state", Text: `"granted"`}}}},
		}},
		{"a rule that is off and would have spoken", "scope.missing", off, denied, policy.Explained{
			State: policy.Off,
			Because: [][]policy.Value{{{Name: "input.token.type", Text: `"delegated"`}, {Name: "input.graph.governed", Text: "true"},
				{Name: "lib.permissions.state", Text: `"missing"`}}},
		}},
		{"the first condition of several that fails", "target.abstract", policy.Options{}, patch(), policy.Explained{
			State: policy.Silent,
			Unmet: []policy.Unmet{{Condition: "input.graph.has.abstract == true",
				Values: []policy.Value{{Name: "input.graph.has.abstract", Text: "false"}}}},
		}},
		{"the furthest condition of a search, with its variables", "mine.kiosk", mine, patch(), policy.Explained{
			State: policy.Silent,
			Unmet: []policy.Unmet{{Condition: "is_kiosk(target.id)",
				Values: []policy.Value{{Name: "target.id", Text: `"` + group + `"`}}}},
		}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			got := explained(t, explain(t, tt.options, tt.request), tt.rule)
			for i := range got.Unmet {
				if !strings.Contains(got.Unmet[i].Location, ".rego:") {
					t.Errorf("no place: %q", got.Unmet[i].Location)
				}
			}
			ignored := []cmp.Option{cmpopts.IgnoreFields(policy.Explained{}, "Rule", "Findings"), cmpopts.IgnoreFields(policy.Unmet{}, "Location")}
			if diff := cmp.Diff(tt.want, got, ignored...); diff != "" {
				t.Error(diff)
			}
			if (got.State == policy.Fired) != (len(got.Findings) > 0) {
				t.Errorf("state %s with %d findings", got.State, len(got.Findings))
			}
		})
	}
}

// TestExplainAgrees holds the explanation to the verdict, and every rule to an account of itself.
func TestExplainAgrees(t *testing.T) {
	t.Parallel()
	delegated, empty := patch(), patch()
	delegated.Token.Scopes = nil
	empty.BodyState, empty.Body, empty.JSON, empty.Targets = graph.BodyNone, nil, nil, nil
	engine := load(t, policy.Options{})
	for _, r := range []*graph.Request{patch(), delegated, empty} {
		verdict := engine.Judge(t.Context(), r, policy.Context{})
		x := explain(t, policy.Options{}, r)
		if diff := cmp.Diff(verdict.Violations, x.Verdict.Violations, cmpopts.EquateEmpty()); diff != "" || verdict.Decision != x.Verdict.Decision {
			t.Errorf("judged %s, explained %s: %s", verdict.Decision, x.Verdict.Decision, diff)
		}
		if len(x.Rules) != len(engine.Rules()) {
			t.Errorf("%d rules explained, there are %d", len(x.Rules), len(engine.Rules()))
		}
		for _, rule := range x.Rules {
			if rule.State == policy.Silent && len(rule.Unmet) == 0 {
				t.Errorf("%s is silent and nobody says why", rule.ID)
			}
		}
	}
}

func TestExplainRefuses(t *testing.T) {
	t.Parallel()
	broken := write(t, map[string]string{"x.rego": "package graphwarden.rules.x\n\ndeny contains {\"id\": \"x\", \"msg\": \"m\"} if input.nothing\n"})
	if _, err := policy.NewExplainer(t.Context(), policy.Options{Paths: []string{broken}}); err == nil {
		t.Error("a set that does not compile is explained")
	}
}

func TestParseInput(t *testing.T) {
	t.Parallel()
	whole, err := policy.InputJSON(patch(), policy.Context{})
	if err != nil {
		t.Fatal(err)
	}
	edit := func(f func(map[string]any)) string {
		document := decode(t, whole).(map[string]any)
		f(document)
		text, err := json.Marshal(document)
		if err != nil {
			t.Fatal(err)
		}
		return string(text)
	}
	for _, tt := range []struct{ name, text, want string }{
		{"as Input makes it", string(whole), ""},
		{"a field left out", edit(func(d map[string]any) { delete(d["token"].(map[string]any), "scopes") }), "/token has no scopes"},
		{"a field too many", edit(func(d map[string]any) { d["request"].(map[string]any)["methd"] = "GET" }), `/request has "methd"`},
		{"another type", edit(func(d map[string]any) { d["batch"].(map[string]any)["size"] = "3" }), "/batch/size is string, not integer"},
		{"null where that is meant", edit(func(d map[string]any) { d["token"].(map[string]any)["tenant"] = nil }), ""},
		{"null where it is not", edit(func(d map[string]any) { d["request"].(map[string]any)["method"] = nil }), "/request/method is null, not string"},
		{"a word that is none of the few", edit(func(d map[string]any) { d["mode"] = "auto" }), "/mode is none of"},
		{"a header that is no list", edit(func(d map[string]any) { d["request"].(map[string]any)["headers"].(map[string]any)["a/b"] = "x" }), "/request/headers/a~1b is string"},
		{"another document", `{"schema": "graphwarden.input/v2"}`, "it is no graphwarden.input/v1"},
		{"a key twice", `{"schema": "graphwarden.input/v1", "schema": "graphwarden.input/v1"}`, "read the input document"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			document, err := policy.ParseInput([]byte(tt.text))
			if tt.want == "" {
				if err != nil {
					t.Fatal(err)
				}
				if v := load(t, policy.Options{}).JudgeInput(t.Context(), document); v.Decision != policy.Allow {
					t.Errorf("judged %s: %v %v", v.Decision, v.Err, v.Violations)
				}
				return
			}
			if err == nil || !strings.Contains(err.Error(), tt.want) {
				t.Errorf("error %v, want %s", err, tt.want)
			}
		})
	}
}

func writeFile(t testing.TB, name, content string) string {
	t.Helper()
	return write(t, map[string]string{name: content}) + "/" + name
}
