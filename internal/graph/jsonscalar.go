package graph

import (
	"encoding/json"
	"strings"
	"unicode/utf8"
)

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
