package policy

import (
	"context"

	"github.com/open-policy-agent/opa/v1/ast"

	"github.com/graphwarden/graphwarden/internal/graph"
)

// LeafPaths are the places of all leaves of the input document.
func LeafPaths() [][]string {
	var paths [][]string
	var walk func(path []string, fields []field)
	walk = func(path []string, fields []field) {
		for i := range fields {
			here := append(path[:len(path):len(path)], fields[i].name)
			if fields[i].leaf != nil {
				paths = append(paths, here)
			}
			walk(here, fields[i].fields)
		}
	}
	walk(nil, document)
	return paths
}

// Place is what policies may read: a place, where each gate, if any, holds.
type Place struct {
	Path  []string
	Gates []Gate
}

// Gate is that a place is a string, a boolean or null.
type Gate struct {
	Path []string
	Is   any
}

// Projector makes the key and the document that policies would get which read the given places.
func Projector(places ...Place) func(*graph.Request, Context) (string, ast.Value) {
	r := &reads{}
	for _, place := range places {
		one := readPlace{path: place.Path}
		for _, gate := range place.Gates {
			is, _ := scalarLeaf(ast.MustInterfaceToValue(gate.Is))
			one.gates = append(one.gates, readGate{path: gate.Path, is: is})
		}
		r.places = append(r.places, one)
	}
	p := project(r)
	return func(r *graph.Request, c Context) (string, ast.Value) {
		rd := p.read(r, c)
		defer rd.release()
		return string(rd.key), rd.document()
	}
}

// Reads tells of a module, an entry point graphwarden.verdict of its own, whether it may read everything, and whether its
// verdict on an empty request would be kept. It may use any built-in there is.
func Reads(module string) (everything, kept bool, err error) {
	compiler, err := ast.CompileModules(map[string]string{"test.rego": module})
	if err != nil {
		return false, false, err
	}
	q, err := newQuery(context.Background(), compiler, map[string]any{"header": "x-ticket"})
	if err != nil {
		return false, false, err
	}
	r := q.readsOf()
	return r.everything, !project(r).read(&graph.Request{}, Context{}).fleeting, nil
}

// Remembered is how many verdicts the generation in force keeps.
func (e *Engine) Remembered() int {
	m := &e.current.Load().memory
	m.mu.RLock()
	defer m.mu.RUnlock()
	return len(m.young) + len(m.old)
}

// The bounds of the memory.
const (
	MaxVerdicts = maxVerdicts
	MaxKey      = maxKey
)
