package graph

import (
	"slices"
	"strings"
)

// Rewriter brings JSON texts into the canonical form. Its zero value works; it keeps its working memory from one text to the
// next and is used by one goroutine at a time.
type Rewriter struct {
	parser
	out []byte
	// members are those of the objects that are open, the innermost last.
	members []member
	// moved is where the members of an object wait while they are put in order.
	moved []byte
}

// Append appends what AppendCanonical makes of the value that ParseJSON reads from the text, without building that value.
// It is false, and dst is as it was, exactly when ParseJSON refuses the text.
func (w *Rewriter) Append(dst []byte, text string) ([]byte, bool) {
	p, err := newTextParser(text)
	if err != nil {
		return dst, false
	}
	w.parser, w.out, w.members = p, dst, w.members[:0]
	ok := w.value(0) && w.end() == nil
	if ok {
		dst = w.out
	}
	w.parser, w.out = parser{}, nil
	clear(w.members[:cap(w.members)]) // the keys are slices of the text
	if cap(w.members) > maxKept || cap(w.moved) > 512*maxKept {
		w.members, w.moved = nil, nil
	}
	return dst, ok
}

// maxKept is how much working memory is kept: what nearly every text needs.
const maxKept = 128

// member is a key with where it and its value stand in what is written.
type member struct {
	key      string
	from, to int
}

func (w *Rewriter) value(depth int) bool {
	w.space()
	if w.i >= len(w.s) {
		return false
	}
	switch c := w.s[w.i]; c {
	case '{', '[':
		if depth == maxDepth {
			return false
		}
		w.i++
		if c == '{' {
			return w.object(depth + 1)
		}
		return w.array(depth + 1)
	case '"':
		s, err := w.text()
		if err != nil {
			return false
		}
		w.out = appendText(w.out, s)
		return true
	case 't':
		return w.word("true")
	case 'f':
		return w.word("false")
	case 'n':
		return w.word("null")
	default:
		if c != '-' && (c < '0' || c > '9') {
			return false
		}
		n, err := w.number()
		if err != nil {
			return false
		}
		w.out = appendNumber(w.out, string(n))
		return true
	}
}

func (w *Rewriter) word(s string) bool {
	if !strings.HasPrefix(w.s[w.i:], s) {
		return false
	}
	w.i += len(s)
	w.out = append(w.out, s...)
	return true
}

// next is the byte behind any space, passed over; 0 at the end.
func (w *Rewriter) next() byte {
	w.space()
	if w.i >= len(w.s) {
		return 0
	}
	w.i++
	return w.s[w.i-1]
}

func (w *Rewriter) array(depth int) bool {
	w.out = append(w.out, '[')
	if w.space(); w.i < len(w.s) && w.s[w.i] == ']' {
		w.i++
		w.out = append(w.out, ']')
		return true
	}
	for {
		if !w.value(depth) {
			return false
		}
		c := w.next()
		if c != ',' && c != ']' {
			return false
		}
		w.out = append(w.out, c)
		if c == ']' {
			return true
		}
	}
}

func (w *Rewriter) object(depth int) bool {
	w.out = append(w.out, '{')
	if w.space(); w.i < len(w.s) && w.s[w.i] == '}' {
		w.i++
		w.out = append(w.out, '}')
		return true
	}
	var keys keySet
	first, sorted := len(w.members), true
	for {
		if w.space(); w.i >= len(w.s) || w.s[w.i] != '"' {
			return false
		}
		key, err := w.text()
		if err != nil {
			return false
		}
		if _, dup := keys.add(key); dup || w.next() != ':' {
			return false
		}
		from := len(w.out)
		w.out = append(appendText(w.out, key), ':')
		if !w.value(depth) {
			return false
		}
		if n := len(w.members); n > first && w.members[n-1].key > key {
			sorted = false
		}
		w.members = append(w.members, member{key, from, len(w.out)})
		c := w.next()
		if c != ',' && c != '}' {
			return false
		}
		if c == '}' {
			break
		}
		w.out = append(w.out, ',')
	}
	if !sorted {
		w.sort(w.members[first:])
	}
	w.members = w.members[:first]
	w.out = append(w.out, '}')
	return true
}

// sort puts the members of an object, which are the last that was written, in the order of their keys.
func (w *Rewriter) sort(members []member) {
	start := members[0].from
	w.moved = append(w.moved[:0], w.out[start:]...)
	slices.SortFunc(members, func(a, b member) int { return strings.Compare(a.key, b.key) })
	w.out = w.out[:start]
	for i, m := range members {
		if i > 0 {
			w.out = append(w.out, ',')
		}
		w.out = append(w.out, w.moved[m.from-start:m.to-start]...)
	}
}
