package graphwarden.rules.token

# METADATA
# title: A token is sent
# description: Graph answers 401 without a bearer token; the rule says so before anything is sent.
# custom:
#   id: token.missing
#   level: deny
deny contains {
	"id": "token.missing",
	"msg": "the request has no Authorization header",
	"pointer": "/token",
	"fix": "Send Authorization: Bearer <token>",
} if {
	input.graph.governed == true
	input.token.present == false
}
