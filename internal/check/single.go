package check

import (
	"bytes"
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"time"

	"github.com/graphwarden/graphwarden/internal/graph"
	"github.com/graphwarden/graphwarden/internal/policy"
)

// single is a file of one request.
type single struct {
	Method  string                     `json:"method"`
	URL     string                     `json:"url"`
	Headers map[string]json.RawMessage `json:"headers"`
	// Body is the JSON body itself; a string is taken as the text of a body.
	Body json.RawMessage `json:"body"`
	// Time is when the request counts as made.
	Time time.Time `json:"time"`
	// Token are claims, in place of an Authorization header.
	Token map[string]any `json:"token"`
}

// single reads a file of one request: {"method", "url", "headers", "body", "time", "token"}.
func (r *Reader) single(name string, text []byte, take func(*Case) bool) error {
	var s single
	decoder := json.NewDecoder(bytes.NewReader(text))
	decoder.DisallowUnknownFields() // a misspelt "header" would be judged as none
	if err := decoder.Decode(&s); err != nil {
		return fmt.Errorf("read %s: line %d: %w", name, lineAt(text, errorOffset(err)), err)
	}
	header, err := s.header()
	if err != nil {
		return fmt.Errorf("read %s: %w", name, err)
	}
	r.Requests++
	c := &Case{File: name, Line: lineAt(text, start(text, 0)), Index: 1, Method: s.Method, URL: s.URL, Time: s.Time}
	body, isText := s.body()
	if len(body) > 0 && header.Get("Content-Type") == "" {
		header.Set("Content-Type", "application/json")
	}
	c.lineOf = func(at spot) int {
		path := []string{at.part}
		switch {
		case at.part == "":
			return c.Line
		case at.part == "header" && s.Token != nil && at.path[0] == "authorization":
			path[0] = "token"
		case at.part == "header":
			path[0] = "headers"
			path = append(path, at.path...)
		case at.part == "body" && !isText:
			path = append(path, at.path...)
		}
		return lineAt(text, locate(text, path))
	}
	if c.understand(r.Hosts, header, body) && !take(c) {
		return errStopped
	}
	return nil
}

// header takes one value or a list of them for each field.
func (s *single) header() (http.Header, error) {
	header := http.Header{}
	for name, raw := range s.Headers {
		var one string
		var list []string
		if json.Unmarshal(raw, &one) == nil {
			list = []string{one}
		} else if err := json.Unmarshal(raw, &list); err != nil {
			return nil, fmt.Errorf("header %s is neither a string nor a list of strings", name)
		}
		for _, value := range list {
			header.Add(name, value)
		}
	}
	if s.Token != nil {
		claims := maps.Clone(s.Token)
		header.Set("Authorization", "Bearer "+graph.MintToken(claims, graph.TokenMinted))
	}
	return header, nil
}

func (s *single) body() (body []byte, isText bool) {
	var text string
	switch {
	case len(s.Body) == 0 || bytes.Equal(s.Body, []byte("null")):
		return nil, false
	case json.Unmarshal(s.Body, &text) == nil:
		return []byte(text), true
	}
	return s.Body, false
}

// document reads an input document.
func (r *Reader) document(name string, text []byte, take func(*Case) bool) error {
	document, err := policy.ParseInput(text)
	if err != nil {
		return fmt.Errorf("read %s: %w", name, err)
	}
	r.Requests++
	c := &Case{File: name, Line: lineAt(text, start(text, 0)), Index: 1, Input: document}
	request, _ := document["request"].(map[string]any)
	c.Method, _ = request["method"].(string)
	host, _ := request["host"].(string)
	path, _ := request["path"].(string)
	c.URL = "https://" + host + path
	c.lineOf = func(s spot) int { return lineAt(text, locate(text, s.path)) }
	if !take(c) {
		return errStopped
	}
	return nil
}
