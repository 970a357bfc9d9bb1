package standin

import "strings"

// act runs an action. assign is the one that matters: it makes what the body lists the whole set.
func (h *handler) act(c *call, p place) answer {
	var fields []field
	if len(c.body) > 0 {
		var f *fault
		if fields, f = c.fields(); f != nil {
			return c.fail(f)
		}
		if f = checkTargets(fields, h.asSeen.covers(p)); f != nil {
			return c.fail(f)
		}
	}
	r := p.node.rows["POST"]
	parent := place{version: p.version, node: p.steps[len(p.steps)-2].node, steps: p.steps[:len(p.steps)-1]}
	key := parent.key()
	var assigned []*object
	if r.kind == "assign" {
		assigned = h.assign(parent.node, key, fields)
	}
	typ, set := strings.CutPrefix(strings.TrimSuffix(r.response, ")"), "Collection(")
	switch {
	case r.status != 200 && r.status != 201 && r.status != 202:
		return answer{status: r.status}
	case set || r.kind == "assign":
		context := "Collection(microsoft.graph." + typ + ")"
		if typ == "" {
			context = parent.contextPath() + "/assignments"
		}
		return answer{status: r.status, body: collection(contextURL(c, p.version)+context, assigned)}
	case typ != "":
		o := h.store.find(key, typ, parent.item())
		return answer{status: r.status, body: entity(contextURL(c, p.version)+parent.contextPath()+"/$entity", o)}
	}
	return answer{status: r.status}
}

// assign replaces the sets of a parent by what the body lists. Each array of objects is one set, whatever it is called:
// the name differs from parent to parent, and only the sets of group assignments are apart from the others.
func (h *handler) assign(parent *node, key string, fields []field) []*object {
	var all []*object
	for _, f := range fields {
		if f.value[0] != '[' {
			continue
		}
		bodies := objects(f.value)
		if parent.name != "{id}" && parent.collection() {
			for _, body := range bodies { // bound to a set: adds to it
				all = append(all, h.store.create(key, parent.key.resource, body))
			}
			continue
		}
		if len(bodies) == 0 && len(f.value) > 2 {
			continue // a list of ids (deviceIds), not of assignments
		}
		name := "assignments"
		if strings.Contains(strings.ToLower(f.name), "groupassignments") && parent.named("groupAssignments") != nil {
			name = "groupassignments"
		}
		typ := ""
		if child := parent.named(name); child != nil && child.key != nil {
			typ = child.key.resource
		}
		all = append(all, h.store.replace(key+"/"+name, typ, bodies)...)
	}
	return all
}
