package tape

import (
	"bytes"
	"maps"
	"time"

	"gopkg.in/yaml.v3"
)

// second is the second YAML document of a cassette, which go-vcr passes over.
type second struct {
	Variables map[string]verbatim `yaml:"variables,omitempty"`
	// Rest are keys that are not ours, kept as they are.
	Rest map[string]any `yaml:",inline"`
}

// verbatim is text that yaml.v3 writes in double quotes: in a block it would not read back what begins with a space or an
// empty line.
type verbatim string

// MarshalYAML implements yaml.Marshaler.
func (v verbatim) MarshalYAML() (any, error) {
	return &yaml.Node{Kind: yaml.ScalarNode, Tag: "!!str", Style: yaml.DoubleQuotedStyle, Value: string(v)}, nil
}

// secondOf reads the second document; an empty one where there is none, or none that is ours.
func secondOf(tail []byte) second {
	var s second
	text, ok := bytes.CutPrefix(tail, []byte("---\n"))
	if !ok || yaml.NewDecoder(bytes.NewReader(text)).Decode(&s) != nil {
		return second{}
	}
	return s
}

// tail is the document as the end of a file. An empty one is the end marker alone.
func (s second) tail() []byte {
	if len(s.Variables) == 0 && len(s.Rest) == 0 {
		return endMarker
	}
	text, err := yaml.Marshal(s)
	if err != nil {
		return endMarker // of texts and numbers: it cannot fail
	}
	return append(append([]byte("---\n"), text...), endMarker...)
}

func (s second) values() map[string]string {
	if len(s.Variables) == 0 {
		return nil
	}
	out := make(map[string]string, len(s.Variables))
	for name, value := range s.Variables {
		out[name] = string(value)
	}
	return out
}

// Variables are the values that a test noted beside its recording, such as the seed of a name it made up; nil if
// it noted none.
func (c *Cassette) Variables() map[string]string { return secondOf(c.tail).values() }

// SetVariables notes values beside the interactions, in the place of those noted before. What is a secret by its name or
// by its form is taken out.
func (c *Cassette) SetVariables(values map[string]string) {
	s := secondOf(c.tail)
	s.Variables = newRedactor(Redaction{}).variables(values)
	c.tail = s.tail()
	if c.canonical || len(c.original) > 0 {
		c.renew()
	}
}

// renew makes Bytes write the file anew.
func (c *Cassette) renew() {
	if len(c.changed) == 0 && len(c.items) > 0 {
		if x, err := c.At(0); err == nil {
			c.Set(0, x)
		}
	}
}

func (r *redactor) variables(values map[string]string) map[string]verbatim {
	out := make(map[string]verbatim, len(values))
	for name, value := range values {
		if r.secret([]byte(name)) && value != "" {
			value = Redacted
		}
		out[name] = verbatim(r.text([]byte(value), ""))
	}
	return out
}

// Variables are what was noted on the cassette that is replayed, or so far on the one that is recorded.
func (t *Tape) Variables() map[string]string {
	if t.file != nil {
		t.file.mu.Lock()
		defer t.file.mu.Unlock()
		return secondOf(t.file.tail).values()
	}
	if t.cassette == nil {
		return nil
	}
	return t.cassette.Variables()
}

// SetVariables notes values beside the recording, over those of the same name. They reach the file when it is closed. In a
// replay it does nothing.
func (t *Tape) SetVariables(values map[string]string) {
	if t.file == nil || len(values) == 0 {
		return
	}
	t.file.mu.Lock()
	defer t.file.mu.Unlock()
	s := secondOf(t.file.tail)
	if s.Variables == nil {
		s.Variables = map[string]verbatim{}
	}
	maps.Copy(s.Variables, t.redact.variables(values))
	t.file.tail = s.tail()
}

// RecordedAt is when the first interaction of the cassette was recorded, for a test that wants to set its clock; zero if
// the cassette does not tell.
func (t *Tape) RecordedAt() time.Time {
	if t.cassette == nil {
		return time.Time{}
	}
	return t.cassette.RecordedAt()
}

// RecordedAt is the earliest time at which an interaction was recorded; zero if none tells.
func (c *Cassette) RecordedAt() time.Time {
	var first time.Time
	for i := range c.items {
		at := c.recordedAt(i)
		if !at.IsZero() && (first.IsZero() || at.Before(first)) {
			first = at
		}
		if i >= 32 { // sent nearly in order: the first few tell
			break
		}
	}
	return first
}

func (c *Cassette) recordedAt(i int) time.Time {
	if x, ok := c.changed[i]; ok {
		return x.RecordedAt
	}
	var v view
	if scan(c.raw(i), &v, nil, nil, nil) != nil {
		return time.Time{}
	}
	text, _ := v.recordedAt.text()
	at, err := time.Parse(time.RFC3339Nano, string(text))
	if err != nil {
		return time.Time{}
	}
	return at
}
