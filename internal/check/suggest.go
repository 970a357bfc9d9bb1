package check

import (
	"fmt"
	"io"
	"maps"
	"slices"
	"strconv"
	"strings"

	"github.com/graphwarden/graphwarden/internal/graph"
	"github.com/graphwarden/graphwarden/internal/policy"
)

// Seen gathers what recorded changes did, to propose rules that allow this and nothing else.
type Seen struct {
	// Changes counts the governed changes.
	Changes int

	groups, filters, betaRoutes, tenants, apps, kinds map[string]string
	accepted                                          map[string]bool // routes that took app-only tokens against their page
	needs                                             map[string]string
	pseudonyms                                        bool
}

// Add takes in a case; what is no governed change does not count.
func (s *Seen) Add(c *Case) {
	if c.Request == nil {
		return
	}
	if len(c.Request.Parts) > 0 {
		for _, part := range c.Request.Parts {
			s.add(part, c.Request.Token)
		}
		return
	}
	s.add(c.Request, c.Request.Token)
}

func (s *Seen) add(q *graph.Request, token graph.Token) {
	if q.Operation.Kind == graph.KindOther || policy.IsRead(q) {
		return
	}
	s.Changes++
	if s.groups == nil {
		s.groups, s.filters, s.betaRoutes = map[string]string{}, map[string]string{}, map[string]string{}
		s.tenants, s.apps, s.kinds = map[string]string{}, map[string]string{}, map[string]string{}
		s.accepted, s.needs = map[string]bool{}, map[string]string{}
	}
	for _, t := range q.Targets {
		if t.Type == "group" && t.ID != "" {
			s.groups[strings.ToLower(t.ID)] = ""
		}
		if t.FilterID != "" && t.FilterMode != "none" {
			id := strings.ToLower(t.FilterID)
			if mode, ok := s.filters[id]; ok && mode != t.FilterMode {
				s.filters[id] = "both" // any word but include and exclude leaves the mode free
			} else {
				s.filters[id] = t.FilterMode
			}
		}
	}
	op := &q.Operation
	if q.Path.Version == "beta" && op.Route != "" {
		s.betaRoutes[op.Route] = ""
	}
	s.addToken(op, token)
}

func (s *Seen) addToken(op *graph.Operation, token graph.Token) {
	if token.Format == "jwt" && token.Type != "" && token.Type != "unknown" {
		s.kinds[token.Type] = ""
		// What cassettes keep of ids are pseudonyms; data that a live proxy is to use needs the ids themselves.
		if slices.Contains(token.Anomalies, "unsigned") {
			s.pseudonyms = true
		} else {
			keep(s.tenants, token.Tenant)
			keep(s.apps, token.App)
		}
	}
	if op.Route == "" || !op.Permissions.Known {
		return
	}
	counts := op.Permissions
	if op.PermissionProfile == "documented" && op.Documented.Known {
		counts = op.Documented
		if token.Type == "application" && len(counts.Application) == 0 && len(op.Permissions.Application) > 0 {
			s.accepted[op.Route] = true
			counts = op.Permissions
		}
	}
	least := counts.DelegatedWork
	if token.Type == "application" {
		least = counts.Application
	}
	if len(least) > 0 {
		s.needs[least[0]] = ""
	}
}

func keep(set map[string]string, id string) {
	if id != "" {
		set[strings.ToLower(id)] = ""
	}
}

// YAML writes the proposal as a data file. Name is what it was made of.
func (s *Seen) YAML(w io.Writer, name string) error {
	var b strings.Builder
	fmt.Fprintf(&b, "# Allows what %s in %s did, and nothing else. Read it before you use it.\n", count(s.Changes, "change"), printable(name))
	if len(s.needs) > 0 {
		fmt.Fprintf(&b, "# The least permissions that suffice for it: %s.\n", strings.Join(slices.Sorted(maps.Keys(s.needs)), ", "))
	}
	if s.pseudonyms {
		b.WriteString("# The cassettes keep pseudonyms of tenants and apps: fill in your own ids to turn on those two rules.\n")
	}
	rules := []struct {
		id, name string
		set      map[string]string
		always   bool
	}{
		{"app.not_allowed", "apps", s.apps, false},
		{"caller.kind", "kinds", s.kinds, false},
		{"filter.not_listed", "filters", s.filters, true},
		{"group.not_allowed", "groups", s.groups, true},
		{"route.beta", "routes", s.betaRoutes, true},
		{"tenant.not_allowed", "tenants", s.tenants, false},
	}
	b.WriteString("rules:\n")
	for _, r := range rules {
		switch {
		case len(r.set) > 0:
			fmt.Fprintf(&b, "  %s:\n    level: deny\n    %s:\n", r.id, r.name)
			entries(&b, r.set)
		case r.always:
			fmt.Fprintf(&b, "  %s: {level: deny, %s: []}\n", r.id, r.name)
		default:
			fmt.Fprintf(&b, "  # %s: {level: deny, %s: []}\n", r.id, r.name)
		}
	}
	if len(s.accepted) > 0 {
		b.WriteString("# Graph's pages refuse app-only tokens on these routes; the recorded ones were app-only.\npermissions:\n")
		for _, route := range slices.Sorted(maps.Keys(s.accepted)) {
			fmt.Fprintf(&b, "  %s: current\n", strconv.Quote(route))
		}
	}
	_, err := io.WriteString(w, b.String())
	return err
}

// entries writes ids as a list, or as an object where they have a value.
func entries(b *strings.Builder, set map[string]string) {
	for _, id := range slices.Sorted(maps.Keys(set)) {
		if value := set[id]; value != "" {
			fmt.Fprintf(b, "      %s: %s\n", strconv.Quote(id), value)
		} else {
			fmt.Fprintf(b, "      - %s\n", strconv.Quote(id))
		}
	}
}
