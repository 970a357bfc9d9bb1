package tape

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	"gopkg.in/yaml.v3"
)

// formatTwo is go-vcr's format 2, of its versions 3 and 4. Its YAML is handled as JSON; a string that is no text becomes
// base64 behind a mark.
type formatTwo struct{}

func (formatTwo) name() string           { return "vcr2" }
func (formatTwo) atomic(key string) bool { return key == "body" }
func (formatTwo) envelope() object       { return object{{"version", 2}} }

const (
	base64Mark = "\x00base64:"
	// behind is the key of the envelope for what stands behind the first document.
	behind = "..."
)

// FormatTwo is the cassette in go-vcr's format 2, for its versions 3 and 4.
func (c *Cassette) FormatTwo() ([]byte, error) {
	if c.Format == 2 { // read without Import
		return c.Bytes(), nil
	}
	return writeForeign(c, formatTwo{})
}

func (formatTwo) split(file []byte) (json.RawMessage, []json.RawMessage, error) {
	doc, tail := file, []byte(nil)
	if len(file) > 4 {
		for _, mark := range []string{"\n---", "\n..."} {
			if i := bytes.Index(doc[4:], []byte(mark)); i >= 0 {
				doc, tail = file[:4+i+1], file[4+i+1:]
			}
		}
	}
	var fields map[string]any
	if err := yaml.Unmarshal(doc, &fields); err != nil {
		return nil, nil, fmt.Errorf("read format 2: %s", strings.TrimPrefix(err.Error(), "yaml: "))
	}
	list, ok := fields["interactions"].([]any)
	if !ok && fields["interactions"] != nil {
		return nil, nil, errors.New("read format 2: the interactions are no list")
	}
	delete(fields, "interactions")
	if len(tail) > 0 {
		fields[behind] = string(tail)
	}
	entries := make([]json.RawMessage, len(list))
	for i, e := range list {
		entries[i] = marshal(marked(e))
	}
	return marshal(marked(fields)), entries, nil
}

// marked is a value as JSON can tell it.
func marked(v any) any {
	switch v := v.(type) {
	case string:
		if !utf8.ValidString(v) || strings.HasPrefix(v, base64Mark) {
			return base64Mark + base64.StdEncoding.EncodeToString([]byte(v))
		}
	case time.Time:
		return v.Format(time.RFC3339Nano)
	case []any:
		for i := range v {
			v[i] = marked(v[i])
		}
	case map[string]any:
		for key := range v {
			v[key] = marked(v[key])
		}
	case map[any]any:
		m := make(map[string]any, len(v))
		for key, e := range v {
			m[fmt.Sprint(key)] = marked(e)
		}
		return m
	case float64:
		if v != v || v > 1e308 || v < -1e308 { // JSON has no name for them
			return fmt.Sprint(v)
		}
	}
	return v
}

func unmarked(s string) string {
	if rest, ok := strings.CutPrefix(s, base64Mark); ok {
		if b, err := base64.StdEncoding.DecodeString(rest); err == nil {
			return string(b)
		}
	}
	return s
}

func (formatTwo) join(envelope json.RawMessage, entries []json.RawMessage) ([]byte, error) {
	var fields map[string]any
	if err := unmarshalNumbers(envelope, &fields); err != nil {
		return nil, err
	}
	out := []byte("---\n")
	tail, _ := fields[behind].(string)
	delete(fields, behind)
	out = appendMembers(out, fields, 0, []string{"version", ""})
	if len(entries) == 0 {
		return append(append(out, "interactions: []\n"...), tail...), nil
	}
	out = append(out, "interactions:\n"...)
	for _, e := range entries {
		var fields map[string]any
		if err := unmarshalNumbers(e, &fields); err != nil {
			return nil, err
		}
		at := len(out)
		out = appendMembers(out, fields, 6, []string{"id", "", "request", "response"})
		copy(out[at:], "    - ")
	}
	return append(out, tail...), nil
}

func unmarshalNumbers(raw []byte, v any) error {
	d := json.NewDecoder(bytes.NewReader(raw))
	d.UseNumber()
	return d.Decode(v)
}

// The order in which go-vcr writes the keys; the empty key stands for all others.
var (
	requestOrder = []string{"proto", "proto_major", "proto_minor", "content_length", "transfer_encoding", "trailer", "host", "remote_addr",
		"request_uri", "", "body", "form", "headers", "url", "method"}
	responseOrder = []string{"proto", "proto_major", "proto_minor", "transfer_encoding", "trailer", "content_length", "uncompressed",
		"", "body", "headers", "status", "code", "duration"}
)

// appendMembers appends the lines of a mapping at the column.
func appendMembers(dst []byte, m map[string]any, column int, order []string) []byte {
	var rest []string
	for key := range m {
		if key == "" || !slices.Contains(order, key) {
			rest = append(rest, key)
		}
	}
	slices.SortFunc(rest, naturalOrder)
	for _, name := range order {
		if name == "" {
			for _, key := range rest {
				dst = appendMember(dst, key, m[key], column)
			}
		} else if v, ok := m[name]; ok {
			dst = appendMember(dst, name, v, column)
		}
	}
	return dst
}

// appendMember appends a key with its value: the layout of go-vcr where that has one, else all on one line.
func appendMember(dst []byte, key string, value any, column int) []byte {
	dst = appendKey(appendSpaces(dst, column), key)
	switch v := value.(type) {
	case map[string]any:
		switch {
		case column == 6 && key == "request" && len(v) > 0:
			return appendMembers(append(dst, '\n'), v, 8, requestOrder)
		case column == 6 && key == "response" && len(v) > 0:
			return appendMembers(append(dst, '\n'), v, 8, responseOrder)
		case column == 8 && len(v) > 0 && allLists(v):
			return appendMembers(append(dst, '\n'), v, 12, []string{""})
		}
	case []any:
		if column >= 8 && len(v) > 0 && allTexts(v) {
			dst = append(dst, '\n')
			for _, e := range v {
				dst = append(appendSpaces(dst, column+4), "- "...)
				dst = append(appendScalar(dst, unmarked(e.(string)), column+6), '\n')
			}
			return dst
		}
	case string:
		return append(appendScalar(append(dst, ' '), unmarked(v), column+4), '\n')
	}
	return append(appendFlow(append(dst, ' '), value), '\n')
}

func allLists(m map[string]any) bool {
	for _, v := range m {
		if list, ok := v.([]any); !ok || !allTexts(list) {
			return false
		}
	}
	return true
}

func allTexts(list []any) bool {
	return !slices.ContainsFunc(list, func(v any) bool { _, ok := v.(string); return !ok })
}

// appendFlow appends a value on one line.
func appendFlow(dst []byte, v any) []byte {
	switch v := v.(type) {
	case string:
		if s := unmarked(v); !utf8.ValidString(s) {
			return append(append(dst, "!!binary "...), base64.StdEncoding.EncodeToString([]byte(s))...)
		} else {
			return appendDouble(dst, s)
		}
	case []any:
		dst = append(dst, '[')
		for i, e := range v {
			if i > 0 {
				dst = append(dst, ", "...)
			}
			dst = appendFlow(dst, e)
		}
		return append(dst, ']')
	case map[string]any:
		dst = append(dst, '{')
		for i, key := range unionKeys(v, nil) {
			if i > 0 {
				dst = append(dst, ", "...)
			}
			dst = appendFlow(append(appendDouble(dst, key), ": "...), v[key])
		}
		return append(dst, '}')
	}
	return append(dst, marshal(v)...)
}

func (formatTwo) encode(x *Interaction, index int) object {
	host := ""
	form := url.Values{}
	if u, err := url.Parse(x.Request.URL); err == nil {
		host, form = u.Host, u.Query()
	}
	for name, values := range x.Request.Form { // format 2 counts the query to the form, behind the body
		form[name] = append(slices.Clone(values), form[name]...)
	}
	request := object{{"proto", "HTTP/1.1"}, {"proto_major", 1}, {"proto_minor", 1}, {"content_length", len(x.Request.Body)}, {"host", host}}
	if x.Request.Body != "" {
		request = append(request, member{"body", marked(x.Request.Body)})
	}
	if len(form) > 0 {
		request = append(request, member{"form", markedLists(form)})
	}
	if len(x.Request.Headers) > 0 {
		request = append(request, member{"headers", markedLists(x.Request.Headers)})
	}
	request = append(request, member{"url", marked(x.Request.URL)}, member{"method", marked(x.Request.Method)})
	return object{{"id", index}, {"request", request},
		{"response", object{{"proto", "HTTP/1.1"}, {"proto_major", 1}, {"proto_minor", 1}, {"content_length", len(x.Response.Body)},
			{"body", marked(x.Response.Body)}, {"headers", markedLists(x.Response.Headers)}, {"status", marked(x.Response.Status)},
			{"code", x.Response.Code}, {"duration", x.Response.Duration.String()}}}}
}

func markedLists(m map[string][]string) object {
	out := object{}
	for _, name := range sortedNames(m) {
		values := make([]any, len(m[name]))
		for i, v := range m[name] {
			values[i] = marked(v)
		}
		out = append(out, member{name, values})
	}
	return out
}

func (formatTwo) decode(raw json.RawMessage) (*Interaction, error) {
	var e struct {
		Request struct {
			Body, URL, Method string
			Headers           http.Header
		}
		Response struct {
			Body, Status, Duration string
			Headers                http.Header
			Code                   int
		}
	}
	if err := json.Unmarshal(raw, &e); err != nil {
		return nil, fmt.Errorf("read format 2: %w", err)
	}
	if e.Request.URL == "" || e.Request.Method == "" {
		return nil, errors.New("read format 2: the request has no url or no method")
	}
	x := &Interaction{
		Request: Request{Body: unmarked(e.Request.Body), URL: unmarked(e.Request.URL), Method: unmarked(e.Request.Method),
			Headers: unmarkedLists(e.Request.Headers)},
		Response: Response{Body: unmarked(e.Response.Body), Status: unmarked(e.Response.Status), Code: e.Response.Code,
			Headers: unmarkedLists(e.Response.Headers)}}
	x.Request.Form = formOf(&x.Request)
	if e.Response.Duration != "" {
		d, err := time.ParseDuration(e.Response.Duration)
		if err != nil {
			return nil, fmt.Errorf("read format 2: %q is not a duration", e.Response.Duration)
		}
		x.Response.Duration = d
	}
	return x, nil
}

func unmarkedLists(h http.Header) http.Header {
	for _, values := range h {
		for i := range values {
			values[i] = unmarked(values[i])
		}
	}
	return h
}
