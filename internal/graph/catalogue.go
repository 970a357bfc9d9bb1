package graph

import (
	_ "embed"
	"slices"
	"strings"
	"sync"
)

//go:generate go run ./internal/gencatalogue -out catalogue/catalogue.txt $ASSIGNMENTS

//go:embed catalogue/catalogue.txt
var catalogueText string

// loadCatalogue reads the embedded file on first use; it takes about a millisecond.
var loadCatalogue = sync.OnceValue(func() *catalogue {
	return newCatalogue(catalogueText)
})

// Route is one row of the catalogue: a request that changes assignments, or what decides them.
type Route struct {
	// Family groups routes by service: intune, cloudPC, roleManagement, …
	Family string
	// Version is beta or v1.0, Method the verb, Template the path behind the version with {parameters}.
	Version, Method, Template string
	// Kind is create, update, delete, assign, action or ref.
	Kind string
	// Resource is the type of the assignment; Action the unqualified name of the action, if the route is one.
	Resource, Action string
	// Effect is what the route does to the set of assignments.
	Effect Effect
	// Related marks routes of what decides assignments (filters, requests, policies) rather than of assignments.
	Related bool
	// Alias marks routes that Graph's OpenAPI leaves out, most of them second ways to the same object.
	Alias bool
	// Documented is false where only Graph's OpenAPI lists the route.
	Documented bool
	// Permissions are what Graph accepts today; Inferred says that they were taken from the entity's other routes.
	Permissions Permissions
	Inferred    bool
	// DocumentedPermissions are what the reference page says.
	DocumentedPermissions Permissions
	// PermissionProfile is current or documented: which of the two counts by default.
	PermissionProfile string
	// Body lists the properties the body may carry; nil when none are known.
	Body []BodyProperty
	// ResponseType is the type of the answer, DocsStatus the status the page promises ("200 OK"); both may be empty.
	ResponseType, DocsStatus string
	// TypeCasts are the types that may stand, as a cast, behind the first id.
	TypeCasts []string
}

// BodyProperty is a property of a request body with its Graph type.
type BodyProperty struct{ Name, Type string }

// Routes are all rows of the catalogue, sorted by template, version and method. The rows share their slices: a
// caller may not change them.
func Routes() []Route {
	c := loadCatalogue()
	routes := make([]Route, 0, len(c.rows))
	for i := range c.rows {
		if !c.rows[i].outside {
			routes = append(routes, c.rows[i].Route)
		}
	}
	return routes
}

// IsAssignParameter tells whether a body property of that name, in any case, holds the assignments of an assign action:
// assignments, mobileAppAssignments, and the others. Annotations (name@odata.bind) count as the property.
func IsAssignParameter(name string) bool {
	return loadCatalogue().assignParameters[foldName(baseProperty(name))]
}

// EmbeddedProperty tells whether a body property of that name, in any case, carries assignments inline when it is written
// to the object (or, by POST, into the collection) that p names.
func EmbeddedProperty(p Path, name string) bool {
	name = foldName(baseProperty(name))
	c := loadCatalogue()
	if n := c.at(p); n != nil {
		if c.holdsAssignments(n, name) || n.param != 0 && c.holdsAssignments(&c.nodes[n.param], name) {
			return true
		}
	}
	return ownsEmbedded(p, name)
}

// holdsAssignments tells whether name is a navigation of the node that has governed routes, or an assign parameter on
// a node that has an assignments collection or an assign action.
func (c *catalogue) holdsAssignments(n *node, name string) bool {
	if slices.Contains(n.assignments, name) {
		return true
	}
	return len(n.assignments) > 0 && c.assignParameters[name]
}

// baseProperty takes an annotation (assignments@odata.bind, assignments@delta) off a property name.
func baseProperty(name string) string {
	if i := strings.IndexByte(name, '@'); i > 0 {
		return name[:i]
	}
	return name
}

// ownedProperty is a property that holds assignments on objects of a collection of which the catalogue has no route.
type ownedProperty struct {
	collection, within string // within is another segment the path must have, or empty
	properties         []string
}

var ownedProperties = [...]ownedProperty{
	{"tasks", "planner", []string{"assignments"}},
	{"rosters", "planner", []string{"assignedsensitivitylabel"}},
	{"services", "bookingbusinesses", []string{"customquestions"}},
	{"compliancemanagementpartners", "", []string{"androidenrollmentassignments", "iosenrollmentassignments", "linuxenrollmentassignments", "macosenrollmentassignments"}},
	{"devicemanagementpartners", "", []string{"groupsrequiringpartnerenrollment"}},
	{"onlinemeetings", "", []string{"sensitivitylabelassignment"}},
	{"rings", "", []string{"excludedgroupassignment", "includedgroupassignment"}},
	{"userconfigurations", "", []string{"effectivepolicyassignments"}},
	{"governancepolicytemplates", "", []string{"delegatedadministrationroleassignments"}},
}

// ownsEmbedded looks for the collection in the last two segments: the object is named by its id, or is being created.
func ownsEmbedded(p Path, property string) bool {
	last := p.Segments[max(len(p.Segments)-2, 0):]
	for i := range ownedProperties {
		o := &ownedProperties[i]
		if slices.Contains(o.properties, property) && hasName(last, o.collection) &&
			(o.within == "" || hasName(p.Segments, o.within)) {
			return true
		}
	}
	return false
}

func hasName(segments []Segment, folded string) bool {
	return slices.ContainsFunc(segments, func(s Segment) bool { return foldName(s.Name) == folded })
}
