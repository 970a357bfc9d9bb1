package standin

import (
	"net/url"
	"slices"
	"strconv"
	"strings"
)

// metadata is the least that a client which insists on reading the model can be given.
var metadata = []byte(`<?xml version="1.0" encoding="utf-8"?><edmx:Edmx Version="4.0" xmlns:edmx="http://docs.oasis-open.org/odata/ns/edmx"><edmx:DataServices>` +
	`<Schema Namespace="microsoft.graph" Alias="graph" xmlns="http://docs.oasis-open.org/odata/ns/edm"><EntityType Name="entity" Abstract="true"><Key><PropertyRef Name="id"/></Key>` +
	`<Property Name="id" Type="Edm.String" Nullable="false"/></EntityType><EntityContainer Name="GraphService"/></Schema></edmx:DataServices></edmx:Edmx>`)

// get answers a read: a set, one object, or the list of what there is.
func (h *handler) get(c *call, p place) answer {
	context := contextURL(c, p.version)
	q := options(c.target)
	switch {
	case p.node.template == "":
		return answer{status: 200, body: serviceDocument(context, p.node)}
	case p.node.collection():
		return answer{status: 200, body: h.page(c, p, q)}
	}
	o := h.store.find(c.path, p.node.resource, p.item())
	if o == nil {
		return c.fail(notFound(p.node.family, p.id()))
	}
	if o = h.expand(o, p.node, c.path, q); o == nil {
		return c.fail(badRequest("Parsing OData Select and Expand failed."))
	}
	return answer{status: 200, body: entity(context+p.contextPath()+"/$entity", o)}
}

// page is a set, cut to $top with a link to what follows.
func (h *handler) page(c *call, p place, q map[string]string) []byte {
	list := h.store.list(c.path)
	total := len(list)
	from, _ := strconv.Atoi(q["$skiptoken"])
	list = list[min(max(from, 0), len(list)):]
	next := ""
	if top, err := strconv.Atoi(q["$top"]); err == nil && top > 0 && top < len(list) {
		list = list[:top]
		next = graphRoot(c) + "/" + p.version + pathOf(p) + "?$top=" + q["$top"] + "&$skiptoken=" + strconv.Itoa(from+top)
	}
	if q["$expand"] != "" || q["$select"] != "" {
		list = slices.Clone(list)
		for i, o := range list {
			if e := h.expand(o, p.node.key, itemKey(c.path, o.id), q); e != nil {
				list[i] = e
			}
		}
	}
	head := contextURL(c, p.version) + p.contextPath()
	b := append(make([]byte, 0, 256), `{"@odata.context":`...)
	b = appendQuoted(b, head)
	if strings.EqualFold(q["$count"], "true") {
		b = append(b, `,"@odata.count":`...)
		b = strconv.AppendInt(b, int64(total), 10)
	}
	if next != "" {
		b = append(b, `,"@odata.nextLink":`...)
		b = appendQuoted(b, next)
	}
	return appendValue(b, list)
}

// expand is an object with the sets that $expand asks for, and only the properties that $select names. nil means that
// there is no such set.
func (h *handler) expand(o *object, n *node, key string, q map[string]string) *object {
	if q["$expand"] == "" && q["$select"] == "" {
		return o
	}
	fields := slices.Clone(o.fields)
	if names := q["$select"]; names != "" {
		fields = slices.DeleteFunc(fields, func(f field) bool {
			for name := range strings.SplitSeq(names, ",") {
				if strings.EqualFold(strings.TrimSpace(name), f.name) {
					return false
				}
			}
			return true
		})
	}
	for name := range strings.SplitSeq(q["$expand"], ",") {
		name, _, _ = strings.Cut(strings.TrimSpace(name), "(")
		if name == "" {
			continue
		}
		child := n.named(name)
		if child == nil || child.key == nil {
			return nil
		}
		fields = append(fields, field{child.name, appendArray(nil, h.store.list(key+"/"+strings.ToLower(child.name)))})
	}
	return newObject(o.id, o.typ, fields)
}

// options are the query options, with or without their dollar sign and in any case, as Graph takes them.
func options(target string) map[string]string {
	_, query, found := strings.Cut(target, "?")
	if !found {
		return nil
	}
	values, _ := url.ParseQuery(query) // what cannot be read is left out
	out := make(map[string]string, len(values))
	for name, v := range values {
		out["$"+strings.ToLower(strings.TrimPrefix(name, "$"))] = v[0]
	}
	return out
}

// graphRoot is how answers name this Graph: as the client did when it spoke to a Graph host, else as the global one, so
// that no answer depends on a port.
func graphRoot(c *call) string {
	if slices.Contains(graphHosts, c.host) {
		return "https://" + c.host
	}
	return "https://graph.microsoft.com"
}

func contextURL(c *call, version string) string { return graphRoot(c) + "/" + version + "/$metadata#" }

// contextPath is the place as @odata.context spells it: the keys before the last in parentheses.
func (p place) contextPath() string {
	var b strings.Builder
	for i, s := range p.steps {
		switch {
		case s.node.name != "{id}":
			if i > 0 {
				b.WriteByte('/')
			}
			b.WriteString(s.node.name)
		case i < len(p.steps)-1:
			b.WriteString("('" + s.text + "')")
		}
	}
	return b.String()
}

// pathOf is the place as a url spells it.
func pathOf(p place) string {
	var b strings.Builder
	for _, s := range p.steps {
		b.WriteByte('/')
		if s.node.name == "{id}" {
			b.WriteString(url.PathEscape(s.text))
		} else {
			b.WriteString(s.node.name)
		}
	}
	return b.String()
}

func entity(context string, o *object) []byte {
	b := append(make([]byte, 0, len(context)+len(o.json)+32), `{"@odata.context":`...)
	b = appendQuoted(b, context)
	b = append(b, ',')
	return append(b, o.json[1:]...)
}

func collection(context string, list []*object) []byte {
	b := append(make([]byte, 0, 256), `{"@odata.context":`...)
	return appendValue(appendQuoted(b, context), list)
}

func appendValue(b []byte, list []*object) []byte {
	return append(appendArray(append(b, `,"value":`...), list), '}')
}

func appendArray(b []byte, list []*object) []byte {
	b = append(b, '[')
	for i, o := range list {
		if i > 0 {
			b = append(b, ',')
		}
		b = append(b, o.json...)
	}
	return append(b, ']')
}

// serviceDocument lists what stands at the root.
func serviceDocument(context string, root *node) []byte {
	var names []string
	for _, n := range root.children {
		if !slices.Contains(names, n.name) {
			names = append(names, n.name)
		}
	}
	slices.Sort(names)
	b := append(make([]byte, 0, 2048), `{"@odata.context":`...)
	b = append(appendQuoted(b, strings.TrimSuffix(context, "#")), `,"value":[`...)
	for i, name := range names {
		if i > 0 {
			b = append(b, ',')
		}
		kind := `Singleton`
		if n := root.children[name]; n.collection() {
			kind = "EntitySet"
		}
		b = append(appendQuoted(append(b, `{"name":`...), name), `,"kind":"`+kind+`","url":`...)
		b = append(appendQuoted(b, name), '}')
	}
	return append(b, "]}"...)
}
