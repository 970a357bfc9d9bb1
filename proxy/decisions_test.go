package proxy_test

import (
	"bytes"
	"encoding/json"
	"strings"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/graphwarden/graphwarden/internal/policy"
	"github.com/graphwarden/graphwarden/proxy"
)

// lines is a writer that several goroutines share with a reader.
type lines struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (l *lines) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.Write(p)
}

// take returns the events written since the last time, and the text they came in.
func (l *lines) take(t *testing.T) (events []map[string]any, text string) {
	t.Helper()
	l.mu.Lock()
	defer l.mu.Unlock()
	text = l.b.String()
	l.b.Reset()
	for line := range strings.Lines(text) {
		var event map[string]any
		if err := json.Unmarshal([]byte(line), &event); err != nil {
			t.Fatalf("%v: %s", err, line)
		}
		events = append(events, event)
	}
	return events, text
}

func TestDecisionLog(t *testing.T) {
	t.Parallel()
	log := &lines{}
	h, _ := withStandin(t, proxy.Settings{Decisions: log, DecisionMasks: []string{"/input/connection/client"}})
	const secret = "hunter2-hunter2"
	batch := `{"requests":[{"id":"1","method":"GET","url":"/me"},{"id":"2","method":"POST","url":"/deviceManagement/configurationPolicies/p1/assign","headers":{"Content-Type":"application/json"},"body":{"assignments":[]}}]}`
	for _, tc := range []struct {
		name, method, path, body string
		want                     []string // decision, or the error's code, of each event
	}{
		{"allowed", "PATCH", poolPath, groupBody, []string{"allow"}},
		{"denied", "PATCH", poolPath, `{"target":{"@odata.type":"microsoft.graph.everybodyAssignmentTarget"}}`, []string{"deny"}},
		{"malformed", "PATCH", poolPath, `{"target":`, []string{"MalformedRequest"}},
		{"a read", "GET", "/v1.0/organization", "", nil},
		{"the part of a batch that writes", "POST", "/beta/$batch", batch, []string{"deny"}},
		{"a body with a password", "POST", "/v1.0/users", `{"displayName":"x","passwordProfile":{"password":"` + secret + `"}}`, []string{"allow"}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			answer := send(t, h.client(true), tc.method, "https://graph.microsoft.com"+tc.path, tc.body, "Authorization", granted)
			events, text := log.take(t)
			var got []string
			for _, event := range events {
				got = append(got, decisionOf(event))
				custom, _ := event["custom"].(map[string]any)
				if refused := strings.Contains(answer.body, "PolicyDenied") || strings.Contains(answer.body, "MalformedRequest"); custom["enforced"] != refused {
					t.Errorf("enforced is %v, the answer %d", custom["enforced"], answer.status)
				}
				if id := answer.header.Get("X-Graphwarden-Decision"); id != "" && event["decision_id"] != id {
					t.Errorf("decision %v, the answer says %s", event["decision_id"], id)
				}
				if input, ok := event["input"].(map[string]any); ok && input["connection"].(map[string]any)["client"] != nil {
					t.Error("the mask took nothing out")
				}
			}
			if diff := cmp.Diff(tc.want, got); diff != "" {
				t.Error(diff)
			}
			if strings.Contains(text, strings.TrimPrefix(granted, "Bearer ")) || strings.Contains(text, secret) {
				t.Errorf("a secret is in the log: %s", text)
			}
		})
	}
}

func decisionOf(event map[string]any) string {
	if failed, ok := event["error"].(map[string]any); ok {
		return failed["code"].(string)
	}
	return event["result"].(map[string]any)["decision"].(string)
}

// TestDecisionIsOPAInput judges the logged input again: it is the document, not a picture of it.
func TestDecisionIsOPAInput(t *testing.T) {
	t.Parallel()
	log := &lines{}
	h, _ := withStandin(t, proxy.Settings{Decisions: log})
	send(t, h.client(true), "PATCH", poolURL, `{"target":{"@odata.type":"microsoft.graph.everybodyAssignmentTarget"}}`, "Authorization", granted)
	events, _ := log.take(t)
	if len(events) != 1 {
		t.Fatalf("%d events", len(events))
	}
	text, err := json.Marshal(events[0]["input"])
	if err != nil {
		t.Fatal(err)
	}
	document, err := policy.ParseInput(text)
	if err != nil {
		t.Fatal(err)
	}
	engine, err := policy.Load(t.Context(), policy.Options{})
	if err != nil {
		t.Fatal(err)
	}
	if v := engine.JudgeInput(t.Context(), document); v.Decision != policy.Deny || v.Violations[0].ID != "target.unknown" {
		t.Errorf("judged again: %s %v %v", v.Decision, v.Violations, v.Err)
	}
}
