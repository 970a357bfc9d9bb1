package check

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"github.com/graphwarden/graphwarden/internal/tape"
)

// cassette reads the interactions of a cassette. Text is the file, or its beginning.
func (r *Reader) cassette(name string, text []byte, take func(*Case) bool) error {
	path := r.path(name)
	if name == "-" {
		// The library reads files only.
		dir, err := os.MkdirTemp("", "graphwarden")
		if err != nil {
			return fmt.Errorf("keep standard input: %w", err)
		}
		defer os.RemoveAll(dir)
		path = filepath.Join(dir, "stdin.yaml")
		if err := os.WriteFile(path, text, 0o600); err != nil {
			return fmt.Errorf("keep standard input: %w", err)
		}
	}
	c, err := tape.Load(path)
	if err != nil {
		return err
	}
	for _, notice := range c.Notices {
		if r.Note != nil {
			r.Note("%s: %s", name, notice)
		}
	}
	items := itemsOf(c)
	for i := range c.Len() {
		x, err := c.At(i)
		if err != nil {
			return fmt.Errorf("read %s: %w", name, err)
		}
		r.Requests++
		one := &Case{File: name, Index: i + 1, Method: x.Request.Method, URL: x.Request.URL, Time: x.RecordedAt}
		body := []byte(x.Request.Body)
		if items != nil {
			one.Line = items[i].line
			one.lineOf = func(s spot) int { return lineInItem(items[i].text, one.Line, body, s) }
		}
		if !one.understand(r.Hosts, x.Request.Headers.Clone(), body) {
			continue
		}
		if !take(one) {
			return errStopped
		}
	}
	return nil
}

// item is an interaction as it stands in its file.
type item struct {
	text []byte
	line int
}

// itemsOf finds the interactions in the text of a cassette, in one pass; nil where they are not laid out one below the
// other with the indent that recorders write. Nothing inside an interaction is indented so little.
func itemsOf(c *tape.Cassette) []item {
	text := c.Bytes()
	head := bytes.Index(text, []byte("interactions:\n"))
	if head < 0 {
		return nil
	}
	from := head + len("interactions:\n")
	line := lineAt(text, from)
	items := make([]item, 0, c.Len())
	for raw := range bytes.Lines(text[from:]) {
		if bytes.HasPrefix(raw, []byte("    - ")) {
			items = append(items, item{text: text[from:], line: line})
		}
		from += len(raw)
		line++
	}
	if len(items) != c.Len() {
		return nil
	}
	return items
}

// lineInItem finds a spot in the text of an interaction, which begins at a line of the file. The request's keys are
// indented by eight, the header fields by twelve; the text ends where the response begins.
func lineInItem(text []byte, line int, body []byte, s spot) int {
	inHeaders := false
	for raw := range bytes.Lines(text) {
		key, value, _ := strings.Cut(strings.TrimRight(string(raw), "\n"), ":")
		switch {
		case key == "      response":
			return 0
		case key == "        headers":
			inHeaders = true
		case strings.HasPrefix(key, "        ") && key[8:] != "" && key[8] != ' ':
			inHeaders = false
			if s.part == key[8:] {
				if s.part == "body" && strings.HasPrefix(value, " |") { // a literal block keeps the body's own lines
					return line + lineAt(body, locate(body, s.path))
				}
				return line
			}
		case inHeaders && s.part == "header" && strings.HasPrefix(key, "            ") && strings.EqualFold(strings.Trim(key[12:], `"'`), s.path[0]):
			return line
		}
		line++
	}
	return 0
}
