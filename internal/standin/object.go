package standin

import (
	"bytes"
	"encoding/json"
	"strings"
)

// field is one property of an object: its name and its value as compact JSON.
type field struct {
	name  string
	value []byte
}

// object is one thing in the tenant. It never changes: a write puts a new one in its place, so it may be read without a
// lock, and json is rendered once.
type object struct {
	id      string
	typ     string // without namespace; empty when nothing says
	fields  []field
	json    []byte
	deleted bool
}

func newObject(id, typ string, fields []field) *object {
	o := &object{id: id, typ: typ, fields: fields}
	size := len(id) + len(typ) + 64
	for _, f := range fields {
		size += len(f.name) + len(f.value) + 4
	}
	b := append(make([]byte, 0, size), '{')
	if typ != "" {
		b = append(b, `"@odata.type":"#microsoft.graph.`...)
		b = append(b, typ...)
		b = append(b, `",`...)
	}
	b = append(b, `"id":`...)
	b = appendQuoted(b, id)
	for _, f := range fields {
		b = append(b, ',')
		b = appendQuoted(b, f.name)
		b = append(b, ':')
		b = append(b, f.value...)
	}
	o.json = append(b, '}')
	return o
}

// merged is the object with the properties of a body laid over it. Names are matched without regard to case, as Graph
// matches them; the id is the system's and is never taken from a body.
func (o *object) merged(body []field) *object {
	typ, fields := o.typ, append(make([]field, 0, len(o.fields)+len(body)), o.fields...)
next:
	for _, f := range body {
		switch {
		case strings.EqualFold(f.name, "id"):
			continue
		case strings.EqualFold(f.name, "@odata.type"):
			if t := typeName(f.value); t != "" {
				typ = t
			}
			continue
		case strings.IndexByte(f.name, '@') >= 0:
			continue // an annotation or a binding: it tells the service something, and is not kept
		}
		for i := range fields {
			if strings.EqualFold(fields[i].name, f.name) {
				fields[i].value = f.value
				continue next
			}
		}
		fields = append(fields, f)
	}
	return newObject(o.id, typ, fields)
}

// typeName reads an @odata.type, with or without '#', to its name without namespace.
func typeName(value []byte) string {
	return bareType(text(value))
}

func bareType(s string) string {
	s = strings.TrimPrefix(s, "#")
	for _, ns := range [...]string{"microsoft.graph.", "graph."} {
		if len(s) > len(ns) && strings.EqualFold(s[:len(ns)], ns) {
			return s[len(ns):]
		}
	}
	return ""
}

// get is the value of a property, nil when there is none. Of two that differ only in case the later one counts.
func get(fields []field, name string) []byte {
	for i := len(fields) - 1; i >= 0; i-- {
		if strings.EqualFold(fields[i].name, name) {
			return fields[i].value
		}
	}
	return nil
}

// text is a JSON string's value, empty for anything else.
func text(value []byte) string {
	if len(value) < 2 || value[0] != '"' {
		return ""
	}
	if bytes.IndexByte(value, '\\') < 0 {
		return string(value[1 : len(value)-1])
	}
	var s string
	if json.Unmarshal(value, &s) != nil {
		return ""
	}
	return s
}

// compact checks that b is one JSON value and takes out its white space.
func compact(b []byte) ([]byte, bool) {
	b = bytes.TrimPrefix(b, []byte("\xef\xbb\xbf"))
	var out bytes.Buffer
	out.Grow(len(b))
	if json.Compact(&out, b) != nil {
		return nil, false
	}
	return out.Bytes(), true
}

// members splits a compact JSON object into its properties; ok is false for any other value.
func members(b []byte) (fields []field, ok bool) {
	if len(b) < 2 || b[0] != '{' {
		return nil, false
	}
	for i := 1; i < len(b)-1; {
		end := skip(b, i)
		name := text(b[i:end])
		start := end + 1
		end = skip(b, start)
		fields = append(fields, field{name, b[start:end:end]})
		i = end + 1
	}
	return fields, true
}

// elements splits a compact JSON array; ok is false for any other value.
func elements(b []byte) (values [][]byte, ok bool) {
	if len(b) < 2 || b[0] != '[' {
		return nil, false
	}
	for i := 1; i < len(b)-1; {
		end := skip(b, i)
		values = append(values, b[i:end:end])
		i = end + 1
	}
	return values, true
}

// skip returns the end of the value that starts at i. The JSON is known to be valid and compact.
func skip(b []byte, i int) int {
	depth := 0
	for ; i < len(b); i++ {
		switch b[i] {
		case '"':
			for i++; b[i] != '"'; i++ {
				if b[i] == '\\' {
					i++
				}
			}
			if depth == 0 {
				return i + 1
			}
		case '{', '[':
			depth++
		case '}', ']':
			if depth == 0 {
				return i
			}
			if depth--; depth == 0 {
				return i + 1
			}
		case ',', ':':
			if depth == 0 {
				return i
			}
		}
	}
	return i
}

const hexDigits = "0123456789abcdef"

// appendQuoted writes s as a JSON string.
func appendQuoted(b []byte, s string) []byte {
	b = append(b, '"')
	s = strings.ToValidUTF8(s, "\ufffd")
	for i := 0; i < len(s); i++ {
		switch c := s[i]; {
		case c == '"' || c == '\\':
			b = append(b, '\\', c)
		case c == '\r':
			b = append(b, `\r`...)
		case c == '\n':
			b = append(b, `\n`...)
		case c < 0x20:
			b = append(b, `\u00`...)
			b = append(b, hexDigits[c>>4], hexDigits[c&15])
		default:
			b = append(b, c)
		}
	}
	return append(b, '"')
}
