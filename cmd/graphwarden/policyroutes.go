package main

import (
	"context"
	"flag"
	"fmt"
	"io"
	"maps"
	"net/http"
	"slices"
	"strings"
	"text/tabwriter"

	"github.com/graphwarden/graphwarden/internal/check"
	"github.com/graphwarden/graphwarden/internal/graph"
)

const policyRoutesUsage = `Usage: graphwarden policy routes [--family NAME] [--version beta|v1.0] [--match 'METHOD URL'] [FLAGS]

Lists the routes of Graph that change assignments, or what decides them: method, version, what the
route does, to what, and the permissions it takes, least privileged first. What Graph accepts today
and what its reference page documents may differ; --output json has both.

With --match it takes one request instead, and says what it is understood as and why, or why it is
refused.

Examples:
  graphwarden policy routes --family intune --version v1.0
  graphwarden policy routes --match 'PATCH https://graph.microsoft.com/beta/users/u1/appRoleAssignments/a1'
  graphwarden policy routes --output json
`

type policyRoutesFlags struct{ family, version, match string }

func (f *policyRoutesFlags) register(fs *flag.FlagSet) {
	fs.StringVar(&f.family, "family", "", "only the routes of this family, a `NAME` such as intune")
	choiceFlag(fs, &f.version, "version", "", "only the routes of this version", "beta", "v1.0")
	fs.StringVar(&f.match, "match", "", "tell what one `REQUEST` is, written as METHOD URL")
}

func runPolicyRoutes(_ context.Context, env *Env, args []string) error {
	var f policyRoutesFlags
	s, err := env.parseOnly("policy routes", args, f.register)
	if err != nil {
		return err
	}
	if f.match != "" {
		hosts, err := graph.NewHosts(s.GraphHosts...)
		if err != nil {
			return &exitError{code: codeUsage, err: err}
		}
		return matchRoute(env, s.Output, f.match, hosts)
	}
	all := graph.Routes()
	families := map[string]bool{}
	routes := make([]graph.Route, 0, len(all))
	for _, r := range all {
		families[r.Family] = true
		if (f.family == "" || strings.EqualFold(f.family, r.Family)) && (f.version == "" || f.version == r.Version) {
			routes = append(routes, r)
		}
	}
	if len(routes) == 0 {
		return usageError("graphwarden policy routes", "there is no family %q; there are %s", f.family,
			strings.Join(slices.Sorted(maps.Keys(families)), ", "))
	}
	if s.Output == "json" {
		return printJSON(env.Stdout, map[string]any{"schema": "graphwarden.routes/v1", "routes": routesJSON(routes)})
	}
	return printRoutes(env.Stdout, routes)
}

func printRoutes(out io.Writer, routes []graph.Route) error {
	w := tabwriter.NewWriter(out, 0, 8, 2, ' ', 0)
	for _, r := range routes {
		profile, permissions := "", r.Permissions
		if r.PermissionProfile == "documented" {
			profile, permissions = " (as documented)", r.DocumentedPermissions
		}
		fmt.Fprintf(w, "%s\t%s\t%s\t%s\t%s\t%s%s\n", r.Method, r.Version, r.Kind, r.Resource, r.Template, permissionText(permissions), profile)
	}
	return w.Flush()
}

// permissionText names the least privileged permission of each sort and how many others would do.
func permissionText(p graph.Permissions) string {
	if !p.Known {
		return "permissions not known"
	}
	list := func(sort string, names []string) string {
		switch len(names) {
		case 0:
			return sort + ": none"
		case 1:
			return sort + ": " + names[0]
		}
		return fmt.Sprintf("%s: %s +%d", sort, names[0], len(names)-1)
	}
	return list("delegated", p.DelegatedWork) + "; " + list("application", p.Application)
}

func routesJSON(routes []graph.Route) []map[string]any {
	list := make([]map[string]any, len(routes))
	for i, r := range routes {
		body := map[string]string{}
		for _, property := range r.Body {
			body[property.Name] = property.Type
		}
		list[i] = map[string]any{
			"family": r.Family, "version": r.Version, "method": r.Method, "route": r.Template, "kind": r.Kind, "resource": r.Resource,
			"action": r.Action, "effect": string(r.Effect), "related": r.Related, "alias": r.Alias, "documented": r.Documented,
			"permissions": map[string]any{"profile": r.PermissionProfile, "inferred": r.Inferred, "current": permissionsJSON(r.Permissions), "documented": permissionsJSON(r.DocumentedPermissions)},
			"body":        body, "type_casts": append([]string{}, r.TypeCasts...),
		}
	}
	return list
}

func permissionsJSON(p graph.Permissions) map[string]any {
	return map[string]any{"known": p.Known, "delegated_work": append([]string{}, p.DelegatedWork...),
		"delegated_personal": append([]string{}, p.DelegatedPersonal...), "application": append([]string{}, p.Application...)}
}

// matched is what one request is understood as.
type matched struct {
	Schema  string            `json:"schema"`
	Method  string            `json:"method"`
	URL     string            `json:"url"`
	Why     string            `json:"why"`
	Judged  bool              `json:"judged"`
	Refusal string            `json:"refusal,omitempty"`
	Path    string            `json:"path,omitempty"` // the normal form
	Cloud   string            `json:"cloud,omitempty"`
	Kind    string            `json:"kind,omitempty"`
	Name    string            `json:"operation,omitempty"`
	Effect  string            `json:"effect,omitempty"`
	Family  string            `json:"family,omitempty"`
	Type    string            `json:"resource,omitempty"`
	Route   string            `json:"route,omitempty"`
	IDs     map[string]string `json:"ids,omitempty"`
	Casts   []string          `json:"casts,omitempty"`
	Body    []string          `json:"body_properties,omitempty"`
	// Permissions are nil where no row of the catalogue fits.
	Permissions map[string]any `json:"permissions,omitempty"`
}

func matchRoute(env *Env, output, text string, hosts graph.Hosts) error {
	method, url, ok := strings.Cut(strings.TrimSpace(text), " ")
	url = strings.TrimLeft(url, " ")
	if !ok || url == "" {
		return usageError("graphwarden policy routes --match 'PATCH https://graph.microsoft.com/beta/...'", "%q is not METHOD URL", text)
	}
	m := match(method, url, hosts)
	if output == "json" {
		return printJSON(env.Stdout, m)
	}
	w := tabwriter.NewWriter(env.Stdout, 0, 8, 2, ' ', 0)
	rows := [][2]string{{"request", m.Method + " " + m.URL}, {"normal form", m.Path}, {"kind", m.Kind}, {"operation", m.Name},
		{"effect", m.Effect}, {"family", m.Family}, {"resource", m.Type}, {"route", m.Route}, {"ids", idsText(m.IDs)},
		{"type casts", strings.Join(m.Casts, ", ")}, {"body", strings.Join(m.Body, ", ")}, {"cloud", m.Cloud}, {"refused", m.Refusal}}
	for _, profile := range []string{"current", "documented"} {
		if p, ok := m.Permissions[profile].(map[string]any); ok {
			rows = append(rows, [2]string{profile, allPermissions(p, m.Permissions["profile"] == profile)})
		}
	}
	for _, row := range append(rows, [2]string{"why", m.Why}) {
		if row[1] != "" {
			fmt.Fprintf(w, "%s\t%s\n", row[0], printable(row[1]))
		}
	}
	return w.Flush()
}

// match reads a request without a body as the proxy does and says what it takes it for.
func match(method, url string, hosts graph.Hosts) matched {
	m := matched{Schema: "graphwarden.match/v1", Method: method, URL: url}
	r := check.NewRequest(method, url, nil, nil)
	if batch := strings.ToLower(r.RequestURI); method == "POST" && strings.HasSuffix(batch, "/$batch") {
		// A batch without parts is refused, and that is not what was asked.
		r = check.NewRequest(method, url, http.Header{"Content-Type": {"application/json"}}, []byte(`{"requests":[{"id":"1","method":"GET","url":"/me"}]}`))
	}
	host, _, _ := strings.Cut(r.Host, ":")
	if _, ok := hosts.Cloud(host); !ok {
		m.Why = host + " is not a host of Graph: the proxy passes it on unread, or refuses it with --other deny; --graph-host adds a host"
		return m
	}
	q, err := graph.Read(r, graph.Connection{}, graph.ReadOptions{Hosts: hosts})
	if refusal, ok := err.(*graph.Refusal); ok {
		m.Refusal = string(refusal.Code)
		m.Why = refusal.Message
		return m
	}
	op := &q.Operation
	m.Path, m.Cloud, m.Kind, m.Name, m.Effect = q.Path.Target(), op.Cloud, string(op.Kind), op.Name, string(op.Effect)
	m.Family, m.Type, m.Route, m.IDs, m.Casts, m.Body = op.Family, op.Resource, op.Route, op.IDs, q.Path.Casts, op.BodyProperties
	if op.Route != "" && op.Kind != graph.KindOther {
		m.Permissions = map[string]any{"profile": op.PermissionProfile, "current": permissionsJSON(op.Permissions), "documented": permissionsJSON(op.Documented)}
	}
	m.Judged, m.Why = whyMatched(q)
	return m
}

func whyMatched(q *graph.Request) (judged bool, why string) {
	switch {
	case q.Method == "GET" || q.Method == "HEAD" || q.Method == "OPTIONS":
		return false, "a read changes nothing: it passes unless the data says judge_reads"
	case q.Operation.Kind == graph.KindAssignment:
		return true, "a row of the catalogue: it changes assignments, and the rules of the library speak of it"
	case q.Operation.Kind == graph.KindIndirectAssignment:
		return true, "a row of the catalogue: it changes what decides assignments, such as a filter or a membership"
	case q.Operation.Kind == graph.KindUnknownWrite:
		return true, "it looks like a change of assignments and is in no row of the catalogue: route.unknown denies it"
	case strings.HasSuffix(strings.ToLower(q.Path.String()), "/$batch"):
		return true, "a batch: each of its parts is taken by itself"
	}
	return true, "no row of the catalogue, and nothing in the path looks like an assignment: only rules of your own speak of it, " +
		"unless its body carries assignments inline"
}

func idsText(ids map[string]string) string {
	list := make([]string, 0, len(ids))
	for _, name := range slices.Sorted(maps.Keys(ids)) {
		list = append(list, name+"="+ids[name])
	}
	return strings.Join(list, ", ")
}

func allPermissions(p map[string]any, counts bool) string {
	text := "not known"
	if p["known"] == true {
		var parts []string
		for _, sort := range []string{"delegated_work", "delegated_personal", "application"} {
			names, _ := p[sort].([]string)
			value := "none"
			if len(names) > 0 {
				value = strings.Join(names, ", ")
			}
			parts = append(parts, strings.ReplaceAll(sort, "_", " ")+": "+value)
		}
		text = strings.Join(parts, "; ")
	}
	if counts {
		text += " (counts)"
	}
	return text
}
