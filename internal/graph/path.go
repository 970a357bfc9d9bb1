package graph

import (
	"net/url"
	"strings"
)

// Path is the normal form of a request target: two targets that Graph treats alike have the same Path.
type Path struct {
	// Version is beta or v1.0, empty when the target has neither.
	Version string
	// Tenant is the tenant segment some callers put behind the version; empty in nearly all requests.
	Tenant string
	// Segments follow the version and tenant, decoded once, type casts taken out; a key written as set('id') is a
	// segment of its own.
	Segments []Segment
	// Casts are the type casts taken out, in order.
	Casts []string
	// Query is the query with option names folded ($select for Select, select and $SELECT).
	Query             url.Values
	canonical, target string
	end               int32 // the catalogue node the path ends at plus one; 0 when it left the catalogue
}

// Segment is one step of a path. Key tells an id from a name. An alternate key is one segment, appId='…'; a function
// with arguments is a name, filterByCurrentUser(on='reviewer').
type Segment struct {
	Name string
	Key  bool
}

// String is the canonical path, /beta/deviceManagement/…, with every segment encoded one way.
func (p Path) String() string { return p.canonical }

// Target is the canonical path with its sorted query: what is forwarded, matched and logged.
func (p Path) Target() string { return p.target }

// ParsePath brings a request target in origin form (/beta/x?y) into the normal form. The error is a *Refusal and names what
// is ambiguous: a target that two readers could take for two things is never guessed at.
//
// Names the catalogue knows take its spelling; ids keep theirs. The normal form is stable: parsing Target gives an
// equal Path.
func ParsePath(rawTarget string) (Path, error) {
	if rawTarget == "" || rawTarget[0] != '/' {
		return Path{}, ambiguous("does not begin with a slash")
	}
	if strings.IndexByte(rawTarget, '#') >= 0 {
		return Path{}, ambiguous("has a fragment")
	}
	raw, query, _ := strings.Cut(rawTarget, "?")
	b := builder{c: loadCatalogue(), out: make([]byte, 0, len(raw)+32)}
	if err := b.path(raw); err != nil {
		return Path{}, err
	}
	p := b.p
	if p.canonical = raw; raw != string(b.out) {
		p.canonical = string(b.out)
	}
	p.end = b.at + 1
	p.target = p.canonical
	if query != "" {
		var err error
		if p.Query, err = parseQuery(query); err != nil {
			return Path{}, err
		}
		p.target = appendQuery(b.out, p.Query)
	}
	return p, nil
}

// RawPath is the Path of a target that has no normal form, for reads that pass as they are: the version is a guess,
// there are no segments, and Target is the raw text.
func RawPath(rawTarget string) Path {
	p := Path{canonical: rawTarget, target: rawTarget}
	if i := strings.IndexByte(rawTarget, '?'); i >= 0 {
		p.canonical = rawTarget[:i]
	}
	first, _, _ := strings.Cut(strings.TrimPrefix(p.canonical, "/"), "/")
	p.Version = foldVersion(first)
	return p
}

func foldVersion(s string) string {
	switch {
	case strings.EqualFold(s, "beta"):
		return "beta"
	case strings.EqualFold(s, "v1.0"):
		return "v1.0"
	}
	return ""
}

func ambiguous(what string) *Refusal {
	return &Refusal{Code: MalformedRequest, Message: "the request target " + what + "; send it in its plain form"}
}

func ambiguousSegment(what, segment string) *Refusal {
	const longest = 80
	if len(segment) > longest {
		segment = strings.ToValidUTF8(segment[:longest], "") + "…"
	}
	return ambiguous(what + " in segment \"" + segment + "\"")
}

// offTrie is the place of a path that the catalogue does not know.
const offTrie = -1

// builder walks the catalogue while it reads segments and writes the canonical path.
type builder struct {
	c   *catalogue
	p   Path
	out []byte
	at  int32 // node the segments so far lead to, or offTrie
	// open is true when the last segment is a name that may take a key.
	open bool
	// opaque is true inside a file path (…/drive/root:/a/b:), whose segments are file names.
	opaque bool
}

func (b *builder) path(raw string) error {
	raw = raw[1:]
	raw = strings.TrimSuffix(raw, "/")
	if raw == "" {
		b.out = append(b.out, '/')
		b.at = offTrie
		return nil
	}
	b.p.Segments = make([]Segment, 0, strings.Count(raw, "/")+1)
	for i := 0; ; i++ {
		part, rest, more := strings.Cut(raw, "/")
		if part == "" {
			return ambiguous("has an empty segment (//)")
		}
		text, err := decodeSegment(part)
		if err != nil {
			return err
		}
		if err := b.step(i, text, more); err != nil {
			return err
		}
		if !more {
			return nil
		}
		raw = rest
	}
}

// step takes the i-th segment: the version, the tenant, or a step below them.
func (b *builder) step(i int, text string, more bool) error {
	if i == 0 {
		if b.p.Version = foldVersion(text); b.p.Version != "" {
			b.write(b.p.Version)
			return nil
		}
		b.at = offTrie // Graph has nothing outside its versions
	}
	if i == 1 && b.p.Version != "" && isTenant(text) {
		b.p.Tenant = strings.ToLower(text)
		b.write(b.p.Tenant)
		return nil
	}
	if b.opaque || b.inDrive() {
		b.opaque = b.opaque != strings.HasSuffix(text, ":")
		if b.opaque || b.at == offTrie && strings.HasSuffix(text, ":") {
			b.file(text)
			return nil
		}
	}
	return b.segment(text)
}

// file takes a segment of a file path as it is.
func (b *builder) file(text string) {
	b.push(Segment{Name: text}, text, offTrie)
	b.open = false
}

// inDrive tells whether the path so far is inside a OneDrive or SharePoint drive, where a colon begins a file path.
func (b *builder) inDrive() bool {
	if b.at != offTrie || len(b.p.Segments) == 0 || !driveRoots[foldName(b.p.Segments[0].Name)] {
		return false
	}
	for _, s := range b.p.Segments[:min(len(b.p.Segments), 4)] {
		if strings.EqualFold(s.Name, "drive") || strings.EqualFold(s.Name, "drives") {
			return true
		}
	}
	return false
}

var driveRoots = map[string]bool{"me": true, "users": true, "groups": true, "sites": true, "drive": true, "drives": true}

// segment takes one decoded segment: a name, a key, both (set('id')), a cast, or a function with arguments.
func (b *builder) segment(text string) error {
	name, arguments, form, ok := splitArguments(text)
	if !ok {
		return ambiguousSegment("has parentheses that are neither a key nor arguments", text)
	}
	if name == "" { // set/('id')
		if !b.open || form == formNone || form == formEmpty {
			return ambiguousSegment("has a key that belongs to no collection", text)
		}
		return b.key(arguments, form, text)
	}
	if rest, qualified := cutNamespace(name); qualified {
		return b.qualified(rest, arguments, form, text)
	}
	return b.name(name, arguments, form, text)
}

// name takes an unqualified name with what stands in parentheses behind it.
func (b *builder) name(name, arguments string, form argumentForm, text string) error {
	if b.at != offTrie {
		if next, found := b.c.literal(b.at, name); found {
			n := &b.c.nodes[next]
			b.push(Segment{Name: n.name}, n.render, next)
			b.open = true
			return b.keyBehind(arguments, form, text)
		}
	}
	switch action, isAction := spelling(b.c.actions, name); {
	case form == formNamed || form == formEmpty && !isAction:
		return b.function(name, arguments)
	case name[0] == '$':
		lower := strings.ToLower(name)
		b.push(Segment{Name: lower}, lower, offTrie)
	case isAction:
		b.push(Segment{Name: action}, action, offTrie)
	case b.at != offTrie && b.c.nodes[b.at].param != 0:
		b.push(Segment{Name: name, Key: true}, name, b.c.nodes[b.at].param)
	default:
		b.push(Segment{Name: name, Key: looksLikeID(name)}, name, offTrie)
	}
	b.open = !b.p.Segments[len(b.p.Segments)-1].Key
	return b.keyBehind(arguments, form, text)
}

// keyBehind takes the key in the parentheses behind a name, if there is one.
func (b *builder) keyBehind(arguments string, form argumentForm, text string) error {
	if form == formNone || form == formEmpty {
		return nil
	}
	return b.key(arguments, form, text)
}

// qualified takes microsoft.graph.X or graph.X, rest being X with any inner namespace: an action where one of that name
// may stand, else a type cast.
func (b *builder) qualified(rest, arguments string, form argumentForm, text string) error {
	short := rest[strings.LastIndexByte(rest, '.')+1:]
	if short == "" {
		return ambiguousSegment("has an empty name", text)
	}
	_, isAction := spelling(b.c.actions, short)
	if b.at != offTrie && !isAction {
		_, isAction = b.c.literal(b.at, short)
	}
	if isAction {
		return b.name(short, arguments, form, text)
	}
	if form == formNamed || form == formEmpty {
		return b.function("microsoft.graph."+rest, arguments)
	}
	if known, ok := spelling(b.c.casts, short); ok {
		rest = rest[:len(rest)-len(short)] + known
	}
	full := "microsoft.graph." + rest
	b.p.Casts = append(b.p.Casts, full)
	b.write(full)
	b.open = true
	return b.keyBehind(arguments, form, text)
}

// function takes a name with arguments as one segment; the catalogue has none, so the path leaves it here.
func (b *builder) function(name, arguments string) error {
	whole := name + "(" + arguments + ")"
	b.push(Segment{Name: whole}, whole, offTrie)
	b.open = false
	return nil
}

// key takes what stood in parentheses as the key of the collection before it.
func (b *builder) key(arguments string, form argumentForm, text string) error {
	from, next := b.at, int32(offTrie)
	if from != offTrie {
		if next = b.c.nodes[from].param; next == 0 {
			return ambiguousSegment("has a key on what is no collection", text)
		}
	}
	if !b.open {
		return ambiguousSegment("has a key that belongs to no collection", text)
	}
	b.open = false
	if form == formNamed {
		id, isID, ok := idArgument(arguments)
		switch {
		case !ok:
			return ambiguousSegment("has a key that is not written out", text)
		case !isID && from == offTrie: // behind the slash of nobody knows what: a key, or arguments?
			return ambiguousSegment("has a key that belongs to no collection", text)
		case !isID:
			return b.alternateKey(arguments, next)
		}
		arguments = id
	}
	b.p.Segments = append(b.p.Segments, Segment{Name: arguments, Key: true})
	b.at = next
	if b.plainKey(from, arguments) {
		b.write(arguments)
		return nil
	}
	b.out = append(b.out, "('"...)
	b.out = appendEscaped(b.out, strings.ReplaceAll(arguments, "'", "''"))
	b.out = append(b.out, "')"...)
	return nil
}

// alternateKey takes appId='…' as one key, written behind its collection.
func (b *builder) alternateKey(arguments string, next int32) error {
	if name, value, _ := strings.Cut(arguments, "="); name != "" {
		if known, ok := spelling(b.c.keys, name); ok {
			arguments = known + "=" + value
		}
	}
	b.p.Segments = append(b.p.Segments, Segment{Name: arguments, Key: true})
	b.at = next
	b.out = append(b.out, '(')
	b.out = appendEscaped(b.out, arguments)
	b.out = append(b.out, ')')
	return nil
}

// plainKey tells whether set/key is read as set('key') is: only then may the canonical form be the short one.
func (b *builder) plainKey(from int32, key string) bool {
	if key[0] == ' ' || key[len(key)-1] == ' ' || key[0] == '$' || strings.ContainsAny(key, "()") {
		return false
	}
	if _, qualified := cutNamespace(key); qualified {
		return false
	}
	if _, isAction := spelling(b.c.actions, key); isAction {
		return false
	}
	if from == offTrie {
		return looksLikeID(key)
	}
	_, isLiteral := b.c.literal(from, key)
	return !isLiteral
}

func (b *builder) push(s Segment, render string, at int32) {
	b.p.Segments = append(b.p.Segments, s)
	b.write(render)
	b.at = at
}

func (b *builder) write(segment string) {
	b.out = append(b.out, '/')
	b.out = appendEscaped(b.out, segment)
}
