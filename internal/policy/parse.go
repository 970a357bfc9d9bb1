package policy

import (
	"path"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"

	"github.com/open-policy-agent/opa/v1/ast"
	"github.com/open-policy-agent/opa/v1/util"
)

// parse turns the files into modules, data and the schema, and reports every fault it meets.
func (s *sources) parse() error {
	var faults Faults
	options := ast.ParserOptions{ProcessAnnotation: true, RegoVersion: ast.RegoV1, Capabilities: Capabilities()}
	parsed := parseModules(s.files, options)
	for i := range s.files {
		f := &s.files[i]
		switch {
		case path.Base(filepath.ToSlash(f.name)) == "input.schema.json":
			faults = append(faults, s.parseSchema(f)...)
		case strings.HasSuffix(f.name, ".rego"):
			module, err := parsed[i].module, parsed[i].err
			if err != nil {
				faults = append(faults, parseFaults(f.name, err)...)
				continue
			}
			if module == nil {
				faults = append(faults, Fault{File: f.name, Message: "no package in this file"})
				continue
			}
			s.add(f, module)
		default:
			faults = append(faults, s.parseData(f)...)
		}
	}
	return faults.orNil()
}

// parsedModule is what became of a file.
type parsedModule struct {
	module *ast.Module
	err    error
}

// parseModules parses the .rego files, on all cores; each result has its file's index.
func parseModules(files []file, options ast.ParserOptions) []parsedModule {
	parsed := make([]parsedModule, len(files))
	var next atomic.Int64
	var all sync.WaitGroup
	for range min(runtime.GOMAXPROCS(0), len(files)) {
		all.Go(func() {
			for i := int(next.Add(1)) - 1; i < len(files); i = int(next.Add(1)) - 1 {
				if f := &files[i]; strings.HasSuffix(f.name, ".rego") {
					parsed[i].module, parsed[i].err = ast.ParseModuleWithOpts(f.name, string(f.content), options)
				}
			}
		})
	}
	all.Wait()
	return parsed
}

func (s *sources) add(f *file, module *ast.Module) {
	if strings.HasSuffix(f.name, "_test.rego") {
		if f.user {
			s.tests[f.name] = module
		}
		return
	}
	name := f.name
	for user, taken := s.user[name]; taken && !user; user, taken = s.user[name] {
		name = "./" + name // a folder of the user's that is called as the library is must not hide it
	}
	s.modules[name] = module
	s.user[name] = f.user
}

func (s *sources) parseSchema(f *file) Faults {
	var schema any
	if err := util.UnmarshalJSON(f.content, &schema); err != nil {
		return Faults{{File: f.name, Message: err.Error()}}
	}
	s.schemas = ast.NewSchemaSet()
	s.schemas.Put(ast.SchemaRootRef, schema)
	return nil
}

// parseData lays a data file over what was read before it: objects are merged, anything else is replaced.
func (s *sources) parseData(f *file) Faults {
	var value any
	if err := util.Unmarshal(f.content, &value); err != nil {
		return Faults{{File: f.name, Message: err.Error()}}
	}
	if value == nil { // a file of comments only
		return nil
	}
	document, ok := value.(map[string]any)
	if !ok {
		return Faults{{File: f.name, Message: "policy data must be an object"}}
	}
	for i := len(f.under) - 1; i >= 0; i-- {
		document = map[string]any{f.under[i]: document}
	}
	if _, ok := document["graphwarden"]; ok && f.user && !s.wholeLibrary() {
		return Faults{{File: f.name, Message: `the key "graphwarden" is the library's; set rules, permissions or judge_reads at the top`}}
	}
	if rules, ok := document["rules"].(map[string]any); ok && f.user {
		for id := range rules {
			s.setBy[id] = f.name
		}
	}
	overlay(s.data, document)
	return nil
}

// overlay lays b over a.
func overlay(a, b map[string]any) {
	for key, value := range b {
		below, isObject := a[key].(map[string]any)
		above, ok := value.(map[string]any)
		if isObject && ok {
			overlay(below, above)
			continue
		}
		a[key] = value
	}
}
