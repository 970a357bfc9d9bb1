package check

import (
	"encoding/json"
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"time"
)

// harEntry is as much of an entry of a HAR 1.2 file as a request is made of.
type harEntry struct {
	Started string `json:"startedDateTime"`
	Request struct {
		Method  string `json:"method"`
		URL     string `json:"url"`
		Headers []struct {
			Name  string `json:"name"`
			Value string `json:"value"`
		} `json:"headers"`
		PostData *struct {
			MimeType string `json:"mimeType"`
			Text     string `json:"text"`
		} `json:"postData"`
	} `json:"request"`
}

// har reads the entries of a HAR file.
func (r *Reader) har(name string, text []byte, take func(*Case) bool) error {
	var file struct {
		Log struct {
			Entries []harEntry `json:"entries"`
		} `json:"log"`
	}
	if err := json.Unmarshal(text, &file); err != nil {
		return fmt.Errorf("read %s: line %d: %w", name, lineAt(text, errorOffset(err)), err)
	}
	if file.Log.Entries == nil {
		return fmt.Errorf("read %s: the HAR file has no log.entries", name)
	}
	lines := entryLines(text, len(file.Log.Entries))
	bare := 0
	for i := range file.Log.Entries {
		e := &file.Log.Entries[i]
		r.Requests++
		c := &Case{File: name, Line: lines[i], Index: i + 1, Method: e.Request.Method, URL: e.Request.URL}
		c.Time, _ = time.Parse(time.RFC3339Nano, e.Started) // some tools leave it out
		c.lineOf = e.lineOf(text, i)
		if !c.understand(r.Hosts, e.header(), e.body()) {
			continue
		}
		if c.Request != nil && !c.Request.Token.Present {
			bare++
		}
		if !take(c) {
			return errStopped
		}
	}
	if bare > 0 && r.Note != nil {
		r.Note("%s: %d requests have no Authorization header; browsers leave it out of a HAR file unless asked to keep sensitive data", name, bare)
	}
	return nil
}

func (e *harEntry) header() http.Header {
	header := http.Header{}
	for _, h := range e.Request.Headers {
		if !strings.HasPrefix(h.Name, ":") { // HTTP/2 pseudo header fields
			header.Add(h.Name, h.Value)
		}
	}
	if p := e.Request.PostData; p != nil && p.MimeType != "" && header.Get("Content-Type") == "" {
		header.Set("Content-Type", p.MimeType)
	}
	return header
}

func (e *harEntry) body() []byte {
	if e.Request.PostData == nil {
		return nil
	}
	return []byte(e.Request.PostData.Text)
}

func (e *harEntry) lineOf(text []byte, i int) func(spot) int {
	entry := []string{"log", "entries", strconv.Itoa(i), "request"}
	return func(s spot) int {
		path := entry
		switch s.part {
		case "body":
			path = append(path, "postData", "text")
		case "header":
			path = append(path, "headers")
			for n, h := range e.Request.Headers {
				if strings.EqualFold(h.Name, s.path[0]) {
					path = append(path, strconv.Itoa(n))
				}
			}
		case "url":
			path = append(path, "url")
		}
		return lineAt(text, locate(text, path))
	}
}

// entryLines are the lines at which the entries begin, found in one pass.
func entryLines(text []byte, n int) []int {
	lines := make([]int, n)
	line, last := 1, 0
	walkEntries(text, n, func(i, at int) {
		line += lineAt(text[last:], at-last) - 1
		lines[i], last = line, at
	})
	return lines
}
