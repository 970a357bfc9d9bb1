package policy

import (
	"fmt"
	"slices"
	"strings"
)

// checkData refuses settings nobody reads, which are nearly always a typing error that leaves a rule off, and turns the
// lists of ids into objects: a rule finds an id among ten thousand as fast as among ten.
func (s *sources) checkData(rules []Rule) Faults {
	var faults Faults
	settings, _ := s.data["rules"].(map[string]any)
	open := s.hasUnnamedRules()
	for id, value := range settings {
		i := slices.IndexFunc(rules, func(r Rule) bool { return r.ID == id })
		fields, ok := value.(map[string]any)
		switch {
		case !ok:
			faults = append(faults, Fault{File: s.setBy[id], Message: fmt.Sprintf("rules[%q] must be an object", id)})
		case i < 0 && !open:
			faults = append(faults, Fault{File: s.setBy[id], Message: fmt.Sprintf("rules[%q]: there is no rule of that id%s", id, nearest(id, rules))})
		case i >= 0:
			faults = append(faults, s.checkFields(&rules[i], fields)...)
		}
	}
	return faults
}

func (s *sources) checkFields(r *Rule, fields map[string]any) Faults {
	var faults Faults
	for name := range fields {
		if name == "level" {
			continue
		}
		i := slices.IndexFunc(r.Parameters, func(p Parameter) bool { return p.Name == name })
		if i < 0 {
			faults = append(faults, Fault{File: s.setBy[r.ID], Message: fmt.Sprintf("rules[%q].%s: the rule has no such parameter", r.ID, name)})
			continue
		}
		if r.Parameters[i].Type == "set" {
			fields[name] = asSet(fields[name])
		}
	}
	return faults
}

// asSet turns a list of strings into an object with those keys in lower case. An object only has its keys folded.
func asSet(value any) any {
	switch v := value.(type) {
	case []any:
		set := make(map[string]any, len(v))
		for _, item := range v {
			if s, ok := item.(string); ok {
				set[strings.ToLower(s)] = true
			}
		}
		return set
	case map[string]any:
		set := make(map[string]any, len(v))
		for key, item := range v {
			set[strings.ToLower(key)] = item
		}
		return set
	}
	return value
}

// hasUnnamedRules reports whether some rule works its id out, so that not all ids are known before evaluation.
func (s *sources) hasUnnamedRules() bool {
	for _, module := range s.modules {
		for _, rule := range module.Rules {
			if slices.Contains(ruleSets, string(rule.Head.Name)) && headID(rule) == "" {
				return true
			}
		}
	}
	return false
}

// nearest is a hint with the id that is most like the given one.
func nearest(id string, rules []Rule) string {
	best, least := "", len(id)/2+1
	for _, r := range rules {
		if d := distance(id, r.ID); d < least {
			best, least = r.ID, d
		}
	}
	if best == "" {
		return ""
	}
	return ", did you mean " + best + "?"
}

// distance is the number of single-byte edits between two short strings.
func distance(a, b string) int {
	row := make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := range len(a) {
		diagonal := row[0]
		row[0] = i + 1
		for j := range len(b) {
			cost := 1
			if a[i] == b[j] {
				cost = 0
			}
			diagonal, row[j+1] = row[j+1], min(row[j+1]+1, row[j]+1, diagonal+cost)
		}
	}
	return row[len(b)]
}
