# METADATA
# title: The permissions that count
# description: |
#   Graph's tables have two opinions on some routes: what the service accepts today (current) and what the reference page
#   says (documented). data.permissions chooses by route, with or without the method before it; the default is the
#   catalogue's.
package graphwarden.lib.permissions

# METADATA
# description: The name of this route in data.permissions.
key := concat(" ", [input.request.method, input.graph.route]) if is_string(input.graph.route)

else := input.request.method

# METADATA
# description: The profile in force, current or documented.
profile := name if {
	name := data.permissions[key]
} else := name if {
	name := data.permissions[input.graph.route]
} else := input.graph.permissions.profile

# METADATA
# description: The accepted scopes and roles under that profile.
accepted := input.graph.permissions.documented if {
	profile == "documented"
	input.graph.permissions.documented.known == true
} else := input.graph.permissions

# METADATA
# description: What the token holds of them.
held contains scope if {
	some scope in accepted.delegated_work
	scope in input.token.scopes
}

held contains role if {
	some role in accepted.application
	role in input.token.roles
}
