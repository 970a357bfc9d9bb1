package graph

import (
	"encoding/json"
	"fmt"
	"strings"
	"unicode"
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
func ParseJSON(b []byte) (any, error) {
	p, err := newParser(b)
	if err != nil {
		return nil, err
	}
	v, err := p.value(0)
	if err != nil {
		return nil, err
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
	s string
	i int
}

func newParser(b []byte) (parser, error) {
	// One copy: every key and every string without escapes is a slice of it.
	p := parser{s: strings.TrimPrefix(string(b), "\ufeff")}
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
		if err != nil {
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
			if err != nil {
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
		a = append(a, v)
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
	m := make(map[string]any)
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
		if err := p.member(m, key, depth, want == nil || want(key)); err != nil {
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

// keySet finds keys that are equal under case folding: by comparison while they are few, by a set of folded keys when
// an object has so many that comparing would be quadratic.
type keySet struct {
	few    [fewKeys]string
	hashes [fewKeys]uint32
	n      int
	many   map[string]string
}

func (k *keySet) add(key string) (other string, dup bool) {
	if k.many == nil {
		h := foldedHash(key)
		for i, other := range k.hashes[:k.n] {
			if other == h && strings.EqualFold(k.few[i], key) {
				return k.few[i], true
			}
		}
		if k.n < fewKeys {
			k.few[k.n], k.hashes[k.n] = key, h
			k.n++
			return "", false
		}
		k.many = make(map[string]string, 4*fewKeys)
		for _, other := range k.few {
			k.many[fold(other)] = other
		}
	}
	f := fold(key)
	if other, dup := k.many[f]; dup {
		return other, true
	}
	k.many[f] = key
	return "", false
}

// foldedHash is the FNV-1a hash of the folded key. It only saves comparisons, so collisions made on purpose cost at most
// fewKeys of them.
func foldedHash(key string) uint32 {
	h := uint32(2166136261)
	for i := range len(key) {
		c := key[i]
		if c >= utf8.RuneSelf {
			// Some other letters equal an ASCII one (the Kelvin sign is a k), so they need the full fold.
			if f := fold(key); f != key {
				return foldedHash(f)
			}
		}
		if c >= 'a' && c <= 'z' {
			c -= 'a' - 'A'
		}
		h = (h ^ uint32(c)) * 16777619
	}
	return h
}

// fold maps every rune to the least of those it equals under simple case folding, so that fold(a) == fold(b) exactly
// when strings.EqualFold(a, b).
func fold(s string) string {
	return strings.Map(func(r rune) rune {
		if r < utf8.RuneSelf {
			if 'a' <= r && r <= 'z' {
				r -= 'a' - 'A'
			}
			return r
		}
		least := r
		for f := unicode.SimpleFold(r); f != r; f = unicode.SimpleFold(f) {
			least = min(least, f)
		}
		return least
	}, s)
}

func clip(s string) string {
	if len(s) > 80 {
		return strings.ToValidUTF8(s[:80], "") + "…"
	}
	return s
}

// text reads a string; p.i is at its opening quote.
func (p *parser) text() (string, error) {
	start := p.i + 1
	for i := start; i < len(p.s); i++ {
		switch c := p.s[i]; {
		case c == '"':
			p.i = i + 1
			return p.s[start:i], nil
		case c == '\\':
			return p.escaped(start, i)
		case c < 0x20:
			p.i = i
			return "", p.fail("a control character inside a string: escape it")
		}
	}
	p.i = len(p.s)
	return "", p.fail(`the string does not end: close it with "`)
}

// escaped reads the rest of a string that has at least one escape, the first at i.
func (p *parser) escaped(start, i int) (string, error) {
	out := append(make([]byte, 0, i-start+32), p.s[start:i]...)
	for i < len(p.s) {
		switch c := p.s[i]; {
		case c == '"':
			p.i = i + 1
			return string(out), nil
		case c < 0x20:
			p.i = i
			return "", p.fail("a control character inside a string: escape it")
		case c != '\\':
			out = append(out, c)
			i++
		default:
			r, size := unescape(p.s[i:])
			if size == 0 {
				p.i = i
				return "", p.fail(`a bad escape: use \" \\ \/ \b \f \n \r \t or \uXXXX, surrogates in pairs`)
			}
			out = utf8.AppendRune(out, r)
			i += size
		}
	}
	p.i = len(p.s)
	return "", p.fail(`the string does not end: close it with "`)
}

// unescape reads the escape at the start of s; size is 0 when it is none, or half a surrogate pair.
func unescape(s string) (r rune, size int) {
	if len(s) < 2 {
		return 0, 0
	}
	switch s[1] {
	case '"', '\\', '/':
		return rune(s[1]), 2
	case 'b':
		return '\b', 2
	case 'f':
		return '\f', 2
	case 'n':
		return '\n', 2
	case 'r':
		return '\r', 2
	case 't':
		return '\t', 2
	case 'u':
		high, ok := hex4(s[2:])
		switch {
		case !ok || high >= 0xDC00 && high <= 0xDFFF:
			return 0, 0
		case high < 0xD800 || high > 0xDFFF:
			return high, 6
		}
		if len(s) < 12 || s[6] != '\\' || s[7] != 'u' {
			return 0, 0
		}
		low, ok := hex4(s[8:])
		if !ok || low < 0xDC00 || low > 0xDFFF {
			return 0, 0
		}
		return 0x10000 + (high-0xD800)<<10 + (low - 0xDC00), 12
	}
	return 0, 0
}

func hex4(s string) (rune, bool) {
	if len(s) < 4 {
		return 0, false
	}
	var r rune
	for i := range 4 {
		c := s[i]
		switch {
		case c >= '0' && c <= '9':
			c -= '0'
		case c >= 'a' && c <= 'f':
			c -= 'a' - 10
		case c >= 'A' && c <= 'F':
			c -= 'A' - 10
		default:
			return 0, false
		}
		r = r<<4 | rune(c)
	}
	return r, true
}

func (p *parser) number() (json.Number, error) {
	n := numberLen(p.s[p.i:])
	if n == 0 {
		return "", p.fail("a malformed number: no leading zeros, no bare point, no plus sign")
	}
	literal := p.s[p.i : p.i+n]
	if n > maxNumberBytes || !inRange(literal) {
		return "", p.fail("a number out of every range: send one that fits a 64 bit integer or a double")
	}
	p.i += n
	return json.Number(literal), nil
}

// numberLen is the length of the JSON number s starts with, 0 if it starts with none.
func numberLen(s string) int {
	i := 0
	digits := func() bool {
		start := i
		for i < len(s) && s[i] >= '0' && s[i] <= '9' {
			i++
		}
		return i > start
	}
	if i < len(s) && s[i] == '-' {
		i++
	}
	if i < len(s) && s[i] == '0' {
		i++
		if i < len(s) && s[i] >= '0' && s[i] <= '9' {
			return 0
		}
	} else if !digits() {
		return 0
	}
	if i < len(s) && s[i] == '.' {
		i++
		if !digits() {
			return 0
		}
	}
	if i < len(s) && (s[i] == 'e' || s[i] == 'E') {
		i++
		if i < len(s) && (s[i] == '+' || s[i] == '-') {
			i++
		}
		if !digits() {
			return 0
		}
	}
	return i
}

func inRange(literal string) bool {
	e := strings.IndexAny(literal, "eE")
	if e < 0 {
		return true
	}
	exponent := 0
	for _, c := range []byte(literal[e+1:]) {
		if c >= '0' && c <= '9' {
			if exponent = exponent*10 + int(c-'0'); exponent > maxExponent {
				return false
			}
		}
	}
	return true
}
