package policy

import (
	"crypto/sha256"
	"encoding/hex"
	"slices"
	"strings"
	"time"

	"github.com/graphwarden/graphwarden/internal/graph"
)

// facts are what the fields of the document are read from: the request, what is known beside it, and what several fields
// share, worked out when the first of them asks.
type facts struct {
	r     *graph.Request
	c     Context
	mode  string
	at    time.Time
	token *graph.Token
	kind  graph.Kind

	body    *bodyFacts
	has     *targetFacts
	batch   *batchFacts
	current grant
	page    grant // by the documented permissions

	bodyMade    bodyFacts
	hasMade     targetFacts
	batchMade   batchFacts
	heldCurrent [4]string // what grants hold as a rule, so that it costs no allocation
	heldPage    [4]string
}

func (f *facts) of(r *graph.Request, c Context) {
	f.r, f.c = r, c
	if f.at = c.Time; f.at.IsZero() {
		f.at = r.Time
	}
	if f.token = c.Token; f.token == nil {
		f.token = &r.Token
	}
	if f.mode = c.Mode; f.mode == "" {
		f.mode = "live"
	}
	if f.kind = r.Operation.Kind; f.kind == "" {
		f.kind = graph.KindOther
	}
}

func (f *facts) bodyState() graph.BodyState {
	if f.r.BodyState == "" {
		return graph.BodyNone
	}
	return f.r.BodyState
}

func (f *facts) bodyDigest() leaf {
	if len(f.r.Body) == 0 {
		return null()
	}
	sum := sha256.Sum256(f.r.Body)
	return word(hex.EncodeToString(sum[:]))
}

// grant is what a token comes to under one table of permissions.
type grant struct {
	held  []string
	state string
}

func (f *facts) byCurrent() grant {
	if f.current.state == "" {
		f.current = granted(&f.r.Operation.Permissions, f.token, f.heldCurrent[:0])
	}
	return f.current
}

func (f *facts) byPage() grant {
	if f.page.state == "" {
		f.page = granted(&f.r.Operation.Documented, f.token, f.heldPage[:0])
	}
	return f.page
}

// granted are the accepted permissions that a token has, scopes of a delegated one, roles of an app-only one, and what
// follows: granted, missing, refused (this kind of token is not accepted at all) or unknown.
func granted(p *graph.Permissions, token *graph.Token, names []string) grant {
	accepted, has := p.DelegatedWork, token.Scopes
	if token.Type == "application" {
		accepted, has = p.Application, token.Roles
	}
	for _, name := range accepted {
		if slices.Contains(has, name) {
			names = append(names, name)
		}
	}
	switch {
	case !p.Known:
		return grant{names, "unknown"}
	case len(accepted) == 0:
		return grant{names, "refused"}
	case len(names) == 0:
		return grant{names, "missing"}
	}
	return grant{names, "granted"}
}

// tenantMatches compares the tenant segment of the URL with the token's tenant, on a cassette with its pseudonym too;
// null when there is nothing to compare.
func (f *facts) tenantMatches() leaf {
	segment, tenant := f.r.Path.Tenant, f.token.Tenant
	if segment == "" || tenant == "" || strings.EqualFold(segment, "myorganization") {
		return null()
	}
	return flag(strings.EqualFold(segment, tenant) || f.mode == "replay" && graph.Pseudonym(segment) == tenant)
}

// namesRead reports whether a route accepts a permission that says it only reads.
func namesRead(p *graph.Permissions) bool {
	reads := func(name string) bool { return strings.Contains(name, ".Read.") }
	return slices.ContainsFunc(p.DelegatedWork, reads) || slices.ContainsFunc(p.Application, reads)
}

// targetFacts say which sorts of target there are, so that a rule about a sort that is absent costs one look-up.
type targetFacts struct {
	abstract, unknown, broad, group, filter, badFilter, unexpected, missing, intent bool
}

func (f *facts) targets() *targetFacts {
	if f.has != nil {
		return f.has
	}
	f.has = &f.hasMade
	has, targets := f.has, f.r.Targets
	for i := range targets {
		t := &targets[i]
		switch t.Type {
		case "abstract":
			has.abstract = true
		case "unknown":
			has.unknown = true
		case "all_devices", "all_users":
			has.broad = true
		case "group", "exclusion_group":
			has.group = true
		}
		has.filter = has.filter || t.FilterID != ""
		has.badFilter = has.badFilter || (filterMode(t) != "none") != (t.FilterID != "")
		has.unexpected = has.unexpected || len(t.Unexpected) > 0
		has.missing = has.missing || len(t.Missing) > 0
		has.intent = has.intent || t.Intent != ""
	}
	return has
}

// bodyFacts are those about the top level of the body: Graph takes property names in any case, Rego does not.
type bodyFacts struct {
	object, hasTarget bool
	id, matches       leaf
	entries           leaf
	unknown           []string
}

func (f *facts) bodyTop() *bodyFacts {
	if f.body != nil {
		return f.body
	}
	f.body = &f.bodyMade
	b, r := f.body, f.r
	b.id, b.matches, b.entries = null(), null(), null()
	body, isObject := r.JSON.(map[string]any)
	if !isObject || r.BodyState != graph.BodyJSON {
		return b
	}
	b.object = true
	count := -1
	for name, value := range body {
		switch v := value.(type) {
		case []any:
			if property(r, name) {
				count = max(count, 0) + len(v)
			}
		case string:
			if strings.EqualFold(name, "id") {
				b.id, b.matches = word(v), idMatches(r, v)
			}
		}
		b.hasTarget = b.hasTarget || strings.EqualFold(name, "target")
		if r.Operation.BodyProperties != nil && !strings.Contains(name, "@") && !property(r, name) {
			b.unknown = append(b.unknown, name)
		}
	}
	if count >= 0 {
		b.entries = number(count)
	}
	slices.Sort(b.unknown)
	return b
}

// property reports whether the route has a body property of that name, in any case.
func property(r *graph.Request, name string) bool {
	return slices.ContainsFunc(r.Operation.BodyProperties, func(known string) bool { return strings.EqualFold(known, name) })
}

// idMatches compares an id in the body of an update with the one the URL ends in; null where there is nothing to compare.
// Ids are case-sensitive in Graph, except that a GUID is the same GUID in any case.
func idMatches(r *graph.Request, id string) leaf {
	n := len(r.Path.Segments)
	if r.Operation.Name != "update" || n == 0 || !r.Path.Segments[n-1].Key {
		return null()
	}
	own := r.Path.Segments[n-1].Name
	return flag(own == id || isGUID(own) && strings.EqualFold(own, id))
}

// batchFacts are sums over the parts of a batch.
type batchFacts struct{ size, writes, resources, targets int }

func (f *facts) parts() *batchFacts {
	if f.batch != nil {
		return f.batch
	}
	f.batch = &f.batchMade
	b, r := f.batch, f.r
	if b.size = r.Batch.Size; len(r.Parts) > 0 {
		b.size = len(r.Parts)
	}
	var resources map[string]bool
	for _, part := range r.Parts {
		if !IsRead(part) {
			b.writes++
			b.targets += len(part.Targets)
			if resources == nil {
				resources = map[string]bool{}
			}
			resources[part.Operation.Resource] = true
		}
	}
	b.resources = len(resources)
	return b
}

// anomalies tells an unsigned token from one that is odd in another way.
func (f *facts) anomalies() (unsigned, odd bool) {
	for _, anomaly := range f.token.Anomalies {
		if anomaly == "unsigned" || anomaly == "alg_none" {
			unsigned = true
		} else {
			odd = true
		}
	}
	return unsigned, odd
}

func (f *facts) audienceMatches() leaf {
	accepted := graph.Audiences(f.r.Operation.Cloud)
	if f.token.Audience == "" || accepted == nil {
		return null()
	}
	// Entra writes audiences with or without a slash at the end.
	audience := strings.TrimSuffix(f.token.Audience, "/")
	return flag(slices.ContainsFunc(accepted, func(a string) bool {
		return strings.EqualFold(audience, strings.TrimSuffix(a, "/"))
	}))
}

func (f *facts) expired() leaf {
	if f.token.Expires.IsZero() {
		return null()
	}
	return flag(!f.at.Before(f.token.Expires))
}

// unix is a time in whole seconds, as tokens write it; null for the zero time.
func unix(t time.Time) leaf {
	if t.IsZero() {
		return null()
	}
	return leaf{kind: leafNumber, number: t.Unix()}
}
