package policy

import (
	"context"
	"encoding/json"
	"fmt"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"strings"

	"github.com/open-policy-agent/opa/v1/ast"
	"github.com/open-policy-agent/opa/v1/bundle"

	"github.com/graphwarden/graphwarden/policies"
)

// maxFile bounds one policy or data file.
const maxFile = 16 << 20

// file is one file of a policy set, as read.
type file struct {
	name    string
	content []byte
	under   []string // where in the data document a data file belongs
	user    bool
}

// sources are the files of a policy set and what they hold.
type sources struct {
	files   []file
	modules map[string]*ast.Module // rules, without tests
	tests   map[string]*ast.Module // the user's tests
	user    map[string]bool        // names of the user's modules
	data    map[string]any
	setBy   map[string]string // rule id -> the data file that set something of it last
	schemas *ast.SchemaSet
	// embedded says that the library is the one in the binary.
	embedded bool
}

// readSources reads and parses everything options name. All syntax errors are reported at once.
func readSources(options Options) (*sources, error) {
	s, err := collectSources(options)
	if err != nil {
		return nil, err
	}
	return s, s.parse()
}

// collectSources reads everything options name, unparsed.
func collectSources(options Options) (*sources, error) {
	if options.remotes == nil {
		if err := options.fetchRemotes(context.Background()); err != nil {
			return nil, err
		}
	}
	s := &sources{
		modules: map[string]*ast.Module{}, tests: map[string]*ast.Module{}, user: map[string]bool{},
		data: map[string]any{}, setBy: map[string]string{},
	}
	for _, name := range options.Paths {
		if err := s.readPath(name, options); err != nil {
			return nil, err
		}
	}
	if !s.wholeLibrary() {
		if err := s.readLibrary(options.Library); err != nil {
			return nil, err
		}
	}
	for _, name := range options.Data {
		content, err := readFile(name)
		if err != nil {
			return nil, fmt.Errorf("read policy data: %w", err)
		}
		s.files = append(s.files, file{name: name, content: content, user: true})
	}
	return s, nil
}

// wholeLibrary reports whether the user's paths bring the entry point themselves: then they stand in for the library
// instead of joining it.
func (s *sources) wholeLibrary() bool {
	for _, f := range s.files {
		if f.user && path.Base(filepath.ToSlash(f.name)) == "verdict.rego" && strings.Contains("\n"+string(f.content), "\npackage graphwarden\n") {
			return true
		}
	}
	return false
}

func (s *sources) readLibrary(library fs.FS) error {
	if s.embedded = library == nil; s.embedded {
		library = policies.Library
	}
	found, err := readFS(library, "policies", false)
	if err != nil {
		return fmt.Errorf("read the rule library: %w", err)
	}
	if !hasRego(found) {
		return fmt.Errorf("read the rule library: no .rego file in it")
	}
	s.files = append(found, s.files...)
	return nil
}

func (s *sources) readPath(name string, options Options) error {
	var info fs.FileInfo
	var err error
	if !IsRemote(name) {
		if info, err = os.Stat(name); err != nil {
			return fmt.Errorf("read policies: %w", err)
		}
	}
	var found []file
	switch {
	case IsRemote(name):
		found, err = options.remotes.files(name)
	case strings.HasSuffix(name, ".tar.gz"), strings.HasSuffix(name, ".tgz"):
		found, err = readBundle(name, options)
	case options.VerifyKey != "":
		return fmt.Errorf("read policies: %s is no bundle, and only signed bundles are accepted while a key is set", name)
	case info.IsDir():
		found, err = readFS(os.DirFS(name), filepath.ToSlash(name), true)
	default:
		var content []byte
		content, err = readFile(name)
		found = []file{{name: name, content: content, user: true}}
	}
	if err != nil {
		return fmt.Errorf("read policies: %w", err)
	}
	if !hasRego(found) {
		return fmt.Errorf("read policies: no .rego file in %s", name)
	}
	s.files = append(s.files, found...)
	return nil
}

func hasRego(files []file) bool {
	for _, f := range files {
		if strings.HasSuffix(f.name, ".rego") && !strings.HasSuffix(f.name, "_test.rego") {
			return true
		}
	}
	return false
}

// readFS takes .rego files and, as a bundle does, data.json and data.yaml at the place their folder names. The library's
// own tests stay out: they are run when the library is built.
func readFS(fsys fs.FS, root string, user bool) ([]file, error) {
	var files []file
	err := fs.WalkDir(fsys, ".", func(name string, entry fs.DirEntry, err error) error {
		base := path.Base(name)
		switch {
		case err != nil:
			return err
		case entry.IsDir():
			if name != "." && strings.HasPrefix(base, ".") {
				return fs.SkipDir
			}
			return nil
		case !user && strings.HasSuffix(name, "_test.rego"), !wanted(base):
			return nil
		}
		content, err := fs.ReadFile(fsys, name)
		if err != nil {
			return err
		}
		if len(content) > maxFile {
			return fmt.Errorf("%s is larger than %d bytes", name, maxFile)
		}
		f := file{name: path.Join(root, name), content: content, user: user}
		if dir := path.Dir(name); dir != "." {
			f.under = strings.Split(dir, "/")
		}
		files = append(files, f)
		return nil
	})
	return files, err
}

func wanted(base string) bool {
	switch base {
	case "data.json", "data.yaml", "data.yml", "input.schema.json":
		return true
	}
	return strings.HasSuffix(base, ".rego")
}

// readBundle reads an OPA bundle; its signature is checked by OPA when a key is set.
func readBundle(name string, options Options) ([]file, error) {
	f, err := os.Open(name)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	reader := bundle.NewCustomReader(bundle.NewTarballLoader(f)).WithSizeLimitBytes(maxFile).WithCapabilities(Capabilities())
	if verification := options.verification(); verification != nil {
		reader = reader.WithBundleVerificationConfig(verification)
	} else {
		reader = reader.WithSkipBundleVerification(true)
	}
	b, err := reader.Read()
	if err != nil {
		return nil, fmt.Errorf("bundle %s: %w", name, err)
	}
	return bundleFiles(name, &b)
}

// bundleFiles are the policies and the data of a bundle, as if they lay in a folder.
func bundleFiles(name string, b *bundle.Bundle) ([]file, error) {
	var files []file
	for _, m := range b.Modules {
		files = append(files, file{name: path.Join(name, m.Path), content: m.Raw, user: true})
	}
	if len(b.Data) > 0 {
		content, err := json.Marshal(b.Data)
		if err != nil {
			return nil, fmt.Errorf("bundle %s: %w", name, err)
		}
		files = append(files, file{name: path.Join(name, "data.json"), content: content, user: true})
	}
	return files, nil
}

func readFile(name string) ([]byte, error) {
	info, err := os.Stat(name)
	if err != nil {
		return nil, err
	}
	if info.Size() > maxFile {
		return nil, fmt.Errorf("%s is larger than %d bytes", name, maxFile)
	}
	return os.ReadFile(name)
}
