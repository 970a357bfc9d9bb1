package graph

import (
	"encoding/json"
	"maps"
	"slices"
	"strconv"
	"strings"
)

// Targets are the receivers that the body of an assignment write names: in every target property, in every entry of
// the lists that assign actions take, in the group lists of the older actions, in deviceIds, at whatever depth a parent
// object carries them. An entry of such a list that names no receiver in any known way is a target of type unknown: it
// is shown rather than skipped. Order is that of the pointers, object keys sorted, since a parsed body has no other.
func Targets(version string, op Operation, body any) []Target {
	if op.Kind != KindAssignment && op.Kind != KindUnknownWrite {
		return nil
	}
	m, ok := body.(map[string]any)
	if !ok {
		return nil
	}
	s := targetScan{version: version}
	s.object(m, "")
	return s.found
}

type targetScan struct {
	version string
	found   []Target
}

// object collects the targets of one assignment, or of one object around assignments.
func (s *targetScan) object(m map[string]any, pointer string) {
	before := len(s.found)
	var few [linearKeys]string
	keys := few[:0]
	for name, v := range m {
		switch v.(type) {
		case map[string]any, []any:
			keys = append(keys, name)
		default:
			if strings.EqualFold(name, "target") || IsAssignParameter(name) {
				keys = append(keys, name) // of the wrong type, so worth showing
			}
		}
	}
	slices.Sort(keys)
	for _, name := range keys {
		s.property(name, m[name], pointer+"/"+escapePointer(name))
	}
	// intent belongs to the assignment that holds the target, so to those found at this level only.
	if intent := intentOf(m); intent != "" {
		for i := range s.found[before:] {
			if t := &s.found[before+i]; t.Intent == "" {
				t.Intent = intent
			}
		}
	}
}

func (s *targetScan) property(name string, v any, pointer string) {
	switch v := v.(type) {
	case map[string]any:
		switch {
		case strings.EqualFold(name, "target"):
			s.found = append(s.found, s.target(v, pointer))
		case IsAssignParameter(name):
			s.found = append(s.found, Target{Type: "unknown", FilterMode: "none", Pointer: pointer})
			s.object(v, pointer)
		default:
			s.object(v, pointer)
		}
	case []any:
		listed := IsAssignParameter(name)
		for i, e := range v {
			s.entry(name, e, pointer+"/"+strconv.Itoa(i), listed)
		}
	case nil: // an absent list, or a target left as it is
	default:
		s.found = append(s.found, Target{Type: "unknown", FilterMode: "none", Pointer: pointer})
	}
}

// entry collects the targets of one entry of a list; listed tells that the list is one of assignments.
func (s *targetScan) entry(list string, e any, pointer string, listed bool) {
	m, ok := e.(map[string]any)
	if !ok {
		if !listed {
			return
		}
		t := Target{Type: "unknown", FilterMode: "none", Pointer: pointer}
		if strings.EqualFold(list, "deviceIds") {
			t.ID, _ = e.(string)
			t.ID = foldID(t.ID)
		}
		s.found = append(s.found, t)
		return
	}
	before := len(s.found)
	s.object(m, pointer)
	if !listed || len(s.found) > before {
		return
	}
	// The older group lists (deviceManagementScriptGroupAssignments and its like) name the group in the entry itself.
	t := Target{Type: "unknown", FilterMode: "none", Pointer: pointer, Intent: intentOf(m)}
	if id := textProperty(m, "targetGroupId"); id != "" {
		t.Type, t.ID = "group", foldID(id)
		if excluded, _ := property(m, "excludeGroup"); excluded == true {
			t.Type = "exclusion_group"
		}
	}
	s.found = append(s.found, t)
}

// target reads one target object.
func (s *targetScan) target(m map[string]any, pointer string) Target {
	t := Target{Type: "unknown", FilterMode: "none", Pointer: pointer}
	long, short := textProperty(m, "@odata.type"), textProperty(m, "@type")
	t.ODataType = long
	if long == "" {
		t.ODataType = short
	}
	kind, known := LookupTargetType(s.version, t.ODataType)
	if known = known && (long == "" || short == "" || long == short); known {
		t.Type = kind.Kind
	}
	for name := range m {
		if !strings.Contains(name, "@") { // annotations are not properties
			t.Properties = append(t.Properties, name)
		}
	}
	slices.Sort(t.Properties)
	if known {
		for _, name := range t.Properties {
			if !containsFold(kind.Properties, name) {
				t.Unexpected = append(t.Unexpected, name)
			}
		}
		for _, name := range kind.Required {
			if textProperty(m, name) == "" {
				t.Missing = append(t.Missing, name)
			}
		}
	}
	t.ID = foldID(receiver(t.Type, m))
	t.FilterID = foldID(textProperty(m, "deviceAndAppManagementAssignmentFilterId"))
	t.FilterMode = filterMode(m)
	return t
}

// receiver is the id of whom a target names. A type that names nobody has none, even if one is sent along: that
// is what Unexpected tells.
func receiver(kind string, m map[string]any) string {
	switch kind {
	case "group", "exclusion_group":
		return textProperty(m, "groupId")
	case "collection":
		return textProperty(m, "collectionId")
	case "unknown":
		for _, name := range []string{"groupId", "collectionId", "entraObjectId"} {
			if id := textProperty(m, name); id != "" {
				return id
			}
		}
	}
	return ""
}

// filterMode reads the enum by name or by number; what is neither is passed on as it is, for a rule to refuse.
func filterMode(m map[string]any) string {
	v, _ := property(m, "deviceAndAppManagementAssignmentFilterType")
	var s string
	switch v := v.(type) {
	case nil:
		return "none"
	case string:
		s = strings.ToLower(v)
	case json.Number:
		s = string(AppendCanonical(nil, v))
	default:
		return "unknown"
	}
	switch s {
	case "0", "":
		return "none"
	case "1":
		return "include"
	case "2":
		return "exclude"
	}
	return s
}

// intents are the values of the intent enums in the spelling of the metadata.
var intents = []string{"apply", "remove", "available", "required", "uninstall", "availableWithoutEnrollment"}

// intentOf is what an assignment wants to happen to its receiver, under either name the property has.
func intentOf(m map[string]any) string {
	for _, name := range []string{"intent", "installIntent"} {
		switch v, _ := property(m, name); v := v.(type) {
		case string:
			for _, known := range intents {
				if strings.EqualFold(v, known) {
					return known
				}
			}
			if v != "" {
				return v
			}
		case json.Number:
			return string(v)
		}
	}
	return ""
}

// property finds a property whatever its case, as Graph does; ParseJSON has made sure that there is at most one.
func property(m map[string]any, name string) (any, bool) {
	if v, ok := m[name]; ok {
		return v, true
	}
	for k, v := range m {
		if strings.EqualFold(k, name) {
			return v, true
		}
	}
	return nil, false
}

func textProperty(m map[string]any, name string) string {
	v, _ := property(m, name)
	s, _ := v.(string)
	return s
}

func containsFold(list []string, s string) bool {
	for _, e := range list {
		if strings.EqualFold(e, s) {
			return true
		}
	}
	return false
}

// foldID lowers a GUID, which compares without case; any other id keeps its case, since Graph's ids have one.
func foldID(id string) string {
	if isGUID(id) {
		return strings.ToLower(id)
	}
	return id
}

func escapePointer(name string) string {
	if !strings.ContainsAny(name, "~/") {
		return name
	}
	return strings.ReplaceAll(strings.ReplaceAll(name, "~", "~0"), "/", "~1")
}

// embedded finds the first property of a parent object's body (keys sorted, outer before inner) that carries
// assignments, and the path that property has below the parent; ok is false when there is none.
func embedded(p Path, body any) (child Path, ok bool) {
	m, isObject := body.(map[string]any)
	if !isObject {
		return Path{}, false
	}
	names := slices.Sorted(maps.Keys(m))
	for _, name := range names {
		if EmbeddedProperty(p, name) {
			return childPath(p, name), true
		}
	}
	for _, name := range names {
		switch v := m[name].(type) {
		case map[string]any:
			if child, ok = embedded(childPath(p, name), v); ok {
				return child, true
			}
		case []any:
			for _, e := range v {
				if child, ok = embedded(childPath(p, name), e); ok {
					return child, true
				}
			}
		}
	}
	return Path{}, false
}

// childPath is the path of a property below p, enough of it to classify.
func childPath(p Path, name string) Path {
	p.Segments = append(slices.Clip(p.Segments), Segment{Name: name})
	return p
}
