package standin

import "strings"

// targetTypes are the types of target that some version of Graph can resolve, by lower-case name; true for those that can
// be instantiated. The reference page's own example sends an abstract one and promises 200, so these pass as documented.
var targetTypes = map[string]bool{
	"deviceandappmanagementassignmenttarget":         false,
	"alldevicesassignmenttarget":                     true,
	"alllicensedusersassignmenttarget":               true,
	"groupassignmenttarget":                          true,
	"exclusiongroupassignmenttarget":                 true,
	"configurationmanagercollectionassignmenttarget": true,
	"scopetaggroupassignmenttarget":                  true,
	"cloudpcmanagementassignmenttarget":              false,
	"cloudpcmanagementgroupassignmenttarget":         true,
}

// checkTargets refuses what the model could not read: an @odata.type outside Graph's namespace, or a target of a type that
// does not exist or, where the collection answers as seen, is abstract. It looks where assignments are: at the body itself
// and into its arrays.
func checkTargets(fields []field, asSeen bool) *fault {
	if f := checkEntity(fields, asSeen); f != nil {
		return f
	}
	for _, f := range fields {
		if f.value[0] != '[' {
			continue
		}
		for _, entity := range objects(f.value) {
			if fault := checkEntity(entity, asSeen); fault != nil {
				return fault
			}
		}
	}
	return nil
}

func checkEntity(fields []field, asSeen bool) *fault {
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
			switch concrete, known := targetTypes[strings.ToLower(bareType(name))]; {
			case !known:
				return unknownType(strings.TrimPrefix(name, "#"))
			case asSeen && !concrete:
				return &fault{status: 400, code: "ModelValidationFailure", message: "Cannot create an abstract class."}
			}
		}
	}
	return nil
}
