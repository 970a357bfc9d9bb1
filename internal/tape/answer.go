package tape

import (
	"bytes"
	"hash/maphash"
	"io"
	"net/http"
	"strconv"
	"time"

	"github.com/graphwarden/graphwarden/internal/graph"
)

// answer is interaction i without its request.
func (c *Cassette) answer(i int) (*Interaction, error) {
	if _, ok := c.changed[i]; ok {
		return c.At(i)
	}
	x, err := decodeAnswer(c.raw(i))
	if err != nil {
		return c.At(i) // for the error that names the place
	}
	return x, nil
}

// answer is the recorded response as the client of now gets it: its own header map, its own request id echoed, encoded
// as then if it accepts that.
func (x *Interaction) answer(req *http.Request, q *graph.Request) *http.Response {
	h := x.Response.Headers
	for _, name := range []string{"Connection", "Transfer-Encoding", "Trailer", "Keep-Alive"} {
		h.Del(name)
	}
	if v := q.Header["Client-Request-Id"]; len(v) > 0 {
		h.Set("Client-Request-Id", v[0])
	}
	resp := &http.Response{
		Status: x.Response.Status, StatusCode: x.Response.Code,
		Proto: "HTTP/1.1", ProtoMajor: 1, ProtoMinor: 1,
		Header: h, Request: req, Body: http.NoBody,
	}
	if noBody(q.Method, x.Response.Code) {
		if n, err := strconv.ParseInt(h.Get("Content-Length"), 10, 64); err == nil && q.Method == http.MethodHead {
			resp.ContentLength = n
		}
		return resp
	}
	body := []byte(x.Response.Body)
	if x.Encoding != "" && accepts(q.Header.Get("Accept-Encoding"), x.Encoding) {
		if packed, ok := pack(x.Encoding, body); ok {
			body = packed
			h.Set("Content-Encoding", x.Encoding)
		}
	}
	if length := strconv.Itoa(len(body)); h.Get("Content-Length") != length {
		h.Set("Content-Length", length)
	}
	resp.ContentLength = int64(len(body))
	resp.Body = io.NopCloser(bytes.NewReader(body))
	return resp
}

// respond is the answer of interaction i, and how long the origin took, made straight from the file's bytes. It is false for
// what is not as a recorder of ours leaves it: packed, replaced, read by the YAML library, with more fields than Graph
// sends, or damaged. Those go the long way, by way of an Interaction, and come to the same.
func (t *Tape) respond(i int, req *http.Request, q *graph.Request) (*http.Response, time.Duration, bool) {
	at := int(t.cassette.items[i].answer)
	if _, changed := t.cassette.changed[i]; changed || at == 0 {
		return nil, 0, false
	}
	raw := t.cassette.raw(i)[at:]
	a := &collected{fields: t.redact.responseFields, warmth: warm(raw)}
	if !a.quick(raw) {
		a.n = 0
		if !a.careful(raw) {
			return nil, 0, false
		}
	}
	r := &replayed{}
	var err error
	if r.StatusCode, err = strconv.Atoi(string(a.code)); err != nil {
		return nil, 0, false
	}
	var took time.Duration
	if t.options.Latency.Recorded || !plainDuration(a.took) {
		if took, err = time.ParseDuration(string(a.took)); err != nil {
			return nil, 0, false
		}
	}
	if uint(r.StatusCode) < uint(len(usualStatus)) && usualStatus[r.StatusCode] == string(a.status) {
		r.Status = usualStatus[r.StatusCode]
	} else {
		r.Status = string(a.status)
	}
	r.Proto, r.ProtoMajor, r.ProtoMinor, r.Request, r.Body = "HTTP/1.1", 1, 1, req, http.NoBody
	if !a.header(r, a.body, q) {
		return nil, 0, false
	}
	return &r.Response, took, true
}

// warm touches each cache line of an answer. In a long cassette none of them is near the processor: asked for at once they come
// together, where reading would wait for one after the other.
func warm(raw []byte) byte {
	const line = 64
	var sum byte
	for i := 0; i < len(raw) && i < 64*line; i += line {
		sum += raw[i]
	}
	return sum
}

// replayed is an answer in one piece.
type replayed struct {
	http.Response
	held held
}

// collected is an answer as it stands in the file.
type collected struct {
	body, status, code, took []byte
	warmth                   byte // keeps the compiler from leaving the touching out

	fields map[string]*field
	list   [maxAnswered]answeredField
	n      int
}

// maxAnswered is how many fields an answer may have.
const maxAnswered = 24

type answeredField struct {
	name   string
	values []string
}

// quick reads what stands below the key of a response, as a recorder of ours writes it. It does not look for what the scan
// at loading has ruled out. It is false where the text departs from that, which is not yet a fault.
func (a *collected) quick(raw []byte) (ok bool) {
	p := &reader{b: raw, i: 1}
	if a.body, ok = p.behind("        body: ", 12); !ok {
		return false
	}
	if !p.take("        headers: {}\n") {
		if !p.take("        headers:\n") {
			return false
		}
		for p.take("            ") {
			n := bytes.IndexByte(p.b[p.i:], '\n')
			if n < 2 || p.b[p.i+n-1] != ':' || !isLetter(p.b[p.i]) {
				return false
			}
			name := p.b[p.i : p.i+n-1]
			p.i += n + 1
			text, ok := p.behind("                - ", 18)
			for some := ok; ok; text, ok = p.behind("                - ", 18) {
				if !a.add(name, text, some) {
					return false
				}
				some = false
			}
		}
	}
	var ok1, ok2, ok3 bool
	a.status, ok1 = p.behind("        status: ", 12)
	a.code, ok2 = p.behind("        code: ", 12)
	a.took, ok3 = p.behind("        duration: ", 12)
	return ok1 && ok2 && ok3 && p.i == len(raw)
}

// take passes over the prefix if it is next.
func (p *reader) take(prefix string) bool {
	if len(p.b)-p.i < len(prefix) || string(p.b[p.i:p.i+len(prefix)]) != prefix {
		return false
	}
	p.i += len(prefix)
	return true
}

// behind is the text of the scalar behind the prefix, false if the prefix is not next. The lines of a literal are indented
// by indent.
func (p *reader) behind(prefix string, indent int) (text []byte, ok bool) {
	if !p.take(prefix) {
		return nil, false
	}
	n := bytes.IndexByte(p.b[p.i:], '\n')
	if n <= 0 {
		return nil, false
	}
	line := p.b[p.i : p.i+n]
	switch c := line[0]; {
	case isLetter(c) && c|0x20 != 'n' || isDigit(c): // plain, and not null
		p.i += n + 1
		return line, true
	case c == '\'' && n > 1 && bytes.IndexByte(line[1:], '\'') == n-2:
		p.i += n + 1
		return line[1 : n-1], true
	}
	p.i-- // to the space before it
	v, err := p.value(indent)
	if err != nil {
		return nil, false
	}
	text, err = v.text()
	return text, err == nil
}

// careful reads it as the scan at loading does.
func (a *collected) careful(raw []byte) bool {
	p := &reader{b: raw}
	var v view
	err := p.part(func(key []byte) error { return v.response(p, key, a.field) })
	if err != nil || p.i < len(raw) || !v.whole {
		return false
	}
	var errs [4]error
	a.body, errs[0] = v.body.text()
	a.status, errs[1] = v.status.text()
	a.code, errs[2] = v.code.text()
	a.took, errs[3] = v.duration.text()
	return errs == [4]error{}
}

// field takes note of one value of a field.
func (a *collected) field(name []byte, v value) error {
	text, err := v.text()
	if err != nil {
		return err
	}
	first := a.n == 0 || a.list[a.n-1].name != string(name)
	if !a.add(name, text, first) {
		return errShape
	}
	if first && v.kind == emptyList {
		a.list[a.n-1].values = []string{}
	}
	return nil
}

// add takes note of a value; false if there are too many fields.
func (a *collected) add(name, text []byte, first bool) bool {
	if !first {
		last := &a.list[a.n-1]
		n := len(last.values)
		last.values = append(last.values[:n:n], string(text))
		return true
	}
	if a.n == len(a.list) {
		return false
	}
	a.n++
	last := &a.list[a.n-1]
	if f := a.fields[string(name)]; f != nil {
		last.name, last.values = f.name, f.list(text)
	} else {
		last.name, last.values = string(name), []string{string(text)}
	}
	return true
}

// list is a list of one value. Most fields say the same in most answers, so they have the same list; nobody may write
// to it.
func (f *field) list(text []byte) []string {
	served := f.served.Load()
	if served != nil && (*served)[0] == string(text) {
		return *served
	}
	list := []string{string(text)}
	if h := maphash.Bytes(nearSeed, text); len(text) <= maxRemembered && f.servedSeen.Swap(h) == h {
		kept := list
		f.served.Store(&kept)
	}
	return list
}

// header gives the answer its header and its body; false if a field came in two places.
func (a *collected) header(r *replayed, body []byte, q *graph.Request) bool {
	length, echoed := -1, -1
	h := make(http.Header, a.n+2)
	n := 0
	for i, f := range a.list[:a.n] {
		switch f.name {
		case "Connection", "Transfer-Encoding", "Trailer", "Keep-Alive":
			continue
		case "Content-Length":
			length = i
		case "Client-Request-Id":
			echoed = i
		}
		h[f.name] = f.values
		n++
	}
	if len(h) != n {
		return false
	}
	if v := q.Header["Client-Request-Id"]; len(v) > 0 && (echoed < 0 || !single(a.list[echoed].values, v[0])) {
		h["Client-Request-Id"] = v[:1:1]
	}
	r.Header = h
	if noBody(q.Method, r.StatusCode) {
		if n, err := strconv.ParseInt(h.Get("Content-Length"), 10, 64); err == nil && q.Method == http.MethodHead {
			r.ContentLength = n
		}
		return true
	}
	var digits [20]byte
	if now := strconv.AppendInt(digits[:0], int64(len(body)), 10); length < 0 || len(a.list[length].values) == 0 || a.list[length].values[0] != string(now) {
		h["Content-Length"] = []string{string(now)}
	}
	r.ContentLength = int64(len(body))
	r.held.Reset(body)
	r.Body = &r.held
	return true
}

// plainDuration reports whether b is a number and one unit below a minute, as most durations are; it need not be read.
func plainDuration(b []byte) bool {
	number, ok := bytes.CutSuffix(b, []byte("s"))
	for _, prefix := range [...]string{"m", "n", "u", "µ"} {
		if n := len(number) - len(prefix); n > 0 && string(number[n:]) == prefix {
			number = number[:n]
			break
		}
	}
	whole, fraction, point := bytes.Cut(number, []byte{'.'})
	return ok && isDigits(whole) && (!point || isDigits(fraction))
}

func isDigits(b []byte) bool {
	for _, c := range b {
		if !isDigit(c) {
			return false
		}
	}
	return len(b) > 0 && len(b) < 16
}

func single(values []string, v string) bool { return len(values) == 1 && values[0] == v }

// usualStatus are the status lines that servers send, by code.
var usualStatus = func() (list [600]string) {
	for code := range list {
		if text := http.StatusText(code); text != "" {
			list[code] = strconv.Itoa(code) + " " + text
		}
	}
	return list
}()
