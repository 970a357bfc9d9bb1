package policy

import (
	"time"

	"github.com/graphwarden/graphwarden/internal/graph"
)

// field is one name of the input document: an object of fields, or a leaf.
type field struct {
	name   string
	fields []field
	leaf   func(*facts) leaf
	// member is one member of a leaf whose members have names that the document does not know; nil where rules can only
	// read the whole.
	member func(*facts, string) leaf
	// open marks a leaf whose members the document does not name, and which may be large.
	open bool
	// fleeting marks what is another for nearly every request, so that a verdict that depends on it is not worth keeping.
	fleeting bool
}

// document is the one table of all fields. The document in Go, the one for OPA and the key of a verdict are all made
// from it.
var document = []field{
	{name: "schema", leaf: func(*facts) leaf { return word(InputSchema) }},
	{name: "id", fleeting: true, leaf: func(f *facts) leaf { return word(f.r.ID) }},
	{name: "mode", leaf: func(f *facts) leaf { return word(f.mode) }},
	{name: "time", fields: []field{
		{name: "ns", fleeting: true, leaf: func(f *facts) leaf { return leaf{kind: leafNumber, number: f.at.UnixNano()} }},
		{name: "rfc3339", fleeting: true, leaf: func(f *facts) leaf { return word(f.at.UTC().Format(time.RFC3339Nano)) }},
	}},
	{name: "request", fields: requestFields},
	{name: "graph", fields: graphFields},
	{name: "token", fields: tokenFields},
	{name: "connection", fields: []field{
		{name: "connect_host", leaf: func(f *facts) leaf { return wordOrNull(f.r.Connection.ConnectHost) }},
		{name: "connect_port", leaf: func(f *facts) leaf { return numberOrNull(f.r.Connection.ConnectPort) }},
		{name: "sni", leaf: func(f *facts) leaf { return wordOrNull(f.r.Connection.SNI) }},
		{name: "client", leaf: func(f *facts) leaf { return wordOrNull(f.r.Connection.Client) }},
	}},
	{name: "batch", fields: []field{
		{name: "id", leaf: func(f *facts) leaf { return wordOrNull(f.r.Batch.ID) }},
		{name: "index", leaf: func(f *facts) leaf { return number(f.r.Batch.Index) }},
		{name: "size", leaf: func(f *facts) leaf { return number(f.parts().size) }},
		{name: "depends_on", leaf: func(f *facts) leaf { return words(f.r.Batch.DependsOn) }},
		{name: "writes", leaf: func(f *facts) leaf { return number(f.parts().writes) }},
		{name: "resources", leaf: func(f *facts) leaf { return number(f.parts().resources) }},
		{name: "targets", leaf: func(f *facts) leaf { return number(f.parts().targets) }},
	}},
	{name: "run", fields: []field{
		{name: "name", leaf: func(f *facts) leaf { return wordOrNull(f.c.Run) }},
		{name: "totals", fields: []field{
			{name: "writes", fleeting: true, leaf: func(f *facts) leaf { return number(f.c.Totals.Writes) }},
			{name: "targets", fleeting: true, leaf: func(f *facts) leaf { return number(f.c.Totals.Targets) }},
		}},
	}},
}

var requestFields = []field{
	{name: "method", leaf: func(f *facts) leaf { return word(f.r.Method) }},
	{name: "scheme", leaf: func(f *facts) leaf { return word(f.r.Scheme) }},
	{name: "host", leaf: func(f *facts) leaf { return word(f.r.Host) }},
	{name: "port", leaf: func(f *facts) leaf { return number(f.r.Port) }},
	{name: "path", leaf: func(f *facts) leaf { return word(f.r.Path.String()) }},
	{name: "raw_target", leaf: func(f *facts) leaf { return word(f.r.RawTarget) }},
	{name: "query", open: true, leaf: func(f *facts) leaf { return nativeLeaf(queryInput(f.r.Path.Query)) }},
	{name: "headers", open: true, leaf: func(f *facts) leaf { return nativeLeaf(headersInput(f.r.Header)) }, member: headerInput},
	{name: "body", open: true, leaf: func(f *facts) leaf {
		if f.bodyState() != graph.BodyJSON {
			return null()
		}
		return leaf{kind: leafNative, value: f.r.JSON, bulky: len(f.r.Body) > maxKey}
	}},
	{name: "body_state", leaf: func(f *facts) leaf { return word(string(f.bodyState())) }},
	{name: "body_bytes", leaf: func(f *facts) leaf { return number(len(f.r.Body)) }},
	{name: "body_sha256", leaf: (*facts).bodyDigest},
	{name: "client_request_id", fleeting: true, leaf: func(f *facts) leaf { return wordOrNull(f.r.Header.Get("Client-Request-Id")) }},
	{name: "traceable", leaf: func(f *facts) leaf { return flag(isGUID(f.r.Header.Get("Client-Request-Id"))) }},
	{name: "override", leaf: func(f *facts) leaf { return flag(len(f.r.Header[OverrideHeader]) > 0) }},
	{name: "accepts_json", leaf: func(f *facts) leaf { return flag(acceptsJSON(f.r.Header["Accept"])) }},
	{name: "content_json", leaf: func(f *facts) leaf { return contentJSON(f.r) }},
}

// graphFields are what Go knows about the request that no policy should have to work out.
var graphFields = []field{
	{name: "cloud", leaf: func(f *facts) leaf { return word(f.r.Operation.Cloud) }},
	{name: "version", leaf: func(f *facts) leaf { return wordOrNull(f.r.Path.Version) }},
	{name: "tenant_segment", leaf: func(f *facts) leaf { return wordOrNull(f.r.Path.Tenant) }},
	{name: "tenant_matches", leaf: (*facts).tenantMatches},
	{name: "family", leaf: func(f *facts) leaf { return wordOrNull(f.r.Operation.Family) }},
	{name: "resource", leaf: func(f *facts) leaf { return wordOrNull(f.r.Operation.Resource) }},
	{name: "route", leaf: func(f *facts) leaf { return wordOrNull(f.r.Operation.Route) }},
	{name: "ids", open: true, leaf: func(f *facts) leaf { return nativeLeaf(idsInput(f.r.Operation.IDs)) }},
	{name: "casts", leaf: func(f *facts) leaf { return words(f.r.Path.Casts) }},
	{name: "kind", leaf: func(f *facts) leaf { return word(string(f.kind)) }},
	{name: "governed", leaf: func(f *facts) leaf { return flag(f.kind != graph.KindOther && !IsRead(f.r)) }},
	{name: "operation", leaf: func(f *facts) leaf { return word(f.r.Operation.Name) }},
	{name: "effect", leaf: func(f *facts) leaf {
		if f.r.Operation.Effect == "" {
			return word(string(graph.EffectNone))
		}
		return word(string(f.r.Operation.Effect))
	}},
	{name: "embedded", leaf: func(f *facts) leaf { return flag(f.r.Operation.Embedded) }},
	{name: "permissions", fields: append(grantFields(func(f *facts) *graph.Permissions { return &f.r.Operation.Permissions }, (*facts).byCurrent),
		field{name: "profile", leaf: func(f *facts) leaf {
			if f.r.Operation.PermissionProfile == "" {
				return word("current")
			}
			return word(f.r.Operation.PermissionProfile)
		}},
		field{name: "read_only", leaf: func(f *facts) leaf {
			return flag(namesRead(&f.r.Operation.Permissions) || namesRead(&f.r.Operation.Documented))
		}},
		field{name: "documented", fields: grantFields(func(f *facts) *graph.Permissions { return &f.r.Operation.Documented }, (*facts).byPage)},
	)},
	{name: "body", fields: []field{
		{name: "object", leaf: func(f *facts) leaf { return flag(f.bodyTop().object) }},
		{name: "id", leaf: func(f *facts) leaf { return f.bodyTop().id }},
		{name: "id_matches", leaf: func(f *facts) leaf { return f.bodyTop().matches }},
		{name: "has_target", leaf: func(f *facts) leaf { return flag(f.bodyTop().hasTarget) }},
		{name: "needs_target", leaf: func(f *facts) leaf {
			return flag(f.bodyTop().object && f.r.Operation.Name == "create" && property(f.r, "target"))
		}},
		{name: "entries", leaf: func(f *facts) leaf { return f.bodyTop().entries }},
		{name: "unknown", leaf: func(f *facts) leaf { return words(f.bodyTop().unknown) }},
		{name: "has_unknown", leaf: func(f *facts) leaf { return flag(len(f.bodyTop().unknown) > 0) }},
	}},
	{name: "targets", leaf: func(f *facts) leaf { return leaf{kind: leafTargets, targets: f.r.Targets} }},
	{name: "has", fields: []field{
		{name: "abstract", leaf: func(f *facts) leaf { return flag(f.targets().abstract) }},
		{name: "unknown", leaf: func(f *facts) leaf { return flag(f.targets().unknown) }},
		{name: "broad", leaf: func(f *facts) leaf { return flag(f.targets().broad) }},
		{name: "group", leaf: func(f *facts) leaf { return flag(f.targets().group) }},
		{name: "filter", leaf: func(f *facts) leaf { return flag(f.targets().filter) }},
		{name: "bad_filter", leaf: func(f *facts) leaf { return flag(f.targets().badFilter) }},
		{name: "unexpected", leaf: func(f *facts) leaf { return flag(f.targets().unexpected) }},
		{name: "missing", leaf: func(f *facts) leaf { return flag(f.targets().missing) }},
		{name: "intent", leaf: func(f *facts) leaf { return flag(f.targets().intent) }},
		{name: "many", leaf: func(f *facts) leaf { return flag(len(f.r.Targets) > 1) }},
	}},
	{name: "current", leaf: func(*facts) leaf { return null() }},
	{name: "diff", leaf: func(*facts) leaf { return null() }},
}

// grantFields are what a route accepts under one table of permissions, and what the token has of it.
func grantFields(table func(*facts) *graph.Permissions, held func(*facts) grant) []field {
	return []field{
		{name: "known", leaf: func(f *facts) leaf { return flag(table(f).Known) }},
		{name: "delegated_work", leaf: func(f *facts) leaf { return words(table(f).DelegatedWork) }},
		{name: "delegated_personal", leaf: func(f *facts) leaf { return words(table(f).DelegatedPersonal) }},
		{name: "application", leaf: func(f *facts) leaf { return words(table(f).Application) }},
		{name: "held", leaf: func(f *facts) leaf { return words(held(f).held) }},
		{name: "state", leaf: func(f *facts) leaf { return word(held(f).state) }},
	}
}

var tokenFields = []field{
	{name: "present", leaf: func(f *facts) leaf { return flag(f.token.Present) }},
	{name: "format", leaf: func(f *facts) leaf {
		if f.token.Format == "" {
			return word("none")
		}
		return word(f.token.Format)
	}},
	{name: "verified", leaf: func(*facts) leaf { return flag(false) }},
	{name: "type", leaf: func(f *facts) leaf {
		if f.token.Type == "" {
			return word("unknown")
		}
		return word(f.token.Type)
	}},
	{name: "tenant", leaf: func(f *facts) leaf { return wordOrNull(f.token.Tenant) }},
	{name: "app", leaf: func(f *facts) leaf { return wordOrNull(f.token.App) }},
	{name: "object", leaf: func(f *facts) leaf { return wordOrNull(f.token.Object) }},
	{name: "audience", leaf: func(f *facts) leaf { return wordOrNull(f.token.Audience) }},
	{name: "audience_matches", leaf: (*facts).audienceMatches},
	{name: "scopes", leaf: func(f *facts) leaf { return words(f.token.Scopes) }},
	{name: "roles", leaf: func(f *facts) leaf { return words(f.token.Roles) }},
	{name: "many", leaf: func(f *facts) leaf { return flag(len(f.token.Scopes)+len(f.token.Roles) > 1) }},
	{name: "issued", leaf: func(f *facts) leaf { return unix(f.token.Issued) }},
	{name: "expires", leaf: func(f *facts) leaf { return unix(f.token.Expires) }},
	{name: "expired", leaf: (*facts).expired},
	{name: "unsigned", leaf: func(f *facts) leaf { unsigned, _ := f.anomalies(); return flag(unsigned) }},
	{name: "odd", leaf: func(f *facts) leaf { _, odd := f.anomalies(); return flag(odd) }},
	{name: "anomalies", leaf: func(f *facts) leaf { return words(f.token.Anomalies) }},
}
