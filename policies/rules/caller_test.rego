package graphwarden.rules.caller_test

import data.graphwarden.fixture
import data.graphwarden.lib
import data.graphwarden.rules.caller

settings(tenants, apps, kinds) := {
	"tenant.not_allowed": {"tenants": tenants},
	"app.not_allowed": {"apps": apps},
	"caller.kind": {"kinds": kinds, "tenants": []},
}

spoken(rules, changes) := ids if {
	ids := fixture.ids(caller.deny) with input as fixture.but(changes) with data.rules as rules
}

good := settings([fixture.tenant], [fixture.app], ["delegated"])

test_all_listed if spoken(good, {}) == set()

test_tenant if {
	spoken(object.union(good, {"tenant.not_allowed": {"tenants": ["other"]}}), {}) == {"tenant.not_allowed"}
	spoken(good, {"/token/tenant": null}) == {"tenant.not_allowed"}
	spoken(good, {"/token/format": "opaque", "/token/tenant": null}) == set()
}

test_app if {
	spoken(object.union(good, {"app.not_allowed": {"apps": ["other"]}}), {}) == {"app.not_allowed"}
	spoken(good, {"/token/app": null}) == {"app.not_allowed"}
}

test_a_token_that_cannot_be_read_is_for_other_rules if {
	spoken(settings([], [], []), {"/token/format": "jwt"}) == {"tenant.not_allowed", "app.not_allowed", "caller.kind"}
	spoken(settings([], [], []), {"/token/format": "opaque"}) == set()
}

test_pseudonyms_count_in_a_replay if {
	hidden := {"/token/tenant": lib.pseudonym(fixture.tenant), "/token/app": lib.pseudonym(fixture.app)}
	spoken(good, object.union(hidden, {"/mode": "replay"})) == set()
	stranger := {"/token/tenant": lib.pseudonym("someone else"), "/mode": "replay"}
	spoken(good, stranger) == {"tenant.not_allowed"}
	spoken(good, object.union(hidden, {"/mode": "live"})) == {"tenant.not_allowed", "app.not_allowed"}
}

test_kind if {
	spoken(object.union(good, {"caller.kind": {"kinds": ["application"]}}), {}) == {"caller.kind"}
	spoken(object.union(good, {"caller.kind": {"kinds": ["application"], "tenants": [fixture.tenant]}}), {}) == {"caller.kind"}
	spoken(object.union(good, {"caller.kind": {"kinds": ["application"], "tenants": ["other"]}}), {}) == set()
	spoken(object.union(good, {"caller.kind": {"kinds": ["application"], "tenants": ["other"]}}), {"/token/tenant": null}) == {"tenant.not_allowed", "caller.kind"}
}
