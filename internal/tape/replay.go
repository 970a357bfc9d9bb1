package tape

import (
	"bytes"
	"io"
	"net/http"
	"strconv"
	"time"

	"github.com/graphwarden/graphwarden/internal/graph"
)

// Recorded is what a judge needs of the interaction that would answer a request.
type Recorded struct {
	ID       string
	Sequence int
	// Time is when it was recorded; zero if the cassette does not tell.
	Time time.Time
	// Authorization is the recorded header: a token without signature and identity.
	Authorization string
	Verdict       string
}

// Peek is the interaction that RoundTrip would answer the request with, and whether there is one. It uses nothing up.
func (t *Tape) Peek(q *graph.Request) (Recorded, bool) {
	if t.index == nil {
		return Recorded{}, false
	}
	id := t.keyers.live(q)
	i, _ := t.index.find(keyWith(t.keyers, &id), false)
	if i < 0 {
		return Recorded{}, false
	}
	r, err := t.cassette.recorded(i)
	return r, err == nil
}

// recorded is what a judge needs of interaction i. It is asked for with each judged request, so nothing else is decoded.
func (c *Cassette) recorded(i int) (Recorded, error) {
	x, ok := c.changed[i]
	if !ok {
		x = &Interaction{Request: Request{Headers: http.Header{}}}
		var v view
		token := func(name []byte, v value) error {
			if string(name) != "Authorization" {
				return nil
			}
			text, err := v.text()
			x.Request.Headers[string(name)] = append(x.Request.Headers[string(name)], string(text))
			return err
		}
		if err := scan(c.raw(i), &v, token, nil, nil); err != nil {
			return Recorded{}, err
		}
		var texts [4][]byte
		for k, of := range [...]value{v.id, v.verdict, v.sequence, v.recordedAt} {
			text, err := of.text()
			if err != nil {
				return Recorded{}, err
			}
			texts[k] = text
		}
		x.ID, x.Verdict = string(texts[0]), string(texts[1])
		if err := x.numbers("0", string(texts[2]), string(texts[3]), "0"); err != nil {
			return Recorded{}, err
		}
	}
	return Recorded{ID: x.ID, Sequence: x.Sequence, Time: x.RecordedAt,
		Authorization: x.Request.Headers.Get("Authorization"), Verdict: x.Verdict}, nil
}

// replay answers from the cassette.
func (t *Tape) replay(req *http.Request, q *graph.Request) (*http.Response, error) {
	if err := req.Context().Err(); err != nil {
		return nil, err
	}
	id := t.keyers.live(q)
	i, equal := t.index.find(keyWith(t.keyers, &id), true)
	if i < 0 {
		if t.mode == New {
			return nil, ErrMiss
		}
		t.missed.Add(1)
		return nil, t.miss(&id, equal)
	}
	x, err := t.cassette.answer(i)
	if err != nil {
		return nil, err
	}
	if req.Body != nil && t.mode == Replay {
		closeBody(req.Body)
	}
	if err := t.wait(req, x.Response.Duration); err != nil {
		return nil, err
	}
	t.replayed.Add(1)
	return x.answer(req, q), nil
}

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

// wait holds the answer back for as long as the options say, or until the client is gone.
func (t *Tape) wait(req *http.Request, recorded time.Duration) error {
	d := t.options.Latency.Fixed
	if t.options.Latency.Recorded {
		d = recorded
	}
	if d <= 0 {
		return nil
	}
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-req.Context().Done():
		return req.Context().Err()
	}
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
