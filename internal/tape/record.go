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
	x := t.begin(req, q)
	start := time.Now()
	resp, err := t.origin.RoundTrip(req)
	if err != nil {
		return nil, err
	}
	take := &taker{t: t, x: x, resp: resp, start: start, body: resp.Body, left: resp.ContentLength}
	if noBody(q.Method, resp.StatusCode) {
		take.left = 0
	}
	if take.left < 0 || take.left > buffered {
		resp.Body = take
		return resp, nil
	}
	whole := bytes.NewBuffer(make([]byte, 0, take.left+bytes.MinRead))
	_, err = whole.ReadFrom(resp.Body)
	body := whole.Bytes()
	closeBody(resp.Body)
	if err != nil {
		return nil, fmt.Errorf("read the origin's answer: %w", err)
	}
	take.buf = body
	take.finish()
	resp.Body = io.NopCloser(bytes.NewReader(body))
	return resp, nil
}

func noBody(method string, status int) bool {
	return method == http.MethodHead || status == http.StatusNoContent || status == http.StatusNotModified || status < 200
}

// begin gives the interaction its place: the order in which requests were sent, not that of their answers.
func (t *Tape) begin(req *http.Request, q *graph.Request) *Interaction {
	id := t.idKeyers.live(q)
	key := t.idKey(&id)
	x := &Interaction{RecordedAt: q.Time}
	if x.RecordedAt.IsZero() {
		x.RecordedAt = time.Now()
	}
	x.RecordedAt = x.RecordedAt.UTC().Truncate(time.Millisecond)
	x.Verdict, _ = req.Context().Value(verdictKey{}).(string)
	t.started.Lock()
	t.started.sequence++
	t.started.equal[key]++
	x.Sequence = t.started.sequence
	x.ID = numbered(key, t.started.equal[key])
	t.started.Unlock()
	x.Request = Request{
		Body:    string(id.body),
		Headers: t.redact.requestHeader(q.Header),
		URL:     t.redact.url(sentURL(req, q)),
		Method:  q.Method,
	}
	if strings.HasPrefix(q.Header.Get("Content-Type"), "application/x-www-form-urlencoded") {
		x.Request.Body = string(t.redact.text(q.Body, ""))
		if form, err := url.ParseQuery(x.Request.Body); err == nil {
			x.Request.Form = form
		}
	}
	return x
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
	x     *Interaction
	resp  *http.Response
	start time.Time
	body  io.ReadCloser
	// left is how much is still to come, -1 if the origin did not say.
	left    int64
	buf     []byte
	ended   bool
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
	if !k.ended {
		k.ended = true
		k.t.drop(k.x, "the client did not read the answer to its end")
	}
	return k.body.Close()
}

func (t *Tape) drop(x *Interaction, why string) {
	t.dropped.Add(1)
	t.log.Warn("not recorded", "method", x.Request.Method, "url", x.Request.URL, "why", why)
}

// finish records the interaction, once. What cannot be written is told and counted, and does not change the answer:
// Graph has made the change by then, and a client that is told otherwise makes it again.
func (k *taker) finish() {
	if k.ended {
		return
	}
	k.ended = true
	if k.tooLong {
		k.t.drop(k.x, "the answer is longer than "+strconv.Itoa(maxRecorded>>20)+" MiB")
		return
	}
	k.x.Response = k.t.response(k.resp, k.buf, k.x)
	k.x.Response.Duration = since(k.start)
	if err := k.t.file.append(k.x, k.x.appendYAML(make([]byte, 0, 2048+len(k.buf)+len(k.x.Request.Body)))); err != nil {
		k.t.dropped.Add(1)
		k.t.log.Error("not recorded", "method", k.x.Request.Method, "url", k.x.Request.URL, "error", err)
		return
	}
	k.t.recorded.Add(1)
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
	status := resp.Status
	if status == "" {
		status = strconv.Itoa(resp.StatusCode) + " " + http.StatusText(resp.StatusCode)
	}
	return Response{Body: string(body), Headers: h, Status: status, Code: resp.StatusCode}
}
