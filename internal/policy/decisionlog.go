package policy

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/graphwarden/graphwarden/internal/graph"
)

// DecisionEvent is one decision, as it is to be logged.
type DecisionEvent struct {
	// ID names the decision, Batch the exchange when the decision is on a part of a $batch.
	ID, Batch string
	// Input is the input document without secrets; nil when there was none.
	Input json.RawMessage
	// Verdict is what was decided; with Refused set nothing was asked.
	Verdict Verdict
	// Refused is why a request was turned away before any rule was asked.
	Refused *graph.Refusal
	// Client is the address of who asked.
	Client string
	Time   time.Time
	// Custom is what OPA has no place for: mode, enforced, …
	Custom map[string]any
}

// DecisionLog writes events as JSON Lines, in the shape of OPA's own decision logs, so that what reads those reads these.
// It is safe for concurrent use.
type DecisionLog struct {
	mu    sync.Mutex
	w     io.Writer
	id    string
	masks []mask
}

// mask is a place that is erased from each event.
type mask struct {
	pointer string
	path    []string
}

// NewDecisionLog writes to w. Masks are JSON pointers to members that are erased from every event, below /input or
// /result; * stands for any member or element.
func NewDecisionLog(w io.Writer, masks []string) (*DecisionLog, error) {
	l := &DecisionLog{w: w, id: graph.NewID()}
	for _, pointer := range masks {
		if err := CheckMask(pointer); err != nil {
			return nil, err
		}
		path := strings.Split(pointer[1:], "/")
		for i, step := range path {
			path[i] = strings.ReplaceAll(strings.ReplaceAll(step, "~1", "/"), "~0", "~")
		}
		l.masks = append(l.masks, mask{pointer, path})
	}
	return l, nil
}

// CheckMask says what is wrong with the pointer of a mask.
func CheckMask(pointer string) error {
	if !strings.HasPrefix(pointer, "/input/") && !strings.HasPrefix(pointer, "/result/") {
		return fmt.Errorf("%q does not lead into /input or /result", pointer)
	}
	return nil
}

// eventV1 has the names and the order of OPA's EventV1.
type eventV1 struct {
	Labels      map[string]string            `json:"labels"`
	DecisionID  string                       `json:"decision_id"`
	BatchID     string                       `json:"batch_decision_id,omitempty"`
	Bundles     map[string]map[string]string `json:"bundles,omitempty"`
	Path        string                       `json:"path"`
	Input       any                          `json:"input,omitempty"`
	Result      any                          `json:"result,omitempty"`
	Erased      []string                     `json:"erased,omitempty"`
	Error       *eventError                  `json:"error,omitempty"`
	RequestedBy string                       `json:"requested_by,omitempty"`
	Timestamp   time.Time                    `json:"timestamp"`
	Metrics     map[string]int64             `json:"metrics,omitempty"`
	Custom      map[string]any               `json:"custom,omitempty"`
	Type        string                       `json:"type"`
}

type eventError struct {
	Code    string `json:"code"`
	Message string `json:"message"`
}

// Write appends one event in one write.
func (l *DecisionLog) Write(d DecisionEvent) error {
	e := eventV1{
		Labels: map[string]string{"id": l.id, "app": "graphwarden"}, DecisionID: d.ID, BatchID: d.Batch,
		Path: "graphwarden/verdict", RequestedBy: d.Client, Timestamp: d.Time.UTC(), Custom: d.Custom,
		Type: "openpolicyagent.org/decision_logs",
	}
	if d.Input != nil {
		e.Input = d.Input
	}
	switch {
	case d.Refused != nil:
		e.Error = &eventError{string(d.Refused.Code), d.Refused.Message}
	case d.Verdict.Err != nil:
		e.Error = &eventError{string(graph.PolicyUnavailable), d.Verdict.Err.Error()}
	default:
		e.Result = map[string]any{"decision": string(d.Verdict.Decision), "violations": orEmpty(d.Verdict.Violations)}
	}
	if d.Verdict.Revision != "" {
		e.Bundles = map[string]map[string]string{"graphwarden": {"revision": d.Verdict.Revision}}
		e.Metrics = map[string]int64{"timer_rego_query_eval_ns": d.Verdict.Duration.Nanoseconds()}
	}
	if err := l.erase(&e); err != nil {
		return fmt.Errorf("log decision %s: %w", d.ID, err)
	}
	var line bytes.Buffer
	encoder := json.NewEncoder(&line)
	encoder.SetEscapeHTML(false)
	if err := encoder.Encode(e); err != nil {
		return fmt.Errorf("log decision %s: %w", d.ID, err)
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	if _, err := l.w.Write(line.Bytes()); err != nil {
		return fmt.Errorf("log decision %s: %w", d.ID, err)
	}
	return nil
}

func orEmpty(list []Violation) []Violation {
	if list == nil {
		return []Violation{}
	}
	return list
}

// erase takes out what the masks name, and notes what it took. An event that cannot be masked is not written at all.
func (l *DecisionLog) erase(e *eventV1) error {
	if len(l.masks) == 0 {
		return nil
	}
	document := map[string]any{}
	for name, part := range map[string]*any{"input": &e.Input, "result": &e.Result} {
		if *part == nil {
			continue
		}
		text, err := json.Marshal(*part)
		if err != nil {
			return err
		}
		decoder := json.NewDecoder(bytes.NewReader(text))
		decoder.UseNumber()
		var value any
		if err := decoder.Decode(&value); err != nil {
			return err
		}
		document[name], *part = value, value
	}
	for _, m := range l.masks {
		if eraseAt(document, m.path) {
			e.Erased = append(e.Erased, m.pointer)
		}
	}
	return nil
}

// eraseAt removes members of objects; an element of a list becomes null, so that the others keep their places.
func eraseAt(value any, path []string) (erased bool) {
	step, last := path[0], len(path) == 1
	switch v := value.(type) {
	case map[string]any:
		for name, below := range v {
			if name != step && step != "*" {
				continue
			}
			if last {
				delete(v, name)
				erased = true
			} else {
				erased = eraseAt(below, path[1:]) || erased
			}
		}
	case []any:
		for i := range v {
			if strconv.Itoa(i) != step && step != "*" {
				continue
			}
			if last {
				v[i], erased = nil, true
			} else {
				erased = eraseAt(v[i], path[1:]) || erased
			}
		}
	}
	return erased
}
