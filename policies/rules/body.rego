# METADATA
# title: The body
# description: |
#   What the body of a change must look like at its top. Property names count in any case, as Graph takes them; duplicate
#   keys, bad UTF-8 and bodies that are no JSON never come as far as this.
package graphwarden.rules.body

# METADATA
# title: The body can be read
# description: A change of an assignment whose body is not JSON cannot be judged.
# custom:
#   id: body.opaque
#   level: deny
deny contains {
	"id": "body.opaque",
	"msg": "the body is not JSON, so what it assigns cannot be judged",
	"pointer": "/request/body",
	"fix": "Send the body as application/json",
} if {
	input.request.body_state == "opaque"
	input.graph.governed == true
	input.graph.kind == "assignment"
}

# METADATA
# title: A change has a body
# description: Creating, updating and assigning say what to do in the body.
# custom:
#   id: body.missing
#   level: deny
deny contains {
	"id": "body.missing",
	"msg": sprintf("the operation %s needs a JSON body", [input.graph.operation]),
	"pointer": "/request/body",
	"fix": "Send a JSON object",
} if {
	input.request.body_state == "none"
	input.graph.governed == true
	input.graph.kind == "assignment"
	input.graph.operation in {"create", "update", "assign"}
}

# METADATA
# title: The body is an object
# description: Graph takes a JSON object here, no array and no bare value.
# custom:
#   id: body.not_object
#   level: deny
deny contains {
	"id": "body.not_object",
	"msg": "the body is not a JSON object",
	"pointer": "/request/body",
	"fix": "Send a JSON object",
} if {
	input.graph.body.object == false
	input.request.body_state == "json"
	input.graph.governed == true
	input.graph.kind == "assignment"
}

# METADATA
# title: A new assignment has a target
# description: An assignment without a target assigns to nobody.
# custom:
#   id: body.target_missing
#   level: deny
deny contains {
	"id": "body.target_missing",
	"msg": "the body has no target",
	"pointer": "/request/body",
	"fix": "Add a target, such as {\"@odata.type\": \"#microsoft.graph.groupAssignmentTarget\", \"groupId\": \"…\"}",
} if {
	input.graph.body.needs_target == true
	input.graph.body.has_target == false
	input.graph.governed == true
}

# METADATA
# title: The id in the body is the one in the URL
# description: An id is system generated and cannot be changed; a different one means that the wrong object is meant.
# custom:
#   id: body.id
#   level: deny
deny contains {
	"id": "body.id",
	"msg": "the id in the body is not the one in the URL",
	"pointer": "/request/body/id",
	"fix": "Leave the id out of the body",
} if {
	input.graph.body.id_matches == false
	input.graph.governed == true
}

# METADATA
# title: The body has no unknown property
# description: A property the route does not have is nearly always a typing error or an attempt at something else.
# custom:
#   id: body.unknown_property
#   level: deny
deny contains {
	"id": "body.unknown_property",
	"msg": sprintf("the body has a property %q, which this route does not have", [name]),
	"pointer": concat("/", ["/request/body", replace(replace(name, "~", "~0"), "/", "~1")]),
	"fix": "Remove it or correct its name",
} if {
	input.graph.body.has_unknown == true
	input.graph.governed == true
	input.graph.kind == "assignment"
	some name in input.graph.body.unknown
}

# METADATA
# title: No empty set
# description: |
#   The assign action replaces the whole set: an empty list removes every assignment there is.
# custom:
#   id: assign.empty
#   level: deny
deny contains {
	"id": "assign.empty",
	"msg": "the body assigns to nobody, which removes every assignment there is",
	"pointer": "/request/body",
	"fix": "Name the assignments that shall stay, or delete them one by one",
} if {
	input.graph.effect == "replace"
	input.graph.governed == true
	input.graph.body.entries == 0
}
