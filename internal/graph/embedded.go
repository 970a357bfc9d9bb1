package graph

import (
	"maps"
	"net/http"
	"slices"
)

// embedded finds the first property of a parent object's body (keys sorted, outer before inner) that carries
// assignments, and the path it has below the parent; ok is false when there is none. Inner objects are followed as far
// as they are objects of the catalogue: only there can Graph create something assignable along with its parent.
func embedded(p Path, body any) (child Path, ok bool) {
	m, isObject := body.(map[string]any)
	if !isObject {
		return Path{}, false
	}
	names := slices.Sorted(maps.Keys(m))
	for _, name := range names {
		if EmbeddedProperty(p, name) {
			child, _ := childPath(p, name)
			return child, true
		}
	}
	for _, name := range names {
		inner, known := childPath(p, name)
		if !known {
			continue
		}
		switch v := m[name].(type) {
		case map[string]any:
			if child, ok = embedded(inner, v); ok {
				return child, true
			}
		case []any:
			for _, e := range v {
				if child, ok = embedded(inner, e); ok {
					return child, true
				}
			}
		}
	}
	return Path{}, false
}

// childPath is the path of a property of the object that p names, or of an object in the collection that p names: enough
// of a path to classify. Known is false when the catalogue does not have it.
func childPath(p Path, name string) (child Path, known bool) {
	c := loadCatalogue()
	name = baseProperty(name)
	child = p
	child.Segments = append(slices.Clip(p.Segments), Segment{Name: name})
	child.end = 0
	n := c.at(p)
	if n == nil {
		return child, false
	}
	to, known := c.literal(p.end-1, name)
	if !known && n.param != 0 {
		to, known = c.literal(n.param, name)
	}
	if known {
		child.end = to + 1
	}
	return child, known
}

// embed is the operation of a parent's write that carries assignments at child: the set there is replaced by what the
// body holds. It is described by the row of that set where there is one.
func (q *Request) embed(child Path) Operation {
	op := q.Operation
	last := len(child.Segments) - 1
	op.Resource = child.Segments[last].Name
	op.Kind, op.Effect, op.Embedded, op.Name = KindAssignment, EffectReplace, true, writeName(q.Method)
	op.BodyProperties = nil // the row's are those of an assignment, not of the parent
	row := Classify(http.MethodPost, child)
	if row.Kind != KindAssignment {
		// An action's parameter (mobileAppAssignments) stands for the collection beside the action.
		if c, known := childPath(q.Path, "assignments"); known {
			row = Classify(http.MethodPost, c)
		}
	}
	if row.Kind != KindAssignment {
		return op
	}
	op.Family, op.Resource, op.Route = row.Family, row.Resource, row.Route
	op.Permissions, op.Documented, op.PermissionProfile = row.Permissions, row.Documented, row.PermissionProfile
	return op
}
