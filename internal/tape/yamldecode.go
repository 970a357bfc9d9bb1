package tape

import (
	"bytes"
	"encoding/base64"
	"strconv"
	"unicode/utf8"
)

// oddBreaks reports whether b has what YAML takes for a line break or refuses, beside the line feed.
func oddBreaks(b []byte) bool {
	if bytes.IndexByte(b, '\r') >= 0 || bytes.IndexByte(b, 0) >= 0 || !utf8.Valid(b) {
		return true
	}
	if bytes.IndexByte(b, 0xe2) >= 0 && (bytes.Contains(b, []byte("\u2028")) || bytes.Contains(b, []byte("\u2029"))) {
		return true
	}
	return bytes.IndexByte(b, 0xc2) >= 0 && bytes.Contains(b, []byte("\u0085"))
}

// isNull reports whether the value is YAML's null.
func (v value) isNull() bool {
	if v.kind != plainScalar || v.binary {
		return false
	}
	switch string(v.raw) {
	case "", "~", "null", "Null", "NULL":
		return true
	}
	return false
}

// text is the decoded value; a slice of the file where nothing had to be undone.
func (v value) text() ([]byte, error) {
	b, err := v.decode()
	if err != nil || !v.binary {
		return b, err
	}
	b = bytes.ReplaceAll(b, []byte{'\n'}, nil)
	out := make([]byte, base64.StdEncoding.DecodedLen(len(b)))
	n, err := base64.StdEncoding.Decode(out, b)
	return out[:n], err
}

func (s scalar) decode() ([]byte, error) {
	switch s.kind {
	case singleQuoted:
		if bytes.IndexByte(s.raw, '\'') < 0 {
			return s.raw, nil
		}
		return bytes.ReplaceAll(s.raw, []byte("''"), []byte("'")), nil
	case doubleQuoted:
		if bytes.IndexByte(s.raw, '\\') < 0 {
			return s.raw, nil
		}
		return unescape(s.raw)
	case literalClip, literalStrip, literalKeep:
		return s.block(), nil
	}
	if (value{scalar: s}).isNull() {
		return nil, nil
	}
	return s.raw, nil
}

func (s scalar) block() []byte {
	out := make([]byte, 0, len(s.raw))
	for b := s.raw; len(b) > 0; {
		n := bytes.IndexByte(b, '\n')
		if n < 0 {
			n = len(b) - 1
		}
		if n >= s.indent {
			out = append(out, b[s.indent:n+1]...)
		} else {
			out = append(out, '\n')
		}
		b = b[n+1:]
	}
	if s.kind == literalKeep {
		return out
	}
	out = bytes.TrimRight(out, "\n")
	if s.kind == literalClip {
		out = append(out, '\n')
	}
	return out
}

var escapes = map[byte]string{'0': "\x00", 'a': "\a", 'b': "\b", 't': "\t", 'n': "\n", 'v': "\v", 'f': "\f", 'r': "\r",
	'e': "\x1b", ' ': " ", '"': `"`, '\'': "'", '/': "/", '\\': `\`, 'N': "\u0085", '_': "\u00a0", 'L': "\u2028", 'P': "\u2029"}

func unescape(b []byte) ([]byte, error) {
	out := make([]byte, 0, len(b))
	for {
		i := bytes.IndexByte(b, '\\')
		if i < 0 || i+1 >= len(b) {
			return append(out, b...), nil
		}
		out = append(out, b[:i]...)
		c := b[i+1]
		b = b[i+2:]
		if e, ok := escapes[c]; ok {
			out = append(out, e...)
			continue
		}
		n := map[byte]int{'x': 2, 'u': 4, 'U': 8}[c]
		if n == 0 || len(b) < n {
			return nil, errShape
		}
		r, err := strconv.ParseUint(string(b[:n]), 16, 32)
		if err != nil || !utf8.ValidRune(rune(r)) {
			return nil, errShape
		}
		out = utf8.AppendRune(out, rune(r))
		b = b[n:]
	}
}
