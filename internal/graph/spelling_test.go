package graph_test

import (
	"fmt"
	"strings"
)

// spelling is one way to write the path of a route.
type spelling struct {
	name  string
	same  bool // the normal form is that of the plain spelling
	spell func(version string, steps []step) string
}

// spellings are ways Graph takes for the same request.
var spellings = []spelling{
	{"plain", true, spellPlain},
	{"trailing slash", true, func(v string, s []step) string { return spellPlain(v, s) + "/" }},
	{"upper case", true, spellNames(strings.ToUpper)},
	{"lower case", true, spellNames(strings.ToLower)},
	{"upper version", true, func(v string, s []step) string { return spellPlain(strings.ToUpper(v), s) }},
	{"encoded names", true, spellNames(encodeAll)},
	{"encoded version", true, func(v string, s []step) string { return spellPlain(encodeAll(v), s) }},
	{"encoded ids", true, spellKeys(func(id string) string { return "/" + encodeAll(id) })},
	{"quoted keys", true, spellKeys(func(id string) string { return "('" + id + "')" })},
	{"bare keys", true, spellKeys(func(id string) string { return "(" + id + ")" })},
	{"spaced keys", true, spellKeys(func(id string) string { return "%20('" + id + "')" })},
	{"keys behind a slash", true, spellKeys(func(id string) string { return "/('" + id + "')" })},
	{"named keys", true, spellKeys(func(id string) string { return "(ID='" + id + "')" })},
	{"bare named keys", true, spellKeys(func(id string) string { return "(id%20=%20" + id + ")" })},
	{"named keys behind a slash", true, spellKeys(func(id string) string { return "/(Id='" + id + "')" })},
	{"encoded quotes", true, spellKeys(func(id string) string { return "%28%27" + id + "%27%29" })},
	{"qualified action", true, spellAction("microsoft.graph.")},
	{"alias action", true, spellAction("graph.")},
	{"oddly qualified action", true, spellAction("Microsoft.Graph.deviceManagement.")},
	{"action with parentheses", true, func(v string, s []step) string {
		if s[len(s)-1].action {
			return spellPlain(v, s) + "()"
		}
		return spellPlain(v, s)
	}},
	{"tenant domain", false, func(v string, s []step) string { return spellPlain(v+"/contoso.onmicrosoft.com", s) }},
	{"tenant id", false, func(v string, s []step) string {
		return spellPlain(v+"/10000000-0000-4000-8000-000000000000", s)
	}},
	{"tenant mine", false, func(v string, s []step) string { return spellPlain(v+"/MyOrganization", s) }},
	{"cast behind each id", false, spellKeys(func(id string) string { return "/" + id + "/microsoft.graph.someType" })},
	{"alias cast behind each id", false, spellKeys(func(id string) string { return "('" + id + "')/GRAPH.someType" })},
}

func spellPlain(version string, steps []step) string {
	return spell(version, steps, func(s string) string { return s }, func(id string) string { return "/" + id })
}

func spellNames(name func(string) string) func(string, []step) string {
	return func(version string, steps []step) string {
		return spell(version, steps, name, func(id string) string { return "/" + id })
	}
}

func spellKeys(key func(string) string) func(string, []step) string {
	return func(version string, steps []step) string {
		return spell(version, steps, func(s string) string { return s }, key)
	}
}

// spellAction puts a namespace before the bare name of the action.
func spellAction(namespace string) func(string, []step) string {
	return func(version string, steps []step) string {
		out := append([]step(nil), steps...)
		if last := &out[len(out)-1]; last.action {
			last.text = namespace + last.text[strings.LastIndexByte(last.text, '.')+1:]
		}
		return spellPlain(version, out)
	}
}

func spell(version string, steps []step, name, key func(string) string) string {
	var b strings.Builder
	b.WriteString("/" + version)
	for _, s := range steps {
		switch {
		case s.key:
			b.WriteString(key(s.text))
		case s.alternate != "":
			b.WriteString("/" + name(s.text) + "(" + s.alternate + ")")
		default:
			b.WriteString("/" + name(s.text))
		}
	}
	return b.String()
}

func encodeAll(s string) string {
	var b strings.Builder
	for i := range len(s) {
		fmt.Fprintf(&b, "%%%02x", s[i])
	}
	return b.String()
}
