package graphwarden.rules.body_test

import data.graphwarden.fixture
import data.graphwarden.rules.body

denies(id, changes) if id in fixture.ids(body.deny) with input as fixture.but(changes)

test_good_request_passes if count(body.deny) == 0 with input as fixture.request

test_opaque if {
	denies("body.opaque", {"/request/body_state": "opaque"})
	not denies("body.opaque", {"/request/body_state": "json"})
	not denies("body.opaque", {"/request/body_state": "opaque", "/graph/kind": "indirect_assignment"})
}

test_missing if {
	some operation in ["create", "update", "assign"]
	denies("body.missing", {"/request/body_state": "none", "/graph/operation": operation})
	not denies("body.missing", {"/request/body_state": "none", "/graph/operation": "delete"})
	not denies("body.missing", {"/graph/operation": operation})
	not denies("body.missing", {"/request/body_state": "none", "/graph/operation": operation, "/graph/kind": "indirect_assignment"})
}

test_missing_for_each_operation if {
	every operation in ["create", "update", "assign"] {
		denies("body.missing", {"/request/body_state": "none", "/graph/operation": operation})
	}
}

test_not_object if {
	denies("body.not_object", {"/graph/body/object": false, "/request/body": []})
	not denies("body.not_object", {"/graph/body/object": true})
	not denies("body.not_object", {"/graph/body/object": false, "/request/body_state": "none"})
	not denies("body.not_object", {"/graph/body/object": false, "/graph/kind": "indirect_assignment"})
}

test_target_missing if {
	denies("body.target_missing", {"/graph/body/needs_target": true, "/graph/body/has_target": false})
	not denies("body.target_missing", {"/graph/body/needs_target": true, "/graph/body/has_target": true})
	not denies("body.target_missing", {"/graph/body/needs_target": false, "/graph/body/has_target": false})
}

test_id if {
	denies("body.id", {"/graph/body/id": "a2", "/graph/body/id_matches": false})
	not denies("body.id", {"/graph/body/id": "a1", "/graph/body/id_matches": true})
	not denies("body.id", {"/graph/body/id_matches": null})
}

test_unknown_property if {
	denies("body.unknown_property", {"/graph/body/unknown": ["targt"], "/graph/body/has_unknown": true})
	not denies("body.unknown_property", {"/graph/body/unknown": [], "/graph/body/has_unknown": false})
	not denies("body.unknown_property", {"/graph/body/unknown": ["x"], "/graph/body/has_unknown": true, "/graph/kind": "indirect_assignment"})
	some finding in body.deny with input as fixture.but({"/graph/body/unknown": ["a/b~c"], "/graph/body/has_unknown": true})
	finding.pointer == "/request/body/a~1b~0c"
}

test_empty if {
	denies("assign.empty", {"/graph/effect": "replace", "/graph/body/entries": 0})
	not denies("assign.empty", {"/graph/effect": "replace", "/graph/body/entries": 1})
	not denies("assign.empty", {"/graph/effect": "modify", "/graph/body/entries": 0})
	not denies("assign.empty", {"/graph/effect": "replace", "/graph/body/entries": null})
}
