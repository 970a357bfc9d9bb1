package policy_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/graphwarden/graphwarden/internal/graph"
	"github.com/graphwarden/graphwarden/internal/policy"
)

func logged(t *testing.T, masks []string, d policy.DecisionEvent) map[string]any {
	t.Helper()
	var b bytes.Buffer
	l, err := policy.NewDecisionLog(&b, masks)
	if err != nil {
		t.Fatal(err)
	}
	if err := l.Write(d); err != nil {
		t.Fatal(err)
	}
	if n := strings.Count(b.String(), "\n"); n != 1 || !strings.HasSuffix(b.String(), "\n") {
		t.Errorf("%d line ends: %q", n, b.String())
	}
	event := decode(t, b.Bytes()).(map[string]any)
	if labels := event["labels"].(map[string]any); labels["id"] == "" || labels["app"] != "graphwarden" {
		t.Errorf("labels %v", labels)
	}
	delete(event, "labels")
	return event
}

func TestDecisionLog(t *testing.T) {
	t.Parallel()
	denied := policy.Verdict{Decision: policy.Deny, Revision: "abc", Duration: 5 * time.Microsecond,
		Violations: []policy.Violation{{ID: "x", Level: "deny", Message: "m", Pointer: "/p"}}}
	frame := func(more map[string]any) map[string]any {
		event := map[string]any{"decision_id": "d1", "path": "graphwarden/verdict", "requested_by": "127.0.0.1",
			"timestamp": "2026-09-21T12:00:00Z", "type": "openpolicyagent.org/decision_logs"}
		for key, value := range more {
			event[key] = value
		}
		return event
	}
	bundles := map[string]any{"graphwarden": map[string]any{"revision": "abc"}}
	metrics := map[string]any{"timer_rego_query_eval_ns": 5000.0}
	result := map[string]any{"decision": "deny", "violations": []any{map[string]any{"id": "x", "level": "deny", "msg": "m", "pointer": "/p"}}}
	input := json.RawMessage(`{"request":{"body":{"a":[{"s":1,"k":12345678901234567890}]},"path":"/x"},"token":{"app":"1"}}`)
	for _, tt := range []struct {
		name  string
		masks []string
		event policy.DecisionEvent
		want  map[string]any
	}{
		{"a verdict", nil, policy.DecisionEvent{Verdict: denied, Input: input, Custom: map[string]any{"mode": "live"}},
			frame(map[string]any{"bundles": bundles, "metrics": metrics, "result": result, "input": decode(t, input), "custom": map[string]any{"mode": "live"}})},
		{"a verdict without findings", nil, policy.DecisionEvent{Verdict: policy.Verdict{Decision: policy.Allow}, Batch: "b1"},
			frame(map[string]any{"batch_decision_id": "b1", "result": map[string]any{"decision": "allow", "violations": []any{}}})},
		{"no verdict", nil, policy.DecisionEvent{Verdict: policy.Verdict{Decision: policy.Deny, Unavailable: true, Err: errors.New("too slow")}},
			frame(map[string]any{"error": map[string]any{"code": "PolicyUnavailable", "message": "too slow"}})},
		{"a request nobody could read", nil, policy.DecisionEvent{Refused: graph.Refuse(graph.MalformedRequest, "odd")},
			frame(map[string]any{"error": map[string]any{"code": "MalformedRequest", "message": "odd"}})},
		{"masks", []string{"/input/request/body/a/*/s", "/input/token", "/result/violations/0", "/input/nothing"},
			policy.DecisionEvent{Verdict: denied, Input: input},
			frame(map[string]any{"bundles": bundles, "metrics": metrics,
				"input":  map[string]any{"request": map[string]any{"body": map[string]any{"a": []any{map[string]any{"k": 12345678901234567890.0}}}, "path": "/x"}},
				"result": map[string]any{"decision": "deny", "violations": []any{nil}},
				"erased": []any{"/input/request/body/a/*/s", "/input/token", "/result/violations/0"}})},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			tt.event.ID, tt.event.Client, tt.event.Time = "d1", "127.0.0.1", noon
			if diff := cmp.Diff(tt.want, logged(t, tt.masks, tt.event)); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func TestDecisionLogMasks(t *testing.T) {
	t.Parallel()
	for _, bad := range []string{"", "/", "/input", "input/request", "/token/app"} {
		if _, err := policy.NewDecisionLog(&bytes.Buffer{}, []string{bad}); err == nil {
			t.Errorf("%q is taken for a mask", bad)
		}
	}
}

type fullDisk struct{}

func (fullDisk) Write([]byte) (int, error) { return 0, errors.New("no space left") }

func TestDecisionLogTells(t *testing.T) {
	t.Parallel()
	l, err := policy.NewDecisionLog(fullDisk{}, nil)
	if err != nil {
		t.Fatal(err)
	}
	if err := l.Write(policy.DecisionEvent{ID: "d1"}); err == nil || !strings.Contains(err.Error(), "log decision d1: no space left") {
		t.Errorf("error %v", err)
	}
}
