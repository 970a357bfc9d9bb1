package policy_test

import (
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/graphwarden/graphwarden/internal/graph"
	"github.com/graphwarden/graphwarden/internal/policy"
)

// BenchmarkJudge measures verdicts that are not remembered: each request differs from those before it in what rules read.
func BenchmarkJudge(b *testing.B) {
	engine := load(b, policy.Options{})
	b.Run("patch", func(b *testing.B) { judgeLoop(b, engine) })
	b.Run("parallel", func(b *testing.B) {
		b.ReportAllocs()
		b.RunParallel(func(pb *testing.PB) {
			r, unlike := patch(), differently()
			for pb.Next() {
				unlike(r)
				if v := engine.Judge(b.Context(), r, policy.Context{}); v.Decision != policy.Allow {
					b.Fatal(v)
				}
			}
		})
	})
	b.Run("remembered", func(b *testing.B) {
		r := patch()
		b.ReportAllocs()
		for b.Loop() {
			if v := engine.Judge(b.Context(), r, policy.Context{}); v.Decision != policy.Allow {
				b.Fatal(v)
			}
		}
	})
	b.Run("other", func(b *testing.B) {
		r, unlike := patch(), differently()
		r.Operation.Kind = "other"
		b.ReportAllocs()
		for b.Loop() {
			unlike(r)
			if v := engine.Judge(b.Context(), r, policy.Context{}); v.Decision != policy.Allow {
				b.Fatal(v)
			}
		}
	})
	// What counts is the growth with the data: 10 ids and 10,000 under the same rule.
	for _, n := range []int{10, 10000} {
		b.Run(fmt.Sprintf("groups%d", n), func(b *testing.B) {
			var data strings.Builder
			data.WriteString("rules:\n  group.not_allowed:\n    level: deny\n    groups:\n")
			for i := range n {
				fmt.Fprintf(&data, "      - 00000000-0000-4000-8000-%012d\n", i)
			}
			name := filepath.Join(b.TempDir(), "data.yaml")
			if err := os.WriteFile(name, []byte(data.String()), 0o600); err != nil {
				b.Fatal(err)
			}
			judgeLoop(b, load(b, policy.Options{Data: []string{name}}))
		})
	}
}

func judgeLoop(b *testing.B, engine *policy.Engine) {
	r, unlike := patch(), differently()
	b.ReportAllocs()
	for b.Loop() {
		unlike(r)
		if v := engine.Judge(b.Context(), r, policy.Context{}); v.Decision != policy.Allow {
			b.Fatal(v)
		}
	}
}

// differently makes a function that gives a request another route each time, of more than are remembered.
func differently() func(*graph.Request) {
	routes := make([]string, 20_000)
	for i := range routes {
		routes[i] = fmt.Sprintf("/deviceManagement/route%d/{id}", rand.Uint64())
	}
	next := 0
	return func(r *graph.Request) {
		r.Operation.Route = routes[next%len(routes)]
		next++
	}
}

func BenchmarkInput(b *testing.B) {
	r := patch()
	b.ReportAllocs()
	for b.Loop() {
		policy.Input(r, policy.Context{})
	}
}

func BenchmarkLoad(b *testing.B) {
	for b.Loop() {
		load(b, policy.Options{})
	}
}
