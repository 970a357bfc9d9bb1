# METADATA
# title: How a change is made
# description: Tickets, approval, times and ceilings, as an organisation's change management wants them.
package graphwarden.rules.change

import data.graphwarden.lib

# METADATA
# title: A change names its ticket
# description: One header with a well-formed ticket number.
# custom:
#   id: ticket.missing
#   level: off
#   parameters:
#     - name: header
#       type: string
#       description: the header that carries the ticket, in lower case
#     - name: pattern
#       type: string
#       description: regular expression the whole ticket must match
deny contains {
	"id": "ticket.missing",
	"msg": sprintf("the request names no change ticket in the header %s", [ticket_header]),
	"pointer": concat("/", ["/request/headers", ticket_header]),
	"fix": sprintf("Send %s: <ticket> that matches %s", [ticket_header, lib.setting("ticket.missing", "pattern")]),
} if {
	input.graph.governed == true
	not ticket
}

ticket_header := lower(lib.setting("ticket.missing", "header"))

# the one ticket of the request, undefined when there is none, more than one or a malformed one
ticket := number if {
	[number] = input.request.headers[ticket_header]
	regex.match(sprintf("^(%s)$", [lib.setting("ticket.missing", "pattern")]), number)
}

# METADATA
# title: The ticket is open and for this resource
# description: Judged against tickets exported into data, at the time of the request.
# custom:
#   id: ticket.unknown
#   level: off
#   parameters:
#     - name: tickets
#       type: object
#       description: |
#         ticket -> {"from", "to": dates or RFC 3339; "resources": resource names, empty for all}
deny contains {
	"id": "ticket.unknown",
	"msg": sprintf("the ticket %s is not open for %s", [ticket, input.graph.resource]),
	"pointer": concat("/", ["/request/headers", ticket_header]),
	"fix": "Use an approved ticket that names this resource and whose window is open",
} if {
	input.graph.governed == true
	not open_ticket
	_ = ticket
}

open_ticket if {
	entry := lib.setting("ticket.unknown", "tickets")[ticket]
	within(entry)
	names_resource(entry)
}

names_resource(entry) if count(entry.resources) == 0

names_resource(entry) if input.graph.resource in entry.resources

within(window) if {
	input.time.ns >= lib.moment(window.from)
	input.time.ns < lib.moment(window.to)
}

# METADATA
# title: Grave intents need a ticket of a higher class
# description: Installing by force and uninstalling reach into devices that nobody is looking at.
# custom:
#   id: ticket.class
#   level: off
#   parameters:
#     - name: intents
#       type: set
#       description: intents that need such a ticket
#     - name: pattern
#       type: string
#       description: regular expression that the whole ticket must match
deny contains {
	"id": "ticket.class",
	"msg": sprintf("the intent %s needs a ticket of a higher class", [target.intent]),
	"pointer": lib.pointer(target),
	"fix": sprintf("Send %s: <ticket> that matches %s", [ticket_header, lib.setting("ticket.class", "pattern")]),
} if {
	input.graph.has.intent == true
	input.graph.governed == true
	some target in input.graph.targets
	lib.listed(lib.setting("ticket.class", "intents"), target.intent)
	not high_class
}

high_class if {
	[number] = input.request.headers[ticket_header]
	regex.match(sprintf("^(%s)$", [lib.setting("ticket.class", "pattern")]), number)
}

# METADATA
# title: Broad changes carry a justification for approval
# description: |
#   Multi Admin Approval asks for x-msft-approval-justification first and x-msft-approval-code when approved; one of them
#   must be there when everybody is reached.
# custom:
#   id: approval.missing
#   level: off
deny contains {
	"id": "approval.missing",
	"msg": "a change that reaches everybody needs a second admin's approval",
	"pointer": "/request/headers/x-msft-approval-justification",
	"fix": "Send x-msft-approval-justification, and x-msft-approval-code once it is approved",
} if {
	input.graph.has.broad == true
	input.graph.governed == true
	not approval
}

approval if filled(input.request.headers["x-msft-approval-justification"])

approval if filled(input.request.headers["x-msft-approval-code"])

filled(values) if {
	some value in values
	trim_space(value) != ""
}

# METADATA
# title: No change in a freeze
# description: Time comes from the request, in a replay from the recording.
# custom:
#   id: freeze.window
#   level: off
#   parameters:
#     - name: windows
#       type: array
#       description: |
#         {"from", "to": dates or RFC 3339, "to" not included; "reason"}
deny contains {
	"id": "freeze.window",
	"msg": sprintf("changes are frozen from %s to %s: %s", [window.from, window.to, window.reason]),
	"pointer": "/time",
	"fix": "Wait until the freeze is over",
} if {
	input.graph.governed == true
	some window in lib.setting("freeze.window", "windows")
	within(window)
}

# METADATA
# title: Changes in business hours only
# description: |
#   A day that is not listed has no hours. A Friday that ends at noon is {"Friday": [8, 12]}.
# custom:
#   id: freeze.hours
#   level: off
#   parameters:
#     - name: zone
#       type: string
#       description: IANA time zone
#     - name: hours
#       type: object
#       description: English weekday -> [first hour, hour that is no longer included]
deny contains {
	"id": "freeze.hours",
	"msg": "this is outside the hours in which changes are made",
	"pointer": "/time",
	"fix": "Make the change within rules[\"freeze.hours\"].hours",
} if {
	input.graph.governed == true
	not business_hours
}

business_hours if {
	moment := [input.time.ns, lib.setting("freeze.hours", "zone")]
	[hour, _, _] := time.clock(moment)
	[first, end] := lib.setting("freeze.hours", "hours")[time.weekday(moment)]
	hour >= first
	hour < end
}

# METADATA
# title: A batch changes only so much
# description: Graph has no transaction; a large batch that fails half way is hard to put right.
# custom:
#   id: batch.writes
#   level: off
#   parameters:
#     - name: limit
#       type: number
#       description: how many writes one batch may hold
deny contains {
	"id": "batch.writes",
	"msg": sprintf("the batch holds %d writes, %d are allowed", [input.batch.writes, limit]),
	"pointer": "/batch/writes",
	"fix": "Split the batch",
} if {
	input.batch.id == null
	limit := lib.setting("batch.writes", "limit")
	input.batch.writes > limit
}

# METADATA
# title: A batch changes only so many kinds of things
# description: A batch that writes to many resources is hard to review.
# custom:
#   id: batch.resources
#   level: off
#   parameters:
#     - name: limit
#       type: number
#       description: how many resources one batch may write to
deny contains {
	"id": "batch.resources",
	"msg": sprintf("the batch writes to %d resources, %d are allowed", [input.batch.resources, limit]),
	"pointer": "/batch/resources",
	"fix": "Split the batch by resource",
} if {
	input.batch.id == null
	limit := lib.setting("batch.resources", "limit")
	input.batch.resources > limit
}
