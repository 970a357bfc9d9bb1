package tape

import (
	"bytes"
	"net/http"
	"slices"
	"strconv"
	"time"
)

// Interaction is one recorded request with its response.
type Interaction struct {
	// ID is the start of the request's fingerprint in hex, with -2, -3, … for the repetitions of an equal request.
	ID string
	// Sequence is the interaction's place in the order in which the requests were sent, from 1; 0 if not recorded.
	Sequence int
	// RecordedAt is when the request was sent; zero if not recorded.
	RecordedAt time.Time
	// Verdict is what the policies said of the request.
	Verdict string
	// Encoding is the Content-Encoding the origin used. The body is kept decoded.
	Encoding string
	Request  Request
	Response Response

	// extra are the lines of keys that are not ours, kept as they are.
	extra []byte
}

// Request is the request of an interaction, redacted.
type Request struct {
	Body    string
	Form    map[string][]string
	Headers http.Header
	URL     string
	Method  string
}

// Response is the response of an interaction, redacted, its body decoded.
type Response struct {
	Body     string
	Headers  http.Header
	Status   string
	Code     int
	Duration time.Duration
}

// appendYAML appends the interaction as an item of the list, as yaml.v3 would write it with an indent of 4.
func (x *Interaction) appendYAML(dst []byte) []byte {
	first := true
	key := func(name string) {
		if first {
			dst = append(dst, "    - "...)
			first = false
		} else {
			dst = append(dst, "      "...)
		}
		dst = append(append(dst, name...), ':', ' ')
	}
	text := func(name, s string) {
		if s != "" {
			key(name)
			dst = append(appendScalar(dst, s, 10), '\n')
		}
	}
	if x.ID != "" {
		key("id") // quoted: some ids would read as numbers
		dst = append(appendDouble(dst, x.ID), '\n')
	}
	if x.Sequence > 0 {
		key("sequence")
		dst = append(strconv.AppendInt(dst, int64(x.Sequence), 10), '\n')
	}
	if !x.RecordedAt.IsZero() {
		key("recorded_at")
		dst = append(x.RecordedAt.UTC().AppendFormat(append(dst, '"'), time.RFC3339Nano), '"', '\n')
	}
	text("verdict", x.Verdict)
	text("encoding", x.Encoding)
	if len(x.extra) > 0 {
		if first {
			dst = append(append(dst, "    - "...), bytes.TrimLeft(x.extra, " ")...)
			first = false
		} else {
			dst = append(dst, x.extra...)
		}
	}
	key("request")
	dst = x.Request.appendParts(append(dst[:len(dst)-1], '\n'))
	dst = x.Response.appendStart(dst)
	dst = append(append(dst, "        duration: "...), x.Response.Duration.String()...)
	return append(dst, '\n')
}

// appendParts appends what stands below the key of a request.
func (r *Request) appendParts(dst []byte) []byte {
	dst = appendField(dst, "body", r.Body)
	dst = appendLists(dst, "form", r.Form)
	dst = appendLists(dst, "headers", r.Headers)
	dst = appendField(dst, "url", r.URL)
	return appendField(dst, "method", r.Method)
}

// appendStart appends a response but for its last line, the duration.
func (r *Response) appendStart(dst []byte) []byte {
	dst = append(dst, "      response:\n"...)
	dst = appendField(dst, "body", r.Body)
	dst = appendLists(dst, "headers", r.Headers)
	dst = appendField(dst, "status", r.Status)
	return append(strconv.AppendInt(append(dst, "        code: "...), int64(r.Code), 10), '\n')
}

func appendField(dst []byte, name, s string) []byte {
	dst = append(append(append(dst, "        "...), name...), ": "...)
	return append(appendScalar(dst, s, 12), '\n')
}

func appendLists(dst []byte, name string, m map[string][]string) []byte {
	dst = append(append(dst, "        "...), name...)
	var few [32]string
	keys := few[:0]
	for k := range m {
		keys = append(keys, k)
	}
	if len(keys) == 0 {
		return append(dst, ": {}\n"...)
	}
	dst = append(dst, ":\n"...)
	slices.SortFunc(keys, naturalOrder)
	for _, k := range keys {
		dst = append(dst, "            "...)
		dst = appendKey(dst, k)
		if len(m[k]) == 0 {
			dst = append(dst, " []\n"...)
			continue
		}
		dst = append(dst, '\n')
		for _, v := range m[k] {
			dst = append(dst, "                - "...)
			dst = append(appendScalar(dst, v, 18), '\n')
		}
	}
	return dst
}

// view is one interaction as it stands in the file: found, not decoded.
type view struct {
	id, sequence, recordedAt, verdict, encoding value
	reqBody, url, method                        value
	body, status, code, duration                value
	// justified and coded tell whether the request carried the approval headers.
	justified, coded bool
	// ifMatch and ifNoneMatch are the conditions of the request.
	ifMatch, ifNoneMatch value
	extra                []byte
	// answerAt is where what stands below the response's key begins.
	answerAt int
	// whole is true when the last line is the response's duration: nothing was torn off.
	whole bool
}

// scan reads one item of the list in the canonical shape. The header callbacks may be nil.
func scan(raw []byte, v *view, request, response func(name []byte, v value) error, form func(name []byte, v value) error) error {
	if len(raw) < 8 || oddBreaks(raw) {
		return errShape
	}
	p := &reader{b: raw, i: 6}
	err := p.mapping(6, true, func(key []byte) error {
		v.whole = false
		var err error
		switch string(key) {
		case "id":
			v.id, err = p.scalar(6)
		case "sequence":
			v.sequence, err = p.scalar(6)
		case "recorded_at":
			v.recordedAt, err = p.scalar(6)
		case "verdict":
			v.verdict, err = p.scalar(6)
		case "encoding":
			v.encoding, err = p.scalar(6)
		case "request":
			err = p.part(func(key []byte) error { return v.request(p, key, request, form) })
		case "response":
			v.answerAt = p.i
			err = p.part(func(key []byte) error { return v.response(p, key, response) })
		default:
			start := p.i - len(key) - 1
			p.skip(6)
			v.extra = append(append(v.extra, "      "...), raw[start:p.i]...)
		}
		return err
	})
	if err == nil && p.i < len(raw) {
		err = errShape
	}
	return err
}

// part reads the mapping of a request or a response.
func (p *reader) part(f func(key []byte) error) error {
	if p.i >= len(p.b) || p.b[p.i] != '\n' {
		return errShape
	}
	p.i++
	return p.mapping(8, false, f)
}

func (v *view) request(p *reader, key []byte, headers, form func([]byte, value) error) (err error) {
	switch string(key) {
	case "body":
		v.reqBody, err = p.scalar(8)
	case "url":
		v.url, err = p.scalar(8)
	case "method":
		v.method, err = p.scalar(8)
	case "headers":
		err = p.lists(8, func(name []byte, value value) error {
			if len(name) == len(justificationHeader) && bytes.EqualFold(name, []byte(justificationHeader)) {
				v.justified = true
			} else if len(name) == len(codeHeader) && bytes.EqualFold(name, []byte(codeHeader)) {
				v.coded = true
			} else if bytes.EqualFold(name, []byte(ifMatchHeader)) {
				v.ifMatch = value
			} else if bytes.EqualFold(name, []byte(ifNoneMatchHeader)) {
				v.ifNoneMatch = value
			}
			if headers == nil {
				return nil
			}
			return headers(name, value)
		})
	case "form":
		err = p.lists(8, func(name []byte, value value) error {
			if form == nil {
				return nil
			}
			return form(name, value)
		})
	default:
		p.skip(8)
	}
	return err
}

func (v *view) response(p *reader, key []byte, headers func([]byte, value) error) (err error) {
	switch string(key) {
	case "body":
		v.body, err = p.scalar(8)
	case "status":
		v.status, err = p.scalar(8)
	case "code":
		v.code, err = p.scalar(8)
	case "duration":
		v.duration, err = p.scalar(8)
		v.whole = p.i == len(p.b) && len(v.duration.raw) > 0 && v.duration.raw[len(v.duration.raw)-1] == 's'
	case "headers":
		err = p.lists(8, func(name []byte, value value) error {
			if headers == nil {
				return nil
			}
			return headers(name, value)
		})
	default:
		p.skip(8)
	}
	return err
}
