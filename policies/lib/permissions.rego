# METADATA
# title: The permissions that count
# description: |
#   Graph's tables have two opinions on some routes: what the service accepts today (current) and what the reference page
#   says (documented). data.permissions chooses by route; the default is the catalogue's.
package graphwarden.lib.permissions

# METADATA
# description: The profile in force, current or documented.
profile := name if {
	name := data.permissions[input.graph.route]
} else := input.graph.permissions.profile

# METADATA
# description: |
#   The accepted scopes and roles under that profile; held are those of them that the token has.
accepted := input.graph.permissions.documented if {
	input.graph.permissions.documented.known == true
	profile == "documented"
} else := input.graph.permissions
