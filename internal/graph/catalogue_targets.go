package graph

import "strings"

// TargetType is one type a target of an assignment may have.
type TargetType struct {
	// Name is the full name, #microsoft.graph.groupAssignmentTarget.
	Name string
	// Kind is group, exclusion_group, all_devices, all_users, collection or abstract.
	Kind string
	// Properties are the type's own and inherited properties; Required those without which it names nobody.
	Properties, Required []string
}

const (
	targetFilterID   = "deviceAndAppManagementAssignmentFilterId"
	targetFilterType = "deviceAndAppManagementAssignmentFilterType"
)

type targetRow struct {
	name, kind string
	own        []string
	betaOnly   []string // properties that v1.0 lacks
	required   []string
	beta       bool // the type itself is beta only
}

// targetRows lists every target type. v1.0 has no filters: the same body sent there cannot express one.
// scopeTagGroupAssignmentTarget is on the reference pages only, not in the metadata.
var targetRows = [...]targetRow{
	{name: "groupAssignmentTarget", kind: "group", own: []string{"groupId"}, betaOnly: []string{targetFilterID, targetFilterType}, required: []string{"groupId"}},
	{name: "exclusionGroupAssignmentTarget", kind: "exclusion_group", own: []string{"groupId"}, betaOnly: []string{targetFilterID, targetFilterType}, required: []string{"groupId"}},
	{name: "allDevicesAssignmentTarget", kind: "all_devices", betaOnly: []string{targetFilterID, targetFilterType}},
	{name: "allLicensedUsersAssignmentTarget", kind: "all_users", betaOnly: []string{targetFilterID, targetFilterType}},
	{name: "configurationManagerCollectionAssignmentTarget", kind: "collection", own: []string{"collectionId"}, betaOnly: []string{targetFilterID, targetFilterType}, required: []string{"collectionId"}},
	{name: "deviceAndAppManagementAssignmentTarget", kind: "abstract", betaOnly: []string{targetFilterID, targetFilterType}},
	{name: "cloudPcManagementAssignmentTarget", kind: "abstract"},
	{name: "cloudPcManagementGroupAssignmentTarget", kind: "group", own: []string{"groupId", "servicePlanId"}, betaOnly: []string{"allotmentDisplayName", "allotmentLicensesCount"}, required: []string{"groupId"}},
	{name: "scopeTagGroupAssignmentTarget", kind: "group", own: []string{"targetType", "entraObjectId"}, betaOnly: []string{targetFilterID, targetFilterType}, required: []string{"entraObjectId"}, beta: true},
}

// targetTypes holds the types of both versions under their folded short names; [0] is v1.0, [1] beta.
var targetTypes = func() [2]map[string]TargetType {
	v1, beta := map[string]TargetType{}, map[string]TargetType{}
	for _, r := range targetRows {
		key := strings.ToLower(r.name)
		t := TargetType{Name: "#microsoft.graph." + r.name, Kind: r.kind, Properties: r.own, Required: r.required}
		if !r.beta {
			v1[key] = t
		}
		t.Properties = append(append([]string(nil), r.own...), r.betaOnly...)
		beta[key] = t
	}
	return [2]map[string]TargetType{v1, beta}
}()

// LookupTargetType finds a target type by an @odata.type in any of the spellings Graph takes: with or without #, with
// the namespace, its alias graph or neither, in any case. A version other than v1.0 means beta.
func LookupTargetType(version, odataType string) (TargetType, bool) {
	if i := strings.LastIndexByte(odataType, '#'); i >= 0 {
		odataType = odataType[i+1:]
	}
	if rest, qualified := cutNamespace(odataType); qualified {
		odataType = rest
	}
	types := targetTypes[1]
	if version == "v1.0" {
		types = targetTypes[0]
	}
	t, ok := types[strings.ToLower(odataType)]
	return t, ok
}

// cutNamespace takes Graph's namespace, or its alias graph, off a qualified name.
func cutNamespace(name string) (rest string, ok bool) {
	for _, ns := range [...]string{"microsoft.graph.", "graph."} {
		if len(name) > len(ns) && strings.EqualFold(name[:len(ns)], ns) {
			return name[len(ns):], true
		}
	}
	return name, false
}
