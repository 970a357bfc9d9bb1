package graphwarden.rules.reach_test

import data.graphwarden.fixture
import data.graphwarden.rules.reach

everybody(changes) := object.union(
	{"/graph/has/broad": true, "/graph/targets": [fixture.target({"type": "all_devices", "id": null})]},
	changes,
)

broad(tenants, changes) if "target.broad" in fixture.ids(reach.deny) with input as fixture.but(changes)
	with data.rules["target.broad"].tenants as tenants

test_broad if {
	broad([], everybody({}))
	broad([fixture.tenant], everybody({}))
	broad(["other"], everybody({"/token/tenant": null}))
	not broad(["other"], everybody({}))
	not broad([], {})
	not broad([], {"/graph/has/broad": true})
	broad([], {"/graph/has/broad": true, "/graph/targets": [fixture.target({"type": "all_users"})]})
}

test_broad_unfiltered if {
	fixture.ids(reach.warn) == {"target.broad_unfiltered"} with input as fixture.but(everybody({}))
	narrowed := fixture.target({"type": "all_users", "filter": {"id": "f1", "mode": "include"}})
	count(reach.warn) == 0 with input as fixture.but({"/graph/has/broad": true, "/graph/targets": [narrowed]})
	widened := fixture.target({"type": "all_users", "filter": {"id": "f1", "mode": "exclude"}})
	count(reach.warn) == 1 with input as fixture.but({"/graph/has/broad": true, "/graph/targets": [widened]})
	count(reach.warn) == 0 with input as fixture.but({"/graph/has/broad": true})
}

not_allowed(groups, prefix, changes) if "group.not_allowed" in fixture.ids(reach.deny) with input as fixture.but(changes)
	with data.rules["group.not_allowed"] as {"groups": groups, "prefix": prefix}

test_group_not_allowed if {
	not_allowed([], "", {})
	not not_allowed([fixture.group], "", {})
	not not_allowed({fixture.group: "Ring 1"}, "", {})
	not not_allowed([], "", {"/graph/targets": [fixture.target({"type": "exclusion_group"})]})
	not not_allowed([], "", {"/graph/has/group": false})
}

test_group_prefix if {
	not not_allowed({fixture.group: "Ring 1"}, "Ring ", {})
	not_allowed({fixture.group: "Executives"}, "Ring ", {})
	not_allowed({}, "Ring ", {})
	not_allowed({fixture.group: true}, "Ring ", {})
}

denied(groups, changes) if "group.denied" in fixture.ids(reach.deny) with input as fixture.but(changes)
	with data.rules["group.denied"].groups as groups

test_group_denied if {
	denied({fixture.group: true}, {})
	denied([upper(fixture.group)], {})
	not denied({}, {})
	not denied([fixture.group], {"/graph/targets": [fixture.target({"type": "exclusion_group"})]})
	not denied([fixture.group], {"/graph/has/group": false})
}

too_large(sizes, changes) if "group.size" in fixture.ids(reach.deny) with input as fixture.but(changes)
	with data.rules["group.size"] as {"sizes": sizes, "limit": 100}

test_group_size if {
	too_large({fixture.group: 101}, {})
	not too_large({fixture.group: 100}, {})
	too_large({}, {})
	too_large({}, {"/graph/targets": [fixture.target({"id": null})]})
	not too_large({}, {"/graph/targets": [fixture.target({"type": "exclusion_group"})]})
}

replacing(targets) := {"/graph/effect": "replace", "/graph/targets": targets}

unexcluded(changes) if "group.exclusion" in fixture.ids(reach.deny) with input as fixture.but(changes)
	with data.rules["group.exclusion"].groups as {"99999999-0000-4000-8000-00000000000a": true}

test_group_exclusion if {
	kept := fixture.target({"type": "exclusion_group", "id": "99999999-0000-4000-8000-00000000000A"})
	unexcluded(replacing([fixture.target({})]))
	unexcluded(replacing([object.union(kept, {"type": "group"})]))
	not unexcluded(replacing([fixture.target({}), kept]))
	not unexcluded(replacing([]))
	not unexcluded({})
}

unfiltered(types, changes) if "filter.required" in fixture.ids(reach.deny) with input as fixture.but(changes)
	with data.rules["filter.required"].types as types

test_filter_required if {
	unfiltered(["group"], {})
	not unfiltered(["all_users"], {})
	not unfiltered(["group"], {"/graph/targets": [fixture.target({"filter": {"id": "f1", "mode": "include"}})]})
	not unfiltered(["group"], {"/graph/kind": "indirect_assignment"})
}

unlisted(filters, filter) if "filter.not_listed" in fixture.ids(reach.deny)
	with input as fixture.but({"/graph/has/filter": true, "/graph/targets": [fixture.target({"filter": filter})]})
	with data.rules["filter.not_listed"].filters as filters

test_filter_not_listed if {
	unlisted({}, {"id": "f1", "mode": "include"})
	not unlisted(["f1"], {"id": "F1", "mode": "exclude"})
	not unlisted({"f1": "include"}, {"id": "f1", "mode": "include"})
	unlisted({"f1": "include"}, {"id": "f1", "mode": "exclude"})
	not unlisted({"f1": true}, {"id": "f1", "mode": "exclude"})
	not unlisted({}, {"id": null, "mode": "none"})
}
