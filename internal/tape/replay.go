package tape

import (
	"bytes"
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
	if r, ok := t.quickRecorded(i); ok {
		return r, true
	}
	r, err := t.cassette.recorded(i)
	return r, err == nil
}

// quickRecorded is recorded for an interaction as a recorder of ours leaves it; false for all others.
func (t *Tape) quickRecorded(i int) (r Recorded, ok bool) {
	if _, changed := t.cassette.changed[i]; changed {
		return r, false
	}
	p := &reader{b: t.cassette.raw(i)}
	id, ok1 := p.behind("    - id: ", 10)
	sequence, ok2 := p.behind("      sequence: ", 10)
	at, ok3 := p.behind("      recorded_at: ", 10)
	if !ok1 || !ok2 || !ok3 {
		return r, false
	}
	verdict, _ := p.behind("      verdict: ", 10)
	p.behind("      encoding: ", 10)
	if !p.take("      request:\n") {
		return r, false
	}
	_, ok1 = p.behind("        body: ", 12)
	if !ok1 || !p.take("        form: {}\n        headers:\n") {
		return r, false
	}
	for seen := false; p.take("            "); {
		named := p.take("Authorization:\n")
		if named && seen {
			return r, false
		}
		seen = seen || named
		if !named {
			n := bytes.IndexByte(p.b[p.i:], '\n')
			if n < 2 || p.b[p.i+n-1] != ':' || !isLetter(p.b[p.i]) {
				return r, false
			}
			p.i += n + 1
		}
		for text, ok := p.behind("                - ", 18); ok; text, ok = p.behind("                - ", 18) {
			if named {
				r.Authorization = t.redact.requestFields["Authorization"].list(text)[0]
				named = false
			}
		}
	}
	if !p.take("        url: ") {
		return r, false
	}
	n, err := strconv.Atoi(string(sequence))
	if err != nil {
		return r, false
	}
	r.Time, err = time.Parse(time.RFC3339Nano, string(at))
	r.ID, r.Sequence, r.Verdict = string(id), n, string(verdict)
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
	resp, took, ok := t.respond(i, req, q)
	if !ok {
		x, err := t.cassette.answer(i)
		if err != nil {
			return nil, err
		}
		resp, took = x.answer(req, q), x.Response.Duration
	}
	if req.Body != nil && t.mode == Replay {
		closeBody(req.Body)
	}
	if err := t.wait(req, took); err != nil {
		return nil, err
	}
	t.replayed.Add(1)
	return resp, nil
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
