package tape

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"slices"
)

// patch is what turns the JSON value we write into the one another tool wrote.
type patch struct {
	// To is the value that stands in the place of ours; empty means that there is none.
	To json.RawMessage `json:"to,omitempty"`
	// Was is a digest of ours, empty if we write none there. A patch whose ours has changed since is not applied: an
	// edit of the cassette is worth more than what a file once said.
	Was string `json:"was,omitempty"`
	// At is where the entry stood in the other tool's file, counted from 0; only the outermost patch has it.
	At *int `json:"at,omitempty"`
	// In are the patches of an object's members.
	In map[string]*patch `json:"in,omitempty"`
}

func digestOf(raw []byte) string {
	sum := sha256.Sum256(compact(raw))
	return hex.EncodeToString(sum[:6])
}

// compareRaw is the patch from one JSON text to the other, nil if both are the same value.
func compareRaw(from, to json.RawMessage, atomic func(key string) bool) *patch {
	from, to = compact(from), compact(to)
	if sameScalar(from, to) {
		return nil
	}
	a, errA := fieldsOf(from)
	b, errB := fieldsOf(to)
	if errA != nil || errB != nil {
		return &patch{To: to, Was: digestOf(from)}
	}
	p := &patch{In: map[string]*patch{}}
	for _, key := range unionKeys(a, b) {
		was, okA := a[key]
		is, okB := b[key]
		switch {
		case !okB:
			p.In[key] = &patch{Was: digestOf(was)}
		case !okA:
			p.In[key] = &patch{To: is}
		case atomic(key):
			if !bytes.Equal(compact(was), compact(is)) {
				p.In[key] = &patch{To: is, Was: digestOf(was)}
			}
		default:
			if in := compareRaw(was, is, atomic); in != nil {
				p.In[key] = in
			}
		}
	}
	if len(p.In) == 0 {
		return nil // only the order of the keys differs
	}
	return p
}

// sameScalar reports whether two compact texts are the same, or strings that differ in their escapes only. Halves of
// surrogate pairs, which Go's strings do not know, are compared as they are written.
func sameScalar(a, b json.RawMessage) bool {
	if bytes.Equal(a, b) {
		return true
	}
	if len(a) == 0 || len(b) == 0 || a[0] != '"' || b[0] != '"' || bytes.Contains(a, []byte(`\ud`)) || bytes.Contains(b, []byte(`\ud`)) {
		return false
	}
	var s, t string
	return json.Unmarshal(a, &s) == nil && json.Unmarshal(b, &t) == nil && s == t
}

// apply is the patched value.
func (p *patch) apply(raw json.RawMessage) json.RawMessage {
	if p.In == nil {
		if p.Was != "" && digestOf(raw) != p.Was {
			return raw
		}
		return p.To
	}
	fields, err := fieldsOf(raw)
	if err != nil {
		return raw
	}
	for key, in := range p.In {
		if in == nil {
			continue
		}
		was, ok := fields[key]
		switch {
		case ok && in.In == nil && in.Was == "", !ok && (in.In != nil || in.Was != ""):
			// ours has come or gone since
		default:
			if now := in.apply(was); now != nil {
				fields[key] = now
			} else {
				delete(fields, key)
			}
		}
	}
	return encodeFields(fields)
}

// object is a JSON object in the order of its keys.
type object []member

type member struct {
	key   string
	value any // a json.RawMessage, an object, or what encoding/json knows
}

func (o object) raw() json.RawMessage {
	out := []byte{'{'}
	for i, m := range o {
		if i > 0 {
			out = append(out, ',')
		}
		out = append(append(out, marshal(m.key)...), ':')
		switch v := m.value.(type) {
		case object:
			out = append(out, v.raw()...)
		case json.RawMessage:
			out = append(out, v...)
		case []object:
			out = append(out, '[')
			for k, e := range v {
				if k > 0 {
					out = append(out, ',')
				}
				out = append(out, e.raw()...)
			}
			out = append(out, ']')
		default:
			out = append(out, marshal(v)...)
		}
	}
	return append(out, '}')
}

// marshal is a value as JSON on one line, with nothing escaped that need not be. What is marshalled here cannot fail but
// for a RawMessage that is no JSON, which becomes null.
func marshal(v any) json.RawMessage {
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	if err := e.Encode(v); err != nil {
		return json.RawMessage("null")
	}
	return bytes.TrimSuffix(b.Bytes(), []byte{'\n'})
}

func compact(raw []byte) json.RawMessage {
	var b bytes.Buffer
	if err := json.Compact(&b, raw); err != nil {
		return raw
	}
	return b.Bytes()
}

// fieldsOf are the members of a JSON object.
func fieldsOf(raw []byte) (map[string]json.RawMessage, error) {
	var m map[string]json.RawMessage
	if err := json.Unmarshal(raw, &m); err != nil || m == nil {
		return nil, fmt.Errorf("not a JSON object")
	}
	return m, nil
}

func encodeFields(m map[string]json.RawMessage) json.RawMessage {
	keys := make([]string, 0, len(m))
	for key := range m {
		keys = append(keys, key)
	}
	slices.Sort(keys)
	o := make(object, len(keys))
	for i, key := range keys {
		o[i] = member{key, m[key]}
	}
	return o.raw()
}

// withField is the object with one more member at its end.
func withField(raw json.RawMessage, key string, value json.RawMessage) json.RawMessage {
	raw = bytes.TrimRight(raw, " \t\r\n")
	out := append([]byte(nil), raw[:len(raw)-1]...)
	if len(bytes.TrimSpace(out)) > 1 {
		out = append(out, ',')
	}
	return append(append(append(append(out, marshal(key)...), ':'), value...), '}')
}
