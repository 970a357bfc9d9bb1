package tape

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"net/textproto"
	"slices"
	"strings"

	"github.com/graphwarden/graphwarden/internal/graph"
)

// foreign is how another format stands to ours. An entry is one interaction, as a JSON object; an envelope is all of the
// file but its entries. What an entry holds that an interaction has no place for stays with the interaction, in a key
// named as the format, as a patch of what we would write; so that it survives when interactions are selected or merged.
type foreign interface {
	// name is the key, in our files, for what they have no place for.
	name() string
	// split takes a file apart.
	split(file []byte) (envelope json.RawMessage, entries []json.RawMessage, err error)
	// join puts one together.
	join(envelope json.RawMessage, entries []json.RawMessage) ([]byte, error)
	// envelope is that of a file we write.
	envelope() object
	// encode is an interaction without what is only ours. The index counts from 0.
	encode(x *Interaction, index int) object
	// decode reads an entry; nil means that it is no interaction.
	decode(entry json.RawMessage) (*Interaction, error)
	// atomic tells whether the value of the key is kept whole rather than compared key by key: a body.
	atomic(key string) bool
}

// oursKey is the key, in other formats, for what they have no place for.
const oursKey = "_graphwarden"

// residue is what our format has no place for in a file of another.
type residue struct {
	// Imported is true for a file that another program made: ids and places are not written back to it.
	Imported bool           `json:"imported"`
	Patch    *patch         `json:"patch,omitempty"`
	Skipped  []skippedEntry `json:"skipped,omitempty"`
}

// skippedEntry is an entry that is no interaction, and where it stood.
type skippedEntry struct {
	At    int             `json:"at"`
	Entry json.RawMessage `json:"entry"`
}

func readForeign(file []byte, f foreign) (*Cassette, error) {
	envelope, entries, err := f.split(file)
	if err != nil {
		return nil, err
	}
	fields, err := fieldsOf(envelope)
	if err != nil {
		return nil, err
	}
	if raw, ok := fields[oursKey]; ok {
		var k keptFile
		if json.Unmarshal(raw, &k) == nil && strings.HasSuffix(string(k.Head), string(interactionsLine)) {
			if tail, ok := tailOf(fields); ok {
				k.Tail = verbatim(tail)
			}
			return readBack(f, k, entries)
		}
	}
	return adoptForeign(f, fields, entries)
}

// readBack reads a file that was a cassette before.
func readBack(f foreign, k keptFile, entries []json.RawMessage) (*Cassette, error) {
	c := k.newCassette()
	for i, entry := range entries {
		x, err := readEntry(f, entry, len(c.items))
		if err != nil {
			return nil, fmt.Errorf("entry %d: %w", i+1, err)
		}
		if x != nil {
			c.Add(x)
		}
	}
	return c, nil
}

// adoptForeign reads what another program wrote: redacted, numbered, with the rest kept for the way back.
func adoptForeign(f foreign, fields map[string]json.RawMessage, entries []json.RawMessage) (*Cassette, error) {
	c := (*keptFile)(nil).newCassette()
	r := newRedactor(Redaction{})
	rest := residue{Imported: true}
	for i, entry := range entries {
		x, err := readEntry(f, entry, len(c.items))
		if err != nil {
			return nil, fmt.Errorf("entry %d: %w", i+1, err)
		}
		if x == nil {
			if clean := r.harmless(entry, ""); clean != nil {
				rest.Skipped = append(rest.Skipped, skippedEntry{i, clean})
			}
			continue
		}
		x.dropExtra(f.name())
		scrubInteraction(r, x)
		p := compareRaw(f.encode(x, len(c.items)).raw(), entry, f.atomic)
		if p != nil {
			p.harmless(r, "")
		} else {
			p = &patch{}
		}
		p.At = &i
		x.putExtra(f.name(), marshal(p))
		c.Add(x)
	}
	if c.Len() == 0 && len(entries) > 0 {
		return nil, errNoEntries
	}
	out, err := c.adopt()
	if err != nil {
		return nil, err
	}
	if tail, ok := tailOf(fields); ok && len(secondOf(tail).Variables)+len(secondOf(tail).Rest) > 0 {
		out.tail = secondOf(tail).tail()
		delete(fields, behind)
		fields[behind] = marshal(string(out.tail))
	}
	if raw, ok := fields["Variables"]; ok {
		var values map[string]string
		if json.Unmarshal(raw, &values) == nil && len(values) > 0 {
			out.SetVariables(values)
			delete(fields, "Variables")
			fields["Variables"] = marshal(out.Variables())
		}
	}
	if rest.Patch = compareRaw(out.envelopeFor(f), encodeFields(fields), f.atomic); rest.Patch != nil {
		rest.Patch.harmless(r, "")
	}
	out.head = putHead(out.head, f.name(), marshal(rest))
	return out, nil
}

// tailOf is what stands behind the first document of a YAML file.
func tailOf(fields map[string]json.RawMessage) ([]byte, bool) {
	var tail string
	if raw, ok := fields[behind]; !ok || json.Unmarshal(raw, &tail) != nil {
		return nil, false
	}
	return []byte(tail), true
}

// envelopeFor is the envelope of the cassette in the format.
func (c *Cassette) envelopeFor(f foreign) json.RawMessage {
	o := f.envelope()
	for i := range o {
		if values := c.Variables(); o[i].key == "Variables" && values != nil {
			o[i].value = values
		}
	}
	if _, ok := f.(formatTwo); ok && len(c.tail) > 0 && !bytes.Equal(c.tail, endMarker) {
		o = append(o, member{behind, string(c.tail)})
	}
	return o.raw()
}

// readEntry reads an interaction with what a key of ours says of it.
func readEntry(f foreign, entry json.RawMessage, index int) (*Interaction, error) {
	fields, err := fieldsOf(entry)
	if err != nil {
		return nil, err
	}
	raw, ok := fields[oursKey]
	delete(fields, oursKey)
	var k kept
	if ok && json.Unmarshal(raw, &k) == nil {
		entry = encodeFields(fields)
		if k.Exact != "" {
			// It counts as long as nobody edits the rest of the entry.
			if x, err := k.restore(nil); err == nil {
				if was, err := patched(f, x, index); err == nil && compareRaw(was, entry, f.atomic) == nil {
					return x, nil
				}
			}
			ok = false
		}
	}
	x, err := f.decode(entry)
	if x == nil || err != nil || !ok {
		return x, err
	}
	return k.restore(x)
}

// patched is an interaction as an entry, with what the other format had beside.
func patched(f foreign, x *Interaction, index int) (json.RawMessage, error) {
	entry := f.encode(x, index).raw()
	text, ok := x.extraKey(f.name())
	if !ok {
		return entry, nil
	}
	var p patch
	if err := json.Unmarshal([]byte(text), &p); err != nil {
		return nil, fmt.Errorf("the key %s: %w", f.name(), err)
	}
	if len(p.In) == 0 {
		return entry, nil
	}
	return p.apply(entry), nil
}

// writeEntry is an interaction as an entry; what only we have stands in a key of ours, unless the entry tells it all.
func writeEntry(f foreign, x *Interaction, index int, plain bool) (json.RawMessage, error) {
	entry, err := patched(f, x, index)
	if err != nil || plain {
		return entry, err
	}
	want := x.appendYAML(nil)
	same := func(entry json.RawMessage) bool {
		y, err := readEntry(f, entry, index)
		return err == nil && y != nil && bytes.Equal(y.appendYAML(nil), want)
	}
	k := keep(x)
	with := withField(entry, oursKey, marshal(k))
	if !same(with) {
		with = withField(entry, oursKey, marshal(kept{Exact: verbatim(want)}))
	}
	return with, nil
}

func writeForeign(c *Cassette, f foreign) ([]byte, error) {
	type placed struct {
		at    int
		entry json.RawMessage
	}
	_, text, ok := takeHead(c.fileHead(), f.name())
	var rest residue
	if ok {
		if err := json.Unmarshal([]byte(text), &rest); err != nil {
			return nil, fmt.Errorf("convert: the key %s of the file: %w", f.name(), err)
		}
	}
	list := make([]placed, 0, len(c.items))
	err := c.each(func(i int, x *Interaction) error {
		entry, err := writeEntry(f, x, i, rest.Imported)
		at := i
		if text, ok := x.extraKey(f.name()); ok && rest.Imported {
			var p patch
			if json.Unmarshal([]byte(text), &p) == nil && p.At != nil {
				at = *p.At
			}
		}
		list = append(list, placed{at, entry})
		return err
	})
	if err != nil {
		return nil, err
	}
	for _, s := range rest.Skipped {
		list = append(list, placed{s.At, s.Entry})
	}
	slices.SortStableFunc(list, func(a, b placed) int { return a.at - b.at })
	entries := make([]json.RawMessage, len(list))
	for i := range list {
		entries[i] = list[i].entry
	}
	envelope := c.envelopeFor(f)
	switch {
	case !rest.Imported:
		envelope = withField(envelope, oursKey, marshal(keepFile(c)))
	case rest.Patch != nil:
		envelope = rest.Patch.apply(envelope)
	}
	return f.join(envelope, entries)
}

// scrubInteraction takes the secrets out of an interaction and reports whether that changed it.
func scrubInteraction(r *redactor, x *Interaction) bool {
	before := x.appendYAML(nil)
	x.Request.URL = r.url(x.Request.URL)
	x.Request.Body = string(r.body([]byte(x.Request.Body)))
	for name, values := range x.Request.Form {
		for k := range values {
			if r.secret([]byte(name)) && values[k] != "" {
				values[k] = Redacted
			}
		}
	}
	x.Request.Headers = r.requestHeader(x.Request.Headers)
	x.Response.Headers = r.responseHeader(x.Response.Headers)
	x.Response.Body = string(r.body([]byte(x.Response.Body)))
	x.extra = r.text(x.extra, "")
	return !bytes.Equal(before, x.appendYAML(nil))
}

// harmless takes out of a patch what a recording would not keep.
func (p *patch) harmless(r *redactor, key string) {
	for name, in := range p.In {
		in.harmless(r, name)
		if strings.HasSuffix(key, "Headers") && !r.keptHeader(name) {
			in.To = nil
		}
		if in.To == nil && in.Was == "" && in.In == nil {
			delete(p.In, name)
		}
	}
	if p.To != nil {
		if p.To = r.harmless(p.To, key); p.To == nil {
			p.Was = "" // what we write stays
		}
	}
}

func (r *redactor) keptHeader(name string) bool {
	name = textproto.CanonicalMIMEHeaderKey(name)
	return r.request[name] || r.response[name]
}

// harmless is a JSON value without what a recording would not keep; nil if little is left of it.
func (r *redactor) harmless(raw json.RawMessage, key string) json.RawMessage {
	switch raw = compact(raw); {
	case strings.EqualFold(key, "cookies"):
		if string(raw) != "[]" {
			return nil
		}
	case key == "headers":
		return r.harmlessHeaders(raw)
	}
	found := false
	look := redactor{fields: r.fields, found: func(string, string) { found = true }}
	look.text(look.json(raw, ""), "")
	if found || look.secretRows(raw) {
		return nil
	}
	if fields, err := fieldsOf(raw); err == nil {
		changed := false
		for name, v := range fields {
			clean := r.harmless(v, name)
			if changed = changed || !bytes.Equal(clean, v); clean == nil {
				delete(fields, name)
			} else {
				fields[name] = clean
			}
		}
		if changed { // the order of the keys in a body is worth keeping
			return encodeFields(fields)
		}
	}
	return raw
}

// harmlessHeaders are the rows that a recording would keep.
func (r *redactor) harmlessHeaders(raw json.RawMessage) json.RawMessage {
	var rows []map[string]json.RawMessage
	if json.Unmarshal(raw, &rows) != nil {
		return nil
	}
	kept := rows[:0]
	for _, row := range rows {
		var name, value string
		if json.Unmarshal(row["name"], &name) != nil || json.Unmarshal(row["value"], &value) != nil {
			continue
		}
		switch {
		case strings.HasPrefix(name, ":"):
			value = r.url(value)
		case !r.keptHeader(name):
			continue
		case strings.EqualFold(name, "Authorization"):
			value = graph.RedactToken(value)
		case strings.EqualFold(name, codeHeader), strings.EqualFold(name, justificationHeader):
			value = Redacted
		case strings.EqualFold(name, "Location"), strings.EqualFold(name, "Operation-Location"):
			value = r.url(value)
		default:
			value = string(r.text([]byte(value), ""))
		}
		row["value"] = marshal(value)
		kept = append(kept, row)
	}
	return marshal(kept)
}

// secretRows reports whether a list of names with values, as a HAR has them for queries and forms, holds a secret.
func (r *redactor) secretRows(raw json.RawMessage) bool {
	var rows []harRow
	if json.Unmarshal(raw, &rows) != nil {
		return false
	}
	return slices.ContainsFunc(rows, func(row harRow) bool { return r.secret([]byte(row.Name)) && row.Value != Redacted })
}

func readHAR(data []byte) (*Cassette, error)   { return readForeign(data, har{}) }
func writeHAR(c *Cassette) ([]byte, error)     { return writeForeign(c, har{}) }
func readAzure(data []byte) (*Cassette, error) { return readForeign(data, azure{}) }
func writeAzure(c *Cassette) ([]byte, error)   { return writeForeign(c, azure{}) }

var errNoList = errors.New("it has no list of entries")
