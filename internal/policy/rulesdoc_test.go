package policy_test

import (
	"encoding/json"
	"fmt"
	"os"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/graphwarden/graphwarden/internal/policy"
)

const rulesHead = `# The rules

Every rule of the embedded library, in the order of their ids. This page is made from the annotations of the Rego files:
` + "`go test ./internal/policy -run TestRulesPage -update`" + ` writes it anew. ` + "`graphwarden policy list`" + ` shows the levels in force.

A level is ` + "`deny`, `warn`, `audit` or `off`" + `. On is what Graph or its documentation asks for, warn is good practice, off waits for
an organisation's own data. Data switches and tunes rules, never an edited Rego file:

` + "```yaml" + `
rules:
  target.broad: {level: deny}
  group.denied: {level: deny, groups: [00000000-0000-4000-8000-000000000001]}
` + "```" + `

| rule | level | what it asks | parameters |
| --- | --- | --- | --- |
`

// TestRulesPage holds docs/rules.md to the annotations.
func TestRulesPage(t *testing.T) {
	t.Parallel()
	var b strings.Builder
	b.WriteString(rulesHead)
	for _, r := range load(t, policy.Options{}).Rules() {
		fmt.Fprintf(&b, "| `%s` | %s | **%s.** %s | %s |\n", r.ID, r.Default, cell(r.Title), cell(r.Description), parameters(t, r))
	}
	const page = "../../docs/rules.md"
	if *update {
		if err := os.WriteFile(page, []byte(b.String()), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	got, err := os.ReadFile(page)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(b.String(), string(got)); diff != "" {
		t.Errorf("docs/rules.md is not what the annotations say (run this test with -update):\n%s", diff)
	}
}

// parameters lists them with their defaults, one to a line of the cell.
func parameters(t *testing.T, r policy.Rule) string {
	t.Helper()
	lines := make([]string, len(r.Parameters))
	for i, p := range r.Parameters {
		if p.Name == "" || p.Description == "" {
			t.Errorf("%s: a parameter without name or description", r.ID)
		}
		value, err := json.Marshal(p.Value)
		if err != nil {
			t.Fatal(err)
		}
		lines[i] = fmt.Sprintf("`%s`: %s", p.Name, cell(p.Description))
		if s := string(value); s != "null" && s != "[]" && s != "{}" && s != `""` {
			lines[i] += fmt.Sprintf(" (default `%s`)", cell(s))
		}
	}
	return strings.Join(lines, "<br>")
}

// cell is text as a cell of a table takes it.
func cell(s string) string {
	return strings.ReplaceAll(strings.Join(strings.Fields(s), " "), "|", `\|`)
}
