package graph

import (
	"bytes"
	"io"
	"net/http"
	"strconv"
	"time"
)

// Meta is what a refusal tells about the exchange it ends.
type Meta struct {
	// ID is the request-id and the decision's id.
	ID string
	// ClientRequestID is the caller's client-request-id; it is echoed, as Graph does. Where there is none, or it is
	// not plain printable ASCII of at most 128 bytes, the ID stands in, as Graph does as well.
	ClientRequestID string
	// Origin is the Origin header of a browser's request; with it the answer carries CORS headers.
	Origin string
	// Time is when the request was read.
	Time time.Time
}

// Meta is what a refusal of q tells about it.
func (q *Request) Meta() Meta {
	return Meta{ID: q.ID, ClientRequestID: q.Header.Get("Client-Request-Id"), Origin: q.Header.Get("Origin"), Time: q.Time}
}

// clientRequestID is the id to echo. What a client sends lands in a header and in JSON, so only text that is harmless in both
// is sent back.
func (m Meta) clientRequestID() string {
	if m.ClientRequestID == "" || len(m.ClientRequestID) > 128 {
		return m.ID
	}
	for _, c := range []byte(m.ClientRequestID) {
		if c < 0x20 || c > 0x7e {
			return m.ID
		}
	}
	return m.ClientRequestID
}

// Body is the refusal in Graph's error shape.
func (r *Refusal) Body(m Meta) []byte {
	size := 256 + len(r.Message) + 2*len(m.ID)
	for _, d := range r.Details {
		size += 64 + len(d.Code) + len(d.Message) + len(d.Target)
	}
	return r.appendBody(make([]byte, 0, size), m)
}

func (r *Refusal) appendBody(b []byte, m Meta) []byte {
	b = appendText(append(b, `{"error":{"code":`...), string(r.Code))
	b = appendText(append(b, `,"message":`...), r.Message)
	for i, d := range r.Details {
		if i == 0 {
			b = append(b, `,"details":[`...)
		} else {
			b = append(b, ',')
		}
		b = appendText(append(b, `{"code":`...), d.Code)
		b = appendText(append(b, `,"message":`...), d.Message)
		if d.Target != "" {
			b = appendText(append(b, `,"target":`...), d.Target)
		}
		b = append(b, '}')
		if i == len(r.Details)-1 {
			b = append(b, ']')
		}
	}
	// Graph writes the date without a zone; it means UTC.
	b = append(b, `,"innerError":{"date":"`...)
	b = m.Time.UTC().AppendFormat(b, "2006-01-02T15:04:05")
	b = appendText(append(b, `","request-id":`...), m.ID)
	b = appendText(append(b, `,"client-request-id":`...), m.clientRequestID())
	return append(b, "}}}"...)
}

// exposed are the response headers a script in a browser may read.
const exposed = "request-id, client-request-id, X-Graphwarden-Decision"

// Response is the refusal as the answer to req, which may be nil. The connection stays open.
func (r *Refusal) Response(req *http.Request, m Meta) *http.Response {
	body := r.Body(m)
	status := r.Code.Status()
	h := http.Header{
		"Content-Type":           {"application/json"},
		"Cache-Control":          {"no-store"},
		"Request-Id":             {m.ID},
		"Client-Request-Id":      {m.clientRequestID()},
		"X-Graphwarden-Decision": {m.ID},
	}
	if m.Origin != "" {
		// Graph answers every origin alike; echoing the value would only add a way to put text into a header.
		h["Access-Control-Allow-Origin"] = []string{"*"}
		h["Access-Control-Expose-Headers"] = []string{exposed}
	}
	resp := &http.Response{
		Status:        strconv.Itoa(status) + " " + http.StatusText(status),
		StatusCode:    status,
		Proto:         "HTTP/1.1",
		ProtoMajor:    1,
		ProtoMinor:    1,
		Header:        h,
		Body:          io.NopCloser(bytes.NewReader(body)),
		ContentLength: int64(len(body)),
		Request:       req,
	}
	if req != nil && req.Method == http.MethodHead {
		resp.Body = http.NoBody
	}
	return resp
}
