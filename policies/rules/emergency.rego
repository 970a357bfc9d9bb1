# METADATA
# title: Emergency overrides are seen
# description: What an override lets through is never silent.
package graphwarden.rules.emergency

import data.graphwarden.lib.override

# METADATA
# title: An emergency override is in force
# description: The rules it names are written down, not enforced.
# custom:
#   id: override.used
#   level: warn
warn contains {
	"id": "override.used",
	"msg": sprintf("an emergency override is in force until %s: %s", [entry.expires, entry.reason]),
	"pointer": "/request/headers/x-graphwarden-override",
} if {
	input.request.override == true
	some entry in override.active
}

# METADATA
# title: An emergency override must be valid
# description: A code that data does not list, or whose time is over, changes nothing.
# custom:
#   id: override.invalid
#   level: warn
warn contains {
	"id": "override.invalid",
	"msg": "the emergency override is not known or not in force",
	"pointer": "/request/headers/x-graphwarden-override",
	"fix": "Ask whoever keeps the policy data for a code",
} if {
	input.request.override == true
	count(override.active) == 0
}
