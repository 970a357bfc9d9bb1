# METADATA
# title: What rules share
# description: Settings, levels, membership of lists and pseudonyms. Nothing here decides.
package graphwarden.lib

import data.graphwarden.lib.override

# METADATA
# description: |
#   A setting of a rule: the organisation's data first, then the library's default; undefined where neither sets it.
setting(id, name) := value if {
	value := data.rules[id][name]
} else := data.graphwarden.defaults.rules[id][name]

# METADATA
# description: |
#   The level of a finding: what data sets for its id, else the name of the set it is in. An emergency override makes
#   audit of deny.
level(found, set) := "audit" if {
	plain_level(found, set) == "deny"
	override.covers[found.id]
} else := plain_level(found, set)

# off without quotes is false in YAML
plain_level(found, set) := "off" if {
	setting(found.id, "level") == false
} else := value if {
	value := setting(found.id, "level")
} else := set

# METADATA
# description: A finding as an object; a bare string takes the area as its id.
finding(found, area) := {"id": area, "msg": found} if is_string(found)

else := found

# METADATA
# description: |
#   True if a list of ids holds an id. The list may be an array, or an object whose keys are the ids; ids are compared
#   without regard to case.
listed(list, id) if {
	is_object(list)
	_ = list[fold(id)]
}

listed(list, id) if {
	is_array(list)
	some entry in list
	lower(entry) == fold(id)
}

# METADATA
# description: An id in lower case; one that is absent is an empty string, which no list holds.
fold(id) := lower(id) if is_string(id)

else := ""

# METADATA
# description: |
#   True if a list holds an id taken from a token. On a cassette those ids are pseudonyms, so in a replay an entry also
#   counts by its pseudonym.
listed_claim(list, id) if listed(list, id)

listed_claim(list, id) if {
	input.mode == "replay"
	some entry in entries(list)
	pseudonym(entry) == id
}

# METADATA
# description: The ids of a list in either form.
entries(list) := list if is_array(list)

else := object.keys(list)

# METADATA
# description: |
#   What a cassette writes for an id: the SHA-256 of "graphwarden:" and the id in lower case, its first 32 hex digits as
#   a UUID of version 8 and variant a.
pseudonym(id) := concat("-", [
	substring(digest, 0, 8),
	substring(digest, 8, 4),
	concat("", ["8", substring(digest, 13, 3)]),
	concat("", ["a", substring(digest, 17, 3)]),
	substring(digest, 20, 12),
]) if {
	digest := crypto.sha256(concat("", ["graphwarden:", lower(id)]))
}

# METADATA
# description: The place of a target in the input document.
pointer(target) := concat("", ["/request/body", target.pointer])

# METADATA
# description: A moment in data, as a date or in RFC 3339, in nanoseconds since 1970.
moment(text) := time.parse_rfc3339_ns(concat("", [text, "T00:00:00Z"])) if count(text) == 10

else := time.parse_rfc3339_ns(text)
