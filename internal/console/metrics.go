package console

import (
	"net/http"
	"sync/atomic"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"github.com/prometheus/client_golang/prometheus/promhttp"
)

// meter counts exchanges for Prometheus, in a registry of its own. Every label has few values: rules are those of the
// policies in force, anything else is "other".
type meter struct {
	registry     *prometheus.Registry
	proxy        Proxy
	exchanges    *prometheus.CounterVec
	decisions    *prometheus.CounterVec
	wouldDeny    *prometheus.CounterVec
	policyErrors prometheus.Counter
	reloads      *prometheus.CounterVec
	lost         prometheus.Counter
	judge        prometheus.Histogram
	tape         prometheus.Histogram
	origin       prometheus.Histogram
	rules        atomic.Pointer[map[string]bool]
	mode         atomic.Pointer[string]
}

// Within this machine things take microseconds, at Graph up to minutes.
var (
	nearBuckets = []float64{.00005, .0001, .00025, .0005, .001, .0025, .005, .01, .025, .05, .1, .25}
	farBuckets  = []float64{.005, .01, .025, .05, .1, .25, .5, 1, 2.5, 5, 10, 30, 60, 120}
)

func newMeter(proxy Proxy) *meter {
	counter := func(name, help string, labels ...string) *prometheus.CounterVec {
		return prometheus.NewCounterVec(prometheus.CounterOpts{Namespace: "graphwarden", Name: name, Help: help}, labels)
	}
	histogram := func(name, help string, buckets []float64) prometheus.Histogram {
		return prometheus.NewHistogram(prometheus.HistogramOpts{Namespace: "graphwarden", Name: name, Help: help, Buckets: buckets})
	}
	m := &meter{
		registry: prometheus.NewRegistry(), proxy: proxy,
		exchanges: counter("exchanges_total", "Finished exchanges.", "mode", "operation", "verdict", "outcome"),
		decisions: counter("decisions_total", "Rules that spoke about a judged exchange, by the level they spoke at (effect); those that no rule spoke about count under rule none.", "mode", "effect", "rule"),
		wouldDeny: counter("would_deny_total", "Denials that were let through, by rule.", "rule"),
		policyErrors: prometheus.NewCounter(prometheus.CounterOpts{Namespace: "graphwarden", Name: "policy_errors_total",
			Help: "Changes refused because the policies or the ledger could not be asked."}),
		reloads: counter("policy_reload_total", "Reloads of the policies.", "result"),
		lost: prometheus.NewCounter(prometheus.CounterOpts{Namespace: "graphwarden", Name: "console_details_dropped_total",
			Help: "Exchanges shown in the console without details, because they came too fast."}),
		judge:  histogram("policy_eval_seconds", "How long judging took.", nearBuckets),
		tape:   histogram("tape_seconds", "How long the cassette took to answer.", nearBuckets),
		origin: histogram("origin_seconds", "How long Graph took for the head of its answer.", farBuckets),
	}
	for _, result := range []string{"ok", "error"} {
		m.reloads.WithLabelValues(result)
	}
	m.registry.MustRegister(m.exchanges, m.decisions, m.wouldDeny, m.policyErrors, m.reloads, m.lost, m.judge, m.tape, m.origin,
		state{proxy}, collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}))
	m.learnRules()
	m.learnMode()
	return m
}

func (m *meter) handler() http.Handler {
	return promhttp.HandlerFor(m.registry, promhttp.HandlerOpts{MaxRequestsInFlight: 4})
}

// learnRules notes which rule ids may become labels.
func (m *meter) learnRules() {
	known := map[string]bool{}
	for _, r := range m.proxy.Policy().Rules {
		known[r.ID] = true
	}
	m.rules.Store(&known)
}

func (m *meter) reloaded(err error) {
	if err != nil {
		m.reloads.WithLabelValues("error").Inc()
		return
	}
	m.reloads.WithLabelValues("ok").Inc()
	m.learnRules()
}

// learnMode notes the mode that exchanges are counted under.
func (m *meter) learnMode() {
	mode := m.proxy.Status().Mode
	m.mode.Store(&mode)
}

// count takes one exchange.
func (m *meter) count(e *Exchange) {
	m.exchanges.WithLabelValues(*m.mode.Load(), oneOf(e.Operation, operations), oneOf(e.Verdict, verdicts), e.Outcome).Inc()
	if e.Refusal == "PolicyUnavailable" {
		m.policyErrors.Inc()
	}
	if e.Verdict != "" {
		m.judge.Observe(float64(e.JudgedUS) / 1e6)
		m.decide(e)
	}
	if e.AnsweredUS > 0 {
		switch e.Source {
		case "cassette":
			m.tape.Observe(float64(e.AnsweredUS) / 1e6)
		case "origin":
			m.origin.Observe(float64(e.AnsweredUS) / 1e6)
		}
	}
}

func (m *meter) decide(e *Exchange) {
	if len(e.Violations) == 0 {
		m.decisions.WithLabelValues(*m.mode.Load(), "allow", "none").Inc()
	}
	known := *m.rules.Load()
	for i := range e.Violations {
		v := &e.Violations[i]
		rule := "other"
		if known[v.ID] {
			rule = v.ID
		}
		m.decisions.WithLabelValues(*m.mode.Load(), oneOf(v.Level, effects), rule).Inc()
		if v.Level == "deny" && !e.Enforced {
			m.wouldDeny.WithLabelValues(rule).Inc()
		}
	}
}

var (
	operations = map[string]bool{"update": true, "create": true, "delete": true, "assign": true, "action": true, "ref": true, "read": true}
	verdicts   = map[string]bool{"allow": true, "warn": true, "deny": true}
	effects    = map[string]bool{"deny": true, "warn": true, "audit": true}
)

// oneOf keeps a label to the values it may have.
func oneOf(value string, allowed map[string]bool) string {
	if allowed[value] {
		return value
	}
	return "none"
}

// state collects what the proxy says of itself at the time of asking.
type state struct{ proxy Proxy }

var (
	infoDesc     = prometheus.NewDesc("graphwarden_build_info", "The version that runs; always 1.", []string{"version"}, nil)
	revisionDesc = prometheus.NewDesc("graphwarden_policy_revision_info", "The policies in force; always 1.", []string{"revision"}, nil)
	readyDesc    = prometheus.NewDesc("graphwarden_ready", "1 when new exchanges are welcome.", nil, nil)
	recordedDesc = prometheus.NewDesc("graphwarden_cassette_recorded_total", "Interactions recorded.", nil, nil)
	replayedDesc = prometheus.NewDesc("graphwarden_cassette_replayed_total", "Requests answered from the cassette.", nil, nil)
	missedDesc   = prometheus.NewDesc("graphwarden_cassette_missed_total", "Requests the cassette had no answer to.", nil, nil)
	droppedDesc  = prometheus.NewDesc("graphwarden_cassette_dropped_total", "Exchanges that were answered but could not be recorded.", nil, nil)
	unusedDesc   = prometheus.NewDesc("graphwarden_cassette_unused", "Recordings that no request has asked for yet.", nil, nil)
)

func (s state) Describe(out chan<- *prometheus.Desc) {
	for _, d := range []*prometheus.Desc{infoDesc, revisionDesc, readyDesc, recordedDesc, replayedDesc, missedDesc, droppedDesc, unusedDesc} {
		out <- d
	}
}

func (s state) Collect(out chan<- prometheus.Metric) {
	status := s.proxy.Status()
	ready := 1.0
	if s.proxy.Ready() != nil {
		ready = 0
	}
	gauge, count := prometheus.GaugeValue, prometheus.CounterValue
	out <- prometheus.MustNewConstMetric(infoDesc, gauge, 1, status.Version)
	if status.Revision != "" {
		out <- prometheus.MustNewConstMetric(revisionDesc, gauge, 1, status.Revision)
	}
	out <- prometheus.MustNewConstMetric(readyDesc, gauge, ready)
	out <- prometheus.MustNewConstMetric(recordedDesc, count, float64(status.Counts.Recorded))
	out <- prometheus.MustNewConstMetric(replayedDesc, count, float64(status.Counts.Replayed))
	out <- prometheus.MustNewConstMetric(missedDesc, count, float64(status.Counts.Missed))
	out <- prometheus.MustNewConstMetric(droppedDesc, count, float64(status.Counts.Failed))
	out <- prometheus.MustNewConstMetric(unusedDesc, gauge, float64(status.Counts.Unused))
}
