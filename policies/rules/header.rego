# METADATA
# title: The headers
# description: What Graph and the reference page ask of the headers of a change.
package graphwarden.rules.header

import data.graphwarden.lib

# METADATA
# title: The answer may be JSON
# description: Graph answers in JSON; the page asks for Accept application/json. No Accept header accepts anything.
# custom:
#   id: header.accept
#   level: deny
deny contains {
	"id": "header.accept",
	"msg": "the Accept header does not allow JSON",
	"pointer": "/request/headers/accept",
	"fix": "Send Accept: application/json",
} if {
	input.graph.governed == true
	input.request.accepts_json == false
}

# METADATA
# title: The body is declared as JSON
# description: One Content-Type, a JSON media type, in UTF-8.
# custom:
#   id: header.content_type
#   level: deny
deny contains {
	"id": "header.content_type",
	"msg": "the body is not declared as JSON in UTF-8",
	"pointer": "/request/headers/content-type",
	"fix": "Send Content-Type: application/json",
} if {
	input.graph.governed == true
	input.request.content_json == false
}

# METADATA
# title: Every change can be traced
# description: |
#   Intune's audit log keeps the client-request-id as its correlation id: with it, this log and that one can be joined.
# custom:
#   id: header.client_request_id
#   level: audit
warn contains {
	"id": "header.client_request_id",
	"msg": "the request has no client-request-id that is a GUID",
	"pointer": "/request/client_request_id",
	"fix": "Send client-request-id: <a new GUID>",
} if {
	input.graph.governed == true
	input.request.traceable == false
}

# METADATA
# title: Clients are recent enough
# description: |
#   The User-Agent holds products as name/version; a listed product below its floor is reported.
# custom:
#   id: header.user_agent
#   level: off
#   parameters:
#     - name: floors
#       type: object
#       description: product name in lower case -> least version (semantic versioning)
warn contains {
	"id": "header.user_agent",
	"msg": sprintf("%s is older than %s", [product, floor]),
	"pointer": "/request/headers/user-agent",
	"fix": sprintf("Update the client to %s or later", [floor]),
} if {
	input.graph.governed == true
	some line in input.request.headers["user-agent"]
	some product in split(line, " ")
	[name, version] := split(product, "/")
	floor := lib.setting("header.user_agent", "floors")[lower(name)]
	older(version, floor)
}

older(version, floor) if {
	semver.is_valid(version)
	semver.compare(version, floor) < 0
}

older(version, _) if not semver.is_valid(version)
