package policy_test

import (
	"errors"
	"fmt"
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
)

// everyRule is data that switches every rule of the library on, with lists that some requests are on and some are not.
const everyRule = `
overrides:
  - {code_sha256: 5694d08a2e53ffcae0c3103e5ad6f6076abd960eb1f8a56577040bc1028f702b, reason: fire, not_before: "2026-01-01",
     expires: "2026-09-21T12:15:00Z", rules: [scope.missing, group.not_allowed]}
permissions: {"/another/{id}": current}
rules:
  tenant.not_allowed: {level: deny, tenants: [` + tenant + `]}
  app.not_allowed: {level: deny, apps: [22222222-2222-4222-8222-222222222222]}
  caller.kind: {level: deny, kinds: [delegated]}
  target.broad: {level: deny, tenants: [` + group + `]}
  group.not_allowed: {level: deny, groups: [` + group + `]}
  group.denied: {level: deny, groups: [` + tenant + `]}
  group.size: {level: deny, sizes: {` + group + `: 10}, limit: 5}
  group.exclusion: {level: deny, groups: [` + group + `]}
  filter.required: {level: warn, types: [group]}
  filter.not_listed: {level: deny, filters: {` + tenant + `: include}}
  route.beta: {level: warn, routes: ["` + route + `"]}
  header.user_agent: {level: warn, floors: {curl: 8.0.0}}
  ticket.missing: {level: deny, header: X-Change-Ticket, pattern: "CHG[0-9]{7}"}
  ticket.class: {level: deny, intents: [uninstall], pattern: "CHG9[0-9]{6}"}
  approval.missing: {level: deny}
  batch.writes: {level: deny, limit: 1}
  batch.resources: {level: deny, limit: 1}
`

// timed are the rules that make every verdict another.
const timed = `
  ticket.unknown: {level: deny, tickets: {CHG1234567: {from: "2026-09-21", to: "2026-09-22", resources: []}}}
  freeze.window: {level: deny, windows: [{from: "2026-09-21T12:20:00Z", to: "2026-09-22", reason: audit}]}
  freeze.hours: {level: deny, zone: Europe/Berlin, hours: {Monday: [8, 15]}}
`

// curious is a policy that reads what the library does not.
const curious = `package graphwarden.rules.curious

audit contains {"id": "curious.path", "msg": concat(" ", ["path", input.request.path])} if input.request.method == "PATCH"

audit contains {"id": "curious.ids", "msg": sprintf("%v", [[input.graph.ids, input.graph.family, input.connection, input.run.name, input.batch]])}

audit contains {"id": "curious.ticket", "msg": ticket} if {
	input.graph.governed == true
	some ticket in input.request.headers["x-change-ticket"]
}

audit contains {"id": "curious.body", "msg": json.marshal(input.request.body)} if {
	input.graph.kind == "assignment"
	input.request.body_state == "json"
}

audit contains {"id": "curious.else", "msg": concat(" ", ["at", place])} if place := where

where := "group" if {
	input.graph.has.group == true
} else := input.graph.operation if {
	input.graph.kind == "assignment"
} else := input.request.host

audit contains {"id": "curious.not", "msg": "m"} if {
	not input.token.app == "22222222-2222-4222-8222-222222222222"
	every target in input.graph.targets { target.type != "unknown" }
}
`

// judged compares verdicts without what differs each time.
func judged(t *testing.T, want, got policy.Verdict) {
	t.Helper()
	if diff := cmp.Diff(want, got, cmpopts.IgnoreFields(policy.Verdict{}, "Duration", "Err")); diff != "" || (want.Err == nil) != (got.Err == nil) {
		t.Error(diff, want.Err, got.Err)
	}
}

// A verdict from memory, and one on the part of the document that is read, is the verdict on the whole document.
func TestRememberedVerdictsAreTheSame(t *testing.T) {
	t.Parallel()
	files := write(t, map[string]string{"all.yaml": everyRule, "timed.yaml": everyRule + timed, "curious.rego": curious})
	all, times, more := filepath.Join(files, "all.yaml"), filepath.Join(files, "timed.yaml"), filepath.Join(files, "curious.rego")
	for _, test := range []struct {
		name    string
		options policy.Options
		keeps   bool
	}{
		{"the library", policy.Options{}, true},
		{"every rule", policy.Options{Data: []string{all}}, true},
		{"every rule, those of time too", policy.Options{Data: []string{times}}, false},
		{"other policies", policy.Options{Paths: []string{more}}, true},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			test.options.Timeout = 10 * time.Second // the machine may be busy
			engine := load(t, test.options)
			decisions := map[policy.Decision]int{}
			for round := range 2 {
				for _, which := range mutants(250) {
					r, c := mutant(which...)
					got := engine.Judge(t.Context(), r, c)
					// The first round says what is right, the second one is from memory where there is one.
					r, c = mutant(which...)
					judged(t, engine.JudgeInput(t.Context(), policy.Input(r, c)), got)
					if t.Failed() {
						t.Fatalf("round %d, mutations %v", round, which)
					}
					decisions[got.Decision]++
				}
			}
			if len(decisions) != 3 {
				t.Errorf("the requests are all alike: %v", decisions)
			}
			if kept := engine.Remembered(); (kept > 50) != test.keeps {
				t.Errorf("%d verdicts kept", kept)
			}
		})
	}
}

// What rules do not read does not stand between a request and the verdict on its like.
func TestMemoryIsOfUse(t *testing.T) {
	t.Parallel()
	engine := load(t, policy.Options{})
	for i := range 10 {
		r := patch()
		r.ID, r.Time = fmt.Sprint("request ", i), noon.Add(time.Duration(i)*time.Second)
		path(fmt.Sprintf("%s%d", own, i))(r, nil)
		header("Client-Request-Id", fmt.Sprintf("a1b2c3d4-0000-4000-8000-%012d", i))(r, nil)
		body(fmt.Sprintf(`{"target":{"@odata.type":"%s","groupId":"00000000-0000-4000-8000-%012d"}}`, groupOT, i))(r, nil)
		if v := engine.Judge(t.Context(), r, policy.Context{Totals: policy.Totals{Writes: i}}); v.Decision != policy.Allow || v.Duration <= 0 || v.Revision != engine.Revision() {
			t.Errorf("%+v", v)
		}
	}
	if n := engine.Remembered(); n != 1 {
		t.Errorf("%d verdicts kept", n)
	}
}

// A ticket in a header that data names: only that header is read, not the id of the request beside it.
func TestMemoryOfTickets(t *testing.T) {
	t.Parallel()
	data := write(t, map[string]string{"org.yaml": `rules: {ticket.missing: {level: deny, header: X-Change-Ticket, pattern: "CHG[0-9]+"}}`})
	engine := load(t, policy.Options{Data: []string{filepath.Join(data, "org.yaml")}})
	for i, test := range []struct {
		tickets []string
		want    []string
		kept    int
	}{
		{[]string{"CHG1"}, nil, 1},
		{[]string{"CHG1"}, nil, 1},
		{[]string{"CHG2"}, nil, 2},
		{[]string{"none"}, []string{"deny ticket.missing"}, 3},
		{nil, []string{"deny ticket.missing"}, 4},
		{[]string{"CHG1", "CHG1"}, []string{"deny ticket.missing"}, 5},
		{[]string{"CHG1"}, nil, 5},
	} {
		r := patch()
		header("X-Change-Ticket", test.tickets...)(r, nil)
		header("Client-Request-Id", fmt.Sprintf("a1b2c3d4-0000-4000-8000-%012d", i))(r, nil)
		if diff := cmp.Diff(test.want, ids(engine.Judge(t.Context(), r, policy.Context{}))); diff != "" {
			t.Errorf("%v: %s", test.tickets, diff)
		}
		if kept := engine.Remembered(); kept != test.kept {
			t.Errorf("%v: %d verdicts kept, not %d", test.tickets, kept, test.kept)
		}
	}
}

// A rule that reads the time of some changes spoils the memory for those only.
func TestConditionsKeepTheMemoryOfUse(t *testing.T) {
	t.Parallel()
	engine := load(t, policy.Options{Paths: []string{write(t, map[string]string{"noon.rego": `package graphwarden.rules.example
deny contains {"id": "example.noon", "msg": "not after noon"} if {
	input.graph.resource == "mobileAppAssignment"
	time.clock(input.time.ns)[0] >= 12
}`})}})
	for _, test := range []struct {
		resource string
		at       time.Time
		want     []string
		kept     int
	}{
		{"mobileAppAssignment", noon.Add(-time.Minute), nil, 0},
		{"mobileAppAssignment", noon, []string{"deny example.noon"}, 0},
		{"another", noon.Add(-time.Minute), nil, 1},
		{"another", noon, nil, 1},
	} {
		r := patch()
		r.Operation.Resource, r.Time = test.resource, test.at
		if diff := cmp.Diff(test.want, ids(engine.Judge(t.Context(), r, policy.Context{}))); diff != "" {
			t.Error(diff)
		}
		if kept := engine.Remembered(); kept != test.kept {
			t.Errorf("%s at %v: %d verdicts kept", test.resource, test.at, kept)
		}
	}
}

func TestTokenExpiresBetweenTwoRequests(t *testing.T) {
	t.Parallel()
	engine := load(t, policy.Options{})
	for _, test := range []struct {
		at   time.Time
		want []string
	}{
		{noon.Add(time.Hour - 1), nil}, {noon.Add(time.Hour), []string{"deny token.expired"}}, {noon, nil},
	} {
		r := patch()
		r.Time = test.at
		if diff := cmp.Diff(test.want, ids(engine.Judge(t.Context(), r, policy.Context{}))); diff != "" {
			t.Errorf("at %v: %s", test.at, diff)
		}
	}
}

// Each of these says what is true of one request only, by some way round; none may be told the last one's.
func TestFleetingFactsAreNeverStale(t *testing.T) {
	t.Parallel()
	for name, rule := range map[string]string{
		"id":                `msg := input.id`,
		"time":              `msg := sprintf("%d", [input.time.ns])`,
		"all of time":       `msg := input.time.rfc3339`,
		"client request id": `msg := input.request.client_request_id`,
		"its header":        `msg := input.request.headers["client-request-id"][0]`,
		"raw target":        `msg := input.request.raw_target`,
		"totals":            `msg := sprintf("%d", [input.run.totals.writes])`,
		"the document":      `msg := json.marshal(input)`,
		"a name for it":     "x := input\n\tmsg := x.id",
		"an argument":       `msg := object.get(input, "id", "")`,
		"a variable": `some name
	name in {"id"}
	msg := input[name]`,
		"walk":  `walk(input, [["id"], msg])`,
		"a set": `msg := {value | some name, value in input; name == "id"}`,
		"a header by a variable": `some header in {"client-request-id"}
	msg := input.request.headers[header][0]`,
		"a header by a settled name":          `msg := input.request.headers[settled][0]`,
		"a header by a replaced name":         `msg := by_name with data.graphwarden.rules.echo.unsettled as "client-request-id"`,
		"a header by a rule of the request":   `msg := input.request.headers[sometimes][0]`,
		"a header by a name from the request": `msg := input.request.headers[concat("-", ["client", "request", replace(input.graph.cloud, "global", "id")])][0]`,
		"function":                            `msg := named(input.request)`,
		"under a condition that holds": `input.graph.governed == true
	msg := input.id`,
		"replaced": `msg := other with input.graph.kind as "another"`,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			policies := write(t, map[string]string{"echo.rego": "package graphwarden.rules.echo\n\naudit contains {\"id\": \"echo\", \"msg\": sprintf(\"%v.\", [msg])} if {\n\t" +
				rule + "\n}\n\nsettled := lower(\"Client-Request-Id\")\n\nunsettled := lower(\"Accept\")\n\n" +
				"sometimes := \"client-request-id\" if {\n\tinput.graph.governed == true\n} else := \"accept\"\n\n" +
				"by_name := input.request.headers[unsettled][0]\n\nnamed(request) := request.client_request_id\n\nother := input.id if input.graph.kind == \"another\"\n"})
			engine := load(t, policy.Options{Paths: []string{policies}})
			said := map[string]bool{}
			for i := range 3 {
				r := patch()
				r.ID, r.Time = fmt.Sprint("request ", i), noon.Add(time.Duration(i)*time.Second)
				r.RawTarget = fmt.Sprint(r.RawTarget, "?", i)
				header("Client-Request-Id", fmt.Sprintf("a1b2c3d4-0000-4000-8000-%012d", i))(r, nil)
				v := engine.Judge(t.Context(), r, policy.Context{Totals: policy.Totals{Writes: i}})
				if v.Err != nil || len(v.Violations) != 1 {
					t.Fatalf("%+v", v)
				}
				said[v.Violations[0].Message] = true
			}
			if len(said) != 3 {
				t.Errorf("said only %v", said)
			}
		})
	}
}

// A built-in whose result does not follow from its operands is not allowed; were one, nothing would be kept.
func TestFickleBuiltins(t *testing.T) {
	t.Parallel()
	for _, b := range policy.Capabilities().Builtins {
		if b.IsNondeterministic() {
			t.Errorf("%s is allowed", b.Name)
		}
	}
	for _, test := range []struct {
		name, rule       string
		everything, kept bool
	}{
		{"the clock", `verdict := time.now_ns()`, false, false},
		{"a time of day", `verdict := time.clock(0)`, false, true},
		{"chance", `verdict := [rand.intn("x", 3)]`, false, false},
		{"in a function", "verdict := f(1)\nf(_) := http.send({\"method\": \"get\", \"url\": \"x\"}).status_code", false, false},
		{"not called", "verdict := 1\nf(_) := http.send({\"method\": \"get\", \"url\": \"x\"}).status_code", false, true},
		{"in an else", "verdict := 1 if {\n\tinput.mode == 1\n} else := opa.runtime()", false, false},
		{"in a comprehension", `verdict := [x | x := uuid.rfc4122("")]`, false, false},
		{"a place", `verdict := input.request.host`, false, true},
		{"a fleeting place", `verdict := input.id`, false, false},
		{"one that an else comes to", "verdict := 1 if {\n\tinput.mode == 1\n} else := x\nx := input.id", false, false},
		{"a fleeting place under a condition", "verdict := input.id if input.mode == \"replay\"", false, true},
		{"the document", `verdict := input`, true, false},
		{"a variable place", "verdict := input[x] if some x in [\"id\"]", true, false},
		{"another document", "verdict := y if y := x with input as {}\nx := input.mode", true, false},
		{"another place", "verdict := y if y := x with input.mode as 1\nx := input.mode", true, false},
		{"other data", "verdict := y if y := x with data.y as {}\nx := data.y", false, true},
		{"not come to", "verdict := 1\nx := input", false, true},
	} {
		everything, kept, err := policy.Reads("package graphwarden\n\n" + test.rule)
		if err != nil || everything != test.everything || kept != test.kept {
			t.Errorf("%s: everything %v, kept %v, %v", test.name, everything, kept, err)
		}
	}
}

func TestReloadForgets(t *testing.T) {
	t.Parallel()
	dir := write(t, map[string]string{"org.yaml": "rules: {group.denied: {level: deny, groups: []}}"})
	engine := load(t, policy.Options{Data: []string{filepath.Join(dir, "org.yaml")}})
	for range 2 {
		if v := engine.Judge(t.Context(), patch(), policy.Context{}); v.Decision != policy.Allow {
			t.Fatalf("%+v", v)
		}
	}
	if err := os.WriteFile(filepath.Join(dir, "org.yaml"), []byte("rules: {group.denied: {level: deny, groups: ["+group+"]}}"), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := engine.Reload(t.Context()); err != nil {
		t.Fatal(err)
	}
	v := engine.Judge(t.Context(), patch(), policy.Context{})
	if diff := cmp.Diff([]string{"deny group.denied"}, ids(v)); diff != "" || v.Revision != engine.Revision() {
		t.Error(diff)
	}
}

func TestNoVerdictIsNotKept(t *testing.T) {
	t.Parallel()
	engine := load(t, policy.Options{Paths: []string{write(t, map[string]string{"odd.rego": `package graphwarden.rules.odd
audit contains {"id": "x", "msg": lower(input.graph.current)} if input.graph.version == "v1.0"`})}})
	r := patch()
	r.Path.Version = "v1.0"
	for range 2 {
		if v := engine.Judge(t.Context(), r, policy.Context{}); !v.Unavailable {
			t.Errorf("%+v", v)
		}
	}
	if n := engine.Remembered(); n != 0 {
		t.Errorf("%d kept", n)
	}
	if engine.Judge(t.Context(), patch(), policy.Context{}); engine.Remembered() != 1 {
		t.Error("a verdict is not kept")
	}
}

func TestMemoryIsBounded(t *testing.T) {
	t.Parallel()
	engine := load(t, policy.Options{})
	r := patch()
	for i := range 3 * policy.MaxVerdicts {
		if n := engine.Remembered(); i > policy.MaxVerdicts && n < policy.MaxVerdicts {
			t.Fatalf("after %d requests only %d are kept", i, n)
		}
		r.Operation.Route = fmt.Sprint("/route/", i)
		if v := engine.Judge(t.Context(), r, policy.Context{}); v.Decision != policy.Allow {
			t.Fatalf("%+v", v)
		}
	}
	if n := engine.Remembered(); n == 0 || n > 2*policy.MaxVerdicts {
		t.Errorf("%d kept", n)
	}
	before := engine.Remembered()
	r.Operation.Route = strings.Repeat("x", policy.MaxKey)
	if engine.Judge(t.Context(), r, policy.Context{}); engine.Remembered() != before {
		t.Error("a long key is kept")
	}
}

// A body that is too large for a key is judged each time, by what it holds.
func TestLargeBodiesAreNotRemembered(t *testing.T) {
	t.Parallel()
	engine := load(t, policy.Options{Paths: []string{write(t, map[string]string{"body.rego": `package graphwarden.rules.example
deny contains {"id": "example.name", "msg": "not this one"} if input.request.body.target.name == "x"`})}})
	padding := strings.Repeat(" ", policy.MaxKey)
	for _, test := range []struct {
		name, padding string
		want          []string
		kept          int
	}{
		{"x", padding, []string{"deny example.name"}, 0},
		{"y", padding, nil, 0},
		{"x", "", []string{"deny example.name"}, 1},
		{"y", "", nil, 2},
		{"x", "", []string{"deny example.name"}, 2},
	} {
		r := patch()
		body(`{"target":{"@odata.type":"`+groupOT+`","groupId":"`+group+`","name":"`+test.name+`"}}`+test.padding)(r, nil)
		r.Targets = patch().Targets
		if diff := cmp.Diff(test.want, ids(engine.Judge(t.Context(), r, policy.Context{}))); diff != "" {
			t.Error(diff)
		}
		if kept := engine.Remembered(); kept != test.kept {
			t.Errorf("%d verdicts kept, not %d", kept, test.kept)
		}
	}
}

// Those who get a verdict own it.
func TestRememberedVerdictsAreNotShared(t *testing.T) {
	t.Parallel()
	engine := load(t, policy.Options{})
	bad := func() *graph.Request {
		r := patch()
		r.Token.Scopes = nil
		return r
	}
	first := engine.Judge(t.Context(), bad(), policy.Context{})
	want := ids(first)
	first.Violations[0].ID = "another"
	var all sync.WaitGroup
	for range 8 {
		all.Go(func() {
			for i := range 200 {
				v := engine.Judge(t.Context(), bad(), policy.Context{})
				if diff := cmp.Diff(want, ids(v)); diff != "" {
					t.Error(diff)
					return
				}
				v.Violations[0].ID = "another"
				v.Violations = append(v.Violations, policy.Violation{ID: "more"})
				good := patch()
				good.Operation.Route = fmt.Sprint("/route/", i%7)
				for _, v := range engine.JudgeBatch(t.Context(), &graph.Request{Method: "POST", Parts: []*graph.Request{bad(), good}}, policy.Context{}) {
					if v.Err != nil && !errors.Is(v.Err, t.Context().Err()) {
						t.Error(v.Err)
					}
				}
			}
		})
	}
	all.Wait()
}
