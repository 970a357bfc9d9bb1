package proxy

import (
	"encoding/json"
	"io"
	"net/http"
	"strings"
	"sync"
	"unicode/utf8"

	"github.com/graphwarden/graphwarden/internal/graph"
	"github.com/graphwarden/graphwarden/internal/policy"
	"github.com/graphwarden/graphwarden/internal/tape"
)

// excerptBytes is the most of a body that is shown. What stands within tornBytes of where a longer body was cut is left
// out too: half a token there could no longer be told for one.
const (
	excerptBytes = 64 << 10
	tornBytes    = 20 << 10
)

// shown is the one redaction of all that is shown; it has no state.
var shown = sync.OnceValue(func() *tape.Shown { return tape.NewShown(tape.Redaction{}) })

// Inspection is an exchange whose answer has been passed on, at hand in full for as long as somebody wants to look at it.
// It still holds the request as it came, so what is to be kept is its Detail.
type Inspection struct {
	exchange Exchange
	header   http.Header
	answer   []byte
	bytes    int64
}

// Detail is an exchange in full. The token and secrets are not in it: bodies, header fields and URLs are redacted as they
// are for a cassette.
type Detail struct {
	ID string
	// RequestLine is the method and the target as the client wrote it.
	Method, Target string
	RequestHeader  http.Header
	RequestBody    Excerpt
	// Form is what the request was understood as, with one more for each part of a $batch. It is nil when the request
	// could not be read.
	Form  *Form
	Parts []Form

	Status         int
	ResponseHeader http.Header
	ResponseBody   Excerpt

	// Miss tells, of a replay that found no recording, how many it searched, how many of this very request are used
	// up, and which come nearest.
	Miss *tape.Miss
}

// Form is the normal form of one request, and what the policies were told of it.
type Form struct {
	// Batch is the part's id in its batch, empty for the request itself.
	Batch     string
	Method    string
	Path      string
	Operation graph.Operation
	Targets   []string
	Token     graph.Token
	// Input is the input document as indented JSON, its secrets taken out.
	Input json.RawMessage
}

// Excerpt is the beginning of a body as text.
type Excerpt struct {
	Text string
	// Bytes is the length of the whole, as it was on the wire for an answer. Cut is true when Text is not all of it.
	Bytes int64
	Cut   bool
}

// ID is that of the exchange.
func (i *Inspection) ID() string { return i.exchange.ID }

// Detail builds the full account. It costs about as much as judging the request did.
func (i *Inspection) Detail() Detail {
	e := &i.exchange
	d := Detail{ID: e.ID, Method: e.Method, Target: shown().URL(e.Path), Status: e.Status, Miss: e.miss}
	if g := e.request; g != nil {
		d.Target = shown().URL(g.RawTarget)
		d.RequestHeader = shown().RequestHeader(g.Header)
		d.RequestBody = excerpt(g.Body, int64(len(g.Body)))
		at := policy.Context{}
		if e.judged != nil {
			at = *e.judged
		}
		form := newForm(g, at)
		d.Form = &form
		for _, part := range g.Parts {
			d.Parts = append(d.Parts, newForm(part, at))
		}
	}
	d.ResponseHeader = shown().ResponseHeader(i.header)
	d.ResponseBody = i.answerExcerpt()
	return d
}

func (i *Inspection) answerExcerpt() Excerpt {
	encoding := i.header.Get("Content-Encoding")
	if encoding == "" || len(i.answer) == 0 {
		return excerpt(i.answer, i.bytes)
	}
	// The beginning of a compressed body cannot be read.
	if int64(len(i.answer)) < i.bytes {
		return Excerpt{Bytes: i.bytes, Cut: true}
	}
	plain, err := graph.DecodeBody(encoding, i.answer, 8<<20)
	if err != nil {
		return Excerpt{Bytes: i.bytes, Cut: true}
	}
	x := excerpt(plain, int64(len(plain)))
	x.Bytes = i.bytes
	return x
}

// excerpt redacts the beginning of a body, total bytes long.
func excerpt(b []byte, total int64) Excerpt {
	x := Excerpt{Bytes: total}
	torn := 0
	if len(b) > excerptBytes+tornBytes {
		b = b[:excerptBytes+tornBytes]
	}
	if int64(len(b)) < total {
		torn, x.Cut = tornBytes, true
	}
	b = shown().Body(b)
	b = b[:max(0, len(b)-torn)]
	if len(b) > excerptBytes {
		b, x.Cut = b[:excerptBytes], true
	}
	if !utf8.Valid(b) {
		x.Text = strings.ToValidUTF8(string(b), "\uFFFD")
		return x
	}
	x.Text = string(b)
	return x
}

func newForm(g *graph.Request, at policy.Context) Form {
	token := g.Token
	if at.Token != nil {
		token = *at.Token
	}
	return Form{
		Batch: g.Batch.ID, Method: g.Method, Path: shown().URL(g.Path.String()), Operation: g.Operation, Targets: describe(g.Targets),
		Token: token, Input: inputFor(g, at),
	}
}

// inputFor is the input document without secrets. Its own member "token" holds claims, not a token, and stays.
func inputFor(g *graph.Request, at policy.Context) json.RawMessage {
	document := policy.Input(g, at)
	for name, value := range document {
		if request, ok := value.(map[string]any); ok && name == "request" {
			request["raw_target"] = shown().URL(g.RawTarget)
		}
		if name == "token" {
			continue
		}
		text, err := json.Marshal(value)
		if err != nil {
			return nil
		}
		if clean := shown().Body(text); json.Valid(clean) {
			document[name] = json.RawMessage(clean)
		} else {
			document[name] = tape.Redacted
		}
	}
	text, err := json.MarshalIndent(document, "", "  ")
	if err != nil {
		return nil
	}
	return text
}

// watch shows the inspector an exchange once its answer has been passed on. Without an inspector it does nothing.
func (w *Warden) watch(e *Exchange, resp *http.Response) {
	if w.settings.Inspect == nil {
		return
	}
	i := &Inspection{exchange: *e, header: resp.Header.Clone()}
	if resp.Body == nil || resp.Body == http.NoBody || resp.StatusCode == http.StatusSwitchingProtocols {
		w.settings.Inspect(i)
		return
	}
	resp.Body = &watchedBody{ReadCloser: resp.Body, i: i, done: w.settings.Inspect}
}

// watchedBody keeps the beginning of an answer while it passes. It tells once, at the end of the body or when it is closed
// before.
type watchedBody struct {
	io.ReadCloser
	i    *Inspection
	done func(*Inspection)
}

func (b *watchedBody) Read(p []byte) (int, error) {
	n, err := b.ReadCloser.Read(p)
	if b.done == nil {
		return n, err
	}
	b.i.bytes += int64(n)
	if room := excerptBytes + tornBytes - len(b.i.answer); room > 0 {
		b.i.answer = append(b.i.answer, p[:min(n, room)]...)
	}
	if err != nil {
		b.tell()
	}
	return n, err
}

func (b *watchedBody) Close() error {
	err := b.ReadCloser.Close()
	b.tell()
	return err
}

func (b *watchedBody) tell() {
	if done := b.done; done != nil {
		b.done = nil
		done(b.i)
	}
}

// Rules are the policies' rules in force, with their levels; none when nothing is judged. Revision names the set.
func (w *Warden) Rules() (rules []policy.Rule, revision string) {
	if w.judge == nil {
		return nil, ""
	}
	return w.judge.Rules(), w.judge.Revision()
}

// Tape tells how the cassettes have been used so far, those of all sessions together.
func (w *Warden) Tape() tape.Stats { return w.sessions.stats() }
