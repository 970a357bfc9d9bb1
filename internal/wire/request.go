package wire

import (
	"bytes"
	"net/http"
	"net/url"
	"strings"
)

// found is what was made of the bytes of a request.
type found int

const (
	halfAHead found = iota
	halfABody
	plainRequest
	otherRequest
)

// asked reads a request that is here from its first byte to its last and as plain as nearly all are: HTTP/1.1, well
// formed, in origin form, with a body of known length or none, on a connection that goes on. n is how long it is. Nothing is
// taken here that net/http reads otherwise.
func (k *served) asked(here []byte) (_ *http.Request, n int, _ found) {
	end := bytes.Index(here, endOfHead)
	switch {
	case end < 0 && len(here) < k.s.HeaderBytes:
		return nil, 0, halfAHead
	case end < 0 || end > k.s.HeaderBytes:
		return nil, 0, otherRequest
	}
	// One string for all fields: the request is as short-lived as they are.
	line, head, _ := strings.Cut(string(here[:end+2]), "\r\n")
	method, target, ok := requestLine(line)
	if !ok {
		return nil, 0, otherRequest
	}
	q := askedFields{length: -1}
	header, ok := readFields(head, q.take)
	if !ok || !q.hosted {
		return nil, 0, otherRequest
	}
	length := max(q.length, 0)
	if length > MaxBody {
		return nil, 0, otherRequest
	}
	body := here[end+len(endOfHead):]
	if len(body) < length {
		return nil, 0, halfABody
	}
	u, err := url.ParseRequestURI(target)
	if err != nil {
		return nil, 0, otherRequest
	}
	a := &struct {
		http.Request
		Body
	}{Request: *k.base}
	r := &a.Request
	r.Method, r.RequestURI, r.URL, r.Host, r.Header = method, target, u, q.host, header
	r.Body = http.NoBody
	if length > 0 {
		a.Body.b = append(make([]byte, 0, length), body[:length]...)
		r.Body, r.ContentLength = &a.Body, int64(length)
	}
	return r, end + len(endOfHead) + length, plainRequest
}

func requestLine(line string) (method, target string, ok bool) {
	const version = " HTTP/1.1"
	line, ok = strings.CutSuffix(line, version)
	if !ok {
		return "", "", false
	}
	method, target, ok = strings.Cut(line, " ")
	return method, target, ok && isToken(method) && method != http.MethodConnect && isVisible(target) && target[0] == '/'
}

// askedFields is what the fields of a request say that changes how it is read.
type askedFields struct {
	host   string
	hosted bool
	length int
}

func (q *askedFields) take(name, value string, again bool) (keep, ok bool) {
	switch name {
	case "Host":
		if again = q.hosted; !isHost(value) {
			return false, false
		}
		q.host, q.hosted = value, true
		return false, !again
	case "Content-Length":
		q.length = number(value)
		return true, q.length >= 0 && !again
	case "Connection":
		return true, strings.EqualFold(value, "keep-alive")
	case "Transfer-Encoding", "Trailer", "Expect", "Upgrade", "Te", "Pragma", "Http2-Settings":
		return false, false
	}
	return true, true
}

// isHost tells whether a string is an authority without any of the characters that readers disagree on.
func isHost(s string) bool {
	for i := range len(s) {
		c := s[i]
		if c|0x20 < 'a' || c|0x20 > 'z' {
			if (c < '0' || c > '9') && c != '.' && c != '-' && c != ':' {
				return false
			}
		}
	}
	return s != ""
}

// readFields reads fields in full; take tells whether one is kept, and whether it may be there at all.
func readFields(head string, take func(name, value string, again bool) (keep, ok bool)) (http.Header, bool) {
	count := strings.Count(head, "\n")
	h := make(http.Header, count)
	values := make([]string, 0, count)
	for head != "" {
		line, rest, ok := strings.Cut(head, "\r\n")
		head = rest
		colon := strings.IndexByte(line, ':')
		if !ok || colon < 1 {
			return nil, false
		}
		name, value := line[:colon], strings.Trim(line[colon+1:], " \t")
		if !isToken(name) || !isFieldValue(value) {
			return nil, false
		}
		name = canonical(name)
		before, again := h[name]
		keep, ok := take(name, value, again)
		switch {
		case !ok:
			return nil, false
		case !keep:
		case again:
			h[name] = append(before, value)
		default:
			values = append(values, value)
			h[name] = values[len(values)-1 : len(values) : len(values)]
		}
	}
	return h, true
}
