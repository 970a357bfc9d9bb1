package graph

import (
	"errors"
	"fmt"
	"strconv"
	"strings"
)

// catalogue is the embedded table as a trie over path segments: one map lookup per segment, whatever the table's size.
type catalogue struct {
	rows  []row
	nodes []node // nodes[0] is the root
	edges map[edge]int32
	// names numbers every literal segment by its folded spelling.
	names map[string]int32
	// actions are the assign-like actions, folded, with the catalogue's spelling; likewise casts the known cast types
	// and keys the known alternate keys.
	actions, casts, keys map[string]string
	// governed are folded names of collections that hold assignments or what decides them.
	governed         map[string]bool
	assignParameters map[string]bool
	// err is why the embedded file could not be read; every write is then unknown.
	err error
}

// edge is a node and the name of a segment below it, in one word so that the map hashes it fast.
type edge uint64

func newEdge(from, name int32) edge { return edge(from)<<32 | edge(name) }

// node is a place in the trie.
type node struct {
	name   string // the segment in the catalogue's spelling; empty for a parameter
	render string // how it is written in a path: with its namespace where Graph wants that
	param  int32  // the child that takes any id; 0 for none
	rows   []int32
	// assignments are the folded names of children that hold or assign assignments.
	assignments []string
}

// row is a Route with what matching needs.
type row struct {
	Route
	cast       string // the folded cast inside the template
	alternate  string // the folded name of the alternate key in the template
	parameters []parameter
	bodyNames  []string
	operation  Kind
	outside    bool // not of the table: decides assignments from outside
}

type parameter struct {
	index int // into Path.Segments
	name  string
}

func newCatalogue(text string) *catalogue {
	c := &catalogue{
		rows:  make([]row, 0, 800),
		nodes: make([]node, 1, 800),
		edges: make(map[edge]int32, 800), names: make(map[string]int32, 256),
		actions: map[string]string{}, casts: map[string]string{}, keys: map[string]string{},
		governed: map[string]bool{}, assignParameters: map[string]bool{},
	}
	d := decoder{c: c}
	if c.err = d.decode(text); c.err != nil {
		return c
	}
	c.addOutside()
	for i := range c.rows {
		c.insert(int32(i))
	}
	return c
}

// decoder reads the sections in the order gencatalogue writes them; each refers to earlier ones by number.
type decoder struct {
	c           *catalogue
	words       []string
	properties  []BodyProperty
	permissions []Permissions
	bodies      [][]BodyProperty
	names       [][]string
	template    string
}

func (d *decoder) decode(text string) error {
	for line := range strings.Lines(text) {
		line = strings.TrimSuffix(line, "\n")
		tag, rest, _ := strings.Cut(line, "\t")
		var err error
		switch tag {
		case "w":
			d.words = append(d.words, rest)
		case "n":
			err = d.property(rest)
		case "p":
			err = d.permission(rest)
		case "b":
			err = d.body(rest)
		case "t":
			err = d.path(rest)
		case "r":
			err = d.row(rest)
		}
		if err != nil {
			return fmt.Errorf("reading catalogue line %q: %w", line, err)
		}
	}
	return nil
}

var errCatalogue = errors.New("reference out of range")

func (d *decoder) word(ref string) (string, error) {
	if i, err := strconv.Atoi(ref); err == nil && i >= 0 && i < len(d.words) {
		return d.words[i], nil
	}
	return "", errCatalogue
}

func (d *decoder) wordList(refs string) ([]string, error) {
	if refs == "" {
		return nil, nil
	}
	list := make([]string, 0, strings.Count(refs, " ")+1)
	for ref := range strings.SplitSeq(refs, " ") {
		w, err := d.word(ref)
		if err != nil {
			return nil, err
		}
		list = append(list, w)
	}
	return list, nil
}

func (d *decoder) property(rest string) error {
	name, ref, _ := strings.Cut(rest, "\t")
	typ, err := d.word(ref)
	d.properties = append(d.properties, BodyProperty{Name: name, Type: typ})
	return err
}

func (d *decoder) permission(rest string) (err error) {
	work, rest, _ := strings.Cut(rest, "\t")
	personal, application, _ := strings.Cut(rest, "\t")
	p := Permissions{Known: true}
	for _, l := range [...]struct {
		to   *[]string
		refs string
	}{{&p.DelegatedWork, work}, {&p.DelegatedPersonal, personal}, {&p.Application, application}} {
		if *l.to, err = d.wordList(l.refs); err != nil {
			return err
		}
	}
	d.permissions = append(d.permissions, p)
	return nil
}

func (d *decoder) body(rest string) error {
	var body []BodyProperty
	var names []string
	for ref := range strings.SplitSeq(rest, " ") {
		i, err := strconv.Atoi(ref)
		if err != nil || i < 0 || i >= len(d.properties) {
			return errCatalogue
		}
		body = append(body, d.properties[i])
		names = append(names, d.properties[i].Name)
	}
	d.bodies, d.names = append(d.bodies, body), append(d.names, names)
	return nil
}

// path undoes the sharing of leading segments with the path before.
func (d *decoder) path(rest string) error {
	count, suffix, _ := strings.Cut(rest, "\t")
	shared, err := strconv.Atoi(count)
	if err != nil {
		return err
	}
	end := 0
	for ; shared > 0; shared-- {
		i := strings.IndexByte(d.template[end:], '/')
		if i < 0 {
			if shared > 1 {
				return errCatalogue
			}
			d.template += "/"
			i = len(d.template) - end - 1
		}
		end += i + 1
	}
	d.template = d.template[:end] + suffix
	return nil
}

func (d *decoder) row(rest string) error {
	var f [13]string
	n := 0
	for part := range strings.SplitSeq(rest, "\t") {
		if n == len(f) {
			return errCatalogue
		}
		f[n] = part
		n++
	}
	r := row{Route: Route{Template: d.template, PermissionProfile: "current", Documented: true}}
	for _, w := range [...]struct {
		to  *string
		ref string
	}{
		{&r.Version, f[0]}, {&r.Method, f[1]}, {&r.Kind, f[2]}, {&r.Family, f[3]}, {&r.Resource, f[4]},
		{&r.Action, f[5]}, {&r.ResponseType, f[9]}, {&r.DocsStatus, f[10]},
	} {
		var err error
		if *w.to, err = d.word(w.ref); err != nil {
			return err
		}
	}
	var err error
	if r.Permissions, err = pick(d.permissions, f[6]); err != nil {
		return err
	}
	if r.DocumentedPermissions, err = pick(d.permissions, f[7]); err != nil {
		return err
	}
	if r.Body, err = pick(d.bodies, f[8]); err != nil {
		return err
	}
	if r.bodyNames, err = pick(d.names, f[8]); err != nil {
		return err
	}
	if r.TypeCasts, err = d.wordList(f[12]); err != nil {
		return err
	}
	for _, flag := range f[11] {
		switch flag {
		case 'I':
			r.Inferred = true
		case 'D':
			r.PermissionProfile = "documented"
		case 'R':
			r.Related = true
		case 'A':
			r.Alias = true
		case 'U':
			r.Documented = false
		}
	}
	d.c.rows = append(d.c.rows, r)
	return nil
}

func pick[T any](from []T, ref string) (zero T, err error) {
	if ref == "-" {
		return zero, nil
	}
	if i, err := strconv.Atoi(ref); err == nil && i >= 0 && i < len(from) {
		return from[i], nil
	}
	return zero, errCatalogue
}
