package graph

import (
	"encoding/json"
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
	s := targetScan{version: version, embedded: op.Embedded}
	s.object(m, "")
	return s.found
}

type targetScan struct {
	version  string
	embedded bool
	found    []Target
}

// object collects the targets of one assignment, or of one object around assignments.
func (s *targetScan) object(m map[string]any, pointer string) {
	var few [12]string
	keys := few[:0]
	for name := range m {
		keys = append(keys, name)
	}
	slices.Sort(keys)
	for _, name := range keys {
		v := m[name]
		if v == nil { // an absent list, or a target left as it is
			continue
		}
		at := pointer + "/" + escapePointer(name)
		inner, isObject := v.(map[string]any)
		switch {
		case strings.EqualFold(name, "target"):
			t := unknownTarget(at)
			if isObject {
				t = s.target(inner, at)
			}
			t.Intent = intentOf(m)
			s.found = append(s.found, t)
		case strings.EqualFold(name, "targetGroupId"):
			s.found = append(s.found, groupTarget(m, v, at))
		case isObject:
			s.object(inner, at)
		default:
			s.property(name, v, at)
		}
		// An action takes a list. In a parent object the property may be a map by design (Planner keys it by user).
		if isObject && !s.embedded && IsAssignParameter(name) {
			s.found = append(s.found, unknownTarget(at))
		}
	}
}

// property collects the targets of a property that is no object.
func (s *targetScan) property(name string, v any, pointer string) {
	list, isList := v.([]any)
	listed := IsAssignParameter(name) || strings.EqualFold(name, deviceIDs)
	if !isList && listed {
		s.found = append(s.found, unknownTarget(pointer))
	}
	for i, e := range list {
		s.entry(name, e, pointer+"/"+strconv.Itoa(i), listed)
	}
}

// deviceIDs is what the assign action of an Autopilot profile takes: devices, which no target type stands for.
const deviceIDs = "deviceIds"

// unknownTarget stands for what is in the place of a target and cannot be read as one.
func unknownTarget(pointer string) Target {
	return Target{Type: "unknown", FilterMode: "none", Pointer: pointer}
}

// entry collects the targets of one entry of a list; listed tells that the list is one of assignments.
func (s *targetScan) entry(list string, e any, pointer string, listed bool) {
	m, ok := e.(map[string]any)
	if !ok {
		if !listed {
			return
		}
		t := unknownTarget(pointer)
		if strings.EqualFold(list, deviceIDs) {
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
	t := unknownTarget(pointer)
	t.Intent = intentOf(m)
	s.found = append(s.found, t)
}

// groupTarget reads an assignment of the older kind (deviceManagementScriptGroupAssignment and its like), which names a
// group in a property of its own.
func groupTarget(m map[string]any, id any, pointer string) Target {
	t := unknownTarget(pointer)
	t.Intent = intentOf(m)
	if s, ok := id.(string); ok && s != "" {
		t.Type, t.ID = "group", foldID(s)
		if excluded, _ := property(m, "excludeGroup"); excluded == true {
			t.Type = "exclusion_group"
		}
	}
	return t
}

// target reads one target object.
func (s *targetScan) target(m map[string]any, pointer string) Target {
	t := unknownTarget(pointer)
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
	t.ID = foldID(receiver(kind, known, m))
	t.FilterID = foldID(textProperty(m, targetFilterID))
	t.FilterMode = filterMode(m)
	return t
}

// receiver is the id of whom a target names: the property its type requires, or of an unknown type the first that
// looks like one. A type that names nobody has none, even if one is sent along: that is what Unexpected tells.
func receiver(kind TargetType, known bool, m map[string]any) string {
	names := kind.Required
	if !known {
		names = []string{"groupId", "collectionId", "entraObjectId"}
	}
	for _, name := range names {
		if id := textProperty(m, name); id != "" {
			return id
		}
	}
	return ""
}

// filterMode reads the enum by name or by number; what is neither is passed on as it is, for a rule to refuse.
func filterMode(m map[string]any) string {
	v, _ := property(m, targetFilterType)
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
