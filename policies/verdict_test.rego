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

test_off_for_every_set if {
	quiet := {"decision": "allow", "violations": []}
	verdict({"/graph/embedded": true}) == quiet with data.rules["route.embedded"].level as "off"
	verdict({"/graph/permissions/known": false}) == quiet with data.rules["permission.unlisted"].level as "off"
}

test_off_without_quotes if {
	verdict({"/token/expired": true}) == {"decision": "allow", "violations": []} with data.rules["token.expired"].level as false
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

test_override_makes_nothing_graver if {
	answer := verdict(object.union(sent, {"/graph/embedded": true})) with data.overrides as emergency({"rules": ["route.embedded"]})
	levels(answer) == {"token.expired": "deny", "route.embedded": "warn", "override.used": "warn"}
}

# Everything wrong at once that can be: the gate of every rule is open.
worst := object.union_n([
	{path: true | some path in [
		"/graph/has/abstract", "/graph/has/unknown", "/graph/has/broad", "/graph/has/bad_filter", "/graph/has/unexpected",
		"/graph/has/missing", "/graph/has/intent", "/graph/has/many", "/graph/has/filter", "/graph/embedded",
		"/graph/body/has_unknown", "/graph/body/needs_target", "/token/odd", "/token/unsigned", "/token/expired", "/token/many",
		"/graph/permissions/read_only",
	]},
	{path: false | some path in [
		"/graph/body/has_target", "/graph/body/id_matches", "/request/accepts_json", "/request/content_json", "/request/traceable",
		"/token/audience_matches", "/graph/tenant_matches", "/graph/permissions/known", "/graph/body/object",
	]},
	{
		"/graph/version": null, "/graph/effect": "replace", "/graph/body/entries": 0, "/graph/body/unknown": ["x"],
		"/graph/permissions/documented/state": "missing",
		"/graph/permissions/documented/held": ["A.Read.All"], "/token/scopes": ["Directory.ReadWrite.All", "B"],
		"/request/headers/user-agent": ["sdk/1.0.0"],
		"/graph/targets": [
			fixture.target({"unexpected": ["x"], "missing": ["y"], "filter": {"id": "f", "mode": "none"}, "intent": "uninstall"}),
			fixture.target({}),
			fixture.target({"type": "abstract"}),
			fixture.target({"type": "unknown"}),
			fixture.target({"type": "all_users"}),
		],
	},
])

everything_on := {id: object.union(defaults, {"level": "warn"}) |
	some id, defaults in object.union(data.graphwarden.defaults.rules, {
		"group.denied": {"groups": [fixture.group]},
		"group.exclusion": {"groups": ["left out"]},
		"freeze.window": {"windows": [{"from": "2026-01-01", "to": "2027-01-01", "reason": "all year"}]},
		"freeze.hours": {"zone": "Asia/Tokyo"},
		"header.user_agent": {"floors": {"sdk": "2.0.0"}},
		"caller.kind": {"kinds": [], "tenants": []},
		"ticket.unknown": {"tickets": {}},
	})
}

# what another state of the request is needed for
elsewhere := {
	"token.missing", "token.opaque", "token.personal", "token.kind", "token.audience_missing", "token.app_only", "token.delegated",
	"role.missing", "body.missing", "body.opaque", "route.unknown", "route.indirect", "route.beta", "batch.writes", "batch.resources",
	"override.used", "override.invalid", "ticket.unknown",
}

ids_of(changes) := {v.id | some v in answer.violations} if {
	answer := verdict(changes) with data.rules as everything_on
}

test_everything_wrong if {
	ids_of(worst) == object.keys(data.graphwarden.defaults.rules) - elsewhere
}

test_other_requests_are_left_alone if {
	ungoverned := object.union(worst, {"/graph/governed": false})
	ids_of(ungoverned) == set()
	every other in [
		{"/token/type": "personal"}, {"/token/type": "unknown"}, {"/token/type": "application"},
		{"/token/present": false}, {"/token/format": "opaque", "/token/odd": false},
		{"/token/audience": null}, {"/request/body_state": "none"}, {"/request/body_state": "opaque"},
		{"/graph/kind": "unknown_write"}, {"/graph/version": "beta"}, {"/graph/kind": "indirect_assignment"},
		{"/request/headers/x-change-ticket": ["CHG12345"]},
		{"/token/type": "application", "/graph/permissions/documented/state": "refused"},
		{"/graph/permissions/documented/state": "refused"},
		{"/token/type": "application", "/graph/permissions/documented/application": [fixture.scope]},
	] {
		ids_of(object.union(ungoverned, other)) == set()
	}
}
