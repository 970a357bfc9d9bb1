package check

import (
	"bytes"
	"encoding/json"
	"strconv"
	"strings"
)

// spot is a place in a request as it is written down.
type spot struct {
	part string // body, header or url; empty for the request as a whole
	// path leads to a value in the body, or is the name of the header field.
	path []string
}

// LineOf is the line of the file that a pointer of a finding leads to, or the request's own where that cannot be told.
func (c *Case) LineOf(pointer string) int {
	if c.lineOf == nil {
		return c.Line
	}
	if c.Input != nil {
		return c.lineOf(spot{part: "body", path: steps(pointer)})
	}
	if line := c.lineOf(spotOf(steps(pointer))); line > 0 {
		return line
	}
	return c.Line
}

// spotOf turns a pointer into the input document, or into that of a part of a batch, to where its value came from.
func spotOf(path []string) spot {
	var part []string
	if len(path) >= 2 && path[0] == "requests" {
		part, path = path[:2:2], path[2:]
	}
	own := spot{part: "url"}
	switch {
	case len(path) >= 2 && path[0] == "request" && path[1] == "body":
		own = spot{part: "body", path: path[2:]}
	case len(path) >= 3 && path[0] == "request" && path[1] == "headers":
		own = spot{part: "header", path: path[2:3]}
	case len(path) > 0 && path[0] == "token":
		own = spot{part: "header", path: []string{"authorization"}}
	case len(path) > 0 && (path[0] == "request" || path[0] == "graph"):
	default:
		own = spot{}
	}
	if part == nil {
		return own
	}
	// A part of a batch is in its body: requests/3/body, requests/3/headers/accept, requests/3/url.
	switch own.part {
	case "header":
		part = append(part, "headers")
	case "body", "url":
		part = append(part, own.part)
	}
	return spot{part: "body", path: append(part, own.path...)}
}

func steps(pointer string) []string {
	if pointer == "" {
		return nil
	}
	path := strings.Split(strings.TrimPrefix(pointer, "/"), "/")
	for i, step := range path {
		path[i] = strings.ReplaceAll(strings.ReplaceAll(step, "~1", "/"), "~0", "~")
	}
	return path
}

// locate finds where the value at a path begins in JSON text, with its key if it has one; of a path that leads nowhere,
// where the last step that exists does. Keys count in any case, as they do in Graph.
func locate(text []byte, path []string) int {
	decoder := json.NewDecoder(bytes.NewReader(text))
	found := start(text, 0)
	for _, step := range path {
		opening, err := decoder.Token()
		if err != nil || opening != json.Delim('{') && opening != json.Delim('[') {
			return found
		}
		at, ok := enter(decoder, text, opening == json.Delim('{'), step)
		if !ok {
			return found
		}
		found = at
	}
	return found
}

// enter moves the decoder to the member of an object or array, and reports where it begins.
func enter(decoder *json.Decoder, text []byte, object bool, step string) (at int, ok bool) {
	for i := 0; decoder.More(); i++ {
		at = start(text, int(decoder.InputOffset()))
		name := strconv.Itoa(i)
		if object {
			key, err := decoder.Token()
			if err != nil {
				return 0, false
			}
			name, _ = key.(string)
		}
		if strings.EqualFold(name, step) {
			return at, true
		}
		var skipped json.RawMessage
		if err := decoder.Decode(&skipped); err != nil {
			return 0, false
		}
	}
	return 0, false
}

// start skips what may stand between two values.
func start(text []byte, offset int) int {
	for offset < len(text) && bytes.IndexByte([]byte(" \t\r\n,:"), text[offset]) >= 0 {
		offset++
	}
	return offset
}

// lineAt is the line, from 1, of an offset.
func lineAt(text []byte, offset int) int {
	return 1 + bytes.Count(text[:min(max(offset, 0), len(text))], []byte{'\n'})
}

// walkEntries calls f for each element of /log/entries with where it begins.
func walkEntries(text []byte, n int, f func(i, at int)) {
	decoder := json.NewDecoder(bytes.NewReader(text))
	for _, step := range []string{"log", "entries"} {
		if opening, err := decoder.Token(); err != nil || opening != json.Delim('{') {
			return
		}
		if _, ok := enter(decoder, text, true, step); !ok {
			return
		}
	}
	if opening, err := decoder.Token(); err != nil || opening != json.Delim('[') {
		return
	}
	for i := 0; i < n && decoder.More(); i++ {
		f(i, start(text, int(decoder.InputOffset())))
		var skipped json.RawMessage
		if err := decoder.Decode(&skipped); err != nil {
			return
		}
	}
}
