# METADATA
# title: The verdict
# description: |
#   Collects what the sets deny, warn and audit of every package graphwarden.rules.<area> hold, gives each finding the
#   level that data sets for its id, and decides: deny if a finding at level deny stands, else warn, else allow.
package graphwarden

import data.graphwarden.lib

# METADATA
# entrypoint: true
# custom:
#   decision: deny, warn or allow
verdict := {"decision": "allow", "violations": []} if {
	count(violations) == 0
} else := {"decision": decision, "violations": [v | some v in violations]}

decision := "deny" if {
	some v in violations
	v.level == "deny"
} else := "warn" if {
	some v in violations
	v.level == "warn"
} else := "allow"

violations contains judged(finding, area, "deny") if {
	some area
	some finding in data.graphwarden.rules[area].deny
	lib.level(finding, "deny") != "off"
}

violations contains judged(finding, area, "warn") if {
	some area
	some finding in data.graphwarden.rules[area].warn
	lib.level(finding, "warn") != "off"
}

violations contains judged(finding, area, "audit") if {
	some area
	some finding in data.graphwarden.rules[area].audit
	lib.level(finding, "audit") != "off"
}

judged(finding, area, set) := object.union(
	lib.finding(finding, area),
	{"level": lib.level(finding, set), "package": concat(".", ["graphwarden.rules", area])},
)
