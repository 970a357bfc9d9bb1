# METADATA
# title: The targets
# description: What Graph itself asks of a target, whatever the organisation wants.
package graphwarden.rules.target

import data.graphwarden.lib

# METADATA
# title: The type of a target is known
# description: A type that Graph does not have, or that the catalogue has not yet seen, is not let through unjudged.
# custom:
#   id: target.unknown
#   level: deny
deny contains {
	"id": "target.unknown",
	"msg": sprintf("the target type %q is not known", [target.odata_type]),
	"pointer": lib.pointer(target),
	"fix": "Use a type such as #microsoft.graph.groupAssignmentTarget",
} if {
	input.graph.has.unknown == true
	input.graph.governed == true
	some target in input.graph.targets
	target.type == "unknown"
}

# METADATA
# title: The type of a target is not the abstract base
# description: |
#   deviceAndAppManagementAssignmentTarget is abstract: the reference page's own sample names it, and the service answers
#   "Cannot create an abstract class."
# custom:
#   id: target.abstract
#   level: warn
warn contains {
	"id": "target.abstract",
	"msg": sprintf("the target type %s is abstract; the service may refuse it", [target.odata_type]),
	"pointer": lib.pointer(target),
	"fix": "Name the type that is meant, such as #microsoft.graph.allLicensedUsersAssignmentTarget",
} if {
	input.graph.has.abstract == true
	input.graph.governed == true
	some target in input.graph.targets
	target.type == "abstract"
}

# METADATA
# title: A target has only properties of its type
# description: A groupId beside a type for all devices says two things at once.
# custom:
#   id: target.properties
#   level: deny
deny contains {
	"id": "target.properties",
	"msg": sprintf("a target of type %s has no property %s", [target.odata_type, concat(", ", target.unexpected)]),
	"pointer": lib.pointer(target),
	"fix": "Remove the property or correct the type",
} if {
	input.graph.has.unexpected == true
	input.graph.governed == true
	some target in input.graph.targets
	target.type != "unknown"
	count(target.unexpected) > 0
}

# METADATA
# title: A target has what its type needs
# description: A group target without groupId names nobody.
# custom:
#   id: target.incomplete
#   level: deny
deny contains {
	"id": "target.incomplete",
	"msg": sprintf("a target of type %s needs %s", [target.odata_type, concat(", ", target.missing)]),
	"pointer": lib.pointer(target),
	"fix": "Add the property",
} if {
	input.graph.has.missing == true
	input.graph.governed == true
	some target in input.graph.targets
	count(target.missing) > 0
}

# METADATA
# title: A filter has an id and a mode
# description: |
#   A mode without an id, or an id with the mode none, is not what anybody means: the filter would not be applied.
# custom:
#   id: target.filter
#   level: deny
deny contains {
	"id": "target.filter",
	"msg": "the assignment filter has an id and no mode include or exclude, or a mode and no id",
	"pointer": lib.pointer(target),
	"fix": "Set both deviceAndAppManagementAssignmentFilterId and deviceAndAppManagementAssignmentFilterType, or neither",
} if {
	input.graph.has.bad_filter == true
	input.graph.governed == true
	some target in input.graph.targets
	half_filter(target.filter)
}

half_filter(filter) if {
	filter.mode == "none"
	filter.id != null
}

half_filter(filter) if {
	filter.mode != "none"
	filter.id == null
}

# METADATA
# title: A target is named once
# description: Of two entries for one target the service ignores the later one, filter and intent included.
# custom:
#   id: target.duplicate
#   level: warn
warn contains {
	"id": "target.duplicate",
	"msg": "this target is named twice; the service ignores the later entry",
	"pointer": lib.pointer(input.graph.targets[i]),
	"fix": "Keep one entry for each target",
} if {
	input.graph.has.many == true
	input.graph.governed == true
	some key, places in by_target
	count(places) > 1
	i := max(places)
}

by_target[key] contains i if {
	input.graph.has.many == true
	some i, target in input.graph.targets
	key := [target.type, lib.fold(target.id)]
}
