package policy

import (
	"sync"

	"github.com/open-policy-agent/opa/v1/ast"

	"github.com/graphwarden/graphwarden/internal/graph"
)

// reading is one request seen through a projection.
type reading struct {
	of     *projection
	facts  facts
	values []leaf // of the leaves, by number, as far as they are known
	known  []bool
	holds  []bool   // the gates
	key    []byte   // all that is read, so that two requests with one key have one verdict
	spans  [][2]int // where in key the objects are, by number
	// fleeting is true when the key is unlikely to come again, or says too little.
	fleeting bool
}

// readings keeps the last readings for the next ones: judging is done for each request, and its scratch space is large.
type readings struct{ pool sync.Pool }

// maxScratch is the key that a reading may leave to the next one.
const maxScratch = 16 << 10

// read reads a request. The reading is good until release.
func (p *projection) read(r *graph.Request, c Context) *reading {
	rd, ok := p.pool.pool.Get().(*reading)
	if !ok {
		rd = &reading{of: p, values: make([]leaf, len(p.leaves)), known: make([]bool, len(p.leaves)),
			holds: make([]bool, len(p.gates)), spans: make([][2]int, len(p.parts))}
	}
	rd.facts.of(r, c)
	rd.fleeting = p.fickle
	for i := range p.gates {
		rd.holds[i] = rd.value(p.gates[i].leaf).equal(&p.gates[i].is)
	}
	rd.write(p.root)
	return rd
}

// release gives the scratch space back; nothing of the request stays in it.
func (rd *reading) release() {
	if cap(rd.key) > maxScratch {
		return
	}
	rd.facts = facts{}
	clear(rd.values)
	clear(rd.known)
	rd.key = rd.key[:0]
	rd.of.pool.pool.Put(rd)
}

func (rd *reading) value(number int) *leaf {
	if !rd.known[number] {
		rd.values[number], rd.known[number] = rd.of.leaves[number].leaf(&rd.facts), true
	}
	return &rd.values[number]
}

// reads reports whether a leaf may be read, this request being what it is.
func (rd *reading) reads(n *node) bool {
	if n.when == nil {
		return true
	}
	for _, all := range n.when {
		if rd.holdAll(all) {
			return true
		}
	}
	return false
}

func (rd *reading) holdAll(gates []int) bool {
	for _, g := range gates {
		if !rd.holds[g] {
			return false
		}
	}
	return true
}

// write appends a node to the key.
func (rd *reading) write(n *node) {
	if n.leaf == nil {
		start := len(rd.key)
		for _, child := range n.nodes {
			rd.write(child)
		}
		rd.spans[n.number] = [2]int{start, len(rd.key)}
		return
	}
	if !rd.reads(n) {
		rd.key = append(rd.key, byte(leafAbsent))
		return
	}
	value := rd.value(n.number)
	rd.key = value.appendKey(rd.key)
	rd.fleeting = rd.fleeting || n.fleeting || value.bulky
}

// document is what OPA gets to see.
func (rd *reading) document() ast.Value { return rd.object(rd.of.root).Value }

// object is the term of an object. Those of the usual requests are alike in most of their parts, which are made once.
func (rd *reading) object(n *node) *ast.Term {
	if n.lazy {
		return ast.NewTerm(ast.LazyObject(rd.members(n)))
	}
	span := rd.spans[n.number]
	key := rd.key[span[0]:span[1]]
	if n.fleeting || n == rd.of.root || len(key) > maxPart {
		return rd.strict(n)
	}
	kept := rd.of.parts[n.number]
	term := kept.get(key)
	if term == nil {
		term = rd.strict(n)
		kept.keep(key, term)
	}
	return term
}

func (rd *reading) strict(n *node) *ast.Term {
	pairs := make([][2]*ast.Term, 0, len(n.nodes))
	for _, child := range n.nodes {
		if child.leaf == nil {
			pairs = append(pairs, [2]*ast.Term{child.term, rd.object(child)})
		} else if rd.reads(child) && rd.value(child.number).kind != leafAbsent {
			pairs = append(pairs, [2]*ast.Term{child.term, rd.value(child.number).term()})
		}
	}
	return ast.ObjectTerm(pairs...)
}

// members are those of an object that OPA converts as policies ask: a body may be 4 MiB.
func (rd *reading) members(n *node) map[string]any {
	m := make(map[string]any, len(n.nodes))
	for _, child := range n.nodes {
		switch {
		case child.leaf == nil && child.lazy:
			m[child.name] = rd.members(child)
		case child.leaf == nil:
			m[child.name] = rd.object(child).Value
		case rd.reads(child) && rd.value(child.number).kind == leafNative:
			m[child.name] = rd.value(child.number).native()
		case rd.reads(child) && rd.value(child.number).kind != leafAbsent:
			m[child.name] = rd.value(child.number).term().Value
		}
	}
	return m
}

// parts keeps the terms of one object of the document by their keys.
type parts struct {
	mu   sync.RWMutex
	kept map[string]*ast.Term
}

// The bounds of what is kept of one object.
const (
	maxPart  = 2 << 10
	maxParts = 128
)

func (p *parts) get(key []byte) *ast.Term {
	p.mu.RLock()
	defer p.mu.RUnlock()
	return p.kept[string(key)]
}

func (p *parts) keep(key []byte, term *ast.Term) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.kept == nil || len(p.kept) >= maxParts {
		p.kept = make(map[string]*ast.Term, 8)
	}
	p.kept[string(key)] = term
}
