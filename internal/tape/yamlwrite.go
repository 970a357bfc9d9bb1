package tape

import (
	"bytes"
	"encoding/base64"
	"strings"
	"unicode/utf8"

	"gopkg.in/yaml.v3"
)

// appendScalar appends s as yaml.v3 would write it as a value in block context, with the lines of a literal block
// indented by indent. It departs from yaml.v3 only where yaml.v3 itself would not read its output back: those
// strings are double-quoted.
func appendScalar(dst []byte, s string, indent int) []byte {
	if s == "" {
		return append(dst, `""`...)
	}
	c := classify(s)
	if c&invalidUTF8 != 0 {
		return appendBinary(dst, s, indent)
	}
	switch {
	case c&unsafe != 0:
		return appendDouble(dst, s)
	case c&newline != 0:
		if c&noBlock != 0 {
			return appendDouble(dst, s)
		}
		return appendLiteral(dst, s, indent)
	case resolvesToOther(s):
		return appendDouble(dst, s)
	case c&noPlain == 0:
		return append(dst, s...)
	case c&noSingle == 0:
		dst = append(dst, '\'')
		for {
			i := strings.IndexByte(s, '\'')
			if i < 0 {
				break
			}
			dst = append(dst, s[:i+1]...)
			dst = append(dst, '\'')
			s = s[i+1:]
		}
		dst = append(dst, s...)
		return append(dst, '\'')
	}
	return appendDouble(dst, s)
}

// appendJSONText is appendScalar for what nearly every body is, JSON on one line in ASCII; false for all others.
func appendJSONText(dst, b []byte) ([]byte, bool) {
	if len(b) == 0 || b[0] != '{' && b[0] != '[' {
		return dst, false
	}
	for _, c := range b {
		if c-0x20 >= 0x7f-0x20 {
			return dst, false
		}
	}
	dst = append(dst, '\'')
	for {
		i := bytes.IndexByte(b, '\'')
		if i < 0 {
			return append(append(dst, b...), '\''), true
		}
		dst = append(append(dst, b[:i+1]...), '\'')
		b = b[i+1:]
	}
}

// What classify finds in a string.
const (
	invalidUTF8 = 1 << iota
	newline     // has a line feed
	noPlain     // cannot stand unquoted
	noSingle    // cannot stand in single quotes
	noBlock     // cannot stand in a literal block
	unsafe      // yaml.v3 would not read back what it writes
)

// byteClass sorts the bytes that need a closer look from those that never matter inside a scalar.
var byteClass = func() (t [256]bool) {
	for i := range t {
		t[i] = i < 0x20 || i == 0x7f || i >= 0x80 || i == ' ' || i == ':' || i == '#'
	}
	return t
}()

func classify(s string) int {
	c := 0
	switch s[0] {
	case '#', ',', '[', ']', '{', '}', '&', '*', '!', '|', '>', '\'', '"', '%', '@', '`':
		c |= noPlain
	case '?', ':', '-':
		if len(s) == 1 || s[1] == ' ' || s[1] == '\t' {
			c |= noPlain
		}
	case ' ', '\n', '\t':
		c |= noPlain
		if strings.IndexByte(s, '\n') >= 0 {
			c |= unsafe
		}
	}
	if strings.HasPrefix(s, "---") || strings.HasPrefix(s, "...") {
		c |= noPlain
	}
	const special = noPlain | noSingle | noBlock
	for i := 0; i < len(s); {
		b := s[i]
		if !byteClass[b] {
			i++
			continue
		}
		switch {
		case b == '\n':
			c |= newline | noPlain
			if i > 0 && s[i-1] == ' ' {
				c |= noSingle | noBlock
			}
		case b == ' ':
			if i == len(s)-1 {
				c |= noPlain | noBlock
			} else if i > 0 && s[i-1] == '\n' {
				c |= noPlain | noSingle
			}
		case b == ':':
			if i+1 == len(s) || s[i+1] == ' ' || s[i+1] == '\t' {
				c |= noPlain
			}
		case b == '#':
			if i > 0 && isBlankz(s[i-1]) {
				c |= noPlain
			}
		case b == '\t':
			c |= noPlain | noSingle
		case b < 0x20 || b == 0x7f:
			c |= special
		default:
			r, n := utf8.DecodeRuneInString(s[i:])
			if r == utf8.RuneError && n == 1 {
				return invalidUTF8
			}
			switch {
			case r == 0x2028 || r == 0x2029:
				c |= unsafe
			case !printable(r):
				c |= special
			}
			i += n
			continue
		}
		i++
	}
	return c
}

func isBlankz(b byte) bool { return b == ' ' || b == '\t' || b == '\n' || b == '\r' || b == 0 }

// printable is yaml.v3's idea of a printable character beyond ASCII: it escapes everything outside the basic plane.
func printable(r rune) bool {
	return r >= 0xa0 && r <= 0xd7ff || r >= 0xe000 && r <= 0xfffd && r != 0xfeff
}

// resolvesToOther reports whether YAML would take the plain string for a bool, a number, a date or null.
func resolvesToOther(s string) bool {
	b := s[0]
	switch {
	case b == '~' || b == '.' || b == '+' || b == '-' || b >= '0' && b <= '9':
		if !numeric(s) {
			return false
		}
		if usualNumber(s) {
			return true
		}
	case strings.IndexByte("yYnNtTfFoO", b) >= 0:
		switch s {
		case "y", "Y", "yes", "Yes", "YES", "on", "On", "ON", "n", "N", "no", "No", "NO", "off", "Off", "OFF",
			"true", "True", "TRUE", "false", "False", "FALSE", "null", "Null", "NULL":
			return true
		}
		return false
	default:
		return false
	}
	// Rare: something that may be a number or a date. The library itself decides.
	out, err := yaml.Marshal(s)
	return err != nil || len(out) > 0 && out[0] == '"'
}

// usualNumber reports whether s is plainly a number: 240, 4.0. Lengths and versions are, and need not ask the library.
func usualNumber(s string) bool {
	if len(s) > 18 || s[0] < '1' || s[0] > '9' {
		return false
	}
	points := 0
	for i := 1; i < len(s); i++ {
		if s[i] == '.' {
			points++
		} else if !isDigit(s[i]) {
			return false
		}
	}
	return points <= 1
}

// numeric reports whether s may be a number or a time stamp; it says no to nearly everything that is not, ids above all.
func numeric(s string) bool {
	if s[0] == '.' || len(s) > 1 && !isDigit(s[0]) && (s[1] == '.' || s[1] == '0') {
		return true // .inf, -.5, -0x1f
	}
	base := s[0] == '0' && len(s) > 1 && strings.IndexByte("xXbBoO_", s[1]) >= 0
	for i := 1; i < len(s) && !base; i++ {
		if b := s[i]; !isDigit(b) && strings.IndexByte("+-.:_eETtZz ", b) < 0 {
			return false
		}
	}
	return true
}

func appendLiteral(dst []byte, s string, indent int) []byte {
	dst = append(dst, '|')
	switch {
	case s[len(s)-1] != '\n':
		dst = append(dst, '-')
	case len(s) > 1 && s[len(s)-2] == '\n':
		dst = append(dst, '+')
	}
	for len(s) > 0 {
		dst = append(dst, '\n')
		i := strings.IndexByte(s, '\n')
		line := s
		if i >= 0 {
			line, s = s[:i], s[i+1:]
		} else {
			s = ""
		}
		if line != "" {
			dst = appendSpaces(dst, indent)
			dst = append(dst, line...)
		}
	}
	return dst
}

func appendBinary(dst []byte, s string, indent int) []byte {
	dst = append(dst, "!!binary "...)
	enc := base64.StdEncoding.EncodeToString([]byte(s))
	if len(enc) < 70 {
		return append(dst, enc...)
	}
	dst = append(dst, '|')
	for len(enc) > 0 {
		n := min(70, len(enc))
		dst = append(dst, '\n')
		dst = appendSpaces(dst, indent)
		dst = append(dst, enc[:n]...)
		enc = enc[n:]
	}
	return dst
}

func appendDouble(dst []byte, s string) []byte {
	dst = append(dst, '"')
	for i := 0; i < len(s); {
		b := s[i]
		if b >= 0x20 && b < 0x7f {
			if b == '"' || b == '\\' {
				dst = append(dst, '\\')
			}
			dst = append(dst, b)
			i++
			continue
		}
		r, n := utf8.DecodeRuneInString(s[i:])
		if printable(r) && r != 0x2028 && r != 0x2029 {
			dst = append(dst, s[i:i+n]...)
			i += n
			continue
		}
		dst = appendEscape(dst, r)
		i += n
	}
	return append(dst, '"')
}

const hexDigits = "0123456789ABCDEF"

func appendEscape(dst []byte, r rune) []byte {
	dst = append(dst, '\\')
	switch r {
	case 0:
		return append(dst, '0')
	case '\a':
		return append(dst, 'a')
	case '\b':
		return append(dst, 'b')
	case '\t':
		return append(dst, 't')
	case '\n':
		return append(dst, 'n')
	case '\v':
		return append(dst, 'v')
	case '\f':
		return append(dst, 'f')
	case '\r':
		return append(dst, 'r')
	case 0x1b:
		return append(dst, 'e')
	case 0x85:
		return append(dst, 'N')
	case 0x2028:
		return append(dst, 'L')
	case 0x2029:
		return append(dst, 'P')
	}
	w := 8
	if r <= 0xff {
		dst, w = append(dst, 'x'), 2
	} else if r <= 0xffff {
		dst, w = append(dst, 'u'), 4
	} else {
		dst = append(dst, 'U')
	}
	for k := (w - 1) * 4; k >= 0; k -= 4 {
		dst = append(dst, hexDigits[r>>k&0xf])
	}
	return dst
}

func appendSpaces(dst []byte, n int) []byte {
	const spaces = "                                "
	return append(dst, spaces[:n]...)
}
