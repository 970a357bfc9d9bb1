# METADATA
# title: What rules share
# description: Settings, levels, membership of lists and pseudonyms. Nothing here decides.
package graphwarden.lib

# METADATA
# description: |
#   A setting of a rule: the organisation's data first, then the library's default; undefined where neither sets it.
setting(id, name) := data.rules[id][name]

else := data.graphwarden.defaults.rules[id][name]

# METADATA
# description: |
#   The level of a finding: what data sets for its id, else the name of the set it is in.
level(found, set) := setting(found.id, "level")

else := set

# METADATA
# description: A finding as an object; a bare string takes the area as its id.
finding(found, area) := {"id": area, "msg": found} if is_string(found)

else := found
