package standin

import (
	"slices"
	"strings"
	"sync"
)

// row is one catalogued write: what the stand-in needs to answer it.
type row struct {
	version, method, template string
	family, kind, resource    string
	status                    int    // as the page says, or as such pages say when none does
	response                  string // the type answered, "Collection(x)" for a set, empty for none
	delegated, application    []string
	known                     bool // whether any source lists the permissions
}

// node is one step of a route: a name, or the key that follows one.
type node struct {
	name     string // as the catalogue spells it; {x} for a key
	template string // from the root to here
	family   string
	resource string // type of the objects here, empty when nothing says
	plain    bool   // a read the stand-in adds; open to any valid token
	action   bool
	children map[string]*node // by name as spelled and by lower-case name
	key      *node
	rows     map[string]*row // by method
	grants   grants
}

// grants are the scopes and roles that open a node to requests that no row lists, reads above all.
type grants struct{ delegated, application []string }

// tree is every route of one version.
type tree struct{ root *node }

// trees are the routes by version. They never change once built.
var trees = sync.OnceValue(func() map[string]*tree { return buildTrees(catalogue()) })

// plainReads are routes beyond the catalogue that scripts about assignments read on their way, with their types.
var plainReads = []struct{ template, resource string }{
	{"/me", "user"},
	{"/users/{id}", "user"},
	{"/users/{id}/memberOf/{id}", "group"},
	{"/groups/{id}", "group"},
	{"/groups/{id}/members/{id}", "user"},
	{"/groups/{id}/transitiveMembers/{id}", "user"},
	{"/organization/{id}", "organization"},
	{"/servicePrincipals/{id}", "servicePrincipal"},
	{"/devices/{id}", "device"},
	{"/deviceManagement", "deviceManagement"},
	{"/deviceAppManagement", "deviceAppManagement"},
	{"/deviceManagement/managedDevices/{id}", "managedDevice"},
	{"/deviceManagement/auditEvents/{id}", "auditEvent"},
	{"/deviceManagement/operationApprovalRequests/{id}", "operationApprovalRequest"},
}

func buildTrees(rows []row) map[string]*tree {
	all := map[string]*tree{"beta": {root: &node{}}, "v1.0": {root: &node{}}}
	for i := range rows {
		r := &rows[i]
		if t := all[r.version]; t != nil {
			t.add(r)
		}
	}
	for _, t := range all {
		for _, p := range plainReads {
			n := t.grow(p.template)
			n.plain, n.resource = true, p.resource
			if i := strings.LastIndex(p.template, "/{"); i >= 0 {
				t.grow(p.template[:i]).plain = true
			}
		}
		t.root.finish("directory")
	}
	return all
}

func (t *tree) add(r *row) {
	n := t.grow(r.template)
	if n.rows == nil {
		n.rows = make(map[string]*row)
	}
	n.rows[r.method] = r
	n.family = r.family
	switch {
	case r.kind == "action", r.kind == "assign":
		n.action = true
	case r.kind == "create" && r.resource != "":
		n.keyed().resource = r.resource
		n.keyed().family = r.family
	case r.resource != "":
		n.resource = r.resource
	}
}

// grow finds or makes the node of a template. Type casts are left out: a request may write them or not.
func (t *tree) grow(template string) *node {
	n := t.root
	segments := strings.Split(strings.Trim(template, "/"), "/")
	for i, s := range segments {
		switch name, _, parens := strings.Cut(s, "("); {
		case strings.HasPrefix(s, "{"):
			n = n.keyed()
		case parens:
			n = n.child(name).keyed()
		case qualified(s) && i == len(segments)-1:
			n = n.child(s[strings.LastIndexByte(s, '.')+1:])
		case qualified(s):
		default:
			n = n.child(s)
		}
	}
	return n
}

func (n *node) child(name string) *node {
	lower := strings.ToLower(name)
	if c := n.children[lower]; c != nil {
		return c
	}
	if n.children == nil {
		n.children = make(map[string]*node)
	}
	c := &node{name: name, template: n.template + "/" + name}
	n.children[name], n.children[lower] = c, c
	return c
}

func (n *node) keyed() *node {
	if n.key == nil {
		n.key = &node{name: "{id}", template: n.template + "/{id}"}
	}
	return n.key
}

// finish fills in what rows leave open: the family from above, the grants from below.
func (n *node) finish(family string) {
	switch {
	case n.family != "":
	case n.template == "/deviceManagement", n.template == "/deviceAppManagement", n.template == "/officeConfiguration":
		n.family = "intune"
	default:
		n.family = family
	}
	var g grants
	for _, r := range n.rows {
		g.delegated = append(g.delegated, r.delegated...)
		g.application = append(g.application, r.application...)
	}
	below := func(c *node) {
		c.finish(n.family)
		g.delegated = append(g.delegated, c.grants.delegated...)
		g.application = append(g.application, c.grants.application...)
	}
	if n.key != nil {
		below(n.key)
	}
	for name, c := range n.children {
		if name == strings.ToLower(name) {
			below(c)
		}
	}
	n.grants = grants{distinct(g.delegated), distinct(g.application)}
	if n.key != nil && n.key.grants.delegated == nil {
		n.key.grants = n.grants
	}
}

func distinct(names []string) []string {
	slices.Sort(names)
	return slices.Compact(names)
}

// collection tells whether the node holds a set of keyed objects.
func (n *node) collection() bool { return n.key != nil }

// catalogued tells whether the node or its objects have rows of their own: then only what the rows list is allowed.
func (n *node) catalogued() bool { return len(n.rows) > 0 || n.key != nil && len(n.key.rows) > 0 }

// qualified tells a type cast, or the full name of an action, from a plain name.
func qualified(segment string) bool {
	lower := strings.ToLower(segment)
	return strings.HasPrefix(lower, "microsoft.graph.") || strings.HasPrefix(lower, "graph.")
}
