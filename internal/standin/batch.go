package standin

import (
	"encoding/base64"
	"encoding/json"
	"net/http"
	"strconv"
	"strings"
)

// maxParts is how many requests Graph takes in one batch.
const maxParts = 20

// part is one request of a batch.
type part struct {
	ID        string            `json:"id"`
	Method    string            `json:"method"`
	URL       string            `json:"url"`
	Headers   map[string]string `json:"headers"`
	Body      json.RawMessage   `json:"body"`
	DependsOn []string          `json:"dependsOn"`
}

// batchPath tells a $batch and the version it is sent to, which is that of all its parts.
func batchPath(target string) (version string, ok bool) {
	if path, _, _ := strings.Cut(target, "?"); len(path) < 6 || strings.LastIndexAny(path, "$%") < 0 {
		return "", false
	}
	var buf [8]token
	tokens := tokenise(target, buf[:0])
	if len(tokens) == 3 && tenantLike(tokens[1].text) {
		tokens[1] = tokens[2]
		tokens = tokens[:2]
	}
	if len(tokens) != 2 || !strings.EqualFold(tokens[1].text, "$batch") {
		return "", false
	}
	switch version := strings.ToLower(tokens[0].text); version {
	case "beta", "v1.0":
		return version, true
	}
	return "", false
}

// batch runs the parts one by one, each when those it depends on are done, and answers 200 for the whole whatever became
// of them. There is no transaction.
func (h *handler) batch(c *call, version string) answer {
	if c.method != "POST" {
		return c.fail(notAllowed())
	}
	parts, f := c.parts()
	if f != nil {
		return c.fail(f)
	}
	status := make(map[string]int, len(parts))
	b := append(make([]byte, 0, 512*len(parts)), `{"responses":[`...)
	for done := 0; done < len(parts); {
		before := done
		for i := range parts {
			p := &parts[i]
			if _, over := status[fold(p.ID)]; over || !p.ready(status) {
				continue
			}
			a, sub := h.part(c, version, p, status)
			status[fold(p.ID)] = a.status
			if done > 0 {
				b = append(b, ',')
			}
			b = appendPart(b, p.ID, a, sub)
			done++
		}
		if done == before {
			return c.fail(badRequest("The batch request has a circular dependency."))
		}
	}
	return answer{status: 200, body: append(b, "]}"...), mediaType: errorType}
}

// parts reads the batch and refuses as a whole what Graph refuses as a whole.
func (c *call) parts() ([]part, *fault) {
	var batch struct {
		Requests []part `json:"requests"`
	}
	if err := json.Unmarshal(c.body, &batch); err != nil {
		return nil, badRequest("Invalid batch payload format.")
	}
	if n := len(batch.Requests); n == 0 || n > maxParts {
		return nil, badRequest("Number of batch requests must be between 1 and " + strconv.Itoa(maxParts) + ".")
	}
	known := make(map[string]bool, len(batch.Requests))
	for i := range batch.Requests {
		p := &batch.Requests[i]
		switch {
		case p.ID == "":
			return nil, badRequest("Request id is required for each request.")
		case known[fold(p.ID)]:
			return nil, badRequest("Request Id : " + p.ID + " has to be unique in a batch.")
		case p.Method == "" || p.URL == "":
			return nil, badRequest("Request id : " + p.ID + " does not contain method or url.")
		case p.hasBody() && p.header().Get("Content-Type") == "":
			return nil, badRequest("Write request id : " + p.ID + " does not contain Content-Type header or body.")
		}
		known[fold(p.ID)] = true
	}
	for _, p := range batch.Requests {
		for _, id := range p.DependsOn {
			if !known[fold(id)] {
				return nil, badRequest("Request id : " + p.ID + " depends on '" + id + "', which is not in the batch.")
			}
		}
	}
	return batch.Requests, nil
}

func fold(id string) string { return strings.ToLower(id) }

func (p *part) hasBody() bool { return len(p.Body) > 0 && string(p.Body) != "null" }

func (p *part) header() http.Header {
	h := make(http.Header, len(p.Headers))
	for name, value := range p.Headers {
		h.Set(name, value)
	}
	return h
}

func (p *part) ready(status map[string]int) bool {
	for _, id := range p.DependsOn {
		if _, over := status[fold(id)]; !over {
			return false
		}
	}
	return true
}

// part runs one part as a call of its own, under the token of the whole.
func (h *handler) part(c *call, version string, p *part, status map[string]int) (answer, *call) {
	sub := &call{method: strings.ToUpper(p.Method), target: p.URL, version: version, header: p.header(), token: c.token,
		now: c.now, host: c.host, requestID: h.newID()}
	if sub.clientID = sub.header.Get("Client-Request-Id"); sub.clientID == "" {
		sub.clientID = c.clientID
	}
	for _, id := range p.DependsOn {
		if status[fold(id)] >= 400 {
			return sub.fail(&fault{status: 424, code: "FailedDependency",
				message: "Request '" + p.ID + "' depends on a request that failed."}), sub
		}
	}
	if path, _, _ := strings.Cut(p.URL, "?"); strings.Contains(path, "://") {
		return sub.fail(badRequest("Invalid URL in request '" + p.ID + "'.")), sub
	}
	if p.hasBody() {
		sub.body = p.Body
		if encoded := text(p.Body); encoded != "" {
			decoded, err := base64.RawURLEncoding.DecodeString(strings.TrimRight(encoded, "="))
			if err != nil {
				return sub.fail(unreadable()), sub
			}
			sub.body = decoded
		}
	}
	return h.answer(sub), sub
}

// appendPart writes one response in the shape of a batch's.
func appendPart(b []byte, id string, a answer, c *call) []byte {
	b = appendQuoted(append(b, `{"id":`...), id)
	b = strconv.AppendInt(append(b, `,"status":`...), int64(a.status), 10)
	b = append(b, `,"headers":{"Cache-Control":"no-cache","request-id":`...)
	b = appendQuoted(b, c.requestID)
	if a.header != "" {
		b = append(appendQuoted(append(b, ','), a.header), ':')
		b = appendQuoted(b, a.value)
	}
	if len(a.body) == 0 {
		return append(b, "}}"...)
	}
	kind := jsonType
	switch {
	case a.mediaType != nil:
		kind = a.mediaType
	case a.status >= 400:
		kind = errorType
	default:
		b = append(b, `,"OData-Version":"4.0"`...)
	}
	b = appendQuoted(append(b, `,"Content-Type":`...), kind[0])
	b = append(b, `},"body":`...)
	if a.mediaType != nil {
		b = appendQuoted(b, base64.StdEncoding.EncodeToString(a.body))
	} else {
		b = append(b, a.body...)
	}
	return append(b, '}')
}
