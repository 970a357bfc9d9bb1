package policy_test

import (
	"fmt"
	"slices"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/graphwarden/graphwarden/internal/graph"
	"github.com/graphwarden/graphwarden/internal/policy"
)

// Many at once each get the verdict on their own request.
func TestManyAtOnce(t *testing.T) {
	const askers, rounds = 200, 10
	engine := load(t, policy.Options{})
	changes := []struct {
		change func(*graph.Request)
		want   string
	}{
		{func(*graph.Request) {}, ""},
		{func(r *graph.Request) { r.Token = graph.Token{} }, "deny token.missing"},
		{func(r *graph.Request) { r.Token.Expires = noon.Add(-1) }, "deny token.expired"},
		{func(r *graph.Request) { r.Operation = graph.Operation{Kind: graph.KindUnknownWrite} }, "deny route.unknown"},
	}
	var asked atomic.Int64
	judge := func(i int) []string {
		r := patch()
		// Unlike all before it, so that no verdict is a remembered one.
		r.Operation.Route = fmt.Sprint("/deviceManagement/route", asked.Add(1), "/{id}")
		changes[i%len(changes)].change(r)
		return ids(engine.Judge(t.Context(), r, policy.Context{}))
	}
	alone := make([][]string, len(changes))
	for i, c := range changes {
		alone[i] = judge(i)
		if c.want != "" && !slices.Contains(alone[i], c.want) {
			t.Fatalf("change %d: got %v, want %s", i, alone[i], c.want)
		}
	}
	var all sync.WaitGroup
	for i := range askers {
		all.Go(func() {
			for range rounds {
				if got := judge(i); !slices.Equal(got, alone[i%len(changes)]) {
					t.Errorf("change %d: got %v beside others, %v alone", i%len(changes), got, alone[i%len(changes)])
				}
			}
		})
	}
	all.Wait()
}
