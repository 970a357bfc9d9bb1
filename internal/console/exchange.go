package console

import (
	"encoding/json"
	"strings"
	"time"
)

// Exchange is one finished exchange in a line.
type Exchange struct {
	// Seq counts the exchanges from 1.
	Seq        uint64      `json:"seq"`
	ID         string      `json:"id"`
	Time       time.Time   `json:"time"`
	Session    string      `json:"session"`
	Method     string      `json:"method"`
	Host       string      `json:"host"`
	Path       string      `json:"path"`
	Operation  string      `json:"operation"`
	Resource   string      `json:"resource"`
	Governed   bool        `json:"governed"`
	Targets    []string    `json:"targets"`
	Verdict    string      `json:"verdict"`
	Enforced   bool        `json:"enforced"`
	Violations []Violation `json:"violations"`
	Refusal    string      `json:"refusal"`
	Message    string      `json:"message"`
	Source     string      `json:"source"`
	Status     int         `json:"status"`
	// Outcome is what became of it, in one word: see outcome.
	Outcome string `json:"outcome"`
	// The whole, and the shares of the judge and of what answered, in microseconds.
	DurationUS int64 `json:"duration_us"`
	JudgedUS   int64 `json:"judged_us"`
	AnsweredUS int64 `json:"answered_us"`
}

// Violation is a rule that spoke.
type Violation struct {
	ID       string `json:"id"`
	Level    string `json:"level"`
	Message  string `json:"message"`
	Pointer  string `json:"pointer"`
	Fix      string `json:"fix"`
	Package  string `json:"package"`
	Location string `json:"location"`
}

// Detail is what is known of an exchange beside its line.
type Detail struct {
	Target   string  `json:"target"`
	Request  Message `json:"request"`
	Response Message `json:"response"`
	// Form is what the request was understood as; nil when it could not be read. Parts are those of a $batch.
	Form  *Form  `json:"form"`
	Parts []Form `json:"parts"`
	Miss  *Miss  `json:"miss"`
}

// Message is the head and the beginning of the body of a request or a response.
type Message struct {
	Headers []Header `json:"headers"`
	Body    string   `json:"body"`
	Bytes   int64    `json:"bytes"`
	// Cut is true when Body is not all of it.
	Cut bool `json:"cut"`
}

// Header is one header field.
type Header struct {
	Name  string `json:"name"`
	Value string `json:"value"`
}

// Form is the normal form of a request.
type Form struct {
	Batch     string            `json:"batch"`
	Method    string            `json:"method"`
	Path      string            `json:"path"`
	Cloud     string            `json:"cloud"`
	Family    string            `json:"family"`
	Resource  string            `json:"resource"`
	Route     string            `json:"route"`
	Kind      string            `json:"kind"`
	Operation string            `json:"operation"`
	Effect    string            `json:"effect"`
	IDs       map[string]string `json:"ids"`
	Targets   []string          `json:"targets"`
	Token     Token             `json:"token"`
	// Input is the input document; it has a route of its own.
	Input json.RawMessage `json:"-"`
}

// Token is what the request's token claimed.
type Token struct {
	Present   bool       `json:"present"`
	Format    string     `json:"format"`
	Type      string     `json:"type"`
	Tenant    string     `json:"tenant"`
	App       string     `json:"app"`
	Object    string     `json:"object"`
	Audience  string     `json:"audience"`
	Scopes    []string   `json:"scopes"`
	Roles     []string   `json:"roles"`
	Issued    *time.Time `json:"issued"`
	Expires   *time.Time `json:"expires"`
	Anomalies []string   `json:"anomalies"`
}

// Miss is why a replay had no answer.
type Miss struct {
	Cassette     string `json:"cassette"`
	Interactions int    `json:"interactions"`
	// Used is how many recordings of this very request are used up.
	Used    int       `json:"used"`
	Nearest []Nearest `json:"nearest"`
}

// Nearest is a recording that comes close, and what differs.
type Nearest struct {
	ID     string `json:"id"`
	Line   int    `json:"line"`
	Method string `json:"method"`
	URL    string `json:"url"`
	Diffs  []Diff `json:"diffs"`
}

// Diff is one difference between a recording and what was sent; an empty side has no such value.
type Diff struct {
	Part     string `json:"part"`
	Pointer  string `json:"pointer"`
	Recorded string `json:"recorded"`
	Sent     string `json:"sent"`
}

// outcome says in one of eight words what became of the exchange: answered by the origin, replayed, denied by the
// policies, missed by the cassette, refused for another reason, unreachable origin, batched (the proxy's own answer to a
// batch), gone (the client left).
func (e *Exchange) outcome() string {
	switch {
	case e.Refusal == "CassetteMiss":
		return "missed"
	case e.Refusal == "OriginUnreachable":
		return "unreachable"
	case e.Verdict == "deny" && e.Enforced, e.Refusal == "PolicyUnavailable":
		return "denied"
	case e.Refusal != "":
		return "refused"
	case e.Source == "cassette":
		return "replayed"
	case e.Source == "proxy":
		return "gone"
	}
	return "answered"
}

// matches tells whether the text, in lower case, stands anywhere in the line.
func (e *Exchange) matches(text string) bool {
	for _, s := range []string{e.Path, e.Method, e.ID, e.Resource, e.Operation, e.Host, e.Refusal, e.Outcome, e.Verdict, e.Session} {
		if strings.Contains(strings.ToLower(s), text) {
			return true
		}
	}
	for _, t := range e.Targets {
		if strings.Contains(strings.ToLower(t), text) {
			return true
		}
	}
	for i := range e.Violations {
		if strings.Contains(strings.ToLower(e.Violations[i].ID), text) {
			return true
		}
	}
	return false
}

func (m *Message) size() int {
	n := len(m.Body)
	for _, h := range m.Headers {
		n += len(h.Name) + len(h.Value) + 32
	}
	return n
}

func (d *Detail) size() int {
	n := 1024 + d.Request.size() + d.Response.size()
	if d.Form != nil {
		n += 1024 + len(d.Form.Input)
	}
	for i := range d.Parts {
		n += 1024 + len(d.Parts[i].Input)
	}
	return n
}
