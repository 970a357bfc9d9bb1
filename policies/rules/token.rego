# METADATA
# title: The token
# description: |
#   Claims are read, not verified: Graph itself rejects a forged token, and nothing else is done with them than to stop
#   early what Graph would not accept or the organisation does not want.
package graphwarden.rules.token

import data.graphwarden.lib
import data.graphwarden.lib.permissions

# METADATA
# title: A bearer token is sent
# description: Graph answers 401 without one; the refusal names the reason before anything is sent.
# custom:
#   id: token.missing
#   level: deny
deny contains {
	"id": "token.missing",
	"msg": "the request has no Authorization header",
	"pointer": "/request/headers/authorization",
	"fix": "Send Authorization: Bearer <token>",
} if {
	input.graph.governed == true
	input.token.present == false
}

# METADATA
# title: The token is sent once and well formed
# description: Two Authorization headers, another scheme than Bearer, or a token that does not parse cannot be judged.
# custom:
#   id: token.malformed
#   level: deny
deny contains {
	"id": "token.malformed",
	"msg": sprintf("the Authorization header is not one well-formed bearer token (%s)", [concat(", ", input.token.anomalies)]),
	"pointer": "/token/anomalies",
	"fix": "Send exactly one Authorization: Bearer <token>",
} if {
	input.graph.governed == true
	input.token.present == true
	input.token.odd == true
}

# METADATA
# title: The token can be read
# description: |
#   An opaque token shows neither scopes nor kind. Those of personal accounts are opaque, and no assignment route
#   accepts them.
# custom:
#   id: token.opaque
#   level: deny
deny contains {
	"id": "token.opaque",
	"msg": "the token is opaque, so its permissions cannot be read",
	"pointer": "/token/format",
	"fix": "Use the access token of a work or school account, issued for Microsoft Graph",
} if {
	input.graph.governed == true
	input.token.present == true
	input.token.odd == false
	input.token.format == "opaque"
}

# METADATA
# title: No personal accounts
# description: Delegated access with a personal Microsoft account is supported on no assignment route.
# custom:
#   id: token.personal
#   level: deny
deny contains {
	"id": "token.personal",
	"msg": "the token belongs to a personal Microsoft account, which may not change assignments",
	"pointer": "/token/type",
	"fix": "Sign in with a work or school account",
} if {
	input.graph.governed == true
	input.token.type == "personal"
}

# METADATA
# title: The kind of token is known
# description: A token with neither scopes nor application permissions says not on whose behalf it speaks.
# custom:
#   id: token.kind
#   level: deny
deny contains {
	"id": "token.kind",
	"msg": "the token is neither a delegated nor an application token: it holds no scp and no roles",
	"pointer": "/token/type",
	"fix": "Ask for a token with the permission this route needs",
} if {
	input.graph.governed == true
	input.token.type == "unknown"
	input.token.present == true
	input.token.format == "jwt"
}

# METADATA
# title: The token is meant for this cloud's Graph
# description: Tokens of one cloud, or of another resource, are not valid at this host.
# custom:
#   id: token.audience
#   level: deny
deny contains {
	"id": "token.audience",
	"msg": sprintf("the token is for %s, not for Microsoft Graph in the cloud %s", [input.token.audience, input.graph.cloud]),
	"pointer": "/token/audience",
	"fix": sprintf("Ask for a token with the audience https://%s", [input.request.host]),
} if {
	input.graph.governed == true
	input.token.audience_matches == false
}

# METADATA
# title: The token names its audience
# description: Every Graph access token has one; without it nobody can tell which service it is for.
# custom:
#   id: token.audience_missing
#   level: deny
deny contains {
	"id": "token.audience_missing",
	"msg": "the token names no audience",
	"pointer": "/token/audience",
	"fix": sprintf("Ask for a token with the audience https://%s", [input.request.host]),
} if {
	input.graph.governed == true
	input.token.audience == null
	input.token.format == "jwt"
}

# METADATA
# title: The token has not expired
# description: Judged at the time of the request, in a replay at the recorded time.
# custom:
#   id: token.expired
#   level: deny
deny contains {
	"id": "token.expired",
	"msg": "the token has expired",
	"pointer": "/token/expires",
	"fix": "Get a new token",
} if {
	input.graph.governed == true
	input.token.expired == true
}

# METADATA
# title: The token is signed
# description: |
#   An unsigned token (alg none) is what token mint makes and what cassettes keep. Graph refuses it, so it counts only in
#   a replay.
# custom:
#   id: token.unsigned
#   level: deny
deny contains {
	"id": "token.unsigned",
	"msg": "the token is not signed; such tokens count in a replay only",
	"pointer": "/token/anomalies",
	"fix": "Use a token that Microsoft Entra has issued",
} if {
	input.graph.governed == true
	input.token.unsigned == true
	input.mode != "replay"
}

# METADATA
# title: The tenant in the URL is the token's
# description: A tenant segment behind the version must name the tenant that the token is for.
# custom:
#   id: token.tenant_segment
#   level: deny
deny contains {
	"id": "token.tenant_segment",
	"msg": sprintf("the URL names the tenant %s, the token another one", [input.graph.tenant_segment]),
	"pointer": "/graph/tenant_segment",
	"fix": "Leave the tenant out of the URL, or use a token of that tenant",
} if {
	input.graph.governed == true
	input.graph.tenant_matches == false
}

# METADATA
# title: Application permission is accepted on this route
# description: |
#   Some routes take no app-only token. The eSIM page documents application permission as not supported, while Graph has
#   begun to accept it; which of the two counts is set by data.permissions.
# custom:
#   id: token.app_only
#   level: deny
deny contains {
	"id": "token.app_only",
	"msg": sprintf("this route takes no app-only token (permissions: %s)", [permissions.profile]),
	"pointer": "/token/type",
	"fix": app_only_fix,
} if {
	input.token.type == "application"
	input.graph.governed == true
	permissions.state == "refused"
}

app_only_fix := sprintf("Use a delegated token, or set permissions[%q] to \"current\" in the policy data", [input.graph.route]) if {
	count(input.graph.permissions.application) > 0
} else := "Use a delegated token"

# METADATA
# title: Delegated permission is accepted on this route
# description: A few routes take app-only tokens alone.
# custom:
#   id: token.delegated
#   level: deny
deny contains {
	"id": "token.delegated",
	"msg": "this route takes no delegated token",
	"pointer": "/token/type",
	"fix": "Use an app-only token",
} if {
	input.token.type == "delegated"
	input.graph.governed == true
	permissions.state == "refused"
}

# METADATA
# title: The token holds a scope that this route needs
# description: Delegated tokens need one of the scopes the route accepts.
# custom:
#   id: scope.missing
#   level: deny
deny contains {
	"id": "scope.missing",
	"msg": sprintf("the token lacks %s", [concat(" or ", permissions.accepted.delegated_work)]),
	"pointer": "/token/scopes",
	"fix": sprintf("Ask for the delegated permission %s", [permissions.accepted.delegated_work[0]]),
} if {
	input.token.type == "delegated"
	input.graph.governed == true
	permissions.state == "missing"
}

# METADATA
# title: The token holds a role that this route needs
# description: App-only tokens need one of the application permissions the route accepts.
# custom:
#   id: role.missing
#   level: deny
deny contains {
	"id": "role.missing",
	"msg": sprintf("the token lacks the application permission %s", [concat(" or ", permissions.accepted.application)]),
	"pointer": "/token/roles",
	"fix": sprintf("Grant the application permission %s to the app", [permissions.accepted.application[0]]),
} if {
	input.token.type == "application"
	input.graph.governed == true
	permissions.state == "missing"
}

# METADATA
# title: The permissions of this route are known
# description: For about four in ten routes no source says which permission they need, so none is asked for.
# custom:
#   id: permission.unlisted
#   level: audit
audit contains {
	"id": "permission.unlisted",
	"msg": "no source says which permission this route needs, so the token's permissions were not judged",
	"pointer": "/graph/permissions",
} if {
	input.graph.kind == "assignment"
	input.graph.governed == true
	input.graph.permissions.known == false
}

# METADATA
# title: A write needs more than a read-only permission
# description: |
#   Graph's table accepts a few read-only permissions for writes. A script that relies on one holds more power than its
#   name says.
# custom:
#   id: scope.read_only
#   level: warn
warn contains {
	"id": "scope.read_only",
	"msg": sprintf("only the read permission %s lets this write pass", [concat(", ", permissions.accepted.held)]),
	"pointer": "/token/scopes",
	"fix": "Ask for a permission that says ReadWrite",
} if {
	input.graph.governed == true
	input.graph.permissions.read_only == true
	input.token.present == true
	count(permissions.accepted.held) > 0
	every name in permissions.accepted.held {
		contains(name, ".Read.")
	}
}

# METADATA
# title: Least privilege
# description: A token that changes assignments needs no power over the whole tenant.
# custom:
#   id: scope.excess
#   level: warn
#   parameters:
#     - name: permissions
#       type: set
#       description: permissions that reach over the whole tenant
warn contains {
	"id": "scope.excess",
	"msg": sprintf("the token also holds %s", [concat(", ", excess)]),
	"pointer": "/token",
	"fix": "Use a token with only the permission this route needs",
} if {
	input.graph.governed == true
	input.token.many == true
	count(excess) > 0
}

excess contains name if {
	input.token.many == true
	some name in array.concat(input.token.scopes, input.token.roles)
	lib.listed(lib.setting("scope.excess", "permissions"), name)
	not name in permissions.accepted.held
}
