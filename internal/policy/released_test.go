package policy_test

import (
	"net/http"
	"runtime"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/graphwarden/graphwarden/internal/graph"
	"github.com/graphwarden/graphwarden/internal/policy"
	"github.com/graphwarden/graphwarden/policies"
)

// TestReleasedLibrary loads the library as any other set is, with all checks, beside the way it is loaded where nothing of it
// can have changed, without them. Both must say the same.
func TestReleasedLibrary(t *testing.T) {
	t.Parallel()
	data := write(t, map[string]string{"data.yaml": "rules:\n  ticket.missing: {level: deny}\n  target.broad: {level: off}\n  header.accept: {level: deny}\njudge_reads: true\n"}) + "/data.yaml"
	for _, with := range [][]string{nil, {data}} {
		checked := load(t, policy.Options{Library: policies.Library, Data: with})
		released := load(t, policy.Options{Data: with})
		if diff := cmp.Diff(checked.Rules(), released.Rules()); diff != "" || len(released.Rules()) < 20 {
			t.Errorf("%v: %d rules %s", with, len(released.Rules()), diff)
		}
		for name, change := range map[string]func(*graph.Request){
			"as it is":     func(*graph.Request) {},
			"v1.0":         func(r *graph.Request) { r.Path.Version = "v1.0" },
			"no token":     func(r *graph.Request) { r.Token = graph.Token{} },
			"everybody":    func(r *graph.Request) { r.Targets[0].Type, r.Targets[0].ID = "allDevices", "" },
			"no targets":   func(r *graph.Request) { r.Targets = nil },
			"removal":      func(r *graph.Request) { r.Method, r.Operation.Effect = http.MethodDelete, graph.EffectRemove },
			"unknown":      func(r *graph.Request) { r.Operation = graph.Operation{Kind: graph.KindUnknownWrite} },
			"broken body":  func(r *graph.Request) { r.BodyState, r.JSON = graph.BodyOpaque, nil },
			"odd headers":  func(r *graph.Request) { r.Header = http.Header{"X-Http-Method-Override": {"DELETE"}} },
			"another host": func(r *graph.Request) { r.Host = "graph.microsoft.us" },
			"group gone":   func(r *graph.Request) { r.Targets[0].ID = "" },
			"expired":      func(r *graph.Request) { r.Token.Expires = noon.Add(-1) },
		} {
			a, b := patch(), patch()
			change(a)
			change(b)
			want, got := checked.Judge(t.Context(), a, policy.Context{}), released.Judge(t.Context(), b, policy.Context{})
			if diff := cmp.Diff(want, got, cmpopts.IgnoreFields(policy.Verdict{}, "Duration", "Revision")); diff != "" || got.Unavailable {
				t.Errorf("%v, %s (-checked +released):\n%s", with, name, diff)
			}
		}
	}
}

// A rule that asks what stands above it hears it, beside rules that do not.
func TestMetadataIsThereForRulesThatAsk(t *testing.T) {
	t.Parallel()
	const asks = `package graphwarden.rules.mine

# METADATA
# title: From above
deny contains {"id": "mine-asks", "msg": rego.metadata.rule().title}
`
	for rule, want := range map[string]string{asks: "From above", strings.Replace(asks, "rego.metadata.rule().title", `"plain"`, 1): "plain"} {
		engine := load(t, policy.Options{Paths: []string{write(t, map[string]string{"mine.rego": rule})}})
		verdict := engine.Judge(t.Context(), patch(), policy.Context{})
		if len(verdict.Violations) != 1 || verdict.Violations[0].Message != want {
			t.Errorf("got %+v, want the message %q", verdict, want)
		}
		for _, r := range engine.Rules() {
			if r.ID == "mine-asks" && r.Title != "From above" {
				t.Errorf("the title is %q", r.Title)
			}
		}
	}
}

// TestRetained bounds what an engine keeps: it is collected anew with every round of garbage.
func TestRetained(t *testing.T) {
	const engines = 4
	heap := func() uint64 {
		runtime.GC()
		runtime.GC()
		var m runtime.MemStats
		runtime.ReadMemStats(&m)
		return m.HeapAlloc
	}
	load(t, policy.Options{}) // what OPA makes once
	before := heap()
	var kept [engines]*policy.Engine
	for i := range kept {
		kept[i] = load(t, policy.Options{})
	}
	each := (int64(heap()) - int64(before)) / engines
	runtime.KeepAlive(kept)
	t.Logf("%d KiB each", each>>10)
	if each > 2<<20 {
		t.Errorf("an engine keeps %d KiB", each>>10)
	}
}
