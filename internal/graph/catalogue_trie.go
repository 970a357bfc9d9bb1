package graph

import "strings"

// outsideRoutes decide assignments without being assignments: who is in a group, and which objects a scope tag covers.
// The table has no rows for them; they hold for both versions.
var outsideRoutes = [...]Route{
	{Method: "POST", Template: "/groups/{groupId}/members/$ref", Kind: "ref", Resource: "group", Effect: EffectAdd},
	{Method: "DELETE", Template: "/groups/{groupId}/members/$ref", Kind: "ref", Resource: "group", Effect: EffectRemove},
	{Method: "DELETE", Template: "/groups/{groupId}/members/{memberId}/$ref", Kind: "ref", Resource: "group", Effect: EffectRemove},
	{Method: "POST", Template: "/groups/{groupId}/members", Kind: "create", Resource: "group", Effect: EffectAdd},
	{Method: "DELETE", Template: "/groups/{groupId}/members/{memberId}", Kind: "delete", Resource: "group", Effect: EffectRemove},
	{Method: "POST", Template: "/groups/{groupId}/owners/$ref", Kind: "ref", Resource: "group", Effect: EffectAdd},
	{Method: "DELETE", Template: "/groups/{groupId}/owners/$ref", Kind: "ref", Resource: "group", Effect: EffectRemove},
	{Method: "DELETE", Template: "/groups/{groupId}/owners/{ownerId}/$ref", Kind: "ref", Resource: "group", Effect: EffectRemove},
	{Method: "POST", Template: "/groups/{groupId}/owners", Kind: "create", Resource: "group", Effect: EffectAdd},
	{Method: "DELETE", Template: "/groups/{groupId}/owners/{ownerId}", Kind: "delete", Resource: "group", Effect: EffectRemove},
	// The body of a group may carry membershipRule and members@odata.bind, and a deleted group takes its assignments along.
	{Method: "PATCH", Template: "/groups/{groupId}", Kind: "update", Resource: "group", Effect: EffectModify},
	{Method: "PUT", Template: "/groups/{groupId}", Kind: "update", Resource: "group", Effect: EffectModify},
	{Method: "DELETE", Template: "/groups/{groupId}", Kind: "delete", Resource: "group", Effect: EffectRemove},
	// A team's members are its group's.
	{Method: "POST", Template: "/teams/{teamId}/members", Kind: "create", Resource: "group", Effect: EffectAdd},
	{Method: "POST", Template: "/teams/{teamId}/members/add", Kind: "action", Action: "add", Resource: "group", Effect: EffectAdd},
	{Method: "POST", Template: "/teams/{teamId}/members/remove", Kind: "action", Action: "remove", Resource: "group", Effect: EffectRemove},
	{Method: "DELETE", Template: "/teams/{teamId}/members/{memberId}", Kind: "delete", Resource: "group", Effect: EffectRemove},
	{Method: "POST", Template: "/deviceManagement/roleScopeTags", Kind: "create", Resource: "roleScopeTag", Effect: EffectAdd},
	{Method: "PATCH", Template: "/deviceManagement/roleScopeTags/{roleScopeTagId}", Kind: "update", Resource: "roleScopeTag", Effect: EffectModify},
	{Method: "DELETE", Template: "/deviceManagement/roleScopeTags/{roleScopeTagId}", Kind: "delete", Resource: "roleScopeTag", Effect: EffectRemove},
}

func (c *catalogue) addOutside() {
	for _, r := range outsideRoutes {
		r.Family, r.PermissionProfile, r.Documented, r.Related = "directory", "current", true, true
		if r.Resource == "roleScopeTag" {
			r.Family = "intune"
		}
		c.rows = append(c.rows, row{Route: r, outside: true})
	}
}

// insert puts row i into the trie and derives what matching needs.
func (c *catalogue) insert(i int32) {
	r := &c.rows[i]
	at, index, last := int32(0), 0, ""
	for part := range strings.SplitSeq(r.Template[1:], "/") {
		if name, ok := parameterName(part); ok {
			at = c.paramChild(at)
			r.parameters = append(r.parameters, parameter{index, name})
			index++
			continue
		}
		name := part
		if rest, qualified := cutNamespace(part); qualified {
			name = rest[strings.LastIndexByte(rest, '.')+1:]
			if r.Action != name {
				r.cast = strings.ToLower(name)
				c.casts[r.cast] = name
				continue
			}
		}
		if open := strings.IndexByte(part, '('); open > 0 { // set(key={value})
			key, _, _ := strings.Cut(part[open+1:], "=")
			r.alternate = strings.ToLower(key)
			c.keys[r.alternate] = key
			at = c.paramChild(c.child(at, part[:open], part[:open]))
			r.parameters = append(r.parameters, parameter{index + 1, key})
			index += 2
			continue
		}
		at, last = c.child(at, name, part), name
		index++
	}
	for _, t := range r.TypeCasts {
		c.casts[strings.ToLower(t)] = t
	}
	c.nodes[at].rows = append(c.nodes[at].rows, i)
	c.derive(r, last)
}

// derive fills the words that matching looks for: last is the last literal segment of the row's template.
func (c *catalogue) derive(r *row, last string) {
	r.operation = KindAssignment
	if r.Related {
		r.operation = KindIndirectAssignment
	}
	if r.outside {
		return
	}
	r.Effect = effectOf(r.Kind, r.Method, last)
	folded := strings.ToLower(last)
	switch r.Kind {
	case "assign", "action":
		if strings.Contains(folded, "assign") {
			c.actions[folded] = last
		}
	case "create", "update", "delete":
		c.governed[folded] = true
	}
	if r.Kind == "assign" {
		for _, name := range r.bodyNames {
			if f := strings.ToLower(name); strings.HasSuffix(f, "assignments") {
				c.assignParameters[f] = true
			}
		}
	}
	if r.Kind == "assign" || r.Kind == "create" && strings.HasSuffix(folded, "assignments") || strings.HasSuffix(folded, "assignedto") {
		c.markParent(r.Template, folded)
	}
}

// markParent notes, on the object a collection of assignments or an assign action belongs to, the name of the child.
func (c *catalogue) markParent(template, child string) {
	at, parent := int32(0), int32(0)
	for part := range strings.SplitSeq(template[1:], "/") {
		if _, ok := parameterName(part); ok {
			at = c.paramChild(at)
			continue
		}
		open := strings.IndexByte(part, '(')
		if open > 0 {
			at = c.paramChild(c.child(at, part[:open], part[:open]))
			continue
		}
		name := part[strings.LastIndexByte(part, '.')+1:]
		id, known := c.names[strings.ToLower(name)]
		next, found := c.edges[newEdge(at, id)]
		if !known || !found { // a cast
			continue
		}
		at, parent = next, at
	}
	n := &c.nodes[parent]
	for _, have := range n.assignments {
		if have == child {
			return
		}
	}
	n.assignments = append(n.assignments, child)
}

func parameterName(part string) (string, bool) {
	if strings.HasPrefix(part, "{") {
		return strings.TrimSuffix(part[1:], "}"), true
	}
	return "", false
}

func (c *catalogue) child(from int32, name, render string) int32 {
	folded := strings.ToLower(name)
	id, ok := c.names[folded]
	if !ok {
		id = int32(len(c.names))
		c.names[folded] = id
	}
	to, ok := c.edges[newEdge(from, id)]
	if !ok {
		to = int32(len(c.nodes))
		c.nodes = append(c.nodes, node{name: name, render: render})
		c.edges[newEdge(from, id)] = to
	}
	return to
}

func (c *catalogue) paramChild(from int32) int32 {
	if c.nodes[from].param == 0 {
		c.nodes[from].param = int32(len(c.nodes))
		c.nodes = append(c.nodes, node{})
	}
	return c.nodes[from].param
}

// literal finds the child of a node by a segment's text, in any case, without allocating.
func (c *catalogue) literal(from int32, text string) (int32, bool) {
	var buf [64]byte
	if len(text) > len(buf) {
		return 0, false
	}
	id, ok := c.names[string(appendLower(buf[:0], text))]
	if !ok {
		return 0, false
	}
	to, ok := c.edges[newEdge(from, id)]
	return to, ok
}

// spelling finds text, in any case, among folded names.
func spelling(names map[string]string, text string) (string, bool) {
	var buf [64]byte
	if len(text) > len(buf) {
		return "", false
	}
	s, ok := names[string(appendLower(buf[:0], text))]
	return s, ok
}

func appendLower(dst []byte, s string) []byte {
	for i := range len(s) {
		c := s[i]
		if 'A' <= c && c <= 'Z' {
			c += 'a' - 'A'
		}
		dst = append(dst, c)
	}
	return dst
}

// at is the node p ends at; nil when p leaves the trie.
func (c *catalogue) at(p Path) *node {
	if p.end <= 0 || int(p.end) > len(c.nodes) {
		return nil
	}
	return &c.nodes[p.end-1]
}

// effectOf is what a row does to the set of assignments, from its kind and its last literal segment.
func effectOf(kind, method, last string) Effect {
	folded := strings.ToLower(last)
	if strings.HasPrefix(folded, "reprocess") {
		return EffectNone // computes anew what is assigned already
	}
	switch kind {
	case "assign":
		return EffectReplace
	case "create":
		return EffectAdd
	case "update":
		return EffectModify
	case "delete":
		return EffectRemove
	case "ref":
		return effectOfMethod(method)
	}
	switch folded {
	case "unassign", "unassignnumber", "unassignuserfromdevice", "unassignresourceaccountfromdevice", "cancel":
		return EffectRemove
	case "assignnumber", "assignusertodevice", "assignresourceaccounttodevice", "publish":
		return EffectAdd
	}
	return EffectModify
}

// effectOfMethod is what a verb does to the collection or member it names.
func effectOfMethod(method string) Effect {
	switch method {
	case "POST":
		return EffectAdd
	case "DELETE":
		return EffectRemove
	}
	return EffectModify
}
