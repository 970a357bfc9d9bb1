package graph

import "net/url"

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
}

// Segment is one step of a path. Key tells an id from a name.
type Segment struct {
	Name string
	Key  bool
}

// String is the canonical path, /beta/deviceManagement/…, with every segment encoded one way.
func (p Path) String() string { return p.canonical }

// Target is the canonical path with its sorted query: what is forwarded, matched and logged.
func (p Path) Target() string { return p.target }
