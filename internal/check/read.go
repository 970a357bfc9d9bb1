package check

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"iter"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/graphwarden/graphwarden/internal/graph"
)

// maxFile bounds a file that is no cassette.
const maxFile = 256 << 20

// ErrUnknown says that a file holds nothing that can be judged.
var ErrUnknown = errors.New("it is no cassette, HAR file, request or input document")

// Reader finds cases in files.
type Reader struct {
	// Hosts are the names that count as Graph; the zero value is every known cloud.
	Hosts graph.Hosts
	// Stdin is what the name - stands for.
	Stdin io.Reader
	// Dir is the folder relative names start from; "." and empty are the current one. Names are reported as they are given.
	Dir string
	// Note is told of what a person should know about a file; nil means nobody is.
	Note func(format string, args ...any)

	// Files and Requests count what was met so far, what was not judged too.
	Files, Requests int
}

// Cases are the requests in the files and folders, in their order. Of a folder those files count that hold any, whatever
// else is there. An error concerns one file; the others go on.
func (r *Reader) Cases(names ...string) iter.Seq2[*Case, error] {
	return func(yield func(*Case, error) bool) {
		for _, name := range names {
			files, err := r.expand(name)
			if err != nil && !yield(nil, err) {
				return
			}
			for _, file := range files {
				if !r.file(file, file != name, yield) {
					return
				}
			}
		}
	}
}

// path is where a file is.
func (r *Reader) path(name string) string {
	if filepath.IsAbs(name) {
		return name
	}
	return filepath.Join(r.Dir, name)
}

// expand lists the files of a folder that may hold requests; a file is itself.
func (r *Reader) expand(name string) ([]string, error) {
	if name == "-" {
		return []string{name}, nil
	}
	info, err := os.Stat(r.path(name))
	if err != nil {
		return nil, fmt.Errorf("read requests: %w", err)
	}
	if !info.IsDir() {
		return []string{name}, nil
	}
	var files []string
	root := r.path(name)
	err = filepath.WalkDir(root, func(path string, entry fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case entry.IsDir() && path != root && strings.HasPrefix(entry.Name(), "."):
			return fs.SkipDir
		case !entry.IsDir() && slices.Contains([]string{".yaml", ".yml", ".json", ".har"}, filepath.Ext(path)):
			files = append(files, filepath.Join(name, strings.TrimPrefix(path, root)))
		}
		return nil
	})
	if err != nil {
		return files, fmt.Errorf("read requests: %w", err)
	}
	if len(files) == 0 {
		return nil, fmt.Errorf("read requests: %s has no .yaml, .json or .har file in it", name)
	}
	return files, nil
}

// file reads one file of whatever kind. One that a folder happens to hold may be of none.
func (r *Reader) file(name string, found bool, yield func(*Case, error) bool) bool {
	err := r.read(name, func(c *Case) bool { return yield(c, nil) })
	switch {
	case errors.Is(err, errStopped):
		return false
	case found && errors.Is(err, ErrUnknown):
		return true
	case err != nil:
		r.Files++
		return yield(nil, err)
	}
	r.Files++
	return true
}

// errStopped says that whoever takes the cases wants no more.
var errStopped = errors.New("stopped")

// kinds are the members that tell what a JSON file is.
type kinds struct {
	Schema       string          `json:"schema"`
	Log          json.RawMessage `json:"log"`
	Method       *string         `json:"method"`
	URL          *string         `json:"url"`
	Interactions json.RawMessage `json:"interactions"`
}

func (r *Reader) read(name string, take func(*Case) bool) error {
	text, isJSON, err := r.content(name)
	if err != nil {
		return fmt.Errorf("read %s: %w", name, err)
	}
	if !isJSON {
		if bytes.HasPrefix(text, []byte("interactions:")) || bytes.Contains(text, []byte("\ninteractions:")) {
			return r.cassette(name, text, take)
		}
		return fmt.Errorf("read %s: %w", name, ErrUnknown)
	}
	var k kinds
	if err := json.Unmarshal(text, &k); err != nil {
		return fmt.Errorf("read %s: line %d: %w", name, lineAt(text, errorOffset(err)), err)
	}
	switch {
	case k.Interactions != nil:
		return r.cassette(name, text, take)
	case k.Log != nil:
		return r.har(name, text, take)
	case k.Method != nil && k.URL != nil:
		return r.single(name, text, take)
	case strings.HasPrefix(k.Schema, "graphwarden.input/"):
		return r.document(name, text, take)
	}
	return fmt.Errorf("read %s: %w", name, ErrUnknown)
}

// sniffed is how much of a file that is no JSON is looked at to tell what it is.
const sniffed = 64 << 10

// content is the file's text, all of it if it is JSON, else its beginning. Standard input is always read whole.
func (r *Reader) content(name string) (text []byte, isJSON bool, err error) {
	in := r.Stdin
	if name != "-" {
		f, err := os.Open(r.path(name))
		if err != nil {
			return nil, false, errors.Unwrap(err) // the name is said once
		}
		defer f.Close()
		in = f
	}
	head := make([]byte, sniffed)
	n, err := io.ReadFull(in, head)
	if err != nil && !errors.Is(err, io.EOF) && !errors.Is(err, io.ErrUnexpectedEOF) {
		return nil, false, err
	}
	head = head[:n]
	start := bytes.TrimLeft(bytes.TrimPrefix(head, []byte("\xef\xbb\xbf")), " \t\r\n")
	isJSON = bytes.HasPrefix(start, []byte("{"))
	if !isJSON && name != "-" {
		return head, false, nil
	}
	rest, err := io.ReadAll(io.LimitReader(in, maxFile))
	if err != nil {
		return nil, false, err
	}
	if len(rest) == maxFile {
		return nil, false, fmt.Errorf("it is larger than %d bytes", maxFile)
	}
	return bytes.TrimPrefix(append(head, rest...), []byte("\xef\xbb\xbf")), isJSON, nil
}

func errorOffset(err error) int {
	if syntax, ok := errors.AsType[*json.SyntaxError](err); ok {
		return int(syntax.Offset)
	}
	if mismatch, ok := errors.AsType[*json.UnmarshalTypeError](err); ok {
		return int(mismatch.Offset)
	}
	return 0
}
