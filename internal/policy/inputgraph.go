package policy

import (
	"slices"
	"strings"
	"time"

	"github.com/open-policy-agent/opa/v1/ast"

	"github.com/graphwarden/graphwarden/internal/graph"
)

// graphTerm is what Go knows about the request that no policy should have to work out.
func graphTerm(r *graph.Request, token *graph.Token) *ast.Term {
	op := &r.Operation
	kind := op.Kind
	if kind == "" {
		kind = graph.KindOther
	}
	effect := op.Effect
	if effect == "" {
		effect = graph.EffectNone
	}
	return object(
		field(kCloud, str(op.Cloud)),
		field(kVersion, strOrNull(r.Path.Version)),
		field(kTenantSegment, strOrNull(r.Path.Tenant)),
		field(kFamily, strOrNull(op.Family)),
		field(kResource, strOrNull(op.Resource)),
		field(kRoute, strOrNull(op.Route)),
		field(kIDs, idsTerm(op.IDs)),
		field(kCasts, strs(r.Path.Casts)),
		field(kKind, str(string(kind))),
		field(kGoverned, boolean(kind != graph.KindOther && !IsRead(r))),
		field(kOperation, str(op.Name)),
		field(kEffect, str(string(effect))),
		field(kEmbedded, boolean(op.Embedded)),
		field(kPermissions, object(
			field(kProfile, str(profile(op.PermissionProfile))),
			field(kKnown, boolean(op.Permissions.Known)),
			field(kReadOnly, boolean(namesRead(op.Permissions) || namesRead(op.Documented))),
			field(kDelegatedWork, strs(op.Permissions.DelegatedWork)),
			field(kDelegatedPersonal, strs(op.Permissions.DelegatedPersonal)),
			field(kApplication, strs(op.Permissions.Application)),
			field(kHeld, held(op.Permissions, token)),
			field(kDocumented, object(
				field(kKnown, boolean(op.Documented.Known)),
				field(kDelegatedWork, strs(op.Documented.DelegatedWork)),
				field(kDelegatedPersonal, strs(op.Documented.DelegatedPersonal)),
				field(kApplication, strs(op.Documented.Application)),
				field(kHeld, held(op.Documented, token)))))),
		field(kBody, bodyFacts(r)),
		field(kTargets, targetsTerm(r.Targets)),
		field(kHas, hasTerm(r.Targets)),
		field(kCurrent, null),
		field(kDiff, null),
	)
}

// held are the accepted permissions that a token has: scopes of a delegated one, roles of an app-only one.
func held(p graph.Permissions, token *graph.Token) *ast.Term {
	accepted, has := p.DelegatedWork, token.Scopes
	if token.Type == "application" {
		accepted, has = p.Application, token.Roles
	}
	var terms []*ast.Term
	for _, name := range accepted {
		if slices.Contains(has, name) {
			terms = append(terms, str(name))
		}
	}
	if terms == nil {
		return emptyArray
	}
	return ast.ArrayTerm(terms...)
}

// namesRead reports whether a route accepts a permission that says it only reads.
func namesRead(p graph.Permissions) bool {
	reads := func(name string) bool { return strings.Contains(name, ".Read.") }
	return slices.ContainsFunc(p.DelegatedWork, reads) || slices.ContainsFunc(p.Application, reads)
}

func profile(name string) string {
	if name == "" {
		return "current"
	}
	return name
}

func idsTerm(ids map[string]string) *ast.Term {
	if len(ids) == 0 {
		return emptyObject
	}
	fields := make([][2]*ast.Term, 0, len(ids))
	for name, id := range ids {
		fields = append(fields, [2]*ast.Term{str(name), str(id)})
	}
	return object(fields...)
}

func targetsTerm(targets []graph.Target) *ast.Term {
	if len(targets) == 0 {
		return emptyArray
	}
	terms := make([]*ast.Term, len(targets))
	for i := range targets {
		t := &targets[i]
		mode := t.FilterMode
		if mode == "" {
			mode = "none"
		}
		terms[i] = object(
			field(kType, str(t.Type)),
			field(kODataType, str(t.ODataType)),
			field(kID, strOrNull(t.ID)),
			field(kFilter, object(field(kID, strOrNull(t.FilterID)), field(kMode, str(mode)))),
			field(kIntent, strOrNull(t.Intent)),
			field(kPointer, str(t.Pointer)),
			field(kProperties, strs(t.Properties)),
			field(kUnexpected, strs(t.Unexpected)),
			field(kMissing, strs(t.Missing)),
		)
	}
	return ast.ArrayTerm(terms...)
}

// hasTerm says which sorts of target there are, so that a rule about a sort that is absent costs one look-up.
func hasTerm(targets []graph.Target) *ast.Term {
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
		filtered := t.FilterMode != "" && t.FilterMode != "none"
		filter = filter || t.FilterID != ""
		badFilter = badFilter || filtered != (t.FilterID != "")
		unexpected = unexpected || len(t.Unexpected) > 0
		missing = missing || len(t.Missing) > 0
		intent = intent || t.Intent != ""
	}
	return object(
		field(kAbstract, boolean(abstract)),
		field(kUnknown, boolean(unknown)),
		field(kBroad, boolean(broad)),
		field(kGroup, boolean(group)),
		field(kFilter, boolean(filter)),
		field(kBadFilter, boolean(badFilter)),
		field(kUnexpected, boolean(unexpected)),
		field(kMissing, boolean(missing)),
		field(kIntent, boolean(intent)),
		field(kMany, boolean(len(targets) > 1)),
	)
}

// bodyFacts are the facts about the top level of the body: Graph takes property names in any case, Rego does not.
func bodyFacts(r *graph.Request) *ast.Term {
	body, isObject := r.JSON.(map[string]any)
	if r.BodyState != graph.BodyJSON || !isObject {
		return noBody
	}
	known := foldedNames(r.Operation.BodyProperties)
	id, unknown, entries := null, emptyArray, -1
	matches := null
	hasTarget := false
	var extra []*ast.Term
	for name, value := range body {
		folded := strings.ToLower(name)
		switch v := value.(type) {
		case []any:
			if known[folded] {
				entries = max(entries, 0) + len(v)
			}
		case string:
			if folded == "id" {
				id = str(v)
				if own := lastKey(r.Path.Segments); own != "" && r.Operation.Name == "update" {
					matches = boolean(strings.EqualFold(own, v))
				}
			}
		}
		hasTarget = hasTarget || folded == "target"
		if known != nil && !known[folded] && !strings.Contains(name, "@") {
			extra = append(extra, str(name))
		}
	}
	if extra != nil {
		unknown = sorted(extra)
	}
	count := null
	if entries >= 0 {
		count = num(int64(entries))
	}
	return object(
		field(kObject, boolean(true)),
		field(kID, id),
		field(kIDMatches, matches),
		field(kHasTarget, boolean(hasTarget)),
		field(kNeedsTarget, boolean(r.Operation.Name == "create" && known["target"])),
		field(kEntries, count),
		field(kUnknown, unknown),
		field(kHasUnknown, boolean(extra != nil)),
	)
}

func foldedNames(names []string) map[string]bool {
	if names == nil {
		return nil
	}
	folded := make(map[string]bool, len(names))
	for _, name := range names {
		folded[strings.ToLower(name)] = true
	}
	return folded
}

// lastKey is the id the URL ends in, empty when it ends in a name.
func lastKey(segments []graph.Segment) string {
	if n := len(segments); n > 0 && segments[n-1].Key {
		return segments[n-1].Name
	}
	return ""
}

func tokenTerm(t *graph.Token, cloud string, at time.Time) *ast.Term {
	format, kind := t.Format, t.Type
	if format == "" {
		format = "none"
	}
	if kind == "" {
		kind = "unknown"
	}
	unsigned := false
	for _, anomaly := range t.Anomalies {
		unsigned = unsigned || anomaly == "unsigned" || anomaly == "alg_none"
	}
	odd := len(t.Anomalies) > 1 || len(t.Anomalies) == 1 && !unsigned
	audience, expired := null, null
	if accepted := graph.Audiences(cloud); t.Audience != "" && accepted != nil {
		audience = boolean(audienceMatches(t.Audience, accepted))
	}
	if !t.Expires.IsZero() {
		expired = boolean(!at.Before(t.Expires))
	}
	return object(
		field(kPresent, boolean(t.Present)),
		field(kFormat, str(format)),
		field(kVerified, boolean(false)),
		field(kType, str(kind)),
		field(kTenant, strOrNull(t.Tenant)),
		field(kApp, strOrNull(t.App)),
		field(kObject, strOrNull(t.Object)),
		field(kAudience, strOrNull(t.Audience)),
		field(kAudienceMatches, audience),
		field(kScopes, strs(t.Scopes)),
		field(kRoles, strs(t.Roles)),
		field(kMany, boolean(len(t.Scopes)+len(t.Roles) > 1)),
		field(kIssued, unix(t.Issued)),
		field(kExpires, unix(t.Expires)),
		field(kExpired, expired),
		field(kUnsigned, boolean(unsigned)),
		field(kOdd, boolean(odd)),
		field(kAnomalies, strs(t.Anomalies)),
	)
}

// audienceMatches compares as Entra writes audiences: with or without a slash at the end.
func audienceMatches(audience string, accepted []string) bool {
	audience = strings.TrimSuffix(audience, "/")
	return slices.ContainsFunc(accepted, func(a string) bool {
		return strings.EqualFold(audience, strings.TrimSuffix(a, "/"))
	})
}
