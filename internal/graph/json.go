package graph

import (
	"fmt"
	"strings"
	"unicode/utf8"
)

// Bounds of a body. Graph's own payloads nest a dozen deep and carry doubles at most; what passes these bounds is meant
// to hurt the reader (an exponent of a million makes an arbitrary-precision reader build the number).
const (
	maxDepth       = 64
	maxNumberBytes = 1024
	maxExponent    = 400
	fewKeys        = 32 // up to so many keys an object is checked for duplicates by comparison, beyond by a set
)

// ParseJSON reads one JSON value as Graph must read it and no other way: a single leading byte order mark is dropped;
// duplicate keys (also those that differ only in case, since Graph ignores the case of property names), invalid UTF-8,
// escapes of half a surrogate pair, trailing data, nesting over 64 and numbers no reader agrees on are refused.
// The result is made of map[string]any, []any, string, json.Number, bool and nil. An error says where and what to do.
func ParseJSON(b []byte) (any, error) { return parseJSON(b, true) }

// parseJSON is ParseJSON; without keep it checks as strictly and builds nothing.
func parseJSON(b []byte, keep bool) (any, error) {
	p, err := newParser(b)
	if err != nil {
		return nil, err
	}
	p.check = !keep
	v, err := p.value(0)
	if err != nil {
		return nil, err
	}
	if !keep {
		v = nil // not a map that is nil
	}
	return v, p.end()
}

// parseMembers reads an object as strictly as ParseJSON, but keeps only the members want names: a token has thirty
// claims and a policy reads ten.
func parseMembers(b []byte, want func(name string) bool) (map[string]any, error) {
	p, err := newParser(b)
	if err != nil {
		return nil, err
	}
	p.space()
	if p.i >= len(p.s) || p.s[p.i] != '{' {
		return nil, p.fail("not an object")
	}
	p.i++
	m, err := p.object(1, want)
	if err != nil {
		return nil, err
	}
	return m, p.end()
}

// parser reads s from i on. It holds no state between values, so it lives on the caller's stack.
type parser struct {
	s     string
	i     int
	check bool // values are nil: the text is only checked
}

func newParser(b []byte) (parser, error) {
	// One copy: every key and every string without escapes is a slice of it.
	return newTextParser(string(b))
}

func newTextParser(text string) (parser, error) {
	p := parser{s: strings.TrimPrefix(text, "\ufeff")}
	if !utf8.ValidString(p.s) {
		p.i = invalidAt(p.s)
		return p, p.fail("invalid UTF-8: send the body as UTF-8")
	}
	return p, nil
}

// end wants nothing but space behind the value.
func (p *parser) end() error {
	p.space()
	if p.i < len(p.s) {
		return p.fail("data after the end of the value: send exactly one JSON value")
	}
	return nil
}

func (p *parser) fail(what string) error {
	line := 1 + strings.Count(p.s[:p.i], "\n")
	column := 1 + utf8.RuneCountInString(p.s[strings.LastIndexByte(p.s[:p.i], '\n')+1:p.i])
	return fmt.Errorf("json at %d:%d: %s", line, column, what)
}

func invalidAt(s string) int {
	for i, r := range s {
		if r == utf8.RuneError {
			if _, size := utf8.DecodeRuneInString(s[i:]); size == 1 {
				return i
			}
		}
	}
	return 0
}

func (p *parser) space() {
	for p.i < len(p.s) {
		switch p.s[p.i] {
		case ' ', '\n', '\r', '\t':
			p.i++
		default:
			return
		}
	}
}

func (p *parser) value(depth int) (any, error) {
	p.space()
	if p.i >= len(p.s) {
		return nil, p.fail("the text ends where a value is due: complete it")
	}
	switch c := p.s[p.i]; c {
	case '{', '[':
		if depth == maxDepth {
			return nil, p.fail("nesting over 64: flatten the body")
		}
		p.i++
		if c == '{' {
			return p.object(depth+1, nil)
		}
		return p.array(depth + 1)
	case '"':
		s, err := p.text()
		if err != nil || p.check {
			return nil, err
		}
		return s, nil
	case 't':
		return p.word("true", true)
	case 'f':
		return p.word("false", false)
	case 'n':
		return p.word("null", nil)
	default:
		if c == '-' || c >= '0' && c <= '9' {
			n, err := p.number()
			if err != nil || p.check {
				return nil, err
			}
			return n, nil
		}
		return nil, p.fail("not the start of a value: use an object, array, string, number, true, false or null")
	}
}

func (p *parser) word(w string, v any) (any, error) {
	if !strings.HasPrefix(p.s[p.i:], w) {
		return nil, p.fail("unknown word: quote it, or use true, false or null")
	}
	p.i += len(w)
	return v, nil
}

func (p *parser) array(depth int) (any, error) {
	a := []any{}
	p.space()
	if p.i < len(p.s) && p.s[p.i] == ']' {
		p.i++
		return a, nil
	}
	for {
		v, err := p.value(depth)
		if err != nil {
			return nil, err
		}
		if !p.check {
			a = append(a, v)
		}
		p.space()
		if p.i >= len(p.s) {
			return nil, p.fail("the array does not end: close it with ]")
		}
		switch p.s[p.i] {
		case ',':
			p.i++
		case ']':
			p.i++
			return a, nil
		default:
			return nil, p.fail("a comma or ] is due here")
		}
	}
}

// object reads the members of an object; want, if there is one, says which to keep.
func (p *parser) object(depth int, want func(name string) bool) (map[string]any, error) {
	var m map[string]any
	if !p.check {
		m = make(map[string]any)
	}
	p.space()
	if p.i < len(p.s) && p.s[p.i] == '}' {
		p.i++
		return m, nil
	}
	var keys keySet
	for {
		p.space()
		if p.i >= len(p.s) || p.s[p.i] != '"' {
			return nil, p.fail("a property name in double quotes is due here")
		}
		start := p.i
		key, err := p.text()
		if err != nil {
			return nil, err
		}
		if other, dup := keys.add(key); dup {
			p.i = start
			return nil, p.fail(fmt.Sprintf("duplicate property %q (%q came before): send it once", clip(key), clip(other)))
		}
		p.space()
		if p.i >= len(p.s) || p.s[p.i] != ':' {
			return nil, p.fail("a colon is due here")
		}
		p.i++
		if err := p.member(m, key, depth, !p.check && (want == nil || want(key))); err != nil {
			return nil, err
		}
		p.space()
		if p.i >= len(p.s) {
			return nil, p.fail("the object does not end: close it with }")
		}
		switch p.s[p.i] {
		case ',':
			p.i++
		case '}':
			p.i++
			return m, nil
		default:
			return nil, p.fail("a comma or } is due here")
		}
	}
}

// member reads the value of a key into m, or past it.
func (p *parser) member(m map[string]any, key string, depth int, keep bool) (err error) {
	if p.space(); !keep && p.i < len(p.s) {
		// Checked as strictly, but not put into an interface.
		switch c := p.s[p.i]; {
		case c == '"':
			_, err = p.text()
			return err
		case c == '-' || c >= '0' && c <= '9':
			_, err = p.number()
			return err
		}
	}
	v, err := p.value(depth)
	if keep {
		m[key] = v
	}
	return err
}
