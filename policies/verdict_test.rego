package graphwarden_test

import data.graphwarden
import data.graphwarden.fixture
import data.graphwarden.lib

verdict(changes) := answer if {
	answer := graphwarden.verdict with input as fixture.but(changes)
}

test_allow if verdict({}) == {"decision": "allow", "violations": []}

test_warn if {
	answer := verdict({"/graph/kind": "indirect_assignment"})
	answer.decision == "warn"
	[v] := answer.violations
	v.id == "route.indirect"
	v.level == "warn"
	v["package"] == "graphwarden.rules.route"
}

test_audit_decides_nothing if {
	answer := verdict({"/request/traceable": false})
	answer.decision == "allow"
	[v] := answer.violations
	v.level == "audit"
}

test_deny_outweighs_warn if {
	answer := verdict({"/graph/kind": "unknown_write", "/graph/embedded": true})
	answer.decision == "deny"
	{v.level | some v in answer.violations} == {"deny", "warn"}
}

test_audit_set if {
	answer := verdict({"/graph/permissions/known": false})
	{v.id | some v in answer.violations} == {"permission.unlisted"}
}

test_level_from_data if {
	changes := {"/token/expired": true}
	verdict(changes).decision == "deny"
	verdict(changes).decision == "warn" with data.rules["token.expired"].level as "warn"
	verdict(changes) == {"decision": "allow", "violations": []} with data.rules["token.expired"].level as "off"
}

test_rules_that_are_off_are_silent if verdict({}).violations == []

test_bare_string_finding if {
	lib.finding("text", "area") == {"id": "area", "msg": "text"}
	lib.finding({"id": "x"}, "area") == {"id": "x"}
	lib.level("text", "warn") == "warn"
}

test_setting_falls_back_to_the_default if {
	lib.setting("token.missing", "level") == "deny" with data.rules as {}
	lib.setting("token.missing", "level") == "warn" with data.rules as {"token.missing": {"level": "warn"}}
	not lib.setting("token.missing", "nothing")
}

test_lists if {
	lib.listed(["A"], "a")
	lib.listed({"a": false}, "A")
	not lib.listed(["b"], "a")
	not lib.listed({}, "a")
	lib.entries(["a"]) == ["a"]
	lib.entries({"a": 1}) == {"a"}
}

test_pseudonym if {
	id := lib.pseudonym("11111111-1111-4111-8111-111111111111")
	regex.match(`^[0-9a-f]{8}-[0-9a-f]{4}-8[0-9a-f]{3}-a[0-9a-f]{3}-[0-9a-f]{12}$`, id)
	id == lib.pseudonym(upper("11111111-1111-4111-8111-111111111111"))
	id != lib.pseudonym("11111111-1111-4111-8111-111111111112")
}

code := "5e884898da28047151d0e56f8dc6292773603d0d6aabbd62a11ef721d1542d8"

sent := {"/request/override": true, "/request/headers/x-graphwarden-override": [code], "/token/expired": true}

emergency(changes) := [object.union(
	{"code_sha256": code, "reason": "outage", "not_before": "2026-09-21", "expires": "2026-09-22", "rules": ["token.expired"]},
	changes,
)]

overridden(entry) := answer if {
	answer := verdict(sent) with data.overrides as emergency(entry)
}

levels(answer) := {v.id: v.level | some v in answer.violations}

test_override if {
	levels(overridden({})) == {"token.expired": "audit", "override.used": "warn"}
	overridden({}).decision == "warn"
}

test_override_only_for_its_rules if {
	levels(overridden({"rules": ["scope.missing"]})) == {"token.expired": "deny", "override.used": "warn"}
}

test_override_only_in_its_time if {
	denied := {"token.expired": "deny", "override.invalid": "warn"}
	levels(overridden({"expires": "2026-09-21T12:00:00Z"})) == denied
	levels(overridden({"not_before": "2026-09-21T12:00:01Z"})) == denied
	levels(overridden({"not_before": "2026-09-21T12:00:00Z"})) == {"token.expired": "audit", "override.used": "warn"}
}

test_override_needs_its_code_and_a_reason if {
	denied := {"token.expired": "deny", "override.invalid": "warn"}
	levels(overridden({"code_sha256": "other"})) == denied
	levels(overridden({"reason": ""})) == denied
	levels(verdict(sent)) == denied
}

test_without_an_override_nothing_changes if {
	levels(verdict({"/token/expired": true})) == {"token.expired": "deny"} with data.overrides as emergency({})
}
