package tape

import (
	"bytes"
	"strings"
)

// extraKey is the text under a key that is not ours; ok is false if there is none.
func (x *Interaction) extraKey(name string) (text string, ok bool) {
	from, to := x.findExtra(name)
	if from < 0 {
		return "", false
	}
	return keyText(x.extra[from:to], 6)
}

// putExtra sets the key; it goes behind the others.
func (x *Interaction) putExtra(name string, text []byte) {
	x.dropExtra(name)
	line := append([]byte("      "), name...)
	line = append(appendScalar(append(line, ": "...), string(text), 10), '\n')
	x.extra = append(bytes.Clone(x.extra), line...)
}

func (x *Interaction) dropExtra(name string) {
	if from, to := x.findExtra(name); from >= 0 {
		x.extra = append(bytes.Clone(x.extra[:from]), x.extra[to:]...)
	}
}

// findExtra is where the lines of the key stand, -1 if they do not.
func (x *Interaction) findExtra(name string) (from, to int) {
	start := "      " + name + ": "
	for from = 0; from < len(x.extra); from = to {
		to = from + lineEnd(x.extra[from:])
		for to < len(x.extra) && bytes.HasPrefix(x.extra[to:], []byte("       ")) {
			to += lineEnd(x.extra[to:])
		}
		if bytes.HasPrefix(x.extra[from:], []byte(start)) {
			return from, to
		}
	}
	return -1, -1
}

func lineEnd(b []byte) int {
	if i := bytes.IndexByte(b, '\n'); i >= 0 {
		return i + 1
	}
	return len(b)
}

// keyText decodes the scalar of a line "key: value" at the column.
func keyText(line []byte, column int) (string, bool) {
	p := &reader{b: line, i: column}
	if _, err := p.key(); err != nil {
		return "", false
	}
	v, err := p.scalar(column)
	if err != nil {
		return "", false
	}
	text, err := v.text()
	return string(text), err == nil
}

// putHead sets a key of the file's head; it stands last before the interactions.
func putHead(head []byte, name string, text []byte) []byte {
	head, _, _ = takeHead(head, name)
	rest := head[:len(head)-len(interactionsLine)+1]
	out := append(bytes.Clone(rest), name...)
	// The head is read without a YAML library as long as nothing in it may be an anchor.
	text = bytes.ReplaceAll(text, []byte("&"), []byte(`\u0026`))
	out = append(appendScalar(append(out, ": "...), string(text), 4), '\n')
	return append(out, interactionsLine[1:]...)
}

// takeHead is the head without a key, and the key's text.
func takeHead(head []byte, name string) (rest []byte, text string, ok bool) {
	for from := 0; from < len(head); {
		to := from + lineEnd(head[from:])
		if strings.HasPrefix(string(head[from:to]), name+": ") {
			text, ok = keyText(head[from:to], 0)
			return append(bytes.Clone(head[:from]), head[to:]...), text, ok
		}
		from = to
	}
	return head, "", false
}
