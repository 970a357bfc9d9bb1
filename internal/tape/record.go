package tape

import (
	"bytes"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/graphwarden/graphwarden/internal/graph"
)

const (
	// buffered is the longest answer of known length that is read before it is passed on; longer ones stream.
	buffered = 1 << 20
	// maxRecorded is the longest answer that is recorded.
	maxRecorded = 64 << 20
)

// record sends the request and records the exchange before the client sees the end of its answer.
func (t *Tape) record(req *http.Request, q *graph.Request) (*http.Response, error) {
	d := t.begin(req, q)
	start := time.Now()
	resp, err := t.origin.RoundTrip(req)
	if err != nil {
		d.free()
		return nil, err
	}
	left := resp.ContentLength
	if noBody(q.Method, resp.StatusCode) {
		left = 0
	}
	if left < 0 || left > buffered {
		resp.Body = &taker{t: t, d: d, resp: resp, start: start, body: resp.Body, left: left}
		return resp, nil
	}
	body, err := readWhole(resp.Body, left)
	closeBody(resp.Body)
	if err != nil {
		d.free()
		return nil, fmt.Errorf("read the origin's answer: %w", err)
	}
	t.finish(d, resp, body, start)
	held := &held{}
	held.Reset(body)
	resp.Body = held
	return resp, nil
}

// readWhole reads a body that is said to be of the length.
func readWhole(r io.Reader, length int64) ([]byte, error) {
	b := make([]byte, 0, length+1) // room to see the end without growing
	for {
		n, err := r.Read(b[len(b):cap(b)])
		b = b[:len(b)+n]
		if err == io.EOF {
			return b, nil
		}
		if err != nil {
			return nil, err
		}
		if len(b) == cap(b) {
			b = append(b, 0)[:len(b)]
		}
	}
}

// held is a body that is in memory.
type held struct{ bytes.Reader }

// Close implements io.Closer.
func (*held) Close() error { return nil }

func noBody(method string, status int) bool {
	return method == http.MethodHead || status == http.StatusNoContent || status == http.StatusNotModified || status < 200
}

// begin gives the interaction its place: the order in which requests were sent, not that of their answers.
func (t *Tape) begin(req *http.Request, q *graph.Request) *draft {
	id := t.idKeyers.live(q)
	key := t.idKey(&id)
	at := q.Time
	if at.IsZero() {
		at = time.Now()
	}
	verdict, _ := req.Context().Value(verdictKey{}).(string)
	t.started.Lock()
	t.started.sequence++
	sequence := t.started.sequence
	n := t.started.equal.add(key, sequence)
	t.started.Unlock()
	d := newDraft()
	d.method, d.url = q.Method, t.redact.url(sentURL(req, q))
	d.head(key, n, sequence, at.UTC().Truncate(time.Millisecond), verdict)
	if isForm(q.Header) {
		d.b = t.formRequest(q, d.url).appendParts(append(d.b, "      request:\n"...))
	} else {
		d.request(t.redact, q.Header, id.body, q.Method)
	}
	return d
}

// formRequest is what is kept of a request that sends a form.
func (t *Tape) formRequest(q *graph.Request, at string) *Request {
	r := &Request{
		Body:    string(t.redact.text(q.Body, "")),
		Headers: t.redact.requestHeader(q.Header),
		URL:     at,
		Method:  q.Method,
	}
	if form, err := url.ParseQuery(r.Body); err == nil {
		r.Form = form
	}
	return r
}

// sentURL is the URL as the client wrote it: go-vcr's own recorder compares it as it stands.
func sentURL(req *http.Request, q *graph.Request) string {
	switch {
	case strings.HasPrefix(q.RawTarget, "/"):
		scheme, port := q.Scheme, ""
		if scheme == "" {
			scheme = "https"
		}
		if p := ":" + strconv.Itoa(q.Port); q.Port != 0 && p != defaultPort[scheme] {
			port = p
		}
		return scheme + "://" + q.Host + port + q.RawTarget
	case strings.Contains(q.RawTarget, "://"):
		return q.RawTarget
	}
	return req.URL.String()
}

// taker is the body of an answer that streams: it passes on what comes and keeps a copy. The interaction is recorded
// before the last byte, or the end, is handed out.
type taker struct {
	t     *Tape
	d     *draft // nil once it was recorded or dropped
	resp  *http.Response
	start time.Time
	body  io.ReadCloser
	// left is how much is still to come, -1 if the origin did not say.
	left    int64
	buf     []byte
	tooLong bool
}

// Read implements io.Reader.
func (k *taker) Read(p []byte) (int, error) {
	n, err := k.body.Read(p)
	if !k.tooLong {
		k.buf = append(k.buf, p[:n]...)
	}
	if len(k.buf) > maxRecorded {
		k.tooLong, k.buf = true, nil
	}
	if k.left > 0 {
		k.left -= int64(n)
	}
	if err == io.EOF || k.left == 0 && n > 0 {
		k.finish()
	}
	return n, err
}

// Close implements io.Closer. An answer the client did not wait for is not recorded: its end is not known.
func (k *taker) Close() error {
	if k.d != nil {
		k.t.drop(k.d, "the client did not read the answer to its end")
		k.d = nil
	}
	return k.body.Close()
}

// finish records the interaction, once.
func (k *taker) finish() {
	switch {
	case k.d == nil:
	case k.tooLong:
		k.t.drop(k.d, "the answer is longer than "+strconv.Itoa(maxRecorded>>20)+" MiB")
	default:
		k.t.finish(k.d, k.resp, k.buf, k.start)
	}
	k.d = nil
}

func (t *Tape) drop(d *draft, why string) {
	t.dropped.Add(1)
	t.log.Warn("not recorded", "method", d.method, "url", d.url, "why", why)
	d.free()
}

// finish records the interaction. What cannot be written is told and counted, and does not change the answer: Graph has
// made the change by then, and a client that is told otherwise makes it again.
func (t *Tape) finish(d *draft, resp *http.Response, body []byte, start time.Time) {
	d.response(t, resp, body)
	d.duration(since(start))
	if err := t.file.append(d.sequence, d.b); err != nil {
		t.dropped.Add(1)
		t.log.Error("not recorded", "method", d.method, "url", d.url, "error", err)
	} else {
		t.recorded.Add(1)
	}
	d.free()
}

// response is what is kept of an answer: decoded, redacted.
func (t *Tape) response(resp *http.Response, body []byte, x *Interaction) Response {
	h := t.redact.responseHeader(resp.Header)
	if enc := strings.ToLower(strings.TrimSpace(resp.Header.Get("Content-Encoding"))); enc != "" && len(body) > 0 {
		if plain, err := unpack(enc, body); err == nil {
			body, x.Encoding = plain, enc
			h.Del("Content-Encoding")
		}
	}
	was := body
	body = t.redact.body(body)
	if code := resp.Header.Get(codeHeader); len(code) >= 6 {
		body = bytes.ReplaceAll(body, []byte(code), []byte(Redacted))
	}
	if h.Get("Content-Length") != "" && x.Request.Method != http.MethodHead && (x.Encoding != "" || len(was) != len(body)) {
		h.Set("Content-Length", strconv.Itoa(len(body)))
	}
	return Response{Body: string(body), Headers: h, Status: statusOf(resp), Code: resp.StatusCode}
}
