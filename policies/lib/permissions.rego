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
# description: True if the documented permissions count; where the page lists none, the current ones do.
by_the_page if {
	input.graph.permissions.documented.known == true
	profile == "documented"
}

# METADATA
# description: What the token comes to on this route, granted, missing, refused or unknown.
state := input.graph.permissions.documented.state if {
	by_the_page
} else := input.graph.permissions.state

# METADATA
# description: The accepted scopes and roles, and those of them that the token holds.
accepted := input.graph.permissions.documented if {
	by_the_page
} else := input.graph.permissions
