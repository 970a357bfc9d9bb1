package console_test

import (
	"bytes"
	"io"
	"strings"
	"testing"

	"github.com/prometheus/client_golang/prometheus/testutil/promlint"

	"github.com/graphwarden/graphwarden/internal/console"
)

func TestMetrics(t *testing.T) {
	t.Parallel()
	s := serve(t, console.Options{})
	s.Observe(exchange(1, nil))
	s.Observe(exchange(2, denied))
	s.Observe(exchange(3, missed))
	s.Observe(exchange(4, func(e *console.Exchange) {
		denied(e)
		e.Enforced, e.Refusal, e.Source, e.AnsweredUS = false, "", "origin", 40_000
	}))
	s.Observe(exchange(5, func(e *console.Exchange) {
		e.Refusal, e.Source, e.Verdict = "PolicyUnavailable", "proxy", "deny"
		// What no policy of ours says must not become a label.
		e.Operation = "made-up-by-somebody"
		e.Violations = []console.Violation{{ID: "user-" + e.ID, Level: "fatal"}}
	}))
	s.Reloaded(nil)
	s.Reloaded(io.EOF)
	s.Lost()
	text, err := io.ReadAll(s.request(t, "GET", "/metrics", nil).Body)
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{
		`graphwarden_exchanges_total{mode="replay",operation="update",outcome="replayed",verdict="allow"} 1`,
		`graphwarden_exchanges_total{mode="replay",operation="update",outcome="denied",verdict="deny"} 1`,
		`graphwarden_exchanges_total{mode="replay",operation="update",outcome="missed",verdict="allow"} 1`,
		`graphwarden_exchanges_total{mode="replay",operation="update",outcome="answered",verdict="deny"} 1`,
		`graphwarden_exchanges_total{mode="replay",operation="none",outcome="denied",verdict="deny"} 1`,
		`graphwarden_decisions_total{effect="allow",mode="replay",rule="none"} 2`,
		`graphwarden_decisions_total{effect="deny",mode="replay",rule="target.broad"} 2`,
		`graphwarden_decisions_total{effect="none",mode="replay",rule="other"} 1`,
		`graphwarden_would_deny_total{rule="target.broad"} 1`,
		`graphwarden_policy_errors_total 1`,
		`graphwarden_policy_reload_total{result="ok"} 1`,
		`graphwarden_policy_reload_total{result="error"} 1`,
		`graphwarden_policy_revision_info{revision="c7fd021bfc74a1b2"} 1`,
		`graphwarden_policy_eval_seconds_count 5`,
		`graphwarden_tape_seconds_count 1`,
		`graphwarden_origin_seconds_count 1`,
		`graphwarden_cassette_replayed_total 37`,
		`graphwarden_cassette_unused 2`,
		`graphwarden_console_details_dropped_total 1`,
		`graphwarden_ready 1`,
		`go_goroutines `,
	} {
		if !strings.Contains(string(text), "\n"+want) {
			t.Errorf("missing: %s", want)
		}
	}
	problems, err := promlint.New(bytes.NewReader(text)).Lint()
	if err != nil {
		t.Fatal(err)
	}
	for _, p := range problems {
		t.Errorf("lint: %s: %s", p.Metric, p.Text)
	}
}

// TestMetricsStayFew feeds hostile words and counts the series.
func TestMetricsStayFew(t *testing.T) {
	t.Parallel()
	s := serve(t, console.Options{})
	for n := range 500 {
		s.Observe(exchange(n, func(e *console.Exchange) {
			denied(e)
			e.Operation, e.Verdict, e.Violations[0].ID = e.ID, e.ID, e.ID
			e.Session, e.Refusal = e.ID, e.ID
		}))
	}
	text, err := io.ReadAll(s.request(t, "GET", "/metrics", nil).Body)
	if err != nil {
		t.Fatal(err)
	}
	if n := strings.Count(string(text), "\ngraphwarden_"); n > 120 {
		t.Errorf("%d series", n)
	}
}
