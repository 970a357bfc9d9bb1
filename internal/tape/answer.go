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
	at := int(t.index.answers[i])
	if _, changed := t.cassette.changed[i]; changed || at == 0 {
		return nil, 0, false
	}
	raw := t.cassette.raw(i)[at:]
	p := &reader{b: raw}
	a := &collected{fields: t.redact.responseFields}
	var v view
	err := p.part(func(key []byte) error { return v.response(p, key, a.field) })
	if err != nil || p.i < len(raw) || !v.whole || v.body.binary || a.tooMany {
		return nil, 0, false
	}
	body, err1 := v.body.text()
	code, err2 := v.code.text()
	status, err3 := v.status.text()
	took, err4 := v.duration.text()
	if err1 != nil || err2 != nil || err3 != nil || err4 != nil {
		return nil, 0, false
	}
	r := &replayed{}
	r.StatusCode, err1 = strconv.Atoi(string(code))
	var duration time.Duration
	if t.options.Latency.Recorded || !plainDuration(took) {
		duration, err2 = time.ParseDuration(string(took))
	}
	if err1 != nil || err2 != nil {
		return nil, 0, false
	}
	if uint(r.StatusCode) < uint(len(usualStatus)) && usualStatus[r.StatusCode] == string(status) {
		r.Status = usualStatus[r.StatusCode]
	} else {
		r.Status = string(status)
	}
	r.Proto, r.ProtoMajor, r.ProtoMinor, r.Request, r.Body = "HTTP/1.1", 1, 1, req, http.NoBody
	if !a.header(r, body, q) {
		return nil, 0, false
	}
	return &r.Response, duration, true
}

// replayed is an answer in one piece.
type replayed struct {
	http.Response
	held held
}

// collected are the header fields of an answer.
type collected struct {
	fields  map[string]*field
	list    [maxAnswered]answeredField
	n       int
	tooMany bool
}

// maxAnswered is how many fields an answer may have.
const maxAnswered = 24

type answeredField struct {
	name   string
	values []string
}

// field takes note of one value of a field.
func (a *collected) field(name []byte, v value) error {
	text, err := v.text()
	if err != nil {
		return err
	}
	f := a.fields[string(name)]
	var last *answeredField
	if a.n > 0 {
		last = &a.list[a.n-1]
	}
	if last == nil || last.name != string(name) {
		if a.n == len(a.list) {
			a.tooMany = true
			return nil
		}
		last = &a.list[a.n]
		a.n++
		if f != nil {
			last.name = f.name
		} else {
			last.name = string(name)
		}
		if v.kind == emptyList {
			last.values = []string{}
			return nil
		}
		if f != nil {
			last.values = f.list(text)
			return nil
		}
	}
	n := len(last.values)
	last.values = append(last.values[:n:n], string(text))
	return nil
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
