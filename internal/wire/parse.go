package wire

import (
	"bytes"
	"net/http"
	"strings"
)

// whole reads an answer that is here from its first byte to its last and as plain as nearly all are: HTTP/1.1, well formed,
// of known length or in chunks without trailers, on a connection that goes on. n is how long it is; ok is false for
// whatever else, which net/http reads: nothing is taken here that it reads otherwise.
func whole(r *http.Request, here []byte) (resp *http.Response, n int, ok bool) {
	end := bytes.Index(here, endOfHead)
	if end < 0 || r.Method == http.MethodHead || r.Method == http.MethodConnect {
		return nil, 0, false
	}
	// One string for all fields: the answer is as short-lived as they are.
	p := plain{head: string(here[:end+2])}
	if !p.statusLine() || !p.fields() {
		return nil, 0, false
	}
	body := here[end+len(endOfHead):]
	var kept []byte
	switch {
	case p.status == http.StatusNoContent || p.status == http.StatusNotModified:
		if p.length > 0 || p.chunked {
			return nil, 0, false
		}
		p.length, body = 0, nil
	case p.chunked:
		kept, n, ok = chunks(body)
		if !ok {
			return nil, 0, false
		}
		body, p.length = body[:n], -1
	case p.length < 0 || p.length > len(body):
		return nil, 0, false
	default:
		body = body[:p.length]
		kept = append(make([]byte, 0, len(body)), body...)
	}
	a := &struct {
		http.Response
		Body
	}{}
	a.Response = http.Response{
		Status: p.statusText, StatusCode: p.status, Proto: "HTTP/1.1", ProtoMajor: 1, ProtoMinor: 1,
		Header: p.header, ContentLength: int64(p.length), Request: r, Body: http.NoBody,
	}
	if p.chunked {
		a.TransferEncoding = []string{"chunked"}
	}
	if p.chunked || p.length > 0 {
		a.Body.b = kept
		a.Response.Body = &a.Body
	}
	return &a.Response, end + len(endOfHead) + len(body), true
}

var (
	endOfHead   = []byte("\r\n\r\n")
	endOfLine   = []byte("\r\n")
	endOfChunks = []byte("\r\n0\r\n\r\n") // RFC 9112 section 7.1
)

// plain is the head of a plain answer.
type plain struct {
	head       string // what is left to be read; its last line is ended
	statusText string
	status     int
	header     http.Header
	length     int // -1 unless it is said
	chunked    bool
}

func (p *plain) line() (string, bool) {
	line, rest, ok := strings.Cut(p.head, "\r\n")
	p.head = rest
	return line, ok
}

func (p *plain) statusLine() bool {
	line, ok := p.line()
	const version = "HTTP/1.1 "
	if !ok || len(line) < len(version)+4 || line[:len(version)] != version || line[len(version)+3] != ' ' {
		return false
	}
	p.statusText = line[len(version):]
	for i := range 3 {
		d := p.statusText[i] - '0'
		if d > 9 {
			return false
		}
		p.status = p.status*10 + int(d)
	}
	return p.status >= 200 && p.statusText == strings.TrimSpace(p.statusText) && isFieldValue(p.statusText)
}

func (p *plain) fields() (ok bool) {
	p.length = -1
	p.header, ok = readFields(p.head, p.take)
	return ok && (!p.chunked || p.length < 0)
}

func (p *plain) take(name, value string, again bool) (keep, ok bool) {
	switch name {
	case "Content-Length":
		p.length = number(value)
		return true, p.length >= 0 && !again
	case "Transfer-Encoding": // not kept, as net/http does not
		again, p.chunked = p.chunked, true
		return false, value == "chunked" && !again
	case "Connection", "Trailer", "Pragma":
		return false, false
	}
	return true, true
}

// number reads a length that no reader reads otherwise; -1 if it is none.
func number(s string) int {
	if s == "" || len(s) > 9 {
		return -1
	}
	n := 0
	for i := range len(s) {
		d := s[i] - '0'
		if d > 9 {
			return -1
		}
		n = n*10 + int(d)
	}
	return n
}

// chunks reads a chunked body whose every chunk is plain and here, without extensions and trailers. n is how long it was.
func chunks(b []byte) (body []byte, n int, ok bool) {
	body = make([]byte, 0, len(b))
	for {
		size, digits := 0, 0
		for ; n+digits < len(b) && digits < 6; digits++ {
			d := unhex(b[n+digits])
			if d < 0 {
				break
			}
			size = size<<4 | d
		}
		n += digits
		if digits == 0 || !bytes.HasPrefix(b[n:], endOfLine) {
			return nil, 0, false
		}
		n += 2
		if len(b)-n < size+2 || b[n+size] != '\r' || b[n+size+1] != '\n' {
			return nil, 0, false
		}
		body = append(body, b[n:n+size]...)
		if n += size + 2; size == 0 {
			return body, n, true
		}
	}
}

func unhex(c byte) int {
	switch {
	case c >= '0' && c <= '9':
		return int(c - '0')
	case c|0x20 >= 'a' && c|0x20 <= 'f':
		return int(c|0x20-'a') + 10
	}
	return -1
}

// usual are the names that requests to Graph and its answers have, as they may be spelt, so that reading one need not make
// it anew.
var usual = func() map[string]string {
	m := map[string]string{}
	for _, name := range []string{
		"Access-Control-Allow-Origin", "Access-Control-Expose-Headers", "Cache-Control", "Client-Request-Id", "Content-Encoding", "Content-Length",
		"Content-Location", "Content-Type", "Date", "Deprecation", "Etag", "Link", "Location", "Odata-Version", "Preference-Applied",
		"Request-Id", "Retry-After", "Server", "Strict-Transport-Security", "Sunset", "Transfer-Encoding", "Vary", "X-Content-Type-Options",
		"Accept", "Accept-Encoding", "Accept-Language", "Authorization", "Connection", "Consistencylevel", "Host", "If-Match", "If-None-Match",
		"Prefer", "Retry-Attempt", "Sdkversion", "Traceparent", "User-Agent", "X-Graphwarden-Session", "X-Ms-Client-Request-Id",
		"X-Ms-Ags-Diagnostic", "X-Ms-Resource-Unit", "X-Ms-Throttle-Information", "X-Ms-Throttle-Limit-Percentage", "X-Ms-Throttle-Scope",
	} {
		m[name], m[strings.ToLower(name)] = name, name
	}
	for odd, name := range map[string]string{
		"ETag": "Etag", "OData-Version": "Odata-Version", "ConsistencyLevel": "Consistencylevel", "SdkVersion": "Sdkversion",
	} {
		m[odd] = name
	}
	return m
}()

func canonical(name string) string {
	if known, ok := usual[name]; ok {
		return known
	}
	return http.CanonicalHeaderKey(name)
}
