package policy_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/graphwarden/graphwarden/internal/graph"
	"github.com/graphwarden/graphwarden/internal/policy"
	"github.com/graphwarden/graphwarden/policies"
)

// Each case changes the good request a little; without the change the verdict is allow.
func TestJudge(t *testing.T) {
	t.Parallel()
	engine := load(t, policy.Options{})
	same := sameUnderStockCollector(t)
	orgTarget := func(r *graph.Request, target graph.Target) { r.Targets = []graph.Target{target} }
	for _, test := range []struct {
		name     string
		change   func(*graph.Request)
		decision policy.Decision
		ids      []string
	}{
		{"as the page has it", func(*graph.Request) {}, policy.Allow, nil},
		{"no token", func(r *graph.Request) { r.Token = graph.Token{Format: "none"} }, policy.Deny, []string{"deny token.missing"}},
		{"opaque token", func(r *graph.Request) {
			r.Token = graph.Token{Present: true, Format: "opaque"}
		}, policy.Deny, []string{"deny token.opaque"}},
		{"personal token", func(r *graph.Request) { r.Token.Type = "personal" }, policy.Deny, []string{"deny token.personal"}},
		{"unknown kind", func(r *graph.Request) { r.Token.Type, r.Token.Scopes = "unknown", nil }, policy.Deny, []string{"deny token.kind"}},
		{"two tokens", func(r *graph.Request) { r.Token.Anomalies = []string{"several"} }, policy.Deny, []string{"deny token.malformed"}},
		{"unsigned", func(r *graph.Request) { r.Token.Anomalies = []string{"unsigned"} }, policy.Deny, []string{"deny token.unsigned"}},
		{"other audience", func(r *graph.Request) { r.Token.Audience = "https://graph.microsoft.us" }, policy.Deny, []string{"deny token.audience"}},
		{"audience with a slash", func(r *graph.Request) { r.Token.Audience = "https://graph.microsoft.com/" }, policy.Allow, nil},
		{"audience by id", func(r *graph.Request) { r.Token.Audience = "00000003-0000-0000-c000-000000000000" }, policy.Allow, nil},
		{"no audience", func(r *graph.Request) { r.Token.Audience = "" }, policy.Deny, []string{"deny token.audience_missing"}},
		{"expired", func(r *graph.Request) { r.Token.Expires = noon }, policy.Deny, []string{"deny token.expired"}},
		{"about to expire", func(r *graph.Request) { r.Token.Expires = noon.Add(time.Second) }, policy.Allow, nil},
		{"no scope", func(r *graph.Request) { r.Token.Scopes = []string{"User.Read"} }, policy.Deny, []string{"deny scope.missing"}},
		{"scope among others", func(r *graph.Request) { r.Token.Scopes = []string{"User.Read", scope} }, policy.Allow, nil},
		{"app-only", func(r *graph.Request) { appOnly(r) }, policy.Deny, []string{"deny token.app_only"}},
		{"app-only on a current route", func(r *graph.Request) {
			appOnly(r)
			r.Operation.PermissionProfile = "current"
		}, policy.Allow, nil},
		{"app-only without role", func(r *graph.Request) {
			appOnly(r)
			r.Token.Roles = []string{"User.Read.All"}
			r.Operation.PermissionProfile = "current"
		}, policy.Deny, []string{"deny role.missing"}},
		{"powerful token", func(r *graph.Request) {
			r.Token.Scopes = []string{scope, "Directory.ReadWrite.All"}
		}, policy.Warn, []string{"warn scope.excess"}},
		{"other tenant in the URL", func(r *graph.Request) { r.Path.Tenant = "44444444-4444-4444-8444-444444444444" }, policy.Deny, []string{"deny token.tenant_segment"}},
		{"own tenant in the URL", func(r *graph.Request) { r.Path.Tenant = tenant }, policy.Allow, nil},
		{"myorganization", func(r *graph.Request) { r.Path.Tenant = "myOrganization" }, policy.Allow, nil},
		{"no JSON accepted", func(r *graph.Request) { r.Header.Set("Accept", "text/html") }, policy.Deny, []string{"deny header.accept"}},
		{"no Accept", func(r *graph.Request) { r.Header.Del("Accept") }, policy.Allow, nil},
		{"text body", func(r *graph.Request) { r.Header.Set("Content-Type", "text/plain") }, policy.Deny, []string{"deny header.content_type"}},
		{"untraceable", func(r *graph.Request) { r.Header.Del("Client-Request-Id") }, policy.Allow, []string{"audit header.client_request_id"}},
		{"opaque body", func(r *graph.Request) {
			r.BodyState, r.JSON = graph.BodyOpaque, nil
			r.Header.Set("Content-Type", "text/plain")
		}, policy.Deny, []string{"deny body.opaque", "deny header.content_type"}},
		{"no body", func(r *graph.Request) { r.BodyState, r.JSON, r.Body = graph.BodyNone, nil, nil }, policy.Deny, []string{"deny body.missing"}},
		{"array", func(r *graph.Request) { r.JSON = []any{} }, policy.Deny, []string{"deny body.not_object"}},
		{"other id", func(r *graph.Request) { r.JSON = map[string]any{"Id": "a2", "target": map[string]any{}} }, policy.Deny, []string{"deny body.id"}},
		{"own id", func(r *graph.Request) { r.JSON = map[string]any{"id": "a1", "target": map[string]any{}} }, policy.Allow, nil},
		{"unknown property", func(r *graph.Request) { r.JSON = map[string]any{"targets": []any{}} }, policy.Deny, []string{"deny body.unknown_property"}},
		{"annotation", func(r *graph.Request) { r.JSON = map[string]any{"@odata.type": "x", "Target": map[string]any{}} }, policy.Allow, nil},
		{"create without target", func(r *graph.Request) {
			r.Operation.Name, r.JSON, r.Targets = "create", map[string]any{}, nil
		}, policy.Deny, []string{"deny body.target_missing"}},
		{"empty set", func(r *graph.Request) {
			r.Operation.Name, r.Operation.Effect, r.Operation.BodyProperties = "assign", graph.EffectReplace, []string{"assignments"}
			r.JSON, r.Targets = map[string]any{"assignments": []any{}}, nil
		}, policy.Deny, []string{"deny assign.empty"}},
		{"abstract", func(r *graph.Request) {
			orgTarget(r, graph.Target{Type: "abstract", ODataType: "microsoft.graph.deviceAndAppManagementAssignmentTarget", Pointer: "/target"})
		}, policy.Warn, []string{"warn target.abstract"}},
		{"unknown target", func(r *graph.Request) {
			orgTarget(r, graph.Target{Type: "unknown", ODataType: "x", Pointer: "/target"})
		}, policy.Deny, []string{"deny target.unknown"}},
		{"unexpected property", func(r *graph.Request) { r.Targets[0].Unexpected = []string{"collectionId"} }, policy.Deny, []string{"deny target.properties"}},
		{"missing property", func(r *graph.Request) { r.Targets[0].Missing, r.Targets[0].ID = []string{"groupId"}, "" }, policy.Deny, []string{"deny target.incomplete"}},
		{"mode without filter", func(r *graph.Request) { r.Targets[0].FilterMode = "include" }, policy.Deny, []string{"deny target.filter"}},
		{"filter without mode", func(r *graph.Request) { r.Targets[0].FilterID = group }, policy.Deny, []string{"deny target.filter"}},
		{"filter", func(r *graph.Request) { r.Targets[0].FilterID, r.Targets[0].FilterMode = group, "include" }, policy.Allow, nil},
		{"everybody", func(r *graph.Request) { orgTarget(r, graph.Target{Type: "all_users", Pointer: "/target"}) }, policy.Warn, []string{"warn target.broad_unfiltered"}},
		{"unknown route", func(r *graph.Request) {
			r.Operation = graph.Operation{Kind: graph.KindUnknownWrite, Resource: "unknown"}
		}, policy.Deny, []string{"deny route.unknown"}},
		{"no version", func(r *graph.Request) { r.Path.Version = "" }, policy.Deny, []string{"deny route.version"}},
		{"indirect", func(r *graph.Request) { r.Operation.Kind = graph.KindIndirectAssignment }, policy.Warn, []string{"warn route.indirect"}},
		{"unlisted", func(r *graph.Request) {
			r.Operation.Permissions, r.Operation.Documented = graph.Permissions{}, graph.Permissions{}
		}, policy.Allow, []string{"audit permission.unlisted"}},
		{"other, without a token", func(r *graph.Request) { r.Operation.Kind, r.Token = graph.KindOther, graph.Token{} }, policy.Allow, nil},
		{"read, without a token", func(r *graph.Request) { r.Method, r.Token = http.MethodGet, graph.Token{} }, policy.Allow, nil},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			r := patch()
			test.change(r)
			v := engine.Judge(t.Context(), r, policy.Context{})
			if v.Err != nil {
				t.Fatal(v.Err)
			}
			if v.Decision != test.decision {
				t.Errorf("decision %s, want %s", v.Decision, test.decision)
			}
			if diff := cmp.Diff(test.ids, ids(v)); diff != "" {
				t.Error(diff)
			}
			same(t, r)
			if (v.Refusal() != nil) != (test.decision == policy.Deny) {
				t.Errorf("refusal %v of a %s", v.Refusal(), test.decision)
			}
		})
	}
}

// sameUnderStockCollector compares the verdicts of the embedded library, whose collector is generated, with those of
// its plain copy, at the default levels and with every rule switched on.
func sameUnderStockCollector(t *testing.T) func(*testing.T, *graph.Request) {
	own := t.TempDir()
	if err := os.CopyFS(own, policies.Library); err != nil {
		t.Fatal(err)
	}
	var all strings.Builder
	all.WriteString("rules:\n")
	for _, r := range load(t, policy.Options{}).Rules() {
		fmt.Fprintf(&all, "  %s: {level: warn}\n", r.ID)
	}
	data := filepath.Join(write(t, map[string]string{"all.yaml": all.String()}), "all.yaml")
	var pairs [][2]*policy.Engine
	for _, files := range [][]string{nil, {data}} {
		pairs = append(pairs, [2]*policy.Engine{
			load(t, policy.Options{Data: files}),
			load(t, policy.Options{Data: files, Paths: []string{own}, SkipTests: true}),
		})
	}
	return func(t *testing.T, r *graph.Request) {
		t.Helper()
		for _, pair := range pairs {
			embedded := pair[0].Judge(t.Context(), r, policy.Context{})
			stock := pair[1].Judge(t.Context(), r, policy.Context{})
			if embedded.Err != nil || stock.Err != nil {
				t.Error(embedded.Err, stock.Err)
			}
			if diff := cmp.Diff(stock.Violations, embedded.Violations, cmpopts.IgnoreFields(policy.Violation{}, "Location")); diff != "" {
				t.Error(diff)
			}
		}
	}
}

func appOnly(r *graph.Request) {
	r.Token.Type, r.Token.Scopes, r.Token.Roles = "application", nil, []string{scope}
}

func TestRefusalNamesTheSetting(t *testing.T) {
	t.Parallel()
	r := patch()
	appOnly(r)
	refusal := load(t, policy.Options{}).Judge(t.Context(), r, policy.Context{}).Refusal()
	want := &graph.Refusal{
		Code: graph.PolicyDenied,
		Message: `token.app_only: this route takes no app-only token (permissions: documented). ` +
			`Use a delegated token, or set permissions["` + route + `"] to "current" in the policy data.`,
		Details: []graph.Detail{{Code: "token.app_only", Target: "/token/type",
			Message: `this route takes no app-only token (permissions: documented). ` +
				`Use a delegated token, or set permissions["` + route + `"] to "current" in the policy data.`}},
	}
	if diff := cmp.Diff(want, refusal); diff != "" {
		t.Error(diff)
	}
	data := write(t, map[string]string{"org.yaml": "permissions:\n  " + route + ": current\n"})
	if v := load(t, policy.Options{Data: []string{data + "/org.yaml"}}).Judge(t.Context(), r, policy.Context{}); v.Decision != policy.Allow {
		t.Errorf("the setting changes nothing: %v %v", v.Decision, ids(v))
	}
}

func TestReplay(t *testing.T) {
	t.Parallel()
	engine := load(t, policy.Options{})
	recorded := patch().Token
	recorded.Anomalies, recorded.Tenant = []string{"unsigned"}, graph.Pseudonym(tenant)
	late := patch()
	late.Time, late.Path.Tenant = noon.AddDate(1, 0, 0), tenant
	c := policy.Context{Mode: "replay", Time: noon, Token: &recorded}
	if v := engine.Judge(t.Context(), late, c); v.Decision != policy.Allow {
		t.Errorf("%v %v", v.Decision, ids(v))
	}
	c.Mode = "live"
	if diff := cmp.Diff([]string{"deny token.tenant_segment", "deny token.unsigned"}, ids(engine.Judge(t.Context(), late, c))); diff != "" {
		t.Error(diff)
	}
	c.Mode, c.Time = "replay", time.Time{}
	if diff := cmp.Diff([]string{"deny token.expired"}, ids(engine.Judge(t.Context(), late, c))); diff != "" {
		t.Error(diff)
	}
}

// loops is a policy that does not end in any useful time, but only when asked to.
const loops = `package graphwarden.rules.slow
deny contains {"id": "slow", "msg": "found"} if {
	input.request.headers["x-loop"]
	some a in numbers.range(1, 3000)
	some b in numbers.range(1, 3000)
	a * b == -1
}`

func TestTimeout(t *testing.T) {
	t.Parallel()
	engine := load(t, policy.Options{Paths: []string{write(t, map[string]string{"slow.rego": loops})}, Timeout: 50 * time.Millisecond})
	r := patch()
	r.Header.Set("X-Loop", "1")
	start := time.Now()
	v := engine.Judge(t.Context(), r, policy.Context{})
	if v.Decision != policy.Deny || !v.Unavailable || !errors.Is(v.Err, policy.ErrTimeout) {
		t.Errorf("%+v", v)
	}
	if refusal := v.Refusal(); refusal == nil || refusal.Code != graph.PolicyUnavailable {
		t.Errorf("refusal %v", refusal)
	}
	if took := time.Since(start); took > 5*time.Second {
		t.Errorf("took %v", took)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if v := engine.Judge(ctx, r, policy.Context{}); !v.Unavailable || !errors.Is(v.Err, context.Canceled) {
		t.Errorf("cancelled: %+v", v)
	}
	if v := engine.Judge(t.Context(), patch(), policy.Context{}); v.Decision != policy.Allow {
		t.Errorf("without the loop: %+v", v)
	}
}

// A set whose answer cannot be trusted denies; the same set with a good answer allows.
func TestMalformedVerdict(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct{ odd, want string }{
		"fine":            {`{"id": "x", "msg": "m"}`, ""},
		"string":          {`"just text"`, ""},
		"no id":           {`{"msg": "m"}`, "malformed"},
		"no msg":          {`{"id": "x"}`, "malformed"},
		"msg is a number": {`{"id": "x", "msg": 7}`, "malformed"},
		"bad built-in":    {`{"id": "x", "msg": lower(input.graph.current)}`, "eval_type_error"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			engine := load(t, policy.Options{Paths: []string{write(t, map[string]string{"odd.rego": "package graphwarden.rules.odd\n" +
				`audit contains ` + test.odd + ` if input.request.headers["x-odd"]`})}})
			r := patch()
			r.Header.Set("X-Odd", "1")
			v := engine.Judge(t.Context(), r, policy.Context{})
			if test.want == "" {
				if v.Decision != policy.Allow || len(v.Violations) != 1 || v.Err != nil {
					t.Errorf("%+v", v)
				}
				return
			}
			if v.Decision != policy.Deny || !v.Unavailable || !strings.Contains(v.Err.Error(), test.want) {
				t.Errorf("%+v", v)
			}
		})
	}
}

func TestJudgeBatch(t *testing.T) {
	t.Parallel()
	batch := func(changes ...func(*graph.Request)) *graph.Request {
		outer := &graph.Request{ID: "b", Time: noon, Method: http.MethodPost, Path: graph.Path{Version: "beta"}, Operation: graph.Operation{Name: "batch"}}
		for i, change := range changes {
			part := patch()
			part.Batch = graph.BatchPart{ID: string(rune('1' + i)), Index: i, Size: len(changes)}
			change(part)
			outer.Parts = append(outer.Parts, part)
		}
		return outer
	}
	good := func(*graph.Request) {}
	read := func(r *graph.Request) { r.Method, r.Operation = http.MethodGet, graph.Operation{Name: "read"} }
	bad := func(r *graph.Request) { r.Token.Scopes = nil }

	engine := load(t, policy.Options{})
	var decisions []policy.Decision
	for _, v := range engine.JudgeBatch(t.Context(), batch(good, bad, read), policy.Context{}) {
		decisions = append(decisions, v.Decision)
	}
	if diff := cmp.Diff([]policy.Decision{policy.Allow, policy.Deny, policy.Allow}, decisions); diff != "" {
		t.Error(diff)
	}

	data := write(t, map[string]string{"org.yaml": "rules: {batch.writes: {level: deny, limit: 2}}"})
	engine = load(t, policy.Options{Data: []string{data + "/org.yaml"}})
	for _, v := range engine.JudgeBatch(t.Context(), batch(good, good, read), policy.Context{}) {
		if v.Decision != policy.Allow {
			t.Errorf("two writes: %v", ids(v))
		}
	}
	verdicts := engine.JudgeBatch(t.Context(), batch(good, good, good, read), policy.Context{})
	for _, v := range verdicts[:3] {
		if diff := cmp.Diff([]string{"deny batch.writes"}, ids(v)); diff != "" {
			t.Error(diff)
		}
	}
	if verdicts[3].Decision != policy.Allow {
		t.Errorf("the read: %v", ids(verdicts[3]))
	}
}

func TestReloadUnderLoad(t *testing.T) {
	t.Parallel()
	rule := func(id string) map[string]string {
		return map[string]string{"r.rego": `package graphwarden.rules.mine
warn contains {"id": "` + id + `", "msg": "m"} if input.graph.governed == true`}
	}
	dir := write(t, rule("mine.a"))
	engine := load(t, policy.Options{Paths: []string{dir}, Timeout: 10 * time.Second})
	ctx, stop := context.WithCancel(t.Context())
	var wg sync.WaitGroup
	for range 4 {
		wg.Go(func() {
			for ctx.Err() == nil {
				v := engine.Judge(context.Background(), patch(), policy.Context{})
				if list := ids(v); v.Err != nil || len(list) != 1 || !strings.HasPrefix(list[0], "warn mine.") {
					t.Errorf("%v %v", list, v.Err)
					return
				}
			}
		})
	}
	for _, id := range []string{"mine.b", "mine.c"} {
		rewrite(t, dir, rule(id))
		if err := engine.Reload(t.Context()); err != nil {
			t.Error(err)
		}
		if diff := cmp.Diff([]string{"warn " + id}, ids(engine.Judge(t.Context(), patch(), policy.Context{}))); diff != "" {
			t.Error(diff)
		}
	}
	good := engine.Revision()
	rewrite(t, dir, map[string]string{"r.rego": "package graphwarden.rules.mine\nwarn contains {"})
	if err := engine.Reload(t.Context()); err == nil {
		t.Error("a broken set was loaded")
	}
	if engine.Revision() != good {
		t.Error("the last good set is gone")
	}
	stop()
	wg.Wait()
}
