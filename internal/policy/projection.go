package policy

import (
	"maps"
	"slices"

	"github.com/open-policy-agent/opa/v1/ast"
)

// projection is the part of the input document that a compiled set of policies may read. What it leaves out cannot change
// a verdict, so it need not be made; what it holds, written out as a key, is all that a verdict follows from.
type projection struct {
	root   *node
	leaves []*node
	gates  []gate
	parts  []*parts // by the number of the object
	fickle bool     // a verdict follows from more than the document
	pool   readings
}

// node is a field that may be read.
type node struct {
	name     string
	term     *ast.Term // the name
	nodes    []*node   // of an object; a leaf has none
	leaf     func(*facts) leaf
	number   int     // of the leaf or of the object
	when     [][]int // the leaf is read where all gates of one of these hold; nil is always
	fleeting bool
	// lazy marks an object that OPA shall convert member by member, since a member may be large.
	lazy bool
}

// gate is a condition of the policies: that a leaf has a value.
type gate struct {
	leaf int
	is   leaf
}

// marks are what is known of one field's reading.
type marks struct {
	always  bool
	when    [][]int
	members map[string]*marks
}

// tooManyWays is when it is cheaper to take a leaf always than to find out whether it is needed.
const tooManyWays = 16

// projectionBuilder notes which fields are read before their nodes are made.
type projectionBuilder struct {
	marked map[*field]*marks
	gates  []readGate
	made   *projection
	number map[*field]int
}

// project finds the part of the document that is read.
func project(r *reads) *projection {
	b := &projectionBuilder{marked: map[*field]*marks{}, made: &projection{fickle: r.fickle}, number: map[*field]int{}}
	for _, place := range r.places {
		var when []int
		for _, g := range place.gates {
			if n, ok := b.gate(g); ok {
				when = append(when, n)
			}
		}
		slices.Sort(when)
		b.mark(place.path, slices.Compact(when))
	}
	if r.everything {
		for i := range document {
			b.markAll(&document[i], nil)
		}
	}
	p := b.made
	p.root = b.object("", document)
	for _, g := range b.gates {
		one, _ := fieldAt(g.path)
		p.gates = append(p.gates, gate{leaf: b.number[one], is: g.is})
	}
	return p
}

// gate numbers a condition; false where the place is no leaf of the table.
func (b *projectionBuilder) gate(g readGate) (int, bool) {
	one, rest := fieldAt(g.path)
	if one == nil || one.leaf == nil || len(rest) > 0 {
		return 0, false
	}
	same := func(known readGate) bool { return slices.Equal(known.path, g.path) && known.is.equal(&g.is) }
	if n := slices.IndexFunc(b.gates, same); n >= 0 {
		return n, true
	}
	b.mark(g.path, nil)
	b.gates = append(b.gates, g)
	return len(b.gates) - 1, true
}

// fieldAt follows a path as far as the table goes. It returns the last field, nil for the document itself, and the names
// that are left.
func fieldAt(path []string) (*field, []string) {
	fields, last := document, (*field)(nil)
	for len(path) > 0 {
		i := slices.IndexFunc(fields, func(f field) bool { return f.name == path[0] })
		if i < 0 {
			break
		}
		last, fields, path = &fields[i], fields[i].fields, path[1:]
	}
	return last, path
}

// mark notes that a place is read where all gates of when hold.
func (b *projectionBuilder) mark(path []string, when []int) {
	one, rest := fieldAt(path)
	switch {
	case one == nil:
		for i := range document {
			b.markAll(&document[i], when) // a name the document does not have: nobody knows what is meant
		}
	case one.member != nil && len(rest) > 0:
		m := b.of(one)
		if m.members == nil {
			m.members = map[string]*marks{}
		}
		if m.members[rest[0]] == nil {
			m.members[rest[0]] = &marks{}
		}
		m.members[rest[0]].add(when)
	default:
		b.markAll(one, when)
	}
}

func (b *projectionBuilder) markAll(one *field, when []int) {
	for i := range one.fields {
		b.markAll(&one.fields[i], when)
	}
	if one.leaf != nil {
		b.of(one).add(when)
	}
}

func (b *projectionBuilder) of(one *field) *marks {
	if b.marked[one] == nil {
		b.marked[one] = &marks{}
	}
	return b.marked[one]
}

// add takes one more way to read the field. A way that asks for more than another one adds nothing.
func (m *marks) add(when []int) {
	holds := func(all, some []int) bool {
		return !slices.ContainsFunc(some, func(g int) bool { return !slices.Contains(all, g) })
	}
	if len(when) == 0 || m.always {
		m.always, m.when = true, nil
		return
	}
	if slices.ContainsFunc(m.when, func(known []int) bool { return holds(when, known) }) {
		return
	}
	m.when = append(slices.DeleteFunc(m.when, func(known []int) bool { return holds(known, when) }), when)
	if len(m.when) > tooManyWays {
		m.always, m.when = true, nil
	}
}

// object makes the node of an object; nil if nothing in it is read.
func (b *projectionBuilder) object(name string, fields []field) *node {
	n := &node{name: name, term: ast.StringTerm(name)}
	for i := range fields {
		child := b.node(&fields[i])
		if child == nil {
			continue
		}
		n.nodes = append(n.nodes, child)
		n.fleeting = n.fleeting || child.fleeting
		n.lazy = n.lazy || child.lazy
	}
	return b.numbered(n, name == "")
}

func (b *projectionBuilder) numbered(n *node, keep bool) *node {
	if len(n.nodes) == 0 && !keep {
		return nil
	}
	n.number = len(b.made.parts)
	b.made.parts = append(b.made.parts, &parts{})
	return n
}

func (b *projectionBuilder) node(one *field) *node {
	if one.fields != nil {
		return b.object(one.name, one.fields)
	}
	m := b.marked[one]
	switch {
	case m == nil:
		return nil
	case !m.always && m.when == nil:
		return b.members(one, m)
	}
	for _, member := range m.members { // the whole holds them too
		if member.always {
			m.add(nil)
		}
		for _, when := range member.when {
			m.add(when)
		}
	}
	b.number[one] = len(b.made.leaves)
	return b.leaf(one.name, one, one.leaf, m)
}

// members makes a node for each member of a leaf that is read by name.
func (b *projectionBuilder) members(one *field, m *marks) *node {
	n := &node{name: one.name, term: ast.StringTerm(one.name)}
	for _, name := range slices.Sorted(maps.Keys(m.members)) {
		read := func(f *facts) leaf { return one.member(f, name) }
		n.nodes = append(n.nodes, b.leaf(name, one, read, m.members[name]))
	}
	return b.numbered(n, false)
}

func (b *projectionBuilder) leaf(name string, one *field, read func(*facts) leaf, m *marks) *node {
	n := &node{name: name, term: ast.StringTerm(name), leaf: read, number: len(b.made.leaves), when: m.when, fleeting: one.fleeting}
	n.lazy = one.open && n.name == one.name
	b.made.leaves = append(b.made.leaves, n)
	return n
}
