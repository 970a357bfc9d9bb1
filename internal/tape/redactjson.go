package tape

import (
	"bytes"
	"strconv"
	"strings"
	"sync"

	"github.com/graphwarden/graphwarden/internal/graph"
)

// replacement collects a text with some of its parts replaced; nothing is copied before the first.
type replacement struct {
	src, out []byte
	done     int
}

func (p *replacement) put(from, to int, with string) {
	if p.out == nil {
		p.out = make([]byte, 0, len(p.src))
	}
	p.out = append(append(p.out, p.src[p.done:from]...), with...)
	p.done = to
}

func (p *replacement) bytes() []byte {
	if p.out == nil {
		return p.src
	}
	return append(p.out, p.src[p.done:]...)
}

// jsonScan walks over the strings of a JSON text without building values.
type jsonScan struct {
	r      *redactor
	out    replacement
	where  []step
	secret int // depth of the container under a secret name, 0 for none
}

var jsonScans = sync.Pool{New: func() any { return new(jsonScan) }}

// free gives the scan back. What it holds of the text goes.
func (s *jsonScan) free() {
	if cap(s.where) > maxSteps {
		return
	}
	clear(s.where[:cap(s.where)])
	s.out = replacement{}
	jsonScans.Put(s)
}

// maxSteps is the depth up to which the working memory of a scan is kept.
const maxSteps = 64

// step is one level of nesting: in an object the key at hand, in an array the index.
type step struct {
	array bool
	key   []byte
	index int
}

// json replaces the values of secret fields.
func (r *redactor) json(b []byte, base string) []byte {
	s := jsonScans.Get().(*jsonScan)
	*s = jsonScan{r: r, out: replacement{src: b}, where: s.where[:0]}
	defer s.free()
	for i := 0; i < len(b); {
		switch c := b[i]; c {
		case '{', '[':
			if s.elementNamed() {
				s.secret = len(s.where) + 1
			}
			s.where = append(s.where, step{array: c == '['})
			i++
		case '}', ']':
			if len(s.where) > 0 {
				s.where = s.where[:len(s.where)-1]
			}
			if len(s.where) < s.secret {
				s.secret = 0
			}
			i++
		case ',':
			if n := len(s.where); n > 0 {
				s.where[n-1].index++
			}
			i++
		case '"':
			end := stringEnd(b, i)
			next := skipSpace(b, end)
			if next < len(b) && b[next] == ':' && len(s.where) > 0 && !s.where[len(s.where)-1].array {
				i = s.key(b, i, end, next+1)
			} else {
				s.value(b, i, end, base)
				i = end
			}
		default:
			i++
		}
	}
	return s.out.bytes()
}

// key notes the key and, if it is the name of a secret, deals with its value. It returns where to go on.
func (s *jsonScan) key(b []byte, from, end, i int) int {
	name := b[from+1 : max(end-1, from+1)]
	s.where[len(s.where)-1].key = name
	if bytes.IndexByte(name, '\\') >= 0 {
		if u, err := strconv.Unquote(string(b[from:end])); err == nil {
			name = []byte(u)
		}
	}
	named := s.secret == 0 && len(s.r.rules.pointers) > 0 && s.named()
	if s.secret > 0 || !named && !s.r.secret(name) {
		return i
	}
	i = skipSpace(b, i)
	if i >= len(b) {
		return i
	}
	switch c := b[i]; {
	case c == '{' || c == '[':
		s.secret = len(s.where) + 1
	case c == '"':
		s.secret = len(s.where) // its value is handled as one inside a secret container
		end := stringEnd(b, i)
		s.value(b, i, end, "")
		s.secret = 0
		return end
	case c == '-' || c >= '0' && c <= '9':
		end := i
		for end < len(b) && bytes.IndexByte([]byte("+-.eE0123456789"), b[end]) >= 0 {
			end++
		}
		if string(b[i:end]) != "0" {
			s.r.tell("secret-field", s.pointer(""))
			s.out.put(i, end, "0")
		}
		return end
	case named && (c == 't' || c == 'f'):
		for end = i; end < len(b) && b[end] >= 'a' && b[end] <= 'z'; {
			end++
		}
		s.r.tell("rule", s.pointer(""))
		s.out.put(i, end, "null")
		return end
	}
	return i
}

// elementNamed reports whether a pointer of the user leads to the element of a list at hand.
func (s *jsonScan) elementNamed() bool {
	n := len(s.where)
	return s.secret == 0 && len(s.r.rules.pointers) > 0 && n > 0 && s.where[n-1].array && s.named()
}

// value deals with a string that is not a key: redacted inside a secret field, looked into if it holds JSON itself.
func (s *jsonScan) value(b []byte, from, end int, base string) {
	inner := b[from+1 : max(end-1, from+1)]
	if s.secret > 0 || s.elementNamed() {
		if len(inner) > 0 && string(inner) != Redacted {
			s.r.tell("secret-field", s.pointer(base))
			s.out.put(from, end, `"`+Redacted+`"`)
		}
		return
	}
	if bytes.IndexByte(inner, '\\') < 0 {
		return
	}
	var text string
	if !unquoteJSON(b[from:end], &text) {
		return
	}
	trimmed := strings.TrimLeft(text, " \t\r\n")
	if trimmed == "" || trimmed[0] != '{' && trimmed[0] != '[' {
		return
	}
	was := []byte(text)
	if now := s.r.json(was, s.pointer(base)); !bytes.Equal(now, was) {
		s.out.put(from, end, string(graph.AppendCanonical(nil, string(now))))
	}
}

// pointer is the JSON pointer of the value at hand; it is only built when somebody listens.
func (s *jsonScan) pointer(base string) string {
	if s.r.found == nil {
		return ""
	}
	for _, step := range s.where {
		if step.array {
			base += "/" + strconv.Itoa(step.index)
		} else {
			base += "/" + strings.NewReplacer("~", "~0", "/", "~1").Replace(string(step.key))
		}
	}
	return base
}

// stringEnd is the index behind the closing quote of the string that begins at i.
func stringEnd(b []byte, i int) int {
	for i++; i < len(b); {
		n := bytes.IndexByte(b[i:], '"')
		if n < 0 {
			break
		}
		i += n
		back := i
		for b[back-1] == '\\' {
			back--
		}
		i++
		if (i-1-back)%2 == 0 {
			return i
		}
	}
	return len(b)
}

func skipSpace(b []byte, i int) int {
	for i < len(b) && (b[i] == ' ' || b[i] == '\t' || b[i] == '\n' || b[i] == '\r') {
		i++
	}
	return i
}
