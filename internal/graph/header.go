package graph

import (
	"net/http"
	"strings"
)

// readHeader copies the end-to-end fields of r into q.Header and takes out Content-Encoding, which it returns. What
// could make two readers see two requests is refused. With take it is r's own map, where no field needs another name.
func (q *Request) readHeader(r *http.Request, take bool) (encodings []string, refusal *Refusal) {
	if len(r.Trailer) > 0 {
		return nil, Refuse(MalformedRequest, "trailers: send every field in the header")
	}
	named := connectionNames(r.Header)
	if take && canonicalNames(r.Header) {
		return q.takeHeader(r, named)
	}
	h := make(http.Header, len(r.Header))
	count := 0
	for _, v := range r.Header {
		count += len(v)
	}
	values := make([]string, 0, count)
	for name, v := range r.Header {
		key := http.CanonicalHeaderKey(name)
		if refusal := checkField(key, v); refusal != nil {
			return nil, refusal
		}
		if _, twice := h[key]; twice { // a client's map may hold one name in two spellings
			return nil, Refuse(MalformedRequest, "header %s in two spellings: send it once", clip(key))
		}
		if key == "Content-Encoding" {
			encodings = v
			continue
		}
		if isHopByHop(key) || containsFold(named, key) {
			continue
		}
		start := len(values)
		values = append(values, v...)
		h[key] = values[start:len(values):len(values)]
	}
	if len(r.TransferEncoding) > 0 && len(r.Header["Content-Length"]) > 0 && !isRead(q.Method) {
		return nil, Refuse(MalformedRequest, "both Transfer-Encoding and Content-Length: send one of them")
	}
	q.Header = h
	return encodings, nil
}

// canonicalNames tells whether every field bears its canonical name, as those that net/http has read do.
func canonicalNames(h http.Header) bool {
	for name := range h {
		if http.CanonicalHeaderKey(name) != name {
			return false
		}
	}
	return true
}

// takeHeader is readHeader without a copy.
func (q *Request) takeHeader(r *http.Request, named []string) (encodings []string, refusal *Refusal) {
	h := r.Header
	length := len(h["Content-Length"]) > 0
	for key, v := range h {
		if refusal := checkField(key, v); refusal != nil {
			return nil, refusal
		}
		if key == "Content-Encoding" {
			encodings = v
			delete(h, key)
		} else if isHopByHop(key) || len(named) > 0 && containsFold(named, key) {
			delete(h, key)
		}
	}
	if len(r.TransferEncoding) > 0 && length && !isRead(q.Method) {
		return nil, Refuse(MalformedRequest, "both Transfer-Encoding and Content-Length: send one of them")
	}
	q.Header = h
	return encodings, nil
}

// checkField refuses the fields that change what a request is, and the ones that must stand alone.
func checkField(key string, values []string) *Refusal {
	switch key {
	case "X-Http-Method", "X-Http-Method-Override", "X-Method-Override":
		return Refuse(MalformedRequest, "header %s: send the method itself", key)
	case "Upgrade":
		return Refuse(MalformedRequest, "header Upgrade: Graph is spoken in HTTP only, leave it out")
	case "Trailer":
		return Refuse(MalformedRequest, "trailers: send every field in the header")
	case "Authorization", "Host", "Content-Type", "Content-Length":
		if len(values) > 1 {
			return Refuse(MalformedRequest, "%d %s headers: send one", len(values), key)
		}
	}
	return nil
}

// connectionNames are the fields that Connection declares to be for this hop only (RFC 9110 7.6.1).
func connectionNames(h http.Header) []string {
	var names []string
	for _, v := range h["Connection"] {
		for name := range strings.SplitSeq(v, ",") {
			if name = strings.TrimSpace(name); name != "" {
				names = append(names, name)
			}
		}
	}
	return names
}

// isHopByHop tells the fields that end here: those of RFC 9110 7.6.1, and those that describe framing we make
// anew (the body is forwarded decoded, whole and of known length).
func isHopByHop(key string) bool {
	switch key {
	case "Connection", "Keep-Alive", "Te", "Transfer-Encoding", "Upgrade", "Trailer",
		"Host", "Content-Length", "Expect", "Http2-Settings":
		return true
	}
	return strings.HasPrefix(key, "Proxy-")
}
