package graphwarden.rules.target_test

import data.graphwarden.fixture
import data.graphwarden.rules.target

denies(id, changes) if id in fixture.ids(target.deny) with input as fixture.but(changes)

warns(id, changes) if id in fixture.ids(target.warn) with input as fixture.but(changes)

test_good_request_passes if {
	count(target.deny) == 0 with input as fixture.request
	count(target.warn) == 0 with input as fixture.request
}

test_unknown if {
	strange := {"/graph/has/unknown": true, "/graph/targets": [fixture.target({"type": "unknown"})]}
	denies("target.unknown", strange)
	not denies("target.unknown", {"/graph/has/unknown": true})
	not denies("target.unknown", object.union(strange, {"/graph/has/unknown": false}))
}

test_unknown_points_at_the_target if {
	changes := {"/graph/has/unknown": true, "/graph/targets": [fixture.target({}), fixture.target({"type": "unknown", "pointer": "/assignments/1/target"})]}
	some finding in target.deny with input as fixture.but(changes)
	finding.pointer == "/request/body/assignments/1/target"
}

test_abstract if {
	warns("target.abstract", {"/graph/has/abstract": true, "/graph/targets": [fixture.target({"type": "abstract"})]})
	not warns("target.abstract", {"/graph/has/abstract": true})
}

test_properties if {
	odd := fixture.target({"unexpected": ["collectionId"]})
	denies("target.properties", {"/graph/has/unexpected": true, "/graph/targets": [odd]})
	not denies("target.properties", {"/graph/has/unexpected": true})
	not denies("target.properties", {"/graph/has/unexpected": true, "/graph/targets": [object.union(odd, {"type": "unknown"})]})
}

test_incomplete if {
	denies("target.incomplete", {"/graph/has/missing": true, "/graph/targets": [fixture.target({"missing": ["groupId"]})]})
	not denies("target.incomplete", {"/graph/has/missing": true})
}

filtered(filter) := {"/graph/has/bad_filter": true, "/graph/targets": [fixture.target({"filter": filter})]}

test_filter if {
	denies("target.filter", filtered({"id": null, "mode": "include"}))
	denies("target.filter", filtered({"id": "f1", "mode": "none"}))
	not denies("target.filter", filtered({"id": "f1", "mode": "include"}))
	not denies("target.filter", filtered({"id": null, "mode": "none"}))
}

test_duplicate if {
	twice := [fixture.target({"id": "A", "pointer": "/assignments/0/target"}), fixture.target({"id": "a", "pointer": "/assignments/1/target"})]
	warns("target.duplicate", {"/graph/has/many": true, "/graph/targets": twice})
	not warns("target.duplicate", {"/graph/has/many": true, "/graph/targets": [fixture.target({"id": "a"}), fixture.target({"id": "b"})]})
	not warns("target.duplicate", {"/graph/has/many": true, "/graph/targets": [fixture.target({"id": "a"}), fixture.target({"id": "a", "type": "exclusion_group"})]})
	everybody := fixture.target({"id": null, "type": "all_users"})
	warns("target.duplicate", {"/graph/has/many": true, "/graph/targets": [everybody, object.union(everybody, {"pointer": "/x"})]})
	some finding in target.warn with input as fixture.but({"/graph/has/many": true, "/graph/targets": twice})
	finding.pointer == "/request/body/assignments/1/target"
}
