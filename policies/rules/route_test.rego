package graphwarden.rules.route_test

import data.graphwarden.fixture
import data.graphwarden.rules.route

denies(id, changes) if id in fixture.ids(route.deny) with input as fixture.but(changes)

warns(id, changes) if id in fixture.ids(route.warn) with input as fixture.but(changes)

test_unknown if {
	denies("route.unknown", {"/graph/kind": "unknown_write"})
	not denies("route.unknown", {})
	not denies("route.unknown", {"/graph/kind": "unknown_write", "/graph/governed": false})
}

test_version if {
	denies("route.version", {"/graph/version": null})
	not denies("route.version", {"/graph/version": "v1.0"})
}

test_indirect if {
	warns("route.indirect", {"/graph/kind": "indirect_assignment"})
	not warns("route.indirect", {})
}

test_embedded if {
	warns("route.embedded", {"/graph/embedded": true})
	not warns("route.embedded", {})
}

beta(routes, changes) := ids if {
	ids := fixture.ids(route.deny) with input as fixture.but(changes) with data.rules["route.beta"].routes as routes
}

test_beta if {
	beta([], {}) == {"route.beta"}
	beta([fixture.request.graph.route], {}) == set()
	beta([], {"/graph/version": "v1.0"}) == set()
	beta([], {"/graph/route": null}) == set()
}
