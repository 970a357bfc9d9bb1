# METADATA
# title: Emergency overrides
# description: |
#   data.overrides lists them: {"code_sha256", "reason", "not_before", "expires", "rules": [ids]}. The caller sends the
#   code in X-Graphwarden-Override; only its SHA-256 is in the input document and in data. An override without an end,
#   or one that names no rule, does nothing.
package graphwarden.lib.override

import data.graphwarden.lib

# METADATA
# description: The overrides in force for this request.
active contains entry if {
	input.request.override == true
	some code in input.request.headers["x-graphwarden-override"]
	some entry in data.overrides
	entry.code_sha256 == code
	input.time.ns >= lib.moment(entry.not_before)
	input.time.ns < lib.moment(entry.expires)
	entry.reason != ""
}

# METADATA
# description: The ids of the rules that do not deny for now.
covers contains id if {
	some entry in active
	some id in entry.rules
}
