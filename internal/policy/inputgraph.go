package policy

import (
	"slices"
	"strings"
	"time"

	"github.com/graphwarden/graphwarden/internal/graph"
)

// graphInput is what Go knows about the request that no policy should have to work out.
func graphInput(r *graph.Request, token *graph.Token, mode string) map[string]any {
	op := &r.Operation
	kind := op.Kind
	if kind == "" {
		kind = graph.KindOther
	}
	effect := op.Effect
	if effect == "" {
		effect = graph.EffectNone
	}
	return map[string]any{
		"cloud":          op.Cloud,
		"version":        orNull(r.Path.Version),
		"tenant_segment": orNull(r.Path.Tenant),
		"tenant_matches": tenantMatches(r.Path.Tenant, token.Tenant, mode),
		"family":         orNull(op.Family),
		"resource":       orNull(op.Resource),
		"route":          orNull(op.Route),
		"ids":            idsInput(op.IDs),
		"casts":          list(r.Path.Casts),
		"kind":           string(kind),
		"governed":       kind != graph.KindOther && !IsRead(r),
		"operation":      op.Name,
		"effect":         string(effect),
		"embedded":       op.Embedded,
		"permissions":    permissionsInput(op, token),
		"body":           bodyInput(r),
		"targets":        targetsInput(r.Targets),
		"has":            hasInput(r.Targets),
		"current":        nil,
		"diff":           nil,
	}
}

func permissionsInput(op *graph.Operation, token *graph.Token) map[string]any {
	profile := op.PermissionProfile
	if profile == "" {
		profile = "current"
	}
	current := acceptedInput(op.Permissions, token)
	current["profile"] = profile
	current["read_only"] = namesRead(op.Permissions) || namesRead(op.Documented)
	current["documented"] = acceptedInput(op.Documented, token)
	return current
}

func acceptedInput(p graph.Permissions, token *graph.Token) map[string]any {
	m := make(map[string]any, 8)
	m["known"] = p.Known
	m["delegated_work"] = list(p.DelegatedWork)
	m["delegated_personal"] = list(p.DelegatedPersonal)
	m["application"] = list(p.Application)
	m["held"], m["state"] = held(p, token)
	return m
}

// held are the accepted permissions that a token has, scopes of a delegated one, roles of an app-only one, and what
// follows: granted, missing, refused (this kind of token is not accepted at all) or unknown.
func held(p graph.Permissions, token *graph.Token) ([]string, string) {
	accepted, has := p.DelegatedWork, token.Scopes
	if token.Type == "application" {
		accepted, has = p.Application, token.Roles
	}
	names := noStrings
	for _, name := range accepted {
		if slices.Contains(has, name) {
			names = append(names, name)
		}
	}
	switch {
	case !p.Known:
		return names, "unknown"
	case len(accepted) == 0:
		return names, "refused"
	case len(names) == 0:
		return names, "missing"
	}
	return names, "granted"
}

// tenantMatches compares the tenant segment of the URL with the token's tenant, on a cassette with its pseudonym too;
// null when there is nothing to compare.
func tenantMatches(segment, tenant, mode string) any {
	if segment == "" || tenant == "" || strings.EqualFold(segment, "myorganization") {
		return nil
	}
	return strings.EqualFold(segment, tenant) || mode == "replay" && graph.Pseudonym(segment) == tenant
}

// namesRead reports whether a route accepts a permission that says it only reads.
func namesRead(p graph.Permissions) bool {
	reads := func(name string) bool { return strings.Contains(name, ".Read.") }
	return slices.ContainsFunc(p.DelegatedWork, reads) || slices.ContainsFunc(p.Application, reads)
}

func idsInput(ids map[string]string) map[string]any {
	m := make(map[string]any, len(ids))
	for name, id := range ids {
		m[name] = id
	}
	return m
}

func targetsInput(targets []graph.Target) []any {
	values := make([]any, len(targets))
	for i := range targets {
		t := &targets[i]
		values[i] = map[string]any{
			"type":       t.Type,
			"odata_type": t.ODataType,
			"id":         orNull(t.ID),
			"filter":     map[string]any{"id": orNull(t.FilterID), "mode": filterMode(t)},
			"intent":     orNull(t.Intent),
			"pointer":    t.Pointer,
			"properties": list(t.Properties),
			"unexpected": list(t.Unexpected),
			"missing":    list(t.Missing),
		}
	}
	return values
}

func filterMode(t *graph.Target) string {
	if t.FilterMode == "" {
		return "none"
	}
	return t.FilterMode
}

// hasInput says which sorts of target there are, so that a rule about a sort that is absent costs one look-up.
func hasInput(targets []graph.Target) map[string]any {
	var abstract, unknown, broad, group, filter, badFilter, unexpected, missing, intent bool
	for i := range targets {
		t := &targets[i]
		switch t.Type {
		case "abstract":
			abstract = true
		case "unknown":
			unknown = true
		case "all_devices", "all_users":
			broad = true
		case "group", "exclusion_group":
			group = true
		}
		filter = filter || t.FilterID != ""
		badFilter = badFilter || (filterMode(t) != "none") != (t.FilterID != "")
		unexpected = unexpected || len(t.Unexpected) > 0
		missing = missing || len(t.Missing) > 0
		intent = intent || t.Intent != ""
	}
	return map[string]any{
		"abstract":   abstract,
		"unknown":    unknown,
		"broad":      broad,
		"group":      group,
		"filter":     filter,
		"bad_filter": badFilter,
		"unexpected": unexpected,
		"missing":    missing,
		"intent":     intent,
		"many":       len(targets) > 1,
	}
}

// bodyInput are the facts about the top level of the body: Graph takes property names in any case, Rego does not.
func bodyInput(r *graph.Request) map[string]any {
	body, isObject := r.JSON.(map[string]any)
	isObject = isObject && r.BodyState == graph.BodyJSON
	var id, matches, entries any
	hasTarget, unknown := false, noStrings
	if isObject {
		count := -1
		for name, value := range body {
			switch v := value.(type) {
			case []any:
				if property(r, name) {
					count = max(count, 0) + len(v)
				}
			case string:
				if strings.EqualFold(name, "id") {
					id, matches = v, idMatches(r, v)
				}
			}
			hasTarget = hasTarget || strings.EqualFold(name, "target")
			if r.Operation.BodyProperties != nil && !strings.Contains(name, "@") && !property(r, name) {
				unknown = append(unknown, name)
			}
		}
		if count >= 0 {
			entries = count
		}
		slices.Sort(unknown)
	}
	return map[string]any{
		"object":       isObject,
		"id":           id,
		"id_matches":   matches,
		"has_target":   hasTarget,
		"needs_target": isObject && r.Operation.Name == "create" && property(r, "target"),
		"entries":      entries,
		"unknown":      unknown,
		"has_unknown":  len(unknown) > 0,
	}
}

// property reports whether the route has a body property of that name, in any case.
func property(r *graph.Request, name string) bool {
	return slices.ContainsFunc(r.Operation.BodyProperties, func(known string) bool { return strings.EqualFold(known, name) })
}

// idMatches compares an id in the body of an update with the one the URL ends in; null where there is nothing to compare.
// Ids are case-sensitive in Graph, except that a GUID is the same GUID in any case.
func idMatches(r *graph.Request, id string) any {
	n := len(r.Path.Segments)
	if r.Operation.Name != "update" || n == 0 || !r.Path.Segments[n-1].Key {
		return nil
	}
	own := r.Path.Segments[n-1].Name
	return own == id || isGUID(own) && strings.EqualFold(own, id)
}

func tokenInput(t *graph.Token, cloud string, at time.Time) map[string]any {
	format, kind := t.Format, t.Type
	if format == "" {
		format = "none"
	}
	if kind == "" {
		kind = "unknown"
	}
	unsigned, odd := false, false
	for _, anomaly := range t.Anomalies {
		if anomaly == "unsigned" || anomaly == "alg_none" {
			unsigned = true
		} else {
			odd = true
		}
	}
	var audience, expired any
	if accepted := graph.Audiences(cloud); t.Audience != "" && accepted != nil {
		audience = audienceMatches(t.Audience, accepted)
	}
	if !t.Expires.IsZero() {
		expired = !at.Before(t.Expires)
	}
	return map[string]any{
		"present":          t.Present,
		"format":           format,
		"verified":         false,
		"type":             kind,
		"tenant":           orNull(t.Tenant),
		"app":              orNull(t.App),
		"object":           orNull(t.Object),
		"audience":         orNull(t.Audience),
		"audience_matches": audience,
		"scopes":           list(t.Scopes),
		"roles":            list(t.Roles),
		"many":             len(t.Scopes)+len(t.Roles) > 1,
		"issued":           unix(t.Issued),
		"expires":          unix(t.Expires),
		"expired":          expired,
		"unsigned":         unsigned,
		"odd":              odd,
		"anomalies":        list(t.Anomalies),
	}
}

// unix is a time in whole seconds, as tokens write it; null for the zero time.
func unix(t time.Time) any {
	if t.IsZero() {
		return nil
	}
	return t.Unix()
}

// audienceMatches compares as Entra writes audiences: with or without a slash at the end.
func audienceMatches(audience string, accepted []string) bool {
	audience = strings.TrimSuffix(audience, "/")
	return slices.ContainsFunc(accepted, func(a string) bool {
		return strings.EqualFold(audience, strings.TrimSuffix(a, "/"))
	})
}
