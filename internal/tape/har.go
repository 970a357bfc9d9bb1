package tape

import (
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"
)

// har is HTTP Archive 1.2.
type har struct{}

func (har) name() string       { return "har" }
func (har) atomic(string) bool { return false }

func (har) envelope() object {
	return object{{"log", object{{"version", "1.2"}, {"creator", object{{"name", "graphwarden"}, {"version", "1"}}}}}}
}

func (har) split(file []byte) (json.RawMessage, []json.RawMessage, error) {
	fields, err := fieldsOf(trimBOM(file))
	if err != nil {
		return nil, nil, fmt.Errorf("read HAR: %w", err)
	}
	log, err := fieldsOf(fields["log"])
	if err != nil {
		return nil, nil, errors.New("read HAR: it has no log")
	}
	var entries []json.RawMessage
	if err := json.Unmarshal(log["entries"], &entries); err != nil {
		return nil, nil, fmt.Errorf("read HAR: %w", errNoList)
	}
	delete(log, "entries")
	fields["log"] = encodeFields(log)
	return encodeFields(fields), entries, nil
}

func (har) join(envelope json.RawMessage, entries []json.RawMessage) ([]byte, error) {
	fields, err := fieldsOf(envelope)
	if err != nil {
		return nil, err
	}
	log, err := fieldsOf(fields["log"])
	if err != nil {
		return nil, err
	}
	fields["log"] = withField(ordered(log, "version", "creator", "browser", "pages"), "entries", listOf(entries))
	return indented(ordered(fields, "log"))
}

// harTime is how a time stands in a HAR: with its milliseconds.
const harTime = "2006-01-02T15:04:05.000Z07:00"

func (har) encode(x *Interaction, index int) object {
	// An interaction with no time of its own gets one that keeps the order.
	started := time.UnixMilli(int64(index)).UTC().Format(harTime)
	if !x.RecordedAt.IsZero() {
		started = x.RecordedAt.UTC().Format(harTime)
		if at := x.RecordedAt; !at.Equal(at.Truncate(time.Millisecond)) {
			started = at.UTC().Format(time.RFC3339Nano)
		}
	}
	ms := float64(x.Response.Duration) / float64(time.Millisecond)
	request := object{{"method", x.Request.Method}, {"url", x.Request.URL}, {"httpVersion", "HTTP/1.1"}, {"cookies", []object{}},
		{"headers", headerList(x.Request.Headers)}, {"queryString", queryList(x.Request.URL)}}
	if body := x.Request.Body; body != "" {
		data := object{{"mimeType", header(x.Request.Headers, "Content-Type")}}
		if utf8.ValidString(body) {
			data = append(data, member{"text", body})
		} else { // a HAR has no encoding for what is sent
			data = append(data, member{"text", ""}, member{"_base64", base64.StdEncoding.EncodeToString([]byte(body))})
		}
		request = append(request, member{"postData", data})
	}
	request = append(request, member{"headersSize", -1}, member{"bodySize", len(x.Request.Body)})

	headers := packedHeaders(x)
	content := object{{"size", len(x.Response.Body)}, {"mimeType", header(headers, "Content-Type")}}
	if utf8.ValidString(x.Response.Body) {
		content = append(content, member{"text", x.Response.Body})
	} else {
		content = append(content, member{"text", base64.StdEncoding.EncodeToString([]byte(x.Response.Body))}, member{"encoding", "base64"})
	}
	_, text, _ := strings.Cut(x.Response.Status, " ")
	size := len(x.Response.Body)
	if x.Encoding != "" {
		size = -1
	}
	return object{{"startedDateTime", started}, {"time", ms}, {"request", request},
		{"response", object{{"status", x.Response.Code}, {"statusText", text}, {"httpVersion", "HTTP/1.1"}, {"cookies", []object{}},
			{"headers", headerList(headers)}, {"content", content}, {"redirectURL", header(headers, "Location")},
			{"headersSize", -1}, {"bodySize", size}}},
		{"cache", object{}}, {"timings", object{{"send", 0}, {"wait", ms}, {"receive", 0}}}}
}

// harEntry is what is read of an entry.
type harEntry struct {
	StartedDateTime string  `json:"startedDateTime"`
	Time            float64 `json:"time"`
	Request         *struct {
		Method   string   `json:"method"`
		URL      string   `json:"url"`
		Headers  []harRow `json:"headers"`
		PostData struct {
			Text   *string  `json:"text"`
			Base64 string   `json:"_base64"`
			Params []harRow `json:"params"`
		} `json:"postData"`
	} `json:"request"`
	Response *struct {
		Status     int      `json:"status"`
		StatusText string   `json:"statusText"`
		Headers    []harRow `json:"headers"`
		Content    struct {
			Text     string `json:"text"`
			Encoding string `json:"encoding"`
		} `json:"content"`
	} `json:"response"`
}

type harRow struct {
	Name  string `json:"name"`
	Value string `json:"value"`
}

func (har) decode(raw json.RawMessage) (*Interaction, error) {
	var e harEntry
	if err := json.Unmarshal(raw, &e); err != nil {
		return nil, fmt.Errorf("read HAR entry: %w", err)
	}
	if e.Request == nil || e.Response == nil || e.Response.Status == 0 {
		return nil, nil // the request was blocked, or has no answer yet
	}
	if e.Request.URL == "" || e.Request.Method == "" {
		return nil, errors.New("read HAR entry: the request has no url or no method")
	}
	x := &Interaction{Request: Request{URL: e.Request.URL, Method: e.Request.Method, Headers: headersOf(e.Request.Headers)}}
	if at, err := time.Parse(time.RFC3339Nano, e.StartedDateTime); err == nil && at.Year() > 1970 {
		x.RecordedAt = at.UTC()
	}
	post := e.Request.PostData
	switch {
	case post.Base64 != "":
		body, err := base64.StdEncoding.DecodeString(post.Base64)
		if err != nil {
			return nil, fmt.Errorf("read HAR entry: the request's body: %w", err)
		}
		x.Request.Body = string(body)
	case post.Text != nil:
		x.Request.Body = *post.Text
	default:
		x.Request.Body = formBody(post.Params)
	}
	x.Request.Form = formOf(&x.Request)
	text := e.Response.StatusText
	if text == "" {
		text = http.StatusText(e.Response.Status)
	}
	x.Response = Response{Body: e.Response.Content.Text, Headers: headersOf(e.Response.Headers), Code: e.Response.Status,
		Status: strings.TrimSpace(strconv.Itoa(e.Response.Status) + " " + text)}
	if e.Response.Content.Encoding == "base64" {
		body, err := base64.StdEncoding.DecodeString(x.Response.Body)
		if err != nil {
			return nil, fmt.Errorf("read HAR entry: the answer's body: %w", err)
		}
		x.Response.Body = string(body)
	}
	if e.Time > 0 && e.Time < math.MaxInt64/2e6 {
		x.Response.Duration = time.Duration(math.Round(e.Time * float64(time.Millisecond)))
	}
	x.unpackHeaders()
	return x, nil
}

func headersOf(rows []harRow) http.Header {
	h := http.Header{}
	for _, r := range rows {
		if !strings.HasPrefix(r.Name, ":") { // HTTP/2's own fields
			h.Add(r.Name, r.Value)
		}
	}
	return h
}

func headerList(h http.Header) []object {
	out := []object{}
	for _, name := range sortedNames(h) {
		for _, v := range h[name] {
			out = append(out, object{{"name", name}, {"value", v}})
		}
	}
	return out
}

func sortedNames(h map[string][]string) []string {
	names := make([]string, 0, len(h))
	for name := range h {
		names = append(names, name)
	}
	slices.SortFunc(names, naturalOrder)
	return names
}

func queryList(raw string) []object {
	out := []object{}
	_, query, _ := strings.Cut(raw, "?")
	query, _, _ = strings.Cut(query, "#")
	for part := range strings.SplitSeq(query, "&") {
		name, value, _ := strings.Cut(part, "=")
		if part == "" {
			continue
		}
		out = append(out, object{{"name", unescaped(name)}, {"value", unescaped(value)}})
	}
	return out
}

func unescaped(s string) string {
	if u, err := url.QueryUnescape(s); err == nil {
		return u
	}
	return s
}

func formBody(rows []harRow) string {
	var parts []string
	for _, r := range rows {
		parts = append(parts, url.QueryEscape(r.Name)+"="+url.QueryEscape(r.Value))
	}
	return strings.Join(parts, "&")
}

// header is the first value of a field, whatever the case of its name on the cassette.
func header(h http.Header, name string) string {
	if v := h[name]; len(v) > 0 {
		return v[0]
	}
	for key, v := range h {
		if len(v) > 0 && strings.EqualFold(key, name) {
			return v[0]
		}
	}
	return ""
}

// formOf is the form a request sends in its body, as a recording has it.
func formOf(r *Request) map[string][]string {
	if strings.HasPrefix(header(r.Headers, "Content-Type"), "application/x-www-form-urlencoded") {
		if form, err := url.ParseQuery(r.Body); err == nil && len(form) > 0 {
			return form
		}
	}
	return nil
}

// packedHeaders are the answer's headers with the encoding that a recording keeps apart from them.
func packedHeaders(x *Interaction) http.Header {
	if x.Encoding == "" || header(x.Response.Headers, "Content-Encoding") != "" {
		return x.Response.Headers
	}
	h := x.Response.Headers.Clone()
	if h == nil {
		h = http.Header{}
	}
	h.Set("Content-Encoding", x.Encoding)
	return h
}

// unpackHeaders undoes packedHeaders, unless the body is indeed encoded.
func (x *Interaction) unpackHeaders() {
	encoding := strings.ToLower(strings.TrimSpace(header(x.Response.Headers, "Content-Encoding")))
	switch encoding {
	case "gzip", "x-gzip", "deflate", "br", "zstd":
	default:
		return
	}
	if x.Response.Body == "" {
		return
	}
	if _, err := unpack(encoding, []byte(x.Response.Body)); err != nil {
		x.Encoding = encoding
		x.Response.Headers.Del("Content-Encoding")
	}
}
