package tape

import (
	"hash/maphash"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"
)

// draft is an interaction on its way to the cassette: the item as far as it is known. What is recorded is written straight
// into it, redacted as it goes, to the same bytes that Interaction.appendYAML makes of the redacted interaction.
type draft struct {
	b []byte
	// method and url are told of it in the log.
	method, url string
	// encodingAt is where the line of the answer's encoding goes, which is only known with the answer.
	encodingAt int
	// sequence is its place in the order in which requests were sent.
	sequence int
	entries  []entry
	scratch  []byte
}

// maxDraft is the largest buffer that is kept for another interaction.
const maxDraft = 64 << 10

var drafts = sync.Pool{New: func() any { return &draft{b: make([]byte, 0, 4<<10)} }}

func newDraft() *draft { return drafts.Get().(*draft) }

// free gives the draft back; nobody may use it any more.
func (d *draft) free() {
	if cap(d.b) > maxDraft || cap(d.scratch) > maxDraft {
		return
	}
	clear(d.entries) // they point into the header of a request or an answer
	d.b, d.scratch, d.entries, d.method, d.url = d.b[:0], d.scratch[:0], d.entries[:0], "", ""
	drafts.Put(d)
}

// head writes what stands before the request.
func (d *draft) head(key fingerprint, n, sequence int, at time.Time, verdict string) {
	d.sequence = sequence
	d.b = append(appendID(append(d.b, `    - id: "`...), key, n), "\"\n      sequence: "...)
	d.b = append(strconv.AppendInt(d.b, int64(sequence), 10), "\n      recorded_at: \""...)
	d.b = append(at.AppendFormat(d.b, time.RFC3339Nano), "\"\n"...)
	if verdict != "" {
		d.b = append(appendScalar(append(d.b, "      verdict: "...), verdict, 10), '\n')
	}
	d.encodingAt = len(d.b)
}

// encoding puts in the line of the answer's encoding.
func (d *draft) encoding(name string) {
	if name != "" {
		line := append(appendScalar([]byte("      encoding: "), name, 10), '\n')
		d.b = slices.Insert(d.b, d.encodingAt, line...)
	}
}

func (d *draft) field(name, s string) { d.b = appendField(d.b, name, s) }

// value writes one value of a header field.
func (d *draft) value(s string) {
	d.b = append(appendScalar(append(d.b, "                - "...), s, 18), '\n')
}

// text is a value without what looks like a secret; nearly always the value itself.
func (d *draft) text(r *redactor, s string) string {
	if r.quiet(s) {
		return s
	}
	d.scratch = append(d.scratch[:0], s...)
	if b := r.text(d.scratch, ""); string(b) != s {
		return string(b)
	}
	return s
}

// token writes what is kept of a token. The last tokens are known again by 128 bits of hashes with seeds that nobody
// outside knows, never by themselves.
func (d *draft) token(r *redactor, authorization string) {
	of := [2]uint64{maphash.String(tokenSeeds[0], authorization), maphash.String(tokenSeeds[1], authorization)}
	slot := &r.written[of[0]%uint64(len(r.written))]
	if last := slot.Load(); last != nil && last.of == of {
		d.b = append(d.b, last.line...)
		return
	}
	was := len(d.b)
	d.value(r.tokens.Redact(authorization))
	slot.Store(&writtenToken{of, string(d.b[was:])})
}

var tokenSeeds = [2]maphash.Seed{maphash.MakeSeed(), maphash.MakeSeed()}

// writtenToken is how what is kept of a token is written.
type writtenToken struct {
	of   [2]uint64
	line string
}

// request writes what is kept of a request, its body redacted before.
func (d *draft) request(r *redactor, h http.Header, body, method string) {
	d.b = append(d.b, "      request:\n"...)
	d.field("body", body)
	d.b = append(d.b, "        form: {}\n"...)
	if !r.appendHeader(d, r.requestFields, h) {
		d.b = appendLists(d.b, "headers", r.requestHeader(h))
	}
	d.field("url", d.url)
	d.field("method", method)
}

// response writes what is kept of an answer.
func (d *draft) response(t *Tape, resp *http.Response, body []byte) {
	if d.plainResponse(t, resp, body) {
		return
	}
	x := Interaction{Request: Request{Method: d.method}}
	x.Response = t.response(resp, body, &x)
	d.encoding(x.Encoding)
	d.b = x.Response.appendStart(d.b)
}

// plainResponse writes an answer that is kept as it came, which nearly all are: not packed, and of the same length when
// redacted. It is false, with the draft as it was, for all others.
func (d *draft) plainResponse(t *Tape, resp *http.Response, body []byte) bool {
	if len(body) > 0 && len(resp.Header["Content-Encoding"]) > 0 || len(resp.Header[codeHeader]) > 0 {
		return false
	}
	kept := t.redact.body(body)
	if len(kept) != len(body) {
		return false
	}
	was := len(d.b)
	d.b = append(d.b, "      response:\n"...)
	d.b = append(d.b, "        body: "...)
	if b, ok := appendJSONText(d.b, kept); ok {
		d.b = append(b, '\n')
	} else {
		d.b = append(appendScalar(d.b, string(kept), 12), '\n')
	}
	if !t.redact.appendHeader(d, t.redact.responseFields, resp.Header) {
		d.b = d.b[:was]
		return false
	}
	d.field("status", statusOf(resp))
	d.b = append(strconv.AppendInt(append(d.b, "        code: "...), int64(resp.StatusCode), 10), '\n')
	return true
}

// duration writes the last line.
func (d *draft) duration(took time.Duration) {
	d.b = append(append(append(d.b, "        duration: "...), took.String()...), '\n')
}

func statusOf(resp *http.Response) string {
	if resp.Status == "" {
		return strconv.Itoa(resp.StatusCode) + " " + http.StatusText(resp.StatusCode)
	}
	return resp.Status
}

// isForm reports whether a request sends a form.
func isForm(h http.Header) bool {
	return strings.HasPrefix(h.Get("Content-Type"), "application/x-www-form-urlencoded")
}
