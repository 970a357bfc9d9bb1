package standin

import "strings"

// token is one step of a request's path after decoding: a name or a key without its parentheses.
type token struct {
	text string
	key  bool // written in parentheses, so it can only be a key
}

// step is a token and the node it leads to.
type step struct {
	text string
	node *node
}

// place is where a path leads.
type place struct {
	version string
	node    *node
	steps   []step
}

// Resolve tells what the stand-in would make of a request: the template of the route (casts left out) and the ids in the
// path. ok is false when the request would be refused for its path or its method, whatever it carries.
func Resolve(method, target string) (change Change, ok bool) {
	p, f := resolve(target, "")
	if f != nil || !p.node.allows(method) {
		return Change{}, false
	}
	return p.change(method), true
}

func (p place) change(method string) Change {
	c := Change{Version: p.version, Method: method, Template: p.node.template}
	for _, s := range p.steps {
		if s.node.name == "{id}" {
			c.Keys = append(c.Keys, s.text)
		}
	}
	return c
}

// allows tells whether a method does anything at the node.
func (n *node) allows(method string) bool {
	switch method {
	case "GET":
		return !n.action && n.name != "$ref"
	case "POST":
		return n.rows["POST"] != nil || n.collection() && !n.action && !n.catalogued()
	case "PATCH", "DELETE":
		return n.rows[method] != nil || len(n.rows) == 0 && !n.collection() && !n.action && n.template != ""
	}
	return n.rows[method] != nil
}

// resolve follows a request target (or, inside a batch, a url under version) to its node.
func resolve(target, version string) (place, *fault) {
	var buf [24]token
	tokens := tokenise(target, buf[:0])
	if version == "" {
		if len(tokens) == 0 {
			return place{}, &fault{status: 404, code: "ResourceNotFound", message: "Resource not found."}
		}
		switch {
		case strings.EqualFold(tokens[0].text, "beta"):
			version = "beta"
		case strings.EqualFold(tokens[0].text, "v1.0"):
			version = "v1.0"
		default:
			return place{}, badRequest("Invalid version: " + tokens[0].text)
		}
		tokens = tokens[1:]
	}
	root := trees()[version].root
	if len(tokens) > 1 && root.named(tokens[0].text) == nil && tenantLike(tokens[0].text) {
		tokens = tokens[1:]
	}
	m := match{tokens: tokens, steps: make([]step, 0, len(tokens))}
	n := m.from(root, 0)
	if n == nil {
		return place{}, badRequest("Resource not found for the segment '" + tokens[m.deepest].text + "'.")
	}
	return place{version: version, node: n, steps: m.steps}, nil
}

// match walks tokens down a tree, a name before a key, and goes back when a name turns out to have been a key.
type match struct {
	tokens  []token
	steps   []step
	deepest int
}

func (m *match) from(n *node, i int) *node {
	if i == len(m.tokens) {
		return n
	}
	m.deepest = max(m.deepest, i)
	t := m.tokens[i]
	if !t.key {
		if c := n.named(t.text); c != nil {
			if end := m.take(c, i); end != nil {
				return end
			}
		}
		if qualified(t.text) {
			if c := n.named(t.text[strings.LastIndexByte(t.text, '.')+1:]); c != nil && c.action {
				if end := m.take(c, i); end != nil {
					return end
				}
			}
			if n.template != "" {
				if end := m.from(n, i+1); end != nil {
					return end
				}
			}
		}
	}
	// $ref, $count and their like are never ids.
	if n.key != nil && (t.key || t.text[0] != '$') {
		return m.take(n.key, i)
	}
	return nil
}

func (m *match) take(c *node, i int) *node {
	m.steps = append(m.steps, step{m.tokens[i].text, c})
	if end := m.from(c, i+1); end != nil {
		return end
	}
	m.steps = m.steps[:len(m.steps)-1]
	return nil
}

// named finds a child as spelled, else without regard to case.
func (n *node) named(name string) *node {
	if c := n.children[name]; c != nil {
		return c
	}
	return n.children[strings.ToLower(name)]
}

// tokenise splits a target the way Graph's front does: a backslash is a slash, dot segments climb, empty segments vanish,
// each segment is decoded once and then parted from a key in parentheses.
func tokenise(target string, out []token) []token {
	path, _, _ := strings.Cut(target, "?")
	path, _, _ = strings.Cut(path, "#")
	if i := strings.Index(path, "://"); i > 0 && !strings.Contains(path[:i], "/") {
		rest := path[i+3:]
		path = rest[len(rest)-len(afterHost(rest)):]
	}
	if strings.IndexByte(path, '\\') >= 0 {
		path = strings.ReplaceAll(path, `\`, "/")
	}
	ends := make([]int, 0, 16) // where each written segment began, for "..": one segment may be two tokens
	for len(path) > 0 {
		var segment string
		segment, path, _ = strings.Cut(path, "/")
		segment = unescape(segment)
		switch segment {
		case "", ".":
			continue
		case "..":
			if len(ends) > 0 {
				out, ends = out[:ends[len(ends)-1]], ends[:len(ends)-1]
			}
			continue
		}
		ends = append(ends, len(out))
		out = appendSegment(out, segment)
	}
	return out
}

func afterHost(s string) string {
	if i := strings.IndexByte(s, '/'); i >= 0 {
		return s[i:]
	}
	return ""
}

func appendSegment(out []token, segment string) []token {
	open := strings.IndexByte(segment, '(')
	if open < 0 || !strings.HasSuffix(segment, ")") {
		return append(out, token{text: segment})
	}
	if name := strings.TrimRight(segment[:open], " "); name != "" {
		out = append(out, token{text: name})
	}
	inside := strings.TrimSpace(segment[open+1 : len(segment)-1])
	if inside == "" {
		return out // name() is name: the form of a call without arguments
	}
	// The value of set(id='x') and of set(uniqueName='x') is x; which property it names does not matter here.
	if property, value, named := strings.Cut(inside, "="); named && !strings.HasPrefix(inside, "'") && property != "" {
		inside = strings.TrimSpace(value)
	}
	if len(inside) >= 2 && inside[0] == '\'' && inside[len(inside)-1] == '\'' {
		inside = strings.ReplaceAll(inside[1:len(inside)-1], "''", "'")
	}
	return append(out, token{text: inside, key: true})
}

// unescape undoes percent-encoding once and, like .NET, leaves alone what is not a valid escape.
func unescape(s string) string {
	if strings.IndexByte(s, '%') < 0 {
		return s
	}
	b := make([]byte, 0, len(s))
	for i := 0; i < len(s); i++ {
		if s[i] == '%' && i+2 < len(s) {
			hi, lo := unhex(s[i+1]), unhex(s[i+2])
			if hi >= 0 && lo >= 0 {
				b = append(b, byte(hi<<4|lo))
				i += 2
				continue
			}
		}
		b = append(b, s[i])
	}
	return string(b)
}

func unhex(c byte) int {
	switch {
	case '0' <= c && c <= '9':
		return int(c - '0')
	case 'a' <= c && c <= 'f':
		return int(c-'a') + 10
	case 'A' <= c && c <= 'F':
		return int(c-'A') + 10
	}
	return -1
}

// tenantLike tells a tenant segment, which some callers put behind the version, from a resource.
func tenantLike(s string) bool {
	return strings.EqualFold(s, "myorganization") || len(s) == 36 && strings.Count(s, "-") == 4 ||
		strings.Contains(s, ".") && !qualified(s)
}
