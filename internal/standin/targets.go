package standin

import "strings"

// targetTypes are the types of target that some version of Graph can resolve, by lower-case name. The two abstract ones
// are among them: the reference page's own example sends one and promises 200.
var targetTypes = map[string]bool{
	"deviceandappmanagementassignmenttarget":         true,
	"alldevicesassignmenttarget":                     true,
	"alllicensedusersassignmenttarget":               true,
	"groupassignmenttarget":                          true,
	"exclusiongroupassignmenttarget":                 true,
	"configurationmanagercollectionassignmenttarget": true,
	"scopetaggroupassignmenttarget":                  true,
	"cloudpcmanagementassignmenttarget":              true,
	"cloudpcmanagementgroupassignmenttarget":         true,
}

// checkTargets refuses what the model could not read: an @odata.type outside Graph's namespace, or a target of a type that
// does not exist. It looks where assignments are: at the body itself and into its arrays.
func checkTargets(fields []field) *fault {
	if f := checkEntity(fields); f != nil {
		return f
	}
	for _, f := range fields {
		if f.value[0] != '[' {
			continue
		}
		for _, entity := range objects(f.value) {
			if fault := checkEntity(entity); fault != nil {
				return fault
			}
		}
	}
	return nil
}

func checkEntity(fields []field) *fault {
	for _, f := range fields {
		switch {
		case strings.EqualFold(f.name, "@odata.type"):
			if name := text(f.value); bareType(name) == "" {
				return unknownType(strings.TrimPrefix(name, "#"))
			}
		case strings.EqualFold(f.name, "target") && f.value[0] == '{':
			target, _ := members(f.value)
			typ := get(target, "@odata.type")
			if typ == nil {
				continue
			}
			name := text(typ)
			if !targetTypes[strings.ToLower(bareType(name))] {
				return unknownType(strings.TrimPrefix(name, "#"))
			}
		}
	}
	return nil
}
