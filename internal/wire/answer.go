package wire

import (
	"net/http"
	"slices"
	"strconv"
	"strings"
	"sync/atomic"
	"time"
)

// together is how much of an answer is held back so that it leaves in one write.
const together = 16<<10 - 1<<10

// answer is the http.ResponseWriter of one request after the other. What it writes is what net/http would.
type answer struct {
	k      *served
	method string
	status int // 0 before there is one
	out    []byte
	body   []byte // written, not yet in out
	// length is what was announced, -1 if nothing was; written is what was given.
	length, written int64
	typed           bool // the kind of body is told, or need not be
	bare            bool // no body goes out
	begun           bool // the head has gone out
	chunked         bool
	last            bool // the connection ends behind it
	trailers        []string
	err             error
}

func (a *answer) begin(k *served, r *http.Request) {
	*a = answer{k: k, method: r.Method, length: -1, out: a.out[:0], body: a.body[:0]}
}

// end lets go of what one answer needed and the next need not.
func (a *answer) end() {
	clear(a.k.header)
	if cap(a.out) > 4*bufferSize {
		a.out = nil
	}
	if cap(a.body) > 4*bufferSize {
		a.body = nil
	}
}

// Header implements http.ResponseWriter.
func (a *answer) Header() http.Header { return a.k.header }

// WriteHeader implements http.ResponseWriter. An informational status goes out at once.
func (a *answer) WriteHeader(status int) {
	switch {
	case a.status != 0:
		return
	case status >= 100 && status < 200 && status != http.StatusSwitchingProtocols:
		a.out = a.appendFields(appendStatus(a.out[:0], status), func(name string) bool {
			return name == "Content-Length" || name == "Transfer-Encoding"
		})
		a.out = append(a.out, "\r\n"...)
		a.send()
		return
	}
	a.status = status
	a.bare = a.method == http.MethodHead || !a.mayHaveBody()
	h := a.k.header
	if v := h["Content-Length"]; len(v) == 1 {
		if n, err := strconv.ParseInt(v[0], 10, 64); err == nil && n >= 0 {
			a.length = n
		}
	}
	for _, v := range h["Connection"] {
		a.last = a.last || strings.EqualFold(strings.TrimSpace(v), "close")
	}
	for _, v := range h["Trailer"] {
		for name := range strings.SplitSeq(v, ",") {
			a.trailers = append(a.trailers, http.CanonicalHeaderKey(strings.TrimSpace(name)))
		}
	}
	_, a.typed = h["Content-Type"]
	a.typed = a.typed || h.Get("Content-Encoding") != ""
	a.out = appendStatus(a.out[:0], status)
	skip := func(name string) bool {
		return name == "Content-Length" || name == "Transfer-Encoding" || name == "Connection" || slices.Contains(a.trailers, name) ||
			name == "Content-Type" && status == http.StatusNotModified || strings.HasPrefix(name, http.TrailerPrefix)
	}
	a.out = a.appendFields(a.out, skip)
	if _, dated := h["Date"]; !dated {
		a.out = append(append(append(a.out, "Date: "...), date()...), "\r\n"...)
	}
}

// Write implements http.ResponseWriter.
func (a *answer) Write(p []byte) (int, error) {
	if a.status == 0 {
		a.WriteHeader(http.StatusOK)
	}
	if !a.mayHaveBody() {
		return 0, http.ErrBodyNotAllowed
	}
	a.written += int64(len(p))
	if a.length >= 0 && a.written > a.length {
		return 0, http.ErrContentLength
	}
	if len(a.body)+len(p) <= together {
		a.body = append(a.body, p...)
		return len(p), a.err
	}
	a.flush(false)
	if a.bare {
		return len(p), a.err
	}
	if len(p) <= together {
		a.body = append(a.body, p...)
		return len(p), a.err
	}
	if a.chunked {
		a.out = append(strconv.AppendInt(a.out, int64(len(p)), 16), "\r\n"...)
		a.send()
	}
	if a.err == nil {
		_, a.err = a.k.conn.Write(p)
	}
	if a.chunked {
		a.out = append(a.out, "\r\n"...)
	}
	return len(p), a.err
}

// mayHaveBody tells it of the status (RFC 9110 section 6.4.1).
func (a *answer) mayHaveBody() bool {
	return a.status >= 200 && a.status != http.StatusNoContent && a.status != http.StatusNotModified
}

// Flush implements http.Flusher.
func (a *answer) Flush() { _ = a.FlushError() }

// FlushError is Flush for http.ResponseController.
func (a *answer) FlushError() error {
	if a.status == 0 {
		a.WriteHeader(http.StatusOK)
	}
	a.flush(false)
	return a.err
}

// SetWriteDeadline is for http.ResponseController.
func (a *answer) SetWriteDeadline(t time.Time) error {
	a.k.writeBy = time.Time{}
	return a.k.conn.SetWriteDeadline(t)
}

// finish sends what is left; false ends the connection.
func (a *answer) finish() bool {
	if a.status == 0 {
		a.WriteHeader(http.StatusOK)
	}
	a.last = a.last || a.k.s.closing.Load()
	a.flush(true)
	short := a.length >= 0 && a.written != a.length && !a.bare
	return a.err == nil && !a.last && !short
}

// flush sends what there is of the answer; done tells that it is all.
func (a *answer) flush(done bool) {
	if !a.begun {
		a.begun = true
		a.frame(done)
	}
	switch {
	case a.bare:
	case !a.chunked:
		a.out = append(a.out, a.body...)
	default:
		if len(a.body) > 0 {
			a.out = strconv.AppendInt(a.out, int64(len(a.body)), 16)
			a.out = append(append(append(a.out, "\r\n"...), a.body...), "\r\n"...)
		}
		if done {
			a.out = append(a.appendTrailers(append(a.out, "0\r\n"...)), "\r\n"...)
		}
	}
	a.body = a.body[:0]
	a.send()
}

// frame ends the head: how the body is told from what follows it.
func (a *answer) frame(done bool) {
	if !a.typed && len(a.body) > 0 {
		a.out = append(append(append(a.out, "Content-Type: "...), http.DetectContentType(a.body)...), "\r\n"...)
	}
	switch {
	case !a.mayHaveBody():
	case a.length >= 0:
		a.out = append(appendInt(append(a.out, "Content-Length: "...), int(a.length)), "\r\n"...)
	case a.bare && (!done || len(a.body) == 0 || len(a.trailers) > 0):
	case done && len(a.trailers) == 0:
		a.out = append(appendInt(append(a.out, "Content-Length: "...), len(a.body)), "\r\n"...)
	default:
		a.chunked = true
		a.out = append(a.out, "Transfer-Encoding: chunked\r\n"...)
	}
	if a.last {
		a.out = append(a.out, "Connection: close\r\n"...)
	}
	a.out = append(a.out, "\r\n"...)
}

func (a *answer) send() {
	if len(a.out) > 0 && a.err == nil {
		_, a.err = a.k.conn.Write(a.out)
	}
	a.out = a.out[:0]
}

// appendFields writes the fields of the header in order, without those to skip.
func (a *answer) appendFields(b []byte, skip func(name string) bool) []byte {
	var few [32]string
	names := few[:0]
	for name := range a.k.header {
		names = append(names, name)
	}
	slices.Sort(names)
	for _, name := range names {
		if skip != nil && skip(name) {
			continue
		}
		b = appendField(b, name, a.k.header[name])
	}
	return b
}

func (a *answer) appendTrailers(b []byte) []byte {
	for _, name := range a.trailers {
		b = appendField(b, name, a.k.header[name])
	}
	for name, values := range a.k.header {
		if name, ok := strings.CutPrefix(name, http.TrailerPrefix); ok {
			b = appendField(b, name, values)
		}
	}
	return b
}

func appendField(b []byte, name string, values []string) []byte {
	if !isToken(name) {
		return b
	}
	for _, v := range values {
		b = append(append(b, name...), ": "...)
		from := len(b)
		b = append(b, v...)
		if !isFieldValue(v) {
			for i := from; i < len(b); i++ {
				if b[i] == '\r' || b[i] == '\n' {
					b[i] = ' ' // a value cannot begin another field
				}
			}
		}
		b = append(b, "\r\n"...)
	}
	return b
}

func appendStatus(b []byte, status int) []byte {
	b = append(appendInt(append(b, "HTTP/1.1 "...), status), ' ')
	text := http.StatusText(status)
	if text == "" {
		text = "status code " + strconv.Itoa(status)
	}
	return append(append(b, text...), "\r\n"...)
}

// stamp is a moment's date as a field's value.
type stamp struct {
	second int64
	text   string
}

var lastStamp atomic.Pointer[stamp]

// date is now as RFC 9110 section 5.6.7 has it, written once a second.
func date() string {
	now := time.Now()
	if s := lastStamp.Load(); s != nil && s.second == now.Unix() {
		return s.text
	}
	s := &stamp{now.Unix(), now.UTC().Format(http.TimeFormat)}
	lastStamp.Store(s)
	return s.text
}
