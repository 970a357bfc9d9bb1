package tape

import (
	"bytes"
	"errors"
	"fmt"
	"net/textproto"
	"os"
	"path/filepath"

	"github.com/graphwarden/graphwarden/internal/graph"
)

// Finding is a secret found on a cassette. It says where, never what.
type Finding struct {
	File string
	// Line is where the value begins, or its interaction if the file is not in the canonical shape; 0 if not known.
	Line int
	// Interaction counts from 1.
	Interaction int
	// Where is the part of the interaction: request.body, request.url, response.headers.Location, …
	Where string
	// Pointer is the JSON pointer inside a body, empty elsewhere.
	Pointer string
	// Kind is authorization, header, jwt, bearer-token, client-secret, private-key, secret-field, secret-value,
	// query-secret or user-info.
	Kind string
}

func (f Finding) String() string {
	s := fmt.Sprintf("%s:%d: %s in %s", f.File, f.Line, f.Kind, f.Where)
	if f.Pointer != "" {
		s += " " + f.Pointer
	}
	return s
}

// Verify looks for secrets on a cassette. It finds what recording takes out, so a cassette that was recorded here has
// none unless somebody edited it.
func Verify(path string, o Redaction) ([]Finding, error) {
	if err := o.check(); err != nil {
		return nil, err
	}
	c, err := Load(path)
	if err != nil {
		return nil, err
	}
	v := &verifier{c: c, redact: newRedactor(o)}
	v.redact.found = v.found
	for i := range c.items {
		x, err := c.At(i)
		if err != nil {
			return v.findings, err
		}
		v.interaction(i, x)
	}
	return v.findings, nil
}

type verifier struct {
	c        *Cassette
	redact   *redactor
	findings []Finding
	item     int
	where    string
}

func (v *verifier) found(kind, pointer string) {
	v.findings = append(v.findings, Finding{File: v.c.Path, Line: v.line(), Interaction: v.item + 1, Where: v.where, Pointer: pointer, Kind: kind})
}

// line finds the line of the value at hand: the first line of its key inside the interaction.
func (v *verifier) line() int {
	line := v.c.Line(v.item)
	if line == 0 {
		return 0
	}
	part, rest, _ := bytes.Cut([]byte(v.where), []byte{'.'})
	at := -1
	raw := v.c.raw(v.item)
	if i := bytes.Index(raw, append(append([]byte(" "), part...), ":\n"...)); i >= 0 {
		name, header, isHeader := bytes.Cut(rest, []byte{'.'})
		if j := bytes.Index(raw[i:], append(append([]byte("\n        "), name...), ':')); j >= 0 {
			at = i + j + 1
			if isHeader {
				if k := bytes.Index(raw[at:], append(append([]byte("\n            "), header...), ':')); k >= 0 {
					at += k + 1
				}
			}
		}
	}
	if at < 0 {
		return line
	}
	return line + bytes.Count(raw[:at], []byte{'\n'})
}

func (v *verifier) interaction(i int, x *Interaction) {
	v.item = i
	v.where = "request.url"
	v.redact.url(x.Request.URL)
	v.where = "request.body"
	v.redact.body([]byte(x.Request.Body))
	v.where = "request.form"
	for name, values := range x.Request.Form {
		for _, value := range values {
			if v.redact.secret([]byte(name)) && value != "" && value != Redacted {
				v.found("secret-field", "")
			}
		}
	}
	v.headers("request", x.Request.Headers)
	v.where = "response.body"
	v.redact.body([]byte(x.Response.Body))
	v.headers("response", x.Response.Headers)
	v.where = "other keys"
	v.redact.text(x.extra, "")
}

// headers reports header fields that recording would not have kept and whose name says that they carry a secret, and
// secrets in the values of all others.
func (v *verifier) headers(part string, h map[string][]string) {
	for name, values := range h {
		name = textproto.CanonicalMIMEHeaderKey(name)
		v.where = part + ".headers." + name
		for _, value := range values {
			switch name {
			case "Authorization", "Proxy-Authorization":
				if value != "" && value != Redacted && graph.RedactToken(value) != value {
					v.found("authorization", "")
				}
			case "Cookie", "Set-Cookie":
				v.found("header", "")
			case justificationHeader, codeHeader:
				if value != Redacted {
					v.found("header", "")
				}
			case "Location", "Operation-Location":
				v.redact.url(value)
			default:
				if v.redact.secret([]byte(name)) && value != Redacted {
					v.found("header", "")
					continue
				}
				v.redact.text([]byte(value), "")
			}
		}
	}
}

// Scrub takes the secrets out of a cassette that is held in memory, and reports whether there were any. Saving it is
// the caller's. Requests still match: they are compared without secrets anyway.
func Scrub(c *Cassette, o Redaction) (changed bool, err error) {
	if err := o.check(); err != nil {
		return false, err
	}
	r := newRedactor(o)
	for i := range c.items {
		x, err := c.At(i)
		if err != nil {
			return changed, err
		}
		if scrubInteraction(r, x) {
			changed = true
			c.Set(i, x)
		}
	}
	head, tail := r.text(c.fileHead(), ""), r.text(c.tail, "")
	if !bytes.Equal(head, c.fileHead()) || !bytes.Equal(tail, c.tail) {
		changed, c.head, c.tail = true, head, tail
		c.renew()
	}
	if line := o.Pseudonyms.headLine(); line != "" {
		c.head = putHead(c.fileHead(), pseudonymsKey, []byte(line))
		return true, c.renumber() // an id says what the request is
	}
	return changed, nil
}

// Recover puts a recording that was not finished in the place of its cassette; the cassette it replaces is kept beside
// it as path.old. It fails while the recorder still runs.
func Recover(path string) (*Cassette, error) {
	partial := PartialPath(path)
	f, err := openLocked(partial)
	if err != nil {
		return nil, fmt.Errorf("recover cassette: %w", err)
	}
	defer f.Close() // the second time does no harm
	c, err := Load(partial)
	if err != nil {
		return nil, err
	}
	if len(c.tail) == 0 {
		c.tail = endMarker
	}
	if err := os.Rename(path, path+".old"); err != nil && !errors.Is(err, os.ErrNotExist) {
		return nil, fmt.Errorf("recover cassette: %w", err)
	}
	if err := writeAtomically(path, c.canonicalBytes()); err != nil {
		return nil, fmt.Errorf("recover cassette: %w", err)
	}
	if err := errors.Join(unlock(f), f.Close()); err != nil {
		return nil, fmt.Errorf("recover cassette: %w", err)
	}
	if err := os.Remove(partial); err != nil {
		return nil, fmt.Errorf("recover cassette: %w", err)
	}
	c.Path = path
	return c, syncFolder(filepath.Dir(path))
}
