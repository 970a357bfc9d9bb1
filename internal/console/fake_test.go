package console_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/graphwarden/graphwarden/internal/console"
)

// fake is a proxy that says what a test wants it to.
type fake struct {
	policy   console.Policy
	cassette console.Cassette
	reloads  atomic.Int32
	broken   atomic.Bool
	stopping atomic.Bool

	mu       sync.Mutex
	sessions []console.Session
	tests    console.Tests
	// testing, if set, is what a run of the tests waits for; runs counts them.
	testing chan struct{}
	runs    atomic.Int32
}

func newFake() *fake {
	noted := day.Add(-48 * time.Hour)
	return &fake{
		sessions: []console.Session{
			{Mode: "replay", Cassette: "cassettes/rollout.yaml", Verdict: "missed", Allowed: 5, Warned: 1, Replayed: 37, Missed: 1, Unused: 2, RecordedAt: &noted,
				UnusedList: []string{"POST /beta/deviceManagement/configurationPolicies/b8d4/assign (line 214)", "GET /v1.0/groups?$top=5 (line 301)"},
				Misses:     []string{"no recording of PATCH https://graph.microsoft.com" + poolPath}},
			{Name: "checkout-test", Mode: "record", Cassette: "cassettes/checkout-test.yaml", Verdict: "ok", Allowed: 2, Recorded: 2, Variables: map[string]string{"seed": "7"}},
			{Name: "old-test", Mode: "replay", Cassette: "cassettes/old-test.yaml", Verdict: "unused", Ended: true, Replayed: 3, Unused: 1},
		},
		tests: console.Tests{Passed: 3, Failed: 1, Coverage: 92.5,
			Results: []console.TestResult{
				{Package: "graphwarden.rules.body_test", Name: "test_empty_set", Location: "policies/rules/body_test.rego:10", Outcome: "passed", DurationUS: 800},
				{Package: "graphwarden.rules.target_test", Name: "test_broad", Location: "policies/rules/target_test.rego:8", Outcome: "passed", DurationUS: 610},
				{Package: "graphwarden.rules.target_test", Name: "test_group", Location: "policies/rules/target_test.rego:19", Outcome: "failed", Error: "<b>eval_conflict_error</b>", DurationUS: 720},
				{Package: "graphwarden.rules.token_test", Name: "test_scope", Location: "policies/rules/token_test.rego:5", Outcome: "passed", DurationUS: 300}},
			Files: []console.FileCoverage{{File: "policies/rules/body.rego", Coverage: 100}, {File: "policies/rules/target.rego", Coverage: 80, Uncovered: []int{33, 34, 35, 51}},
				{File: "policies/rules/token.rego", Coverage: 100}}},
		policy: console.Policy{Revision: "c7fd021bfc74a1b2", Rules: []console.Rule{
			{ID: "assign.empty", Title: "No empty set", Description: "The assign action replaces the whole set: an empty list removes every assignment there is.",
				Level: "deny", Default: "deny", Package: "graphwarden.rules.body", Location: "policies/rules/body.rego:119"},
			{ID: "target.broad", Title: "Nobody assigns to everybody by accident", Description: "All devices and all users are seldom meant.",
				Level: "deny", Default: "warn", SetBy: "data/prod.yaml", Package: "graphwarden.rules.target", Location: "policies/rules/target.rego:31",
				Parameters: []console.Parameter{{Name: "types", Description: "what counts as broad", Value: []string{"all_devices", "all_users"}}}},
			{ID: "scope.missing", Title: "The token has a scope that suffices", Level: "deny", Default: "deny", Package: "graphwarden.rules.token", Location: "policies/rules/token.rego:52"},
			{ID: "header.client_request_id", Title: "Requests can be traced", Level: "audit", Default: "audit", Location: "policies/rules/header.rego:47"},
			{ID: "app.not_allowed", Title: "Only listed apps", Level: "off", Default: "off", Location: "policies/rules/caller.rego:41"},
		}},
		cassette: console.Cassette{Path: "cassettes/rollout.yaml", Mode: "replay", Interactions: 42, Replayed: 37, Missed: 1, Unused: 2,
			UnusedList: []console.Unused{{ID: "9f2c11d0", Line: 214, Method: "POST", URL: "https://graph.microsoft.com/beta/deviceManagement/configurationPolicies/b8d4/assign"},
				{ID: "77aa01be", Line: 301, Method: "GET", URL: "https://graph.microsoft.com/v1.0/groups?$top=5"}}},
	}
}

func (f *fake) Status() console.Status {
	return console.Status{Version: "v1.2.3", Started: day, Listen: "http://127.0.0.1:8080", Mode: "replay", Enforce: "deny", Cassette: f.cassette.Path,
		Revision: f.policy.Revision, Counts: console.Counts{Allowed: 5, Warned: 1, Denied: 2, Replayed: 37, Missed: 1, Unused: 2}}
}
func (f *fake) Policy() console.Policy {
	p := f.policy
	p.Rules = append([]console.Rule(nil), p.Rules...)
	return p
}
func (f *fake) Cassette() console.Cassette { return f.cassette }

func (f *fake) Reload(context.Context) error {
	f.reloads.Add(1)
	if f.broken.Load() {
		return errors.New("policies/a.rego:3: rego_parse_error: unexpected token")
	}
	return nil
}

func (f *fake) Sessions() []console.Session {
	f.mu.Lock()
	defer f.mu.Unlock()
	return slices.Clone(f.sessions)
}

func (f *fake) find(name string) (*console.Session, error) {
	for i := range f.sessions {
		if f.sessions[i].Name == name && !f.sessions[i].Ended {
			return &f.sessions[i], nil
		}
	}
	return nil, fmt.Errorf("session %q: %w", name, console.ErrNoSession)
}

func (f *fake) StartSession(ask console.SessionStart) (console.Session, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if strings.Contains(ask.Name+ask.Cassette, "..") {
		return console.Session{}, console.ErrBadSession
	}
	if _, err := f.find(ask.Name); err == nil {
		return console.Session{}, console.ErrSessionRuns
	}
	if ask.Mode == "replay" {
		return console.Session{}, errors.New("open cassette: no such file")
	}
	s := console.Session{Name: ask.Name, Mode: ask.Mode, Cassette: ask.Cassette, Verdict: "ok", Variables: ask.Variables}
	f.sessions = append(f.sessions, s)
	return s, nil
}

func (f *fake) StopSession(name string) (console.Session, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	s, err := f.find(name)
	if err != nil {
		return console.Session{}, err
	}
	if f.broken.Load() {
		return console.Session{}, errors.New("write cassette: no space")
	}
	s.Ended = true
	return *s, nil
}

func (f *fake) SetMode(name, mode string) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	s, err := f.find(name)
	if err != nil {
		return err
	}
	if f.broken.Load() {
		return errors.New("no way out")
	}
	s.Mode = mode
	return nil
}

func (f *fake) Test(ctx context.Context) (console.Tests, error) {
	f.runs.Add(1)
	if f.testing != nil {
		select {
		case <-f.testing:
		case <-ctx.Done():
			return console.Tests{}, ctx.Err()
		}
	}
	if f.broken.Load() {
		return console.Tests{}, errors.New("policies/a.rego:3: rego_parse_error")
	}
	return f.tests, nil
}

func (f *fake) Ready() error {
	if f.stopping.Load() {
		return errors.New("graphwarden is shutting down")
	}
	return nil
}

var day = time.Date(2026, 3, 4, 9, 30, 0, 0, time.UTC)

const poolPath = "/beta/deviceManagement/embeddedSIMActivationCodePools/6a1b0c9e-0b1e-4c57-9d3b-2f6f0c1f7a11/assignments/e7304dcc-4dcc-e730-cc4d-30e7cc4d30e7"

// exchange is an allowed change, replayed; change tells what a test wants otherwise.
func exchange(n int, change func(*console.Exchange)) console.Exchange {
	e := console.Exchange{
		ID: fmt.Sprintf("%08d-1111-4111-8111-111111111111", n), Time: day.Add(time.Duration(n) * time.Second), Method: "PATCH", Host: "graph.microsoft.com",
		Path: poolPath, Operation: "update", Resource: "embeddedSIMActivationCodePoolAssignment", Governed: true,
		Targets: []string{"group 6f1c2d3e-4a5b-4c6d-8e7f-901a2b3c4d5e"}, Verdict: "allow", Source: "cassette", Status: 200,
		DurationUS: 2140, JudgedUS: 610, AnsweredUS: 1200,
	}
	if change != nil {
		change(&e)
	}
	return e
}

// denied turns an exchange into one that was refused.
func denied(e *console.Exchange) {
	e.Verdict, e.Enforced, e.Refusal, e.Source, e.Status = "deny", true, "PolicyDenied", "proxy", 403
	e.Message = "target.broad: this reaches every device."
	e.Targets, e.AnsweredUS = []string{"all devices"}, 0
	e.Violations = []console.Violation{
		{ID: "target.broad", Level: "deny", Message: "this assigns to every device of the tenant", Pointer: "/graph/targets/0",
			Fix: "Assign to a group, or ask for the rule to be lowered for this route", Package: "graphwarden.rules.target", Location: "policies/rules/target.rego:31"},
		{ID: "header.client_request_id", Level: "audit", Message: "the request has no client-request-id that is a GUID", Pointer: "/request/client_request_id",
			Fix: "Send client-request-id: <a new GUID>", Location: "policies/rules/header.rego:47"},
	}
}

// missed turns an exchange into one that no recording answered.
func missed(e *console.Exchange) {
	e.Refusal, e.Source, e.Status = "CassetteMiss", "proxy", 501
	e.Message = "no recording of PATCH https://graph.microsoft.com" + poolPath + " among 42 on cassettes/rollout.yaml"
}

func detail() console.Detail {
	input, err := json.MarshalIndent(map[string]any{
		"graph":   map[string]any{"kind": "assignment", "targets": []any{map[string]any{"type": "all_devices", "id": nil, "pointer": "/target"}}},
		"request": map[string]any{"client_request_id": nil, "method": "PATCH", "headers": map[string]any{"accept": []string{"*/*"}}},
		"schema":  "graphwarden.input/v1", "time": map[string]any{"ns": json.Number("1772616600123456789")},
	}, "", "  ")
	if err != nil {
		panic(err)
	}
	issued := day.Add(-time.Hour)
	return console.Detail{
		Target: poolPath,
		Request: console.Message{Headers: []console.Header{{Name: "Accept", Value: "application/json"}, {Name: "Content-Type", Value: "application/json"}},
			Body: `{"target":{"@odata.type":"microsoft.graph.allDevicesAssignmentTarget"},"n":12345678901234567890}`, Bytes: 96},
		Response: console.Message{Headers: []console.Header{{Name: "Content-Type", Value: "application/json"}}, Body: `{"error":{"code":"PolicyDenied"}}`, Bytes: 33},
		Form: &console.Form{Method: "PATCH", Path: poolPath, Cloud: "global", Family: "intune", Resource: "embeddedSIMActivationCodePoolAssignment",
			Route: "/deviceManagement/embeddedSIMActivationCodePools/{poolId}/assignments/{assignmentId}", Kind: "assignment", Operation: "update", Effect: "modify",
			IDs: map[string]string{"poolId": "6a1b0c9e-0b1e-4c57-9d3b-2f6f0c1f7a11"}, Targets: []string{"all devices"}, Input: input,
			Token: console.Token{Present: true, Format: "jwt", Type: "delegated", Tenant: "5d1a3b7c-0000-4000-8000-000000000001", Audience: "https://graph.microsoft.com",
				Scopes: []string{"DeviceManagementConfiguration.ReadWrite.All"}, Issued: &issued}},
	}
}

// miss adds to a detail why there was no recording.
func miss(d console.Detail) console.Detail {
	d.Miss = &console.Miss{Cassette: "cassettes/rollout.yaml", Interactions: 42, Nearest: []console.Nearest{{ID: "9f2c11d0", Line: 88, Method: "PATCH",
		URL: "https://graph.microsoft.com" + poolPath, Diffs: []console.Diff{
			{Part: "body", Pointer: "/target/groupId", Recorded: `"6f1c2d3e-4a5b-4c6d-8e7f-901a2b3c4d5e"`, Sent: `"00000000-4a5b-4c6d-8e7f-901a2b3c4d5e"`},
			{Part: "query", Pointer: "$select", Sent: "id"}}}}}
	return d
}

// served is a console on loopback.
type served struct {
	*console.Server
	fake *fake
	http *httptest.Server
}

func serve(t *testing.T, o console.Options) served {
	t.Helper()
	f := newFake()
	o.Proxy = f
	s := console.New(o)
	h := httptest.NewServer(s.Handler())
	t.Cleanup(h.Close)
	return served{s, f, h}
}

// request is one with the token; change may take it away.
func (s served) request(t *testing.T, method, path string, change func(*http.Request)) *http.Response {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), method, s.http.URL+path, strings.NewReader(""))
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("Authorization", "Bearer "+s.Token())
	if change != nil {
		change(r)
	}
	resp, err := s.http.Client().Do(r)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = resp.Body.Close() })
	return resp
}

// fill gives a console something to show.
func fill(s served) {
	words := []string{"checkout-test", "", "rollout"}
	for n := 1; n <= 24; n++ {
		e := exchange(n, func(e *console.Exchange) {
			e.Session = words[n%3]
			switch {
			case n == 23:
				denied(e)
			case n == 20:
				missed(e)
			case n%7 == 0:
				e.Verdict = "warn"
				e.Violations = []console.Violation{{ID: "assign.large", Level: "warn", Message: "this assigns to 61 groups", Pointer: "/graph/targets"}}
				e.Path, e.Method, e.Operation = "/v1.0/deviceAppManagement/mobileApps/0c7a1b2c-1111-4222-8333-944455556666/assign", "POST", "assign"
				e.Targets = []string{"group 6f1c2d3e-4a5b-4c6d-8e7f-901a2b3c4d5e", "exclusion group 7a1c2d3e-4a5b-4c6d-8e7f-901a2b3c4d5e", "all users", "all devices"}
			case n%5 == 0:
				e.Verdict, e.Governed, e.Method, e.Operation, e.Path, e.Targets = "", false, "GET", "read", "/v1.0/groups", nil
			case n == 12:
				e.Verdict, e.Refusal, e.Source, e.Status, e.Message = "", "MalformedRequest", "proxy", 400, "the body has the key target twice: send each key once"
			}
		})
		s.Observe(e)
		d := detail()
		if n == 20 {
			d = miss(d)
		}
		s.Attach(e.ID, d)
	}
}
