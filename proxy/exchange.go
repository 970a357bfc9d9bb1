package proxy

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"runtime/debug"
	"strings"
	"time"

	"github.com/graphwarden/graphwarden/internal/graph"
	"github.com/graphwarden/graphwarden/internal/policy"
	"github.com/graphwarden/graphwarden/internal/tape"
	"github.com/graphwarden/graphwarden/internal/wire"
)

// Source says who made an answer.
type Source string

// The makers of an answer.
const (
	FromOrigin   Source = "origin"
	FromCassette Source = "cassette"
	FromProxy    Source = "proxy" // a refusal
)

// Exchange is one finished exchange, as an observer sees it. It holds no token and no body.
type Exchange struct {
	ID        string
	Time      time.Time
	Method    string
	Host      string
	Path      string // canonical, without the query
	Operation string // update, create, delete, assign, action, ref or read
	Resource  string
	Governed  bool // a write that was judged
	// Targets are whom the change assigns to, in words.
	Targets []string
	// Verdict is allow, warn or deny; empty when nothing was judged. Enforced is false where a deny was let through.
	Verdict    string
	Enforced   bool
	Violations []Violation
	// Refusal is the code of the refusal the client got, empty where it got an answer.
	Refusal string
	Message string // of the refusal
	Source  Source
	Status  int
	// Duration is from the request being read to the response's head being at hand; Judged is the judge's share, Answered
	// that of the tape and the origin.
	Duration, Judged, Answered time.Duration
	// Session is the name the client gave with the proxy's address, empty when it gave none.
	Session string

	session *session        // nil before it was entered
	request *graph.Request  // nil when it could not be read
	judged  *policy.Context // nil unless somebody inspects
	miss    *tape.Miss      // nil unless a replay found no recording
}

// TraceContext is what the client said of the trace this exchange belongs to (W3C Trace Context), empty where it said nothing.
func (e *Exchange) TraceContext() (traceparent, tracestate string) {
	if e.request == nil {
		return "", ""
	}
	return e.request.Header.Get("Traceparent"), e.request.Header.Get("Tracestate")
}

// Violation is a rule that spoke about a change.
type Violation struct {
	ID, Level, Message, Pointer, Fix string
	// Package is the Rego package of the rule, Location its file:line.
	Package, Location string
}

// carry takes one request to Graph all the way to its response: read, judge, tape. The error is that of a client that
// went away; everything else is a response.
func (w *Warden) carry(r *http.Request, conn graph.Connection) (*http.Response, error) {
	g, err := w.readRequest(r, conn)
	if err != nil {
		return w.unread(r, err), nil
	}
	return w.exchange(r.Context(), r, g)
}

// readRequest reads a request. The header that names a session goes no further.
func (w *Warden) readRequest(r *http.Request, conn graph.Connection) (*graph.Request, error) {
	if names, ok := r.Header[sessionHeader]; ok {
		delete(r.Header, sessionHeader)
		if len(names) != 1 {
			return nil, graph.Refuse(graph.MalformedRequest, "the header %s names several sessions: send one", sessionHeader)
		}
		conn.Session = names[0]
	}
	return graph.Read(r, conn, w.read)
}

// unread answers a request that could not be read.
func (w *Warden) unread(r *http.Request, err error) *http.Response {
	e := Exchange{Time: w.settings.Now(), Method: r.Method, Host: r.Host, Path: pathOnly(r.RequestURI)}
	e.Governed = r.Method != http.MethodGet && r.Method != http.MethodHead && r.Method != http.MethodOptions
	refusal := asRefusal(err)
	w.unjudged(r, &e, refusal)
	return w.refuse(r, &e, refusal, r.Header)
}

// exchange judges a request that was read and lets the tape answer it.
func (w *Warden) exchange(ctx context.Context, r *http.Request, g *graph.Request) (resp *http.Response, err error) {
	e := Exchange{
		ID: g.ID, Time: g.Time, Method: g.Method, Host: g.Host, Path: g.Path.String(),
		Operation: g.Operation.Name, Resource: g.Operation.Resource, Targets: describe(g.Targets),
		Session: g.Connection.Session, request: g,
	}
	s, err := w.sessions.enter(g.Connection.Session)
	if err != nil {
		return w.refuse(r, &e, s.refusalOf(err), g.Header), nil
	}
	defer s.leave()
	e.session = s
	passedOn := false
	defer func() {
		// A fault of ours must neither end the process nor let an unjudged change through.
		if p := recover(); p != nil {
			w.log.Error("internal fault", "fault", fmt.Sprint(p), "stack", string(debug.Stack()))
			outcome := "the request was not sent on"
			if passedOn {
				outcome = "whether the change was made is not known"
			}
			resp, err = w.refuse(r, &e, graph.Refuse(graph.InternalError, "graphwarden met a fault of its own; %s", outcome), g.Header), nil
		}
	}()
	verdict, edited, refusal := w.verdict(ctx, g, &e)
	if refusal != nil {
		return w.refuse(r, &e, refusal, g.Header), nil
	}
	if edited != nil && edited.answer != nil {
		resp = edited.response(r)
		w.finish(&e, FromProxy, resp.StatusCode)
		w.watch(&e, resp)
		w.keep(&e, "refused")
		return resp, nil
	}
	if err := w.writeLedger(&e, "judged"); err != nil {
		w.log.Error("ledger", "error", err)
		return w.refuse(r, &e, graph.Refuse(graph.PolicyUnavailable, "the ledger cannot be written, so no change is let through"), g.Header), nil
	}
	sent := g
	if edited != nil {
		sent = edited.request
	}
	if s.mode() != tape.Live { // a live tape looks at nothing
		ctx = graph.NewContext(ctx, sent)
		if verdict != "" {
			ctx = tape.WithVerdict(ctx, verdict)
		}
	}
	out, err := w.outgoing(ctx, sent)
	if err != nil {
		return w.refuse(r, &e, graph.Refuse(graph.InternalError, "the request could not be written anew"), g.Header), nil
	}
	if w.faults != nil {
		if resp, err := w.inject(ctx, r, g, &e); err == errReset {
			return nil, err
		} else if err != nil {
			return w.failed(r, &e, g, err)
		} else if resp != nil {
			return resp, nil
		}
	}
	passedOn = true
	sentAt := time.Now()
	resp, err = s.tape.Load().RoundTrip(out)
	e.Answered = time.Since(sentAt)
	if err != nil {
		return w.failed(r, &e, g, err)
	}
	if edited != nil {
		if resp, err = edited.merge(resp); err != nil {
			return w.refuse(r, &e, graph.Refuse(graph.OriginUnreachable, "the answer to the batch could not be read"), g.Header), nil
		}
	}
	stripHopByHop(resp.Header)
	mark(resp.Header, &e)
	source := FromOrigin
	if s.mode() == tape.Replay {
		source = FromCassette
	}
	w.finish(&e, source, resp.StatusCode)
	w.watch(&e, resp)
	w.keep(&e, "answered")
	return resp, nil
}

// failed turns an error of the tape or the origin into an answer; a client that went away gets its own error back.
func (w *Warden) failed(r *http.Request, e *Exchange, g *graph.Request, err error) (*http.Response, error) {
	if ctxErr := r.Context().Err(); ctxErr != nil {
		e.Message = "the client went away"
		w.finish(e, FromProxy, 499)
		return nil, ctxErr
	}
	if errors.As(err, &e.miss) {
		e.session.miss(e.miss)
	}
	return w.refuse(r, e, asRefusal(err), g.Header), nil
}

// asRefusal finds the refusal in an error; an error that is none came from the origin.
func asRefusal(err error) *graph.Refusal {
	var refusal *graph.Refusal
	if errors.As(err, &refusal) {
		return refusal
	}
	var miss *tape.Miss
	if errors.As(err, &miss) {
		return miss.Refusal()
	}
	return graph.Refuse(graph.OriginUnreachable, "%s", explainOrigin(err))
}

// refuse answers with a refusal in Graph's shape and closes the exchange's account.
func (w *Warden) refuse(r *http.Request, e *Exchange, refusal *graph.Refusal, h http.Header) *http.Response {
	e.Refusal, e.Message = string(refusal.Code), refusal.Message
	if e.ID == "" {
		e.ID = graph.NewID()
	}
	resp := refusal.Response(r, graph.Meta{
		ID: e.ID, ClientRequestID: h.Get("Client-Request-Id"), Origin: h.Get("Origin"), Time: e.Time,
	})
	w.finish(e, FromProxy, resp.StatusCode)
	w.watch(e, resp)
	w.keep(e, "refused")
	return resp
}

// sending is what one request on its way out is made of, in one piece.
type sending struct {
	request http.Request
	url     url.URL
	body    wire.Body
}

// outgoing writes a request anew from its one reading: canonical target, one Host, the decoded body and its length.
func (w *Warden) outgoing(ctx context.Context, g *graph.Request) (*http.Request, error) {
	s := &sending{url: url.URL{Scheme: "https", Host: g.Host}}
	u := &s.url
	w.origin.address(u)
	if len(g.Path.Segments) > 0 && u.Scheme == "https" {
		u.Opaque = g.Path.Target() // sent as it stands, where a path would be taken apart and put together again
	} else { // a read whose target has no normal form, or in clear, where a proxy must be told the host
		parsed, err := url.ParseRequestURI(g.Path.Target())
		if err != nil {
			return nil, fmt.Errorf("write target anew: %w", err)
		}
		parsed.Scheme, parsed.Host = u.Scheme, u.Host
		u = parsed
	}
	s.request = http.Request{
		Method: g.Method, URL: u, Host: g.Host, Header: g.Header, Proto: "HTTP/1.1", ProtoMajor: 1, ProtoMinor: 1,
		Body: http.NoBody,
	}
	if len(g.Body) > 0 && w.origin != nil { // a replay has read it already
		s.body = wire.BodyOf(g.Body)
		s.request.ContentLength, s.request.Body = int64(len(g.Body)), &s.body
	}
	return s.request.WithContext(ctx), nil
}

// mark tells a client on its answer what the judge thought of a change that was let through.
func mark(h http.Header, e *Exchange) {
	if e.Verdict != string(policy.Warn) && e.Verdict != string(policy.Deny) {
		return
	}
	ids := make([]string, 0, len(e.Violations))
	for _, v := range e.Violations {
		if v.Level != policy.LevelAudit {
			ids = append(ids, v.ID)
		}
	}
	h.Set("X-Graphwarden-Verdict", e.Verdict+"; "+strings.Join(ids, ", "))
}

var hopByHop = []string{
	"Connection", "Keep-Alive", "Proxy-Authenticate", "Proxy-Authorization", "Proxy-Connection", "Te", "Transfer-Encoding", "Upgrade",
}

// stripHopByHop removes the fields that speak of the connection to the origin alone (RFC 9110 section 7.6.1).
func stripHopByHop(h http.Header) {
	for _, line := range h["Connection"] {
		for name := range strings.SplitSeq(line, ",") {
			h.Del(strings.TrimSpace(name))
		}
	}
	for _, name := range hopByHop {
		delete(h, name)
	}
}

func pathOnly(target string) string {
	path, _, _ := strings.Cut(target, "?")
	return path
}
