# METADATA
# title: Who may write
# description: Tenants, apps and kinds of caller an organisation allows.
package graphwarden.rules.caller

import data.graphwarden.lib

# METADATA
# title: Only listed tenants
# description: A token of another tenant is refused, so that nobody changes the wrong one.
# custom:
#   id: tenant.not_allowed
#   level: off
#   parameters:
#     - name: tenants
#       type: set
#       description: ids of tenants that may be changed
deny contains {
	"id": "tenant.not_allowed",
	"msg": "the token is for a tenant that is not on the list",
	"pointer": "/token/tenant",
	"fix": "Sign in to a tenant of rules[\"tenant.not_allowed\"].tenants",
} if {
	input.graph.governed == true
	input.token.format == "jwt"
	not listed_tenant
}

listed_tenant if lib.listed_claim(lib.setting("tenant.not_allowed", "tenants"), input.token.tenant)

# METADATA
# title: Only listed apps
# description: Changes come from the apps an organisation knows.
# custom:
#   id: app.not_allowed
#   level: off
#   parameters:
#     - name: apps
#       type: set
#       description: ids of apps that may make changes
deny contains {
	"id": "app.not_allowed",
	"msg": "the token was issued to an app that is not on the list",
	"pointer": "/token/app",
	"fix": "Use an app of rules[\"app.not_allowed\"].apps",
} if {
	input.graph.governed == true
	input.token.format == "jwt"
	not listed_app
}

listed_app if lib.listed_claim(lib.setting("app.not_allowed", "apps"), input.token.app)

# METADATA
# title: Only these kinds of caller
# description: People (delegated) may not write to production, or only people may.
# custom:
#   id: caller.kind
#   level: off
#   parameters:
#     - name: kinds
#       type: set
#       description: delegated, application, or both
#     - name: tenants
#       type: set
#       description: tenants the rule speaks of; empty means every tenant
deny contains {
	"id": "caller.kind",
	"msg": sprintf("%s tokens may not make changes here", [input.token.type]),
	"pointer": "/token/type",
	"fix": "Use a token of a kind in rules[\"caller.kind\"].kinds",
} if {
	input.graph.governed == true
	input.token.format == "jwt"
	not lib.listed(lib.setting("caller.kind", "kinds"), input.token.type)
	spoken_of
}

spoken_of if count(lib.setting("caller.kind", "tenants")) == 0

spoken_of if lib.listed_claim(lib.setting("caller.kind", "tenants"), input.token.tenant)

spoken_of if input.token.tenant == null
