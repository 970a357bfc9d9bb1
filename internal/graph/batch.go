package graph

import (
	"encoding/base64"
	"net/http"
	"net/textproto"
	"strconv"
	"strings"
)

// maxParts is Graph's limit on a $batch.
const maxParts = 20

// isBatch tells whether q is a $batch, as Graph has it: at the root, right behind the version.
func (q *Request) isBatch() bool {
	return q.Method == http.MethodPost && len(q.Path.Segments) == 1 && isBatchName(q.Path.Segments[0].Name)
}

func isBatchName(s string) bool { return strings.EqualFold(s, "$batch") }

// readBatch opens a $batch into q.Parts. It refuses the whole when any part is not one plain request: a part we would
// read in one way and Graph in another is a way round every rule.
func (q *Request) readBatch(o ReadOptions) *Refusal {
	if !q.isBatch() {
		for _, s := range q.Path.Segments {
			if !isRead(q.Method) && isBatchName(s.Name) && !s.Key {
				return Refuse(MalformedRequest, "a batch below the root: post it to /v1.0/$batch or /beta/$batch")
			}
		}
		return nil
	}
	if q.Path.Version == "" {
		return Refuse(MalformedRequest, "a batch with no version: post it to /v1.0/$batch or /beta/$batch")
	}
	body, ok := q.JSON.(map[string]any)
	if !ok {
		return Refuse(MalformedRequest, `a batch must be a JSON object {"requests":[…]}`)
	}
	v, _ := property(body, "requests")
	list, ok := v.([]any)
	switch {
	case !ok || len(list) == 0:
		return Refuse(MalformedRequest, `a batch needs "requests", a list of 1 to 20 requests`)
	case len(list) > maxParts:
		return Refuse(MalformedRequest, "a batch of %d requests: send at most 20", len(list))
	}
	q.Parts = make([]*Request, len(list))
	for i, e := range list {
		part, refusal := q.readPart(i, e, o)
		if refusal != nil {
			pointer := "/requests/" + strconv.Itoa(i)
			return &Refusal{Code: refusal.Code, Message: "batch request " + strconv.Itoa(i) + ": " + refusal.Message,
				Details: []Detail{{Code: string(refusal.Code), Message: refusal.Message, Target: "/request/body" + pointer}}}
		}
		part.Batch.Index, part.Batch.Size = i, len(list)
		q.Parts[i] = part
	}
	return q.linkParts()
}

// linkParts checks the ids of the parts, which compare without case, and writes dependsOn with the ids as their parts
// spell them.
func (q *Request) linkParts() *Refusal {
	ids := make(map[string]string, len(q.Parts))
	for _, p := range q.Parts {
		f := fold(p.Batch.ID)
		if _, twice := ids[f]; twice {
			return Refuse(MalformedRequest, "batch id %q twice: give each request its own", clip(p.Batch.ID))
		}
		ids[f] = p.Batch.ID
	}
	for _, p := range q.Parts {
		for i, d := range p.Batch.DependsOn {
			id, ok := ids[fold(d)]
			if !ok || id == p.Batch.ID {
				return Refuse(MalformedRequest, "batch request %q depends on %q: name another request of the same batch", clip(p.Batch.ID), clip(d))
			}
			p.Batch.DependsOn[i] = id
		}
	}
	return nil
}

// readPart reads one request of a batch.
func (q *Request) readPart(index int, e any, o ReadOptions) (*Request, *Refusal) {
	m, ok := e.(map[string]any)
	if !ok {
		return nil, Refuse(MalformedRequest, "not an object: send id, method and url")
	}
	part := &Request{
		ID: q.ID + "/" + strconv.Itoa(index), Time: q.Time, Scheme: q.Scheme, Host: q.Host, Port: q.Port,
		Token: q.Token, Connection: q.Connection, Method: textProperty(m, "method"),
	}
	if part.Batch.ID = textProperty(m, "id"); part.Batch.ID == "" {
		return nil, Refuse(MalformedRequest, "no id: give each request one, as a string")
	}
	if refusal := checkMethod(part.Method); refusal != nil {
		return nil, refusal
	}
	if refusal := part.partTarget(q.Path, textProperty(m, "url")); refusal != nil {
		return nil, refusal
	}
	if refusal := part.partHeader(m, q.Header); refusal != nil {
		return nil, refusal
	}
	if refusal := part.partBody(m); refusal != nil {
		return nil, refusal
	}
	if refusal := part.partDepends(m); refusal != nil {
		return nil, refusal
	}
	part.classify(o.Hosts)
	return part, nil
}

// partTarget reads a url: relative, with or without a leading slash, below the version of the batch.
func (q *Request) partTarget(batch Path, url string) *Refusal {
	path, _, _ := strings.Cut(url, "?")
	path = strings.TrimPrefix(path, "/")
	first, _, _ := strings.Cut(path, "/")
	switch {
	case path == "":
		return Refuse(MalformedRequest, "no url: send a path below the version")
	case strings.HasPrefix(path, "/") || strings.Contains(first, ":") && !strings.ContainsAny(first, "('"):
		return Refuse(MalformedRequest, "url %q is absolute: send a path below the version", clip(url))
	case strings.ContainsAny(url, "#\\"):
		return Refuse(MalformedRequest, "url %q has a fragment or a backslash: leave it out", clip(url))
	case strings.EqualFold(first, "v1.0") || strings.EqualFold(first, "beta"):
		return Refuse(MalformedRequest, "url %q names a version: leave it out, the batch's own counts", clip(url))
	}
	for s := range strings.SplitSeq(path, "/") {
		// As decoded once, since a dot may be written %2E.
		if d := strings.ReplaceAll(strings.ToLower(s), "%2e", "."); d == "." || d == ".." {
			return Refuse(MalformedRequest, "url %q has dot segments: send the path they lead to", clip(url))
		}
	}
	q.RawTarget = "/" + batch.Version + "/" + strings.TrimPrefix(url, "/")
	if batch.Tenant != "" {
		q.RawTarget = "/" + batch.Version + "/" + batch.Tenant + "/" + strings.TrimPrefix(url, "/")
	}
	if refusal := q.readTarget(q.RawTarget); refusal != nil {
		return refusal
	}
	for _, s := range q.Path.Segments {
		if isBatchName(s.Name) && !s.Key {
			return Refuse(MalformedRequest, "a batch inside a batch: send its requests by themselves")
		}
	}
	return nil
}

// partHeader gives the part its own fields, and of the batch's those that speak for the caller rather than about the
// batch's body: the token and what organisations add (X-…), so that a rule finds them where it looks.
func (q *Request) partHeader(m map[string]any, outer http.Header) *Refusal {
	q.Header = make(http.Header, 4)
	v, _ := property(m, "headers")
	own, ok := v.(map[string]any)
	if !ok && v != nil {
		return Refuse(MalformedRequest, "headers must be an object of strings")
	}
	for name, v := range own {
		value, ok := v.(string)
		if !ok || !isFieldName(name) || strings.ContainsAny(value, "\r\n\x00") {
			return Refuse(MalformedRequest, "header %q: send a name and one string", clip(name))
		}
		key := textproto.CanonicalMIMEHeaderKey(name)
		if refusal := checkField(key, []string{value}); refusal != nil {
			return refusal
		}
		switch {
		case key == "Authorization" || key == "Host" || isHopByHop(key) && key != "Content-Length":
			return Refuse(MalformedRequest, "header %s: leave it to the batch itself", key)
		case key == "Content-Encoding" && !strings.EqualFold(value, "identity"):
			return Refuse(UnsupportedEncoding, "Content-Encoding inside a batch: send the body plain")
		case key != "Content-Length" && key != "Content-Encoding":
			q.Header[key] = []string{value}
		}
	}
	for key, v := range outer {
		if _, own := q.Header[key]; !own && inherited(key) {
			q.Header[key] = v
		}
	}
	return nil
}

func inherited(key string) bool {
	switch key {
	case "Authorization", "User-Agent", "Client-Request-Id", "Origin":
		return true
	}
	return strings.HasPrefix(key, "X-")
}

func isFieldName(s string) bool {
	for i := range len(s) {
		switch c := s[i]; {
		case c >= 'a' && c <= 'z', c >= 'A' && c <= 'Z', c >= '0' && c <= '9':
		case strings.IndexByte("!#$%&'*+-.^_`|~", c) >= 0:
		default:
			return false
		}
	}
	return s != ""
}

// partBody reads a body: JSON as it stands, or base64url text for anything else.
func (q *Request) partBody(m map[string]any) *Refusal {
	q.BodyState = BodyNone
	v, _ := property(m, "body")
	if v == nil {
		return nil
	}
	if isRead(q.Method) {
		return bodyOnRead(q.Method)
	}
	text, isText := v.(string)
	if !isText {
		if _, refusal := readMedia(q.Header); refusal != nil {
			return refusal
		}
		q.Body, q.JSON, q.BodyState = AppendCanonical(nil, v), v, BodyJSON
		return nil
	}
	b, err := base64.RawURLEncoding.Strict().DecodeString(strings.TrimRight(text, "="))
	if err != nil || strings.ContainsAny(text, "\r\n") {
		return Refuse(MalformedRequest, "the body is a string but not base64url: send an object, or binary data as base64url")
	}
	if len(b) > 0 {
		q.Body = b
	}
	return q.interpret(true)
}

func (q *Request) partDepends(m map[string]any) *Refusal {
	v, _ := property(m, "dependsOn")
	if v == nil {
		return nil
	}
	list, ok := v.([]any)
	if !ok {
		return Refuse(MalformedRequest, "dependsOn must be a list of ids")
	}
	for _, e := range list {
		id, ok := e.(string)
		if !ok {
			return Refuse(MalformedRequest, "dependsOn must be a list of ids, each a string")
		}
		q.Batch.DependsOn = append(q.Batch.DependsOn, id)
	}
	return nil
}
