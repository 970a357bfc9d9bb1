package graph

import (
	"slices"
	"strings"
)

// unknownResource is the resource of a write that looks like an assignment but is in no row.
const unknownResource = "unknown"

// Classify tells what a request does to assignments, from its method and path alone: Cloud, and what a body adds, are
// filled by Read. A write that looks like one of assignments is never KindOther, whether the catalogue has it or not.
func Classify(method string, p Path) Operation {
	switch method {
	case "GET", "HEAD", "OPTIONS":
		return Operation{Kind: KindOther, Name: "read", Effect: EffectNone, PermissionProfile: "current"}
	}
	c := loadCatalogue()
	n := c.at(p)
	if n != nil {
		if r := c.match(n, method, p); r != nil {
			return r.describe(p)
		}
	}
	if c.err != nil || n != nil && c.known(n) || c.looksLikeAssignment(p) {
		return unknownWrite(method, p)
	}
	return Operation{Kind: KindOther, Name: writeName(method), Effect: EffectNone, PermissionProfile: "current"}
}

// match picks the row of a node for a method and version. Rows that differ in their cast only are told apart by the
// casts of the path; without the right one any of them will do, since they name the same assignments.
func (c *catalogue) match(n *node, method string, p Path) *row {
	var best *row
	score := -1
	for _, i := range n.rows {
		r := &c.rows[i]
		if r.Method != method || r.Version != p.Version && (!r.outside || p.Version == "") {
			continue
		}
		s := 1
		if r.cast != "" {
			if s = 0; hasCast(p.Casts, r.cast) {
				s = 2
			}
		}
		if r.alternate != "" {
			if s = -1; r.hasAlternate(p) {
				s = 3
			}
		}
		if s > score {
			best, score = r, s
		}
	}
	return best
}

func hasCast(casts []string, folded string) bool {
	for _, c := range casts {
		if i := strings.LastIndexByte(c, '.'); strings.EqualFold(c[i+1:], folded) {
			return true
		}
	}
	return false
}

func (r *row) hasAlternate(p Path) bool {
	for _, s := range p.Segments {
		if name, _, found := strings.Cut(s.Name, "="); s.Key && found && strings.EqualFold(name, r.alternate) {
			return true
		}
	}
	return false
}

// known tells whether the table has any row at a node: another method or version of it is then an unknown write.
func (c *catalogue) known(n *node) bool {
	for _, i := range n.rows {
		if !c.rows[i].outside {
			return true
		}
	}
	return false
}

func (r *row) describe(p Path) Operation {
	op := Operation{
		Kind: r.operation, Name: r.Kind, Effect: r.Effect,
		Family: r.Family, Resource: r.Resource, Route: r.Template,
		Permissions: r.Permissions, Documented: r.DocumentedPermissions, PermissionProfile: r.PermissionProfile,
		BodyProperties: r.bodyNames,
	}
	if len(r.parameters) == 0 {
		return op
	}
	op.IDs = make(map[string]string, len(r.parameters))
	for _, parameter := range r.parameters {
		if parameter.index < len(p.Segments) {
			op.IDs[parameter.name] = r.id(p.Segments[parameter.index].Name)
		}
	}
	return op
}

// id is a key as policies compare it: GUIDs in lower case, an alternate key of the row without its name and quotes.
func (r *row) id(key string) string {
	if isGUID(key) {
		return strings.ToLower(key)
	}
	if r.alternate != "" {
		if name, value, found := strings.Cut(key, "="); found && strings.EqualFold(name, r.alternate) {
			if plain, ok := unquote(value); ok {
				return plain
			}
			return value
		}
	}
	return key
}

func unknownWrite(method string, p Path) Operation {
	op := Operation{
		Kind: KindUnknownWrite, Name: writeName(method), Effect: effectOfMethod(method),
		Resource: unknownResource, PermissionProfile: "current",
	}
	if len(p.Segments) == 0 {
		return op
	}
	switch last := bareName(p.Segments[len(p.Segments)-1].Name); {
	case last == "$ref":
		op.Name = "ref"
	case last == "assign":
		op.Name, op.Effect = "assign", EffectReplace
	case method == "POST" && loadCatalogue().actions[last] != "":
		op.Name, op.Effect = "action", effectOf("action", method, last)
	}
	return op
}

func writeName(method string) string {
	switch method {
	case "POST":
		return "create"
	case "DELETE":
		return "delete"
	}
	return "update"
}

// looksLikeAssignment tells whether any step of a path has a name that assignments go by. Keys count as well: where the
// catalogue expects an id, Graph may know an action.
func (c *catalogue) looksLikeAssignment(p Path) bool {
	if len(p.Segments) == 0 {
		return c.rawLooksLikeAssignment(p.canonical)
	}
	for i, s := range p.Segments {
		if c.assignmentName(s.Name) && !isForeignName(p.Segments, i) {
			return true
		}
	}
	for _, cast := range p.Casts {
		if c.assignmentName(cast) {
			return true
		}
	}
	return namesEntity(p)
}

func (c *catalogue) assignmentName(name string) bool {
	folded := bareName(name)
	if len(folded) < len("assign") {
		return false
	}
	return strings.HasSuffix(folded, "assignments") || strings.HasSuffix(folded, "assignedto") ||
		c.governed[folded] || c.actions[folded] != ""
}

// bareName is a segment's name, folded, without namespace and arguments.
func bareName(name string) string {
	if i := strings.IndexByte(name, '('); i > 0 {
		name = name[:i]
	}
	name = foldName(name)
	if rest, ok := cutNamespace(name); ok {
		name = rest[strings.LastIndexByte(rest, '.')+1:]
	}
	return name
}

// rawLooksLikeAssignment judges a target without a normal form, which only a read should have.
func (c *catalogue) rawLooksLikeAssignment(raw string) bool {
	folded := foldName(raw)
	return strings.Contains(folded, "assign") || strings.IndexByte(folded, '%') >= 0
}

// namesEntity tells whether the write is to an entity that the query names by its URL; which one that is nobody can
// tell without following it.
func namesEntity(p Path) bool {
	last := p.Segments[len(p.Segments)-1].Name
	if last == "$entity" {
		return true
	}
	for name, values := range p.Query {
		// Behind $ref the dollar sign is optional; elsewhere id is a name of anything.
		option := strings.ToLower(name)
		if last == "$ref" && !strings.HasPrefix(option, "$") {
			option = "$" + option
		}
		if !slices.Contains(entityOptions[:], option) {
			continue
		}
		for _, v := range values {
			if strings.Contains(foldName(v), "assign") || strings.IndexByte(v, '%') >= 0 {
				return true
			}
		}
	}
	return false
}

// isForeignName tells whether the i-th segment is a name that people give: the title of a SharePoint list, or a file in
// a drive.
func isForeignName(segments []Segment, i int) bool {
	if i == 0 || !driveRoots[foldName(segments[0].Name)] {
		return false
	}
	if strings.EqualFold(segments[i-1].Name, "lists") {
		return strings.EqualFold(segments[0].Name, "sites") || hasName(segments[:i], "sites")
	}
	inFile, inDrive := false, false
	for _, s := range segments[:i] {
		if strings.EqualFold(s.Name, "drive") || strings.EqualFold(s.Name, "drives") {
			inDrive = true
		}
		if inDrive && strings.HasSuffix(s.Name, ":") {
			inFile = !inFile
		}
	}
	return inFile
}
