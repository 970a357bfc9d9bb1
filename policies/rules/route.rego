# METADATA
# title: The route
# description: Which routes may be written to at all.
package graphwarden.rules.route

import data.graphwarden.lib

# METADATA
# title: The route is in the catalogue
# description: |
#   A write that looks like a change of assignments but fits no route of the catalogue cannot be judged, so it is refused.
# custom:
#   id: route.unknown
#   level: deny
deny contains {
	"id": "route.unknown",
	"msg": "this looks like a change of assignments on a route that the catalogue does not have",
	"pointer": "/request/path",
	"fix": "Check the URL; set rules[\"route.unknown\"].level to allow it knowingly",
} if {
	input.graph.kind == "unknown_write"
	input.graph.governed == true
}

# METADATA
# title: The URL names a version
# description: Graph has beta and v1.0; a change without a version is for no route of theirs.
# custom:
#   id: route.version
#   level: deny
deny contains {
	"id": "route.version",
	"msg": "the URL names neither beta nor v1.0",
	"pointer": "/request/path",
	"fix": "Start the path with /beta or /v1.0",
} if {
	input.graph.version == null
	input.graph.governed == true
}

# METADATA
# title: Indirect changes are seen
# description: |
#   A filter, a group's members or a policy set decide who is assigned as much as an assignment does.
# custom:
#   id: route.indirect
#   level: warn
warn contains {
	"id": "route.indirect",
	"msg": sprintf("this changes %s, which decides who is assigned", [input.graph.resource]),
	"pointer": "/graph/resource",
} if {
	input.graph.kind == "indirect_assignment"
	input.graph.governed == true
}

# METADATA
# title: Assignments are not changed in passing
# description: A parent object may carry assignments in its own body; the assignments route says what is meant.
# custom:
#   id: route.embedded
#   level: warn
warn contains {
	"id": "route.embedded",
	"msg": "the body of the parent object changes its assignments in passing",
	"pointer": "/request/body",
	"fix": "Change the assignments on their own route",
} if {
	input.graph.embedded == true
	input.graph.governed == true
}

# METADATA
# title: Beta only where it is wanted
# description: Beta routes may change without notice; only the listed ones may be written to.
# custom:
#   id: route.beta
#   level: off
#   parameters:
#     - name: routes
#       type: set
#       description: routes that may be written to in beta, as the catalogue spells them
deny contains {
	"id": "route.beta",
	"msg": sprintf("%s may not be changed in beta", [input.graph.route]),
	"pointer": "/graph/version",
	"fix": "Use v1.0, or add the route to rules[\"route.beta\"].routes in the policy data",
} if {
	input.graph.version == "beta"
	input.graph.governed == true
	is_string(input.graph.route)
	not lib.listed(lib.setting("route.beta", "routes"), input.graph.route)
}
