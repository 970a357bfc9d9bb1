// Command gencatalogue turns the full table of Graph's assignment routes (JSON) into the compact text file that
// internal/graph embeds: only what the product uses, with repeated strings, permission sets and bodies written once.
//
// The same input gives the same output, byte for byte. It reads one file and writes one file, nothing else.
//
//	gencatalogue -out catalogue/catalogue.txt assignments.json
package main

import (
	"encoding/json"
	"flag"
	"fmt"
	"os"
	"sort"
	"strings"
)

// seedRoute is the route whose oldest reference page counts: delegated work accounts only, no application.
const seedRoute = "PATCH beta /deviceManagement/embeddedSIMActivationCodePools/{embeddedSIMActivationCodePoolId}/assignments/{embeddedSIMActivationCodePoolAssignmentId}"

type permissions struct {
	DelegatedWork, DelegatedPersonal, Application []string
	Placeholder                                   bool
	Snapshot                                      string
}

type property struct{ Name, Type string }

type endpoint struct {
	Family, Version, Method, Path, Kind, Resource, Action string
	ResponseType, DocsStatus                              string
	Permissions, InferredPermissions, DocsPermissions     *permissions
	DocsHistory                                           []permissions
	BodyProperties                                        []property
	TypeCasts                                             []string
	Related, NotInOpenAPI, Documented                     bool
}

func main() {
	out := flag.String("out", "catalogue/catalogue.txt", "file to write")
	flag.Parse()
	if flag.NArg() != 1 {
		fmt.Fprintln(os.Stderr, "gencatalogue: want the path of the table as the only argument")
		os.Exit(2)
	}
	if err := generate(flag.Arg(0), *out); err != nil {
		fmt.Fprintln(os.Stderr, "gencatalogue:", err)
		os.Exit(1)
	}
}

func generate(in, out string) error {
	raw, err := os.ReadFile(in)
	if err != nil {
		return fmt.Errorf("reading the table: %w", err)
	}
	var table struct{ Endpoints []endpoint }
	if err := json.Unmarshal(raw, &table); err != nil {
		return fmt.Errorf("parsing %s: %w", in, err)
	}
	rows := table.Endpoints
	for i := range rows {
		rows[i].Path = distinctParameters(rows[i].Path)
	}
	nameResources(rows)
	sort.SliceStable(rows, func(i, j int) bool {
		a, b := &rows[i], &rows[j]
		if a.Path != b.Path {
			return a.Path < b.Path
		}
		if a.Version != b.Version {
			return a.Version < b.Version
		}
		return a.Method < b.Method
	})
	return os.WriteFile(out, []byte(encode(rows)), 0o644)
}

// distinctParameters numbers the second of two parameters of one name, so that each has an id of its own.
func distinctParameters(path string) string {
	seen := map[string]int{}
	parts := strings.Split(path, "/")
	for i, p := range parts {
		if !strings.HasPrefix(p, "{") {
			continue
		}
		seen[p]++
		if n := seen[p]; n > 1 {
			parts[i] = fmt.Sprintf("%s%d}", strings.TrimSuffix(p, "}"), n)
		}
	}
	return strings.Join(parts, "/")
}

// nameResources fills the resource of actions, which the table leaves empty: the type the body or the answer
// carries, else the resource of the assignments beside the action, else that of the collection above it.
func nameResources(rows []endpoint) {
	collections := map[string]string{}
	for _, r := range rows {
		if r.Resource != "" && r.Kind == "create" {
			collections[r.Path] = r.Resource
		}
	}
	for i := range rows {
		r := &rows[i]
		if r.Resource != "" {
			continue
		}
		parent := r.Path[:strings.LastIndexByte(r.Path, '/')]
		r.Resource = firstOf(
			carried(r),
			collections[parent+"/assignments"],
			collections[parent],
			collections[parent[:max(strings.LastIndexByte(parent, '/'), 0)]],
			r.Action,
			strings.TrimPrefix(r.Path[strings.LastIndexByte(r.Path, '/'):], "/"),
		)
	}
}

func firstOf(candidates ...string) string {
	for _, c := range candidates {
		if c != "" {
			return c
		}
	}
	return ""
}

func carried(r *endpoint) string {
	types := make([]string, 0, len(r.BodyProperties)+1)
	for _, p := range r.BodyProperties {
		types = append(types, p.Type)
	}
	for _, t := range append(types, r.ResponseType) {
		element, ok := strings.CutPrefix(t, "Collection(")
		if element = strings.TrimSuffix(element, ")"); ok && strings.Contains(element, "ssignment") {
			return element[strings.LastIndexByte(element, '.')+1:]
		}
	}
	return ""
}

// interner gives each distinct line of a section a number, in order of first use.
type interner struct {
	index map[string]int
	lines []string
}

func (in *interner) add(s string) int {
	if i, ok := in.index[s]; ok {
		return i
	}
	if in.index == nil {
		in.index = map[string]int{}
	}
	in.index[s] = len(in.lines)
	in.lines = append(in.lines, s)
	return len(in.lines) - 1
}

func (in *interner) write(b *strings.Builder, tag string) {
	for _, l := range in.lines {
		fmt.Fprintf(b, "%s\t%s\n", tag, l)
	}
}

type encoder struct {
	words, properties, permissions, bodies interner
}

// encode writes the sections words (w), properties (n), permission sets (p), bodies (b), then for each path (t) its
// rows (r). Numbers refer to lines of an earlier section, from 0; a dash stands for none.
func encode(rows []endpoint) string {
	var e encoder
	// First the words every row has, so that their numbers are short.
	for _, w := range []string{"", "beta", "v1.0", "POST", "PATCH", "DELETE", "PUT", "create", "update", "delete"} {
		e.words.add(w)
	}
	var routes strings.Builder
	previous := ""
	for i := range rows {
		r := &rows[i]
		if r.Path != previous {
			shared := sharedSegments(previous, r.Path)
			fmt.Fprintf(&routes, "t\t%d\t%s\n", shared, strings.Join(strings.Split(r.Path, "/")[shared:], "/"))
			previous = r.Path
		}
		routes.WriteString(e.row(r))
	}
	var b strings.Builder
	b.WriteString("# Assignment routes of Graph. Generated by gencatalogue; do not edit.\n")
	e.words.write(&b, "w")
	e.properties.write(&b, "n")
	e.permissions.write(&b, "p")
	e.bodies.write(&b, "b")
	b.WriteString(routes.String())
	return b.String()
}

func (e *encoder) row(r *endpoint) string {
	current, flags := r.Permissions, ""
	if current == nil && r.InferredPermissions != nil {
		current, flags = r.InferredPermissions, "I"
	}
	documented := r.DocsPermissions
	if documented != nil && documented.Placeholder {
		documented = nil
	}
	if r.Method+" "+r.Version+" "+r.Path == seedRoute {
		flags += "D"
		for i := range r.DocsHistory {
			if r.DocsHistory[i].Snapshot == "2018-12" {
				documented = &r.DocsHistory[i]
			}
		}
	}
	for _, f := range []struct {
		set  bool
		mark string
	}{{r.Related, "R"}, {r.NotInOpenAPI, "A"}, {!r.Documented, "U"}} {
		if f.set {
			flags += f.mark
		}
	}
	casts := make([]string, len(r.TypeCasts))
	for i, c := range r.TypeCasts {
		casts[i] = fmt.Sprint(e.words.add(c))
	}
	return fmt.Sprintf("r\t%d\t%d\t%d\t%d\t%d\t%d\t%s\t%s\t%s\t%d\t%d\t%s\t%s\n",
		e.words.add(r.Version), e.words.add(r.Method), e.words.add(r.Kind), e.words.add(r.Family), e.words.add(r.Resource), e.words.add(r.Action),
		e.permissionSet(current), e.permissionSet(documented), e.body(r.BodyProperties),
		e.words.add(r.ResponseType), e.words.add(r.DocsStatus), flags, strings.Join(casts, " "))
}

func (e *encoder) permissionSet(p *permissions) string {
	if p == nil {
		return "-"
	}
	list := func(names []string) string {
		refs := make([]string, len(names))
		for i, n := range names {
			refs[i] = fmt.Sprint(e.words.add(n))
		}
		return strings.Join(refs, " ")
	}
	return fmt.Sprint(e.permissions.add(list(p.DelegatedWork) + "\t" + list(p.DelegatedPersonal) + "\t" + list(p.Application)))
}

func (e *encoder) body(properties []property) string {
	if len(properties) == 0 {
		return "-"
	}
	refs := make([]string, len(properties))
	for i, p := range properties {
		refs[i] = fmt.Sprint(e.properties.add(fmt.Sprintf("%s\t%d", p.Name, e.words.add(p.Type))))
	}
	return fmt.Sprint(e.bodies.add(strings.Join(refs, " ")))
}

func sharedSegments(a, b string) int {
	as, bs := strings.Split(a, "/"), strings.Split(b, "/")
	n := 0
	for n < len(as) && n < len(bs) && as[n] == bs[n] {
		n++
	}
	return n
}
