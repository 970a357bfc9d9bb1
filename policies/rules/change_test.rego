package graphwarden.rules.change_test

import data.graphwarden.fixture
import data.graphwarden.lib
import data.graphwarden.rules.change

spoken(changes, rules) := ids if {
	ids := fixture.ids(change.deny) with input as fixture.but(changes) with data.rules as object.union(quiet, rules)
}

# settings under which no rule of the area fires
quiet := {
	"ticket.missing": {"header": "X-Change-Ticket", "pattern": "CHG[0-9]+|"},
	"ticket.unknown": {"tickets": {"CHG1": open, "": open}},
	"freeze.hours": {"zone": "UTC", "hours": {"Monday": [8, 17], "Friday": [8, 12]}},
}

open := {"from": "2026-09-01", "to": "2026-10-01", "resources": []}

ticket(number) := {"/request/headers/x-change-ticket": [number]}

test_nothing_to_say if spoken(ticket("CHG1"), {}) == set()

test_ticket_missing if {
	spoken({}, {}) == {"ticket.missing"}
	spoken(ticket("chg1"), {}) == {"ticket.missing"}
	spoken(ticket("CHG1 or so"), {}) == {"ticket.missing"}
	spoken({"/request/headers/x-change-ticket": ["CHG1", "CHG1"]}, {}) == {"ticket.missing"}
	spoken({"/graph/governed": false}, {}) == set()
}

tickets(entry) := {"ticket.unknown": {"tickets": {"CHG1": object.union(open, entry)}}}

test_ticket_unknown if {
	spoken(ticket("CHG2"), {}) == {"ticket.unknown"}
	spoken(ticket("CHG1"), tickets({"from": "2026-09-22"})) == {"ticket.unknown"}
	spoken(ticket("CHG1"), tickets({"to": "2026-09-21T12:00:00Z"})) == {"ticket.unknown"}
	spoken(ticket("CHG1"), tickets({"from": "2026-09-21T12:00:00Z", "to": "2026-09-21T12:00:01Z"})) == set()
	spoken(ticket("CHG1"), tickets({"resources": ["other"]})) == {"ticket.unknown"}
	spoken(ticket("CHG1"), tickets({"resources": [fixture.request.graph.resource]})) == set()
}

grave(number, intent) := object.union(ticket(number), {"/graph/has/intent": true, "/graph/targets": [fixture.target({"intent": intent})]})

classes := {
	"ticket.class": {"intents": {"uninstall": true}, "pattern": "CHG-H[0-9]+"},
	"ticket.missing": {"header": "x-change-ticket", "pattern": "CHG-?H?[0-9]+"},
	"ticket.unknown": {"tickets": {"CHG1": open, "CHG-H1": open}},
}

test_ticket_class if {
	spoken(grave("CHG1", "uninstall"), classes) == {"ticket.class"}
	spoken(grave("CHG-H1", "uninstall"), classes) == set()
	spoken(grave("CHG1", "available"), classes) == set()
	spoken(grave("CHG1", null), classes) == set()
	spoken({"/graph/has/intent": true, "/graph/targets": [fixture.target({"intent": "uninstall"})]}, classes) == {"ticket.class", "ticket.missing"}
}

broad(headers) := object.union_n([ticket("CHG1"), {"/graph/has/broad": true}, headers])

test_approval if {
	spoken(broad({}), {}) == {"approval.missing"}
	spoken(broad({"/request/headers/x-msft-approval-justification": [" "]}), {}) == {"approval.missing"}
	spoken(broad({"/request/headers/x-msft-approval-justification": ["d2h5"]}), {}) == set()
	spoken(broad({"/request/headers/x-msft-approval-code": ["c"]}), {}) == set()
}

freeze(from, to) := {"freeze.window": {"windows": [{"from": from, "to": to, "reason": "release"}]}}

test_freeze if {
	spoken(ticket("CHG1"), freeze("2026-09-21", "2026-09-22")) == {"freeze.window"}
	spoken(ticket("CHG1"), freeze("2026-09-21T12:00:00Z", "2026-09-22")) == {"freeze.window"}
	spoken(ticket("CHG1"), freeze("2026-09-20", "2026-09-21T12:00:00Z")) == set()
	spoken(ticket("CHG1"), freeze("2026-09-22", "2026-09-23")) == set()
}

at(rfc3339) := object.union(ticket("CHG1"), {"/time/ns": time.parse_rfc3339_ns(rfc3339)})

anyday := {"ticket.unknown": {"tickets": {"CHG1": object.union(open, {"to": "2027-01-01"})}}}

test_hours if {
	spoken(at("2026-09-21T08:00:00Z"), anyday) == set()
	spoken(at("2026-09-21T16:59:59Z"), anyday) == set()
	spoken(at("2026-09-21T17:00:00Z"), anyday) == {"freeze.hours"}
	spoken(at("2026-09-21T07:59:59Z"), anyday) == {"freeze.hours"}
	spoken(at("2026-09-25T12:00:00Z"), anyday) == {"freeze.hours"}
	spoken(at("2026-09-25T11:00:00Z"), anyday) == set()
	spoken(at("2026-09-26T12:00:00Z"), anyday) == {"freeze.hours"}
}

test_hours_in_a_zone if {
	berlin := object.union(anyday, {"freeze.hours": {"zone": "Europe/Berlin", "hours": {"Monday": [8, 17]}}})
	spoken(at("2026-09-21T06:00:00Z"), berlin) == set()
	spoken(at("2026-09-21T15:00:00Z"), berlin) == {"freeze.hours"}
}

ceilings := {"batch.writes": {"limit": 3}, "batch.resources": {"limit": 2}}

test_batch if {
	spoken(object.union(ticket("CHG1"), {"/batch/writes": 4}), ceilings) == {"batch.writes"}
	spoken(object.union(ticket("CHG1"), {"/batch/writes": 3}), ceilings) == set()
	spoken(object.union(ticket("CHG1"), {"/batch/resources": 3}), ceilings) == {"batch.resources"}
	spoken(object.union(ticket("CHG1"), {"/batch/resources": 2}), ceilings) == set()
	spoken(object.union(ticket("CHG1"), {"/batch/writes": 4, "/batch/resources": 3, "/batch/id": "1"}), ceilings) == set()
}

test_moment if {
	lib.moment("2026-09-21") == lib.moment("2026-09-21T00:00:00Z")
	lib.moment("2026-09-21T02:00:00+02:00") == lib.moment("2026-09-21")
}
