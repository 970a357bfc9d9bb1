# METADATA
# title: Who may be reached
# description: Broad targets, groups and filters, where an organisation asks for more than Graph does.
package graphwarden.rules.reach

import data.graphwarden.lib

# METADATA
# title: No target for everybody
# description: |
#   All devices and all users are out of bounds in the listed tenants; an empty list means all tenants.
# custom:
#   id: target.broad
#   level: off
#   parameters:
#     - name: tenants
#       type: set
#       description: tenants in which nobody may assign to everybody; empty means every tenant
deny contains {
	"id": "target.broad",
	"msg": sprintf("the target %s reaches everybody", [target.type]),
	"pointer": lib.pointer(target),
	"fix": "Assign to a group",
} if {
	input.graph.has.broad == true
	input.graph.governed == true
	guarded_tenant
	some target in input.graph.targets
	target.type in {"all_devices", "all_users"}
}

guarded_tenant if count(lib.setting("target.broad", "tenants")) == 0

guarded_tenant if lib.listed_claim(lib.setting("target.broad", "tenants"), input.token.tenant)

guarded_tenant if input.token.tenant == null

# METADATA
# title: A target for everybody has an include filter
# description: Without one the change reaches every device or user of the tenant at once.
# custom:
#   id: target.broad_unfiltered
#   level: warn
warn contains {
	"id": "target.broad_unfiltered",
	"msg": sprintf("the target %s reaches everybody, with no include filter", [target.type]),
	"pointer": lib.pointer(target),
	"fix": "Add an assignment filter with the mode include, or assign to a group",
} if {
	input.graph.has.broad == true
	input.graph.governed == true
	some target in input.graph.targets
	target.type in {"all_devices", "all_users"}
	target.filter.mode != "include"
}

# METADATA
# title: Only listed groups
# description: |
#   Assignments may include only groups on the list, or groups whose name in the list begins with the prefix when one is set.
# custom:
#   id: group.not_allowed
#   level: off
#   parameters:
#     - name: groups
#       type: set
#       description: ids of groups that may be assigned to; as an object, id -> name
#     - name: prefix
#       type: string
#       description: what the name of the group must begin with; empty asks nothing of the name
deny contains {
	"id": "group.not_allowed",
	"msg": sprintf("the group %s may not be assigned to", [target.id]),
	"pointer": lib.pointer(target),
	"fix": "Use a group of the list rules[\"group.not_allowed\"].groups",
} if {
	input.graph.has.group == true
	input.graph.governed == true
	some target in input.graph.targets
	target.type == "group"
	not allowed_group(target)
}

allowed_group(target) if {
	lib.setting("group.not_allowed", "prefix") == ""
	lib.listed(lib.setting("group.not_allowed", "groups"), target.id)
}

allowed_group(target) if {
	prefix := lib.setting("group.not_allowed", "prefix")
	prefix != ""
	name := lib.setting("group.not_allowed", "groups")[lib.fold(target.id)]
	is_string(name)
	startswith(name, prefix)
}

# METADATA
# title: Never these groups
# description: Break-glass accounts, executives, kiosks. Excluding them is always allowed.
# custom:
#   id: group.denied
#   level: off
#   parameters:
#     - name: groups
#       type: set
#       description: ids of groups that may never be assigned to
deny contains {
	"id": "group.denied",
	"msg": sprintf("the group %s may never be assigned to", [target.id]),
	"pointer": lib.pointer(target),
	"fix": "Leave this group out",
} if {
	input.graph.has.group == true
	input.graph.governed == true
	some target in input.graph.targets
	target.type == "group"
	lib.listed(lib.setting("group.denied", "groups"), target.id)
}

# METADATA
# title: No group beyond a size
# description: The sizes come from data; a group that is not in it counts as too large.
# custom:
#   id: group.size
#   level: off
#   parameters:
#     - name: sizes
#       type: object
#       description: group id in lower case -> number of members
#     - name: limit
#       type: number
#       description: the largest group that may be assigned to
deny contains {
	"id": "group.size",
	"msg": sprintf("the group %s is larger than %d members, or its size is not known", [target.id, limit]),
	"pointer": lib.pointer(target),
	"fix": "Assign to a smaller group, or record the size in rules[\"group.size\"].sizes",
} if {
	input.graph.has.group == true
	input.graph.governed == true
	limit := lib.setting("group.size", "limit")
	some target in input.graph.targets
	target.type == "group"
	not small(target, limit)
}

small(target, limit) if lib.setting("group.size", "sizes")[lib.fold(target.id)] <= limit

# METADATA
# title: Groups that must stay excluded
# description: |
#   Where the whole set is replaced, the body must exclude every group of the list. What a single change removes cannot be
#   seen in its body.
# custom:
#   id: group.exclusion
#   level: off
#   parameters:
#     - name: groups
#       type: set
#       description: ids of groups that every replaced set must exclude
deny contains {
	"id": "group.exclusion",
	"msg": sprintf("the new set does not exclude the group %s", [group]),
	"pointer": "/request/body",
	"fix": "Add an exclusionGroupAssignmentTarget for it",
} if {
	input.graph.effect == "replace"
	input.graph.governed == true
	count(input.graph.targets) > 0
	some group in lib.entries(lib.setting("group.exclusion", "groups"))
	not excluded[lower(group)]
}

excluded contains lib.fold(target.id) if {
	some target in input.graph.targets
	target.type == "exclusion_group"
}

# METADATA
# title: A filter is required
# description: Targets of the listed types must carry an assignment filter.
# custom:
#   id: filter.required
#   level: off
#   parameters:
#     - name: types
#       type: set
#       description: target types (group, all_devices, all_users) that need a filter
deny contains {
	"id": "filter.required",
	"msg": sprintf("the target %s has no assignment filter", [target.type]),
	"pointer": lib.pointer(target),
	"fix": "Set deviceAndAppManagementAssignmentFilterId and deviceAndAppManagementAssignmentFilterType",
} if {
	input.graph.governed == true
	input.graph.kind == "assignment"
	some target in input.graph.targets
	target.filter.mode == "none"
	lib.listed(lib.setting("filter.required", "types"), target.type)
}

# METADATA
# title: Only listed filters, in their mode
# description: |
#   The list names the filters; as an object, id -> mode, it also says whether a filter includes or excludes, so that none
#   is flipped.
# custom:
#   id: filter.not_listed
#   level: off
#   parameters:
#     - name: filters
#       type: set
#       description: ids of filters; as an object, id -> include or exclude
deny contains {
	"id": "filter.not_listed",
	"msg": sprintf("the filter %s may not be used with the mode %s", [target.filter.id, target.filter.mode]),
	"pointer": lib.pointer(target),
	"fix": "Use a filter of the list rules[\"filter.not_listed\"].filters in the mode it has there",
} if {
	input.graph.has.filter == true
	input.graph.governed == true
	some target in input.graph.targets
	target.filter.id != null
	not listed_filter(target.filter)
}

listed_filter(filter) if {
	filters := lib.setting("filter.not_listed", "filters")
	lib.listed(filters, filter.id)
	not flipped(filters, filter)
}

flipped(filters, filter) if {
	is_object(filters)
	mode := filters[lower(filter.id)]
	mode in {"include", "exclude"}
	mode != filter.mode
}
