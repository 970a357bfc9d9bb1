package standin

import "strings"

// change applies a write that is allowed here, and answers it.
func (h *handler) change(c *call, p place) answer {
	switch {
	case p.node.name == "$ref":
		return h.ref(c, p)
	case p.node.action:
		return h.act(c, p)
	case c.method == "POST":
		return h.create(c, p)
	case c.method == "DELETE":
		if !h.store.remove(c.path, p.node.resource, p.item()) {
			return c.fail(notFound(p.node.family, p.id()))
		}
		return answer{status: p.status(c.method, 204)}
	}
	return h.update(c, p)
}

func (p place) item() bool { return len(p.steps) > 0 && p.node.name == "{id}" }

func (p place) id() string { return p.steps[len(p.steps)-1].text }

// status is what the row's page promises, or the usual when there is no row.
func (p place) status(method string, usual int) int {
	if r := p.node.rows[method]; r != nil {
		return r.status
	}
	return usual
}

func (h *handler) update(c *call, p place) answer {
	fields, f := c.fields()
	if f == nil {
		f = checkTargets(fields, h.asSeen.covers(p))
	}
	if f != nil {
		return c.fail(f)
	}
	fields, inline := inlineSets(p.node, fields)
	o := h.store.update(c.path, p.node.resource, p.item(), c.method == "PUT", fields)
	if o == nil {
		return c.fail(notFound(p.node.family, p.id()))
	}
	h.replaceInline(c.path, inline)
	if status := p.status(c.method, 200); status != 200 {
		return answer{status: status}
	}
	return answer{status: 200, body: o.json}
}

func (h *handler) create(c *call, p place) answer {
	fields, f := c.fields()
	if f == nil {
		f = checkTargets(fields, h.asSeen.covers(p))
	}
	if f != nil {
		return c.fail(f)
	}
	member := p.node
	if member.key != nil {
		member = member.key
	}
	fields, inline := inlineSets(member, fields)
	o := h.store.create(c.path, member.resource, fields)
	h.replaceInline(itemKey(c.path, o.id), inline)
	status := p.status("POST", 201)
	if status == 204 {
		return answer{status: status}
	}
	return answer{status: status, body: o.json}
}

// inline is a set that a parent's body carries.
type inline struct {
	node *node
	sets [][]field
}

// inlineSets takes out of a parent's body the properties that are sets of their own: an assignment written there is an
// assignment made.
func inlineSets(n *node, fields []field) (own []field, found []inline) {
	own = fields
	for i := len(fields) - 1; i >= 0; i-- {
		if fields[i].value[0] != '[' {
			continue
		}
		child := n.named(fields[i].name)
		if child == nil || child.key == nil {
			continue
		}
		found = append(found, inline{child, objects(fields[i].value)})
		own = append(own[:i:i], own[i+1:]...)
	}
	return own, found
}

func (h *handler) replaceInline(parent string, found []inline) {
	for _, in := range found {
		h.store.replace(parent+"/"+strings.ToLower(in.node.name), in.node.key.resource, in.sets)
	}
}

// objects are the objects in an array; whatever else it holds is left out.
func objects(array []byte) (out [][]field) {
	values, _ := elements(array)
	for _, v := range values {
		if fields, ok := members(v); ok {
			out = append(out, fields)
		}
	}
	return out
}

// ref adds, sets or takes away a reference to an object that lives elsewhere.
func (h *handler) ref(c *call, p place) answer {
	parent := place{version: p.version, node: p.steps[len(p.steps)-2].node, steps: p.steps[:len(p.steps)-1]}
	key := parent.key()
	if c.method == "DELETE" {
		if !h.store.remove(key, parent.node.resource, parent.item()) {
			return c.fail(notFound(p.node.family, parent.id()))
		}
		return answer{status: p.status(c.method, 204)}
	}
	fields, f := c.fields()
	if f != nil {
		return c.fail(f)
	}
	url := text(get(fields, "@odata.id"))
	if url == "" {
		return c.fail(badRequest("The request body must contain the required property '@odata.id'."))
	}
	var buf [16]token
	to := tokenise(url, buf[:0])
	if len(to) == 0 {
		return c.fail(badRequest("Invalid URL in '@odata.id'."))
	}
	id := to[len(to)-1].text
	if c.method == "PUT" {
		h.store.set(key, newObject(id, parent.node.resource, nil))
	} else {
		h.store.add(key, newObject(id, parent.node.keyed().resource, nil))
	}
	return answer{status: p.status(c.method, 204)}
}
