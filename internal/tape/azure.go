package tape

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"
)

// azure is the recording of the Azure SDK test proxy: bodies that are JSON objects stand in it as such, other text line
// by line, and all else in base64; which it is, the content type says.
type azure struct{}

func (azure) name() string           { return "azure" }
func (azure) atomic(key string) bool { return key == "RequestBody" || key == "ResponseBody" }
func (azure) envelope() object       { return object{{"Variables", object{}}} }

func (azure) split(file []byte) (json.RawMessage, []json.RawMessage, error) {
	fields, err := fieldsOf(trimBOM(file))
	if err != nil {
		return nil, nil, fmt.Errorf("read test proxy recording: %w", err)
	}
	var entries []json.RawMessage
	if err := json.Unmarshal(fields["Entries"], &entries); err != nil {
		return nil, nil, fmt.Errorf("read test proxy recording: %w", errNoList)
	}
	delete(fields, "Entries")
	return encodeFields(fields), entries, nil
}

func (azure) join(envelope json.RawMessage, entries []json.RawMessage) ([]byte, error) {
	fields, err := fieldsOf(envelope)
	if err != nil {
		return nil, err
	}
	fields["Entries"] = listOf(entries)
	return indented(ordered(fields, "Entries", "Variables"))
}

func (azure) encode(x *Interaction, _ int) object {
	headers := packedHeaders(x)
	return object{{"RequestUri", x.Request.URL}, {"RequestMethod", x.Request.Method},
		{"RequestHeaders", headerObject(x.Request.Headers)}, {"RequestBody", azureBody(x.Request.Headers, x.Request.Body)},
		{"StatusCode", x.Response.Code},
		{"ResponseHeaders", headerObject(headers)}, {"ResponseBody", azureBody(headers, x.Response.Body)}}
}

func headerObject(h http.Header) object {
	out := object{}
	for _, name := range sortedNames(h) {
		if values := h[name]; len(values) == 1 {
			out = append(out, member{name, values[0]})
		} else {
			out = append(out, member{name, values})
		}
	}
	return out
}

func azureBody(h http.Header, body string) any {
	switch {
	case body == "":
		return nil
	case !textual(header(h, "Content-Type")):
		return base64.StdEncoding.EncodeToString([]byte(body))
	case body[0] == '{' && json.Valid([]byte(body)) && string(compact([]byte(body))) == body:
		return json.RawMessage(body)
	}
	lines := strings.SplitAfter(body, "\n")
	if lines[len(lines)-1] == "" {
		lines = lines[:len(lines)-1]
	}
	if len(lines) == 1 {
		return body
	}
	return lines
}

// textual is the test proxy's rule for what is text.
func textual(contentType string) bool {
	t, charset, _ := strings.Cut(strings.ToLower(contentType), ";")
	t = strings.TrimSpace(t)
	return strings.Contains(charset, "charset=utf-8") || strings.HasPrefix(t, "text/") || strings.HasSuffix(t, "json") ||
		strings.HasSuffix(t, "xml") || strings.HasSuffix(t, "-urlencoded")
}

func (azure) decode(raw json.RawMessage) (*Interaction, error) {
	var e struct {
		RequestUri, RequestMethod       string
		RequestHeaders, ResponseHeaders map[string]json.RawMessage
		RequestBody, ResponseBody       json.RawMessage
		StatusCode                      int
	}
	if err := json.Unmarshal(raw, &e); err != nil {
		return nil, fmt.Errorf("read test proxy entry: %w", err)
	}
	if e.RequestUri == "" || e.RequestMethod == "" {
		return nil, errors.New("read test proxy entry: it has no RequestUri or no RequestMethod")
	}
	if e.StatusCode == 0 {
		return nil, nil
	}
	x := &Interaction{}
	x.Request = Request{URL: e.RequestUri, Method: e.RequestMethod, Headers: headersFrom(e.RequestHeaders)}
	x.Response = Response{Code: e.StatusCode, Headers: headersFrom(e.ResponseHeaders),
		Status: strings.TrimSpace(strconv.Itoa(e.StatusCode) + " " + http.StatusText(e.StatusCode))}
	var errs [2]error
	x.Request.Body, errs[0] = bodyFrom(x.Request.Headers, e.RequestBody)
	x.Response.Body, errs[1] = bodyFrom(x.Response.Headers, e.ResponseBody)
	if err := errors.Join(errs[:]...); err != nil {
		return nil, fmt.Errorf("read test proxy entry: %w", err)
	}
	x.Request.Form = formOf(&x.Request)
	x.unpackHeaders()
	return x, nil
}

func headersFrom(fields map[string]json.RawMessage) http.Header {
	h := http.Header{}
	names := make([]string, 0, len(fields))
	for name := range fields {
		names = append(names, name)
	}
	slices.Sort(names) // two names may be one field
	for _, name := range names {
		var one string
		var many []string
		if json.Unmarshal(fields[name], &one) == nil {
			h.Add(name, one)
		} else if json.Unmarshal(fields[name], &many) == nil {
			for _, v := range many {
				h.Add(name, v)
			}
		}
	}
	return h
}

func bodyFrom(h http.Header, raw json.RawMessage) (string, error) {
	raw = bytes.TrimSpace(raw)
	if len(raw) == 0 || string(raw) == "null" {
		return "", nil
	}
	switch raw[0] {
	case '{':
		return string(compact(raw)), nil
	case '[':
		var lines []string
		if err := json.Unmarshal(raw, &lines); err != nil {
			return string(compact(raw)), nil // a list that is a body itself
		}
		return strings.Join(lines, ""), nil
	}
	var s string
	if err := json.Unmarshal(raw, &s); err != nil {
		return string(raw), nil // a number or a bool that is a body itself
	}
	if textual(header(h, "Content-Type")) {
		return s, nil
	}
	if b, err := base64.StdEncoding.DecodeString(s); err == nil {
		return string(b), nil
	}
	if !utf8.ValidString(s) {
		return "", errors.New("a body is neither text nor base64")
	}
	return s, nil
}

// ordered is an object with the named keys first.
func ordered(fields map[string]json.RawMessage, first ...string) json.RawMessage {
	var o object
	for _, key := range first {
		if v, ok := fields[key]; ok {
			o = append(o, member{key, v})
		}
	}
	keys := make([]string, 0, len(fields))
	for key := range fields {
		if !slices.Contains(first, key) {
			keys = append(keys, key)
		}
	}
	slices.Sort(keys)
	for _, key := range keys {
		o = append(o, member{key, fields[key]})
	}
	return o.raw()
}

func listOf(entries []json.RawMessage) json.RawMessage {
	out := []byte{'['}
	for i, e := range entries {
		if i > 0 {
			out = append(out, ',')
		}
		out = append(out, e...)
	}
	return append(out, ']')
}

// indented is JSON as people read it in a diff.
func indented(raw json.RawMessage) ([]byte, error) {
	var b bytes.Buffer
	if err := json.Indent(&b, raw, "", "  "); err != nil {
		return nil, err
	}
	b.WriteByte('\n')
	return b.Bytes(), nil
}

// trimBOM is JSON text as it should be: no byte order mark, nothing that is not UTF-8.
func trimBOM(b []byte) []byte {
	return bytes.ToValidUTF8(bytes.TrimPrefix(b, []byte("\ufeff")), []byte("\ufffd"))
}
