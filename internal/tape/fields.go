package tape

import (
	"hash/maphash"
	"maps"
	"net/http"
	"net/textproto"
	"slices"
	"strings"
	"sync/atomic"
)

// field is a header field that is kept: where it stands among the others, and what is done to its values.
type field struct {
	name string
	rank int
	// line is its name as it is written.
	line []byte
	how  treatment
	// last is the value it had last, if it came twice in a row: most fields say the same all the time.
	last atomic.Pointer[writtenField]
	seen atomic.Uint64 // hash of the value before
	// served and servedSeen are the same of replayed answers.
	served     atomic.Pointer[[]string]
	servedSeen atomic.Uint64
}

// writtenField is a value that is kept as it is, and how the field is written with it.
type writtenField struct{ value, lines string }

// maxRemembered is the longest value that is remembered.
const maxRemembered = 1 << 10

// write writes the field with its one value.
func (f *field) write(d *draft, r *redactor, v string) {
	if last := f.last.Load(); last != nil && last.value == v {
		d.b = append(d.b, last.lines...)
		return
	}
	was := len(d.b)
	d.b = append(d.b, f.line...)
	kept := d.text(r, v)
	d.value(kept)
	if len(v) > maxRemembered {
		return
	}
	if h := maphash.String(nearSeed, v); f.seen.Swap(h) == h && kept == v { // no secret is remembered
		f.last.Store(&writtenField{strings.Clone(v), string(d.b[was:])})
	}
}

// treatment is what is done to the values of a field.
type treatment uint8

const (
	asText        treatment = iota // what looks like a secret is taken out
	asToken                        // a token keeps what policies read
	asURL                          // as text, with an eye on the query
	asPlaceholder                  // nothing of them is kept but that they were there
)

// newFields are the fields named, in the order in which they are written.
func newFields(names map[string]bool, how func(name string) treatment) map[string]*field {
	fields := make(map[string]*field, len(names))
	for i, name := range slices.SortedFunc(maps.Keys(names), naturalOrder) {
		if names[name] {
			fields[name] = &field{name: name, rank: i, line: append(appendKey([]byte("            "), name), '\n'), how: how(name)}
		}
	}
	return fields
}

func (r *redactor) requestTreatment(name string) treatment {
	switch {
	case r.rules.headers[name], name == justificationHeader, name == codeHeader:
		return asPlaceholder
	case name == "Authorization":
		return asToken
	}
	return asText
}

func (r *redactor) responseTreatment(name string) treatment {
	switch {
	case r.rules.headers[name], name == codeHeader:
		return asPlaceholder
	case name == "Location" || name == "Operation-Location":
		return asURL
	}
	return asText
}

// entry is a field with the values it came with.
type entry struct {
	*field
	values []string
}

// appendHeader appends to the draft what requestHeader or responseHeader, whichever the fields are of, keeps of a header.
// It is false, with the draft as it was, where names are not spelt as net/http spells them: those two sort that out.
func (r *redactor) appendHeader(d *draft, fields map[string]*field, h http.Header) bool {
	d.entries = d.entries[:0]
	for name, values := range h {
		f := fields[name]
		if f == nil {
			if canonical := textproto.CanonicalMIMEHeaderKey(name); canonical != name && fields[canonical] != nil {
				return false
			}
			continue
		}
		if len(values) == 0 && (f.how == asToken || f.how == asURL) {
			continue
		}
		d.entries = append(d.entries, entry{f, values})
		for i := len(d.entries) - 1; i > 0 && d.entries[i-1].rank > f.rank; i-- { // there are a dozen
			d.entries[i-1], d.entries[i] = d.entries[i], d.entries[i-1]
		}
	}
	if len(d.entries) == 0 {
		d.b = append(d.b, "        headers: {}\n"...)
		return true
	}
	d.b = append(d.b, "        headers:\n"...)
	for _, e := range d.entries {
		if e.how == asText && len(e.values) == 1 {
			e.write(d, r, e.values[0])
			continue
		}
		d.b = append(d.b, e.line...)
		if e.how == asPlaceholder {
			d.value(Redacted)
			continue
		}
		if len(e.values) == 0 {
			d.b = append(d.b[:len(d.b)-1], " []\n"...)
		}
		for _, v := range e.values {
			switch e.how {
			case asToken:
				d.token(r, v)
			case asURL:
				d.value(r.url(v))
			default:
				d.value(d.text(r, v))
			}
		}
	}
	return true
}
