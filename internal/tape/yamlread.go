package tape

import (
	"bytes"
	"errors"
)

// errShape says that text is not in the canonical shape; yaml.v3 gets its turn then.
var errShape = errors.New("not in the canonical shape")

// scalar is one YAML scalar as it stands in the file, not yet decoded.
type scalar struct {
	raw  []byte
	kind scalarKind
	// indent is how deep the lines of a literal are indented.
	indent int
}

type scalarKind uint8

const (
	plainScalar scalarKind = iota
	singleQuoted
	doubleQuoted
	literalClip
	literalStrip
	literalKeep
	emptyList // not a scalar: what a list of headers without values is reported as
)

// value is a scalar, or base64 text of one.
type value struct {
	scalar
	binary bool
}

// reader walks over one interaction in the canonical shape, line by line. It copies nothing.
type reader struct {
	b []byte
	i int
}

// mapping calls f for each key at the given column. The reader stands at the start of the first line (or, with inline,
// at the first key itself) and ends up at the first line that is less indented.
func (p *reader) mapping(column int, inline bool, f func(key []byte) error) error {
	for p.i < len(p.b) {
		if !inline {
			n := p.indentation()
			if n < column {
				return nil
			}
			if n > column {
				return errShape
			}
			if p.b[p.i+n] == '-' && (p.i+n+1 == len(p.b) || p.b[p.i+n+1] == ' ' || p.b[p.i+n+1] == '\n') {
				return nil // the next item of a list
			}
			p.i += n
		}
		inline = false
		key, err := p.key()
		if err != nil {
			return err
		}
		if err := f(key); err != nil {
			return err
		}
	}
	return nil
}

// indentation counts the spaces before the first other byte of the line; an empty line is an error of shape, told by a
// depth no mapping has.
func (p *reader) indentation() int {
	n := 0
	for p.i+n < len(p.b) && p.b[p.i+n] == ' ' {
		n++
	}
	if p.i+n >= len(p.b) || p.b[p.i+n] == '\n' {
		return 1 << 20
	}
	return n
}

// key reads a key and its colon.
func (p *reader) key() ([]byte, error) {
	line := p.b[p.i:]
	if n := bytes.IndexByte(line, '\n'); n >= 0 {
		line = line[:n]
	}
	if len(line) == 0 {
		return nil, errShape
	}
	if line[0] == '"' || line[0] == '\'' {
		s, n, err := quoted(line)
		if err != nil || n >= len(line) || line[n] != ':' {
			return nil, errShape
		}
		text, err := s.decode()
		if err != nil {
			return nil, err
		}
		p.i += n + 1
		return text, nil
	}
	n := bytes.IndexByte(line, ':')
	if n <= 0 || n+1 < len(line) && line[n+1] != ' ' || !plainStart(line[0]) ||
		line[0] == '~' || line[n-1] == ' ' || line[n-1] == '\t' || bytes.Contains(line[:n], spaceHash) {
		return nil, errShape
	}
	p.i += n + 1
	return line[:n], nil
}

var (
	spaceHash  = []byte(" #")
	colonSpace = []byte(": ")
	binaryTag  = []byte("!!binary ")
)

// plainStart reports whether a plain scalar may begin with b. The dash and the question mark may, before a letter,
// which scalarAt checks.
func plainStart(b byte) bool {
	return bytes.IndexByte([]byte("#,[]{}&*!|>'\"%@` \t"), b) < 0
}

// scalar reads the value behind a key at the given column, or behind a dash (then column is where the dash stands minus
// two, since a literal in a list is indented by two beyond the dash).
func (p *reader) scalar(column int) (value, error) {
	return p.value(column + 4)
}

func (p *reader) value(indent int) (value, error) {
	if p.i >= len(p.b) {
		return value{}, errShape
	}
	if p.b[p.i] == '\n' {
		p.i++
		return value{}, nil // null
	}
	if p.b[p.i] != ' ' {
		return value{}, errShape
	}
	p.i++
	line := p.b[p.i:]
	next := bytes.IndexByte(line, '\n')
	if next < 0 {
		next = len(line)
	} else {
		line = line[:next]
	}
	var v value
	if bytes.HasPrefix(line, binaryTag) {
		v.binary = true
		p.i += len(binaryTag)
		next -= len(binaryTag)
		line = line[len(binaryTag):]
	}
	if len(line) == 0 {
		return value{}, errShape
	}
	switch line[0] {
	case '"', '\'':
		s, n, err := quoted(line)
		if err != nil || n != len(line) {
			return value{}, errShape
		}
		v.scalar = s
	case '|':
		kind, ok := map[string]scalarKind{"|": literalClip, "|-": literalStrip, "|+": literalKeep}[string(line)]
		if !ok {
			return value{}, errShape
		}
		p.i += next + 1
		v.scalar = scalar{kind: kind, indent: indent}
		var err error
		v.raw, err = p.literal(indent)
		return v, err
	default:
		if err := checkPlain(line); err != nil {
			return value{}, err
		}
		v.scalar = scalar{raw: line}
	}
	p.i = min(p.i+next+1, len(p.b))
	return v, nil
}

func checkPlain(line []byte) error {
	if !plainStart(line[0]) || line[len(line)-1] == ' ' || line[len(line)-1] == ':' ||
		bytes.Contains(line, colonSpace) || bytes.Contains(line, spaceHash) || bytes.IndexByte(line, '\t') >= 0 {
		return errShape
	}
	if (line[0] == '-' || line[0] == '?' || line[0] == ':') && (len(line) == 1 || line[1] == ' ') {
		return errShape
	}
	return nil
}

// quoted reads a quoted scalar at the start of line and returns how many bytes it takes.
func quoted(line []byte) (scalar, int, error) {
	q := line[0]
	for i := 1; i < len(line); {
		n := bytes.IndexByte(line[i:], q)
		if n < 0 {
			break
		}
		i += n
		if q == '\'' {
			if i+1 < len(line) && line[i+1] == '\'' {
				i += 2
				continue
			}
			return scalar{raw: line[1:i], kind: singleQuoted}, i + 1, nil
		}
		back := i
		for back > 1 && line[back-1] == '\\' {
			back--
		}
		if (i-back)%2 == 1 {
			i++
			continue
		}
		return scalar{raw: line[1:i], kind: doubleQuoted}, i + 1, nil
	}
	return scalar{}, 0, errShape
}

// literal takes the lines of a block: those indented by at least indent, and empty ones.
func (p *reader) literal(indent int) ([]byte, error) {
	start, first := p.i, true
	for p.i < len(p.b) {
		n := 0
		for n < indent && p.i+n < len(p.b) && p.b[p.i+n] == ' ' {
			n++
		}
		if p.i+n < len(p.b) && p.b[p.i+n] == '\n' {
			if n > 0 && n < indent {
				return nil, errShape // a short line of spaces: leave the reading of it to the library
			}
		} else if n < indent {
			break
		} else if first && p.i+n < len(p.b) && p.b[p.i+n] == ' ' {
			return nil, errShape // deeper than the canonical shape
		} else {
			first = false
		}
		e := bytes.IndexByte(p.b[p.i:], '\n')
		if e < 0 {
			p.i = len(p.b)
			break
		}
		p.i += e + 1
	}
	if first {
		return nil, errShape
	}
	return p.b[start:p.i], nil
}

// lists reads a map of lists (headers, form) behind a key at the given column.
func (p *reader) lists(column int, f func(key []byte, v value) error) error {
	if p.i+3 < len(p.b) && string(p.b[p.i:p.i+4]) == " {}\n" {
		p.i += 4
		return nil
	}
	if p.i >= len(p.b) || p.b[p.i] != '\n' {
		return errShape
	}
	p.i++
	return p.mapping(column+4, false, func(key []byte) error { return p.list(column+8, key, f) })
}

func (p *reader) list(column int, key []byte, f func(key []byte, v value) error) error {
	if p.i+3 < len(p.b) && string(p.b[p.i:p.i+4]) == " []\n" {
		p.i += 4
		return f(key, value{scalar: scalar{kind: emptyList}})
	}
	if p.i >= len(p.b) || p.b[p.i] != '\n' {
		return errShape
	}
	p.i++
	for some := false; ; some = true {
		if n := p.indentation(); n != column || p.b[p.i+n] != '-' {
			if !some || n > column {
				return errShape
			}
			return nil
		}
		p.i += column + 1
		v, err := p.value(column + 2)
		if err != nil {
			return err
		}
		if v.isNull() {
			return errShape // the library leaves such an item out
		}
		if err := f(key, v); err != nil {
			return err
		}
		if p.i >= len(p.b) {
			return nil
		}
	}
}

// skip passes over the value of a key at the given column, whatever it is.
func (p *reader) skip(column int) {
	for {
		n := bytes.IndexByte(p.b[p.i:], '\n')
		if n < 0 {
			p.i = len(p.b)
			return
		}
		p.i += n + 1
		if p.i >= len(p.b) || p.b[p.i] != '\n' && p.indentation() <= column {
			return
		}
	}
}
