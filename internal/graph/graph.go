// Package graph knows Microsoft Graph: its hosts, the normal form of its URLs, which request changes which
// assignment, what an access token says, how its bodies are read strictly, and what its errors look like.
//
// Bytes of a client go in, a Request comes out, read once and parsed once; everything behind the interceptor (policy,
// tape, stand-in) works from that one value. The package never dials, never logs and never keeps a token: the raw
// token stays in Request.Header and nowhere else.
package graph

import (
	"net/http"
	"time"
)

// Request is one request to Graph, read once: what is judged, matched, recorded and forwarded is this value, never
// a second reading of the client's bytes. It is immutable once Read has returned it.
type Request struct {
	// ID names this exchange in logs, refusals and the ledger (a random UUID).
	ID string
	// Time is when the request was read. In a replay the judge uses the recorded time instead.
	Time time.Time
	// Method is the verb in upper case, one of those Graph knows.
	Method string
	// Scheme, Host and Port are the normalised authority: lower case, no trailing dot, no user part.
	Scheme, Host string
	Port         int
	// RawTarget is the request target as the client wrote it, for the log only.
	RawTarget string
	// Path is the normal form of the target.
	Path Path
	// Header holds the end-to-end header fields. It carries the token: it is never logged or recorded as it is.
	Header http.Header
	// Body is the body after Content-Encoding was undone; nil when there is none.
	Body []byte
	// BodyState tells whether JSON holds the parsed body.
	BodyState BodyState
	// JSON is the body as map[string]any, []any, string, json.Number, bool or nil, read strictly.
	JSON any
	// Operation is what the request does to assignments.
	Operation Operation
	// Targets are whom the body assigns to, in the order of the body.
	Targets []Target
	// Token is what the bearer token claims. It is not verified: Graph itself rejects a forged one.
	Token Token
	// Connection is how the request reached the proxy.
	Connection Connection
	// Batch is this request's place in a $batch; its zero value means none.
	Batch BatchPart
	// Parts are the requests inside a $batch, in their order; nil for any other request.
	Parts []*Request
}

// BodyState says in which form a body is at hand.
type BodyState string

// The states of a body.
const (
	BodyNone   BodyState = "none"   // no body was sent
	BodyJSON   BodyState = "json"   // JSON, read strictly
	BodyOpaque BodyState = "opaque" // some other media type, not read
)

// Connection is how a request reached the proxy. In absolute form (no CONNECT) the first three are zero.
type Connection struct {
	ConnectHost string
	ConnectPort int
	SNI         string
	Client      string // the client's address, without port
	Session     string // the user part of the proxy credentials, if any
}

// BatchPart is a request's place in a $batch.
type BatchPart struct {
	ID        string
	Index     int
	Size      int // 0 outside a batch
	DependsOn []string
}

// Kind says how a request relates to assignments.
type Kind string

// The kinds of request.
const (
	KindAssignment         Kind = "assignment"          // changes an assignment of a catalogued route
	KindIndirectAssignment Kind = "indirect_assignment" // changes what decides assignments: a filter, a membership, a policy
	KindUnknownWrite       Kind = "unknown_write"       // looks like an assignment write but is in no row
	KindOther              Kind = "other"
)

// Effect says what a request does to the set of assignments it names.
type Effect string

// The effects of a request.
const (
	EffectAdd     Effect = "add"
	EffectModify  Effect = "modify"
	EffectRemove  Effect = "remove"
	EffectReplace Effect = "replace" // the whole set: what is left out is removed
	EffectNone    Effect = "none"
)

// Operation is what one request does, in the catalogue's words.
type Operation struct {
	Kind Kind
	// Name is update, create, delete, assign, action, ref or read.
	Name   string
	Effect Effect
	// Cloud is the name of the national cloud the host belongs to.
	Cloud string
	// Family, Resource and Route are the row's; empty (Resource: unknown) when no row fits.
	Family, Resource, Route string
	// IDs are the values of the route's parameters, by name.
	IDs map[string]string
	// Permissions are what Graph accepts today, Documented what the reference page says.
	Permissions, Documented Permissions
	// PermissionProfile is which of the two counts by default: current, or documented for the routes whose page
	// is stricter on purpose.
	PermissionProfile string
	// BodyProperties are the names of the properties the body may carry; nil when the catalogue does not know.
	BodyProperties []string
	// Embedded is true when a parent object carries assignments in its own body.
	Embedded bool
}

// Permissions are the accepted scopes and roles of a route, least privileged first; any one of them suffices. Known is
// false where no source lists the route.
type Permissions struct {
	Known                                         bool
	DelegatedWork, DelegatedPersonal, Application []string
}

// Target is one receiver of an assignment.
type Target struct {
	// Type is group, exclusion_group, all_devices, all_users, collection, abstract or unknown.
	Type string
	// ODataType is the type as the body spells it.
	ODataType string
	// ID is the group's or collection's id, empty where the type has none.
	ID string
	// FilterID and FilterMode (none, include or exclude) restrict the target; ID is empty when there is none.
	FilterID, FilterMode string
	// Intent is what is to happen to the receiver (apply, remove, required, …), empty where the body says nothing.
	Intent string
	// Pointer is the JSON pointer (RFC 6901) of the target within the body.
	Pointer string
	// Properties are the names of the properties sent with the target, in order; Unexpected those its type lacks, and
	// Missing those its type needs and the body does not send.
	Properties, Unexpected, Missing []string
}

// Token is what a bearer token claims, without the token.
type Token struct {
	Present                       bool
	Format                        string // jwt, opaque or none
	Type                          string // delegated, application, personal or unknown
	Tenant, App, Object, Audience string
	Scopes, Roles                 []string
	Issued, Expires, NotBefore    time.Time // zero where the token does not say
	// Anomalies are what is odd about the token: alg_none, two_headers, not_bearer, bad_json, …
	Anomalies []string
}
