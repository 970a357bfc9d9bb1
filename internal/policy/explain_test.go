package policy_test

import (
	"fmt"
	"testing"

	"github.com/graphwarden/graphwarden/internal/policy"
)

func TestExplainX(t *testing.T) {
	e, err := policy.NewExplainer(t.Context(), policy.Options{})
	if err != nil {
		t.Fatal(err)
	}
	r := patch()
	r.Token.Scopes = []string{"User.Read"}
	x, err := e.Explain(t.Context(), policy.Input(r, policy.Context{}))
	if err != nil {
		t.Fatal(err)
	}
	for _, rule := range x.Rules {
		fmt.Println(rule.ID, rule.State, rule.Level, rule.Because, rule.Unmet)
	}
}
