package config

import "strings"

const (
	prefix   = "GRAPHWARDEN_"
	fileFlag = "config" // --config and GRAPHWARDEN_CONFIG name the settings file; it is no setting itself
)

// readEnviron reads the GRAPHWARDEN_ variables; an empty one counts as unset, as pipelines make those. One that names no setting is a fault: a misspelt switch that is
// passed over in silence is how a pipeline runs without its policy.
func (c Call) readEnviron(faults *Faults) layer {
	table := Table()
	names := []string{prefix + "CONFIG"}
	for i := range table {
		names = append(names, table[i].Variable())
	}
	l := layer{}
	for _, pair := range c.Environ {
		name, value, _ := strings.Cut(pair, "=")
		if !strings.HasPrefix(name, prefix) {
			continue
		}
		set := find(table, func(s *Setting) bool { return s.Variable() == name })
		switch {
		case value == "":
		case name == prefix+"RECORDED_AT", strings.HasPrefix(name, prefix+"VARIABLE_"):
			// what run hands to its command, which may call graphwarden in turn
		case name == prefix+"CONFIG":
			l[fileFlag] = given{values: []string{value}, source: name, dir: c.Dir}
		case set == nil:
			faults.add(name, "unknown variable%s", didYouMean(Nearest(name, names)))
		case set.List:
			l[set.Name] = given{values: strings.Split(value, ","), source: name, dir: c.Dir, shared: true}
		default:
			l[set.Name] = given{values: []string{value}, source: name, dir: c.Dir, shared: true}
		}
	}
	return l
}

func find(table []Setting, is func(*Setting) bool) *Setting {
	for i := range table {
		if is(&table[i]) {
			return &table[i]
		}
	}
	return nil
}
