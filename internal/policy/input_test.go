package policy_test

import (
	"bytes"
	"encoding/json"
	"flag"
	"net/http"
	"os"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/open-policy-agent/opa/v1/ast"
	"github.com/open-policy-agent/opa/v1/rego"

	"github.com/graphwarden/graphwarden/internal/graph"
	"github.com/graphwarden/graphwarden/internal/policy"
	"github.com/graphwarden/graphwarden/policies"
)

var update = flag.Bool("update", false, "write the golden files anew")

func TestInputGolden(t *testing.T) {
	t.Parallel()
	for name, r := range map[string]*graph.Request{"patch": patch(), "empty": {}} {
		got, err := policy.InputJSON(r, policy.Context{})
		if err != nil {
			t.Fatal(err)
		}
		golden := "testdata/" + name + ".input.json"
		if *update {
			if err := os.WriteFile(golden, append(got, '\n'), 0o644); err != nil {
				t.Fatal(err)
			}
		}
		want, err := os.ReadFile(golden)
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(decode(t, want), decode(t, got)); diff != "" {
			t.Errorf("%s: %s", golden, diff)
		}
	}
}

// inputs are documents of many shapes.
func inputs(t *testing.T) map[string]map[string]any {
	t.Helper()
	full := patch()
	full.Header.Set(policy.OverrideHeader, "canary-code")
	full.Path.Tenant, full.Path.Query = tenant, map[string][]string{"$select": {"id"}}
	full.Targets = append(full.Targets, graph.Target{Type: "all_users", FilterID: group, FilterMode: "exclude", Intent: "required"})
	full.JSON = map[string]any{"id": "a1", "x": json.Number("1e3"), "assignments": []any{nil, true}}
	array := patch()
	array.JSON = []any{map[string]any{}}
	batch := &graph.Request{Parts: []*graph.Request{patch(), {Method: http.MethodGet}}}
	documents := map[string]map[string]any{}
	for name, r := range map[string]*graph.Request{"patch": patch(), "empty": {}, "full": full, "array": array, "batch": batch} {
		documents[name] = policy.Input(r, policy.Context{Run: "nightly", Totals: policy.Totals{Writes: 2, Targets: 3}})
	}
	return documents
}

// What OPA reads field by field is what the JSON says, so that stock OPA comes to the same verdict.
func TestInputFormsAreEqual(t *testing.T) {
	t.Parallel()
	for name, document := range inputs(t) {
		text, err := json.Marshal(document)
		if err != nil {
			t.Fatal(err)
		}
		parsed, err := ast.ValueFromReader(bytes.NewReader(text))
		if err != nil {
			t.Fatal(err)
		}
		if lazy := ast.LazyObject(document); lazy.Compare(parsed) != 0 {
			t.Errorf("%s:\n%v\n%v", name, lazy, parsed)
		}
	}
}

func TestInputMatchesItsSchema(t *testing.T) {
	t.Parallel()
	text, err := policies.Library.ReadFile("input.schema.json")
	if err != nil {
		t.Fatal(err)
	}
	query, err := rego.New(rego.Query("json.match_schema(input.document, input.schema)")).PrepareForEval(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	match := func(document any) []any {
		results, err := query.Eval(t.Context(), rego.EvalInput(map[string]any{"document": document, "schema": decode(t, text)}))
		if err != nil {
			t.Fatal(err)
		}
		return results[0].Expressions[0].Value.([]any)
	}
	for name, document := range inputs(t) {
		if got := match(document); got[0] != true {
			t.Errorf("%s: %v", name, got[1])
		}
		delete(document["graph"].(map[string]any), "governed")
		if got := match(document); got[0] == true {
			t.Errorf("%s: a missing field passes", name)
		}
		document["graph"].(map[string]any)["governed"] = true
		document["surplus"] = 1
		if got := match(document); got[0] == true {
			t.Errorf("%s: a surplus field passes", name)
		}
	}
}

func TestInputHoldsNoSecret(t *testing.T) {
	t.Parallel()
	r := patch()
	for _, name := range []string{"Authorization", "Proxy-Authorization", "Cookie", "X-Api-Key", "X-Ms-Client-Secret", "X-Vault-Token",
		"X-Ms-Authorization-Auxiliary", "Ocp-Apim-Subscription-Key", "X-Hub-Signature-256", policy.OverrideHeader} {
		r.Header.Set(name, "canary-"+strings.ToLower(name))
	}
	r.Header.Set("X-Change-Ticket", "CHG12345")
	text, err := policy.InputJSON(r, policy.Context{})
	if err != nil {
		t.Fatal(err)
	}
	if strings.Contains(string(text), "canary") {
		t.Errorf("a secret is in the document:\n%s", text)
	}
	if !strings.Contains(string(text), "CHG12345") {
		t.Error("the ticket is not in the document")
	}
}

func TestInputHeaders(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		name, accept, content string
		wantAccept            bool
		wantContent           any
	}{
		{"plain", "application/json", "application/json", true, true},
		{"anything", "*/*", "application/json; charset=UTF-8", true, true},
		{"list", "text/html, application/*;q=0.5", `application/json;charset="utf-8"`, true, true},
		{"metadata", "application/json;odata.metadata=minimal", "application/merge-patch+json", true, true},
		{"refused by weight", "application/json;q=0, text/html", "application/json; charset=latin1", false, false},
		{"not JSON", "text/html", "text/json-like", false, false},
		{"case", "Application/JSON;q=1.0", "APPLICATION/JSON", true, true},
		{"empty", " ", "", false, false},
	} {
		r := patch()
		r.Header.Set("Accept", test.accept)
		r.Header.Set("Content-Type", test.content)
		request := policy.Input(r, policy.Context{})["request"].(map[string]any)
		if request["accepts_json"] != test.wantAccept || request["content_json"] != test.wantContent {
			t.Errorf("%s: accepts %v, content %v", test.name, request["accepts_json"], request["content_json"])
		}
	}
	r := patch()
	r.Header.Add("Content-Type", "application/json")
	if policy.Input(r, policy.Context{})["request"].(map[string]any)["content_json"] != false {
		t.Error("two content types pass")
	}
}
