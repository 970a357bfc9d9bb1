package policy

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/open-policy-agent/opa/v1/ast"
)

// Rule is one rule of a generation: what its annotations say and what the data makes of it.
type Rule struct {
	ID          string `json:"id"`
	Title       string `json:"title,omitempty"`
	Description string `json:"description,omitempty"`
	// Level is the level in force, Default the one without the user's data.
	Level   string `json:"level"`
	Default string `json:"default"`
	// SetBy is the data file that set the level or a parameter last; empty when all is at its default.
	SetBy      string      `json:"set_by,omitempty"`
	Parameters []Parameter `json:"parameters,omitempty"`
	Package    string      `json:"package"`
	// Location is file:line of the rule.
	Location string `json:"location"`
}

// Parameter is one value in data that tunes a rule.
type Parameter struct {
	Name        string `json:"name"`
	Type        string `json:"type,omitempty"`
	Description string `json:"description,omitempty"`
	Value       any    `json:"value"`
}

// ruleSets are the names of the sets a rule may belong to, which are also its default level.
var ruleSets = []string{LevelDeny, LevelWarn, LevelAudit}

// rulePrefix is the package whose direct children hold rules.
const rulePrefix = "data.graphwarden.rules."

// settle checks that every rule is where it will be heard, merges the user's data with the defaults, and lists the rules.
func (s *sources) settle() ([]Rule, error) {
	if err := s.checkPlaces().orNil(); err != nil {
		return nil, err
	}
	s.mergeDefaults()
	rules, faults := s.list()
	faults = append(faults, s.checkData(rules)...)
	return rules, faults.orNil()
}

// checkPlaces refuses what would silently never be heard, or would change the library from outside.
func (s *sources) checkPlaces() Faults {
	var faults Faults
	own := map[string]bool{}
	for name, module := range s.modules {
		if !s.user[name] {
			own[module.Package.Path.String()] = true
		}
	}
	for name, module := range s.modules {
		pkg := module.Package.Path.String()
		if s.user[name] && (own[pkg] || len(own) > 0 && reserved(pkg)) {
			faults = append(faults, faultAt(module.Package.Location,
				"package %s belongs to the library; choose a name of your own below graphwarden.rules", strings.TrimPrefix(pkg, "data.")))
			continue
		}
		area, inside := strings.CutPrefix(pkg, rulePrefix)
		inside = inside && !strings.Contains(area, ".")
		for _, rule := range module.Rules {
			if f := checkName(rule, pkg, inside); f != "" {
				faults = append(faults, faultAt(rule.Location, "%s", f))
			}
		}
	}
	return faults
}

// reserved reports whether a package may not be the user's: graphwarden and all below it but rules.
func reserved(pkg string) bool {
	return pkg == "data.graphwarden" || strings.HasPrefix(pkg, "data.graphwarden.") && !strings.HasPrefix(pkg, rulePrefix)
}

func checkName(rule *ast.Rule, pkg string, inside bool) string {
	name := string(rule.Head.Name)
	if name == "" && len(rule.Head.Reference) > 0 {
		name = rule.Head.Reference[0].Value.String()
		name = strings.Trim(name, `"`)
	}
	stem, _, _ := strings.Cut(name, "_")
	if !slices.Contains(ruleSets, stem) && stem != "violation" {
		return ""
	}
	switch {
	case name != stem || stem == "violation":
		return fmt.Sprintf("%s is never heard: rules are the sets deny, warn and audit, and no other name may look like one", name)
	case !inside:
		return fmt.Sprintf("%s is never heard in package %s: put it into graphwarden.rules.<name>", name, strings.TrimPrefix(pkg, "data."))
	case rule.Head.RuleKind() != ast.MultiValue || len(rule.Head.Args) > 0 || len(rule.Head.Reference) > 1:
		return fmt.Sprintf("%s must be a set: %s contains {\"id\": …, \"msg\": …} if { … }", name, name)
	}
	return ""
}

// mergeDefaults lays the user's settings over the library's, so that a rule finds its setting in one look-up.
func (s *sources) mergeDefaults() {
	own, _ := s.data["graphwarden"].(map[string]any)
	defaults, _ := own["defaults"].(map[string]any)
	merged := clone(defaults)
	overlay(merged, s.data)
	maps.Copy(s.data, merged)
	rules, ok := s.data["rules"].(map[string]any)
	if !ok {
		s.data["rules"] = map[string]any{}
	}
	for _, rule := range rules {
		if fields, ok := rule.(map[string]any); ok && fields["level"] == false {
			fields["level"] = LevelOff // off without quotes is false in YAML
		}
	}
}

func clone(m map[string]any) map[string]any {
	c := make(map[string]any, len(m))
	for key, value := range m {
		if inner, ok := value.(map[string]any); ok {
			value = clone(inner)
		}
		c[key] = value
	}
	return c
}

// list finds the rules whose id is written in their head.
func (s *sources) list() ([]Rule, Faults) {
	byID := map[string]*Rule{}
	settings, _ := s.data["rules"].(map[string]any)
	for _, name := range slices.Sorted(maps.Keys(s.modules)) {
		module := s.modules[name]
		for _, rule := range module.Rules {
			id := headID(rule)
			if id == "" {
				continue
			}
			r := byID[id]
			if r == nil {
				r = &Rule{ID: id, Default: string(rule.Head.Name), Level: string(rule.Head.Name), SetBy: s.setBy[id],
					Package:  strings.TrimPrefix(module.Package.Path.String(), "data."),
					Location: fmt.Sprintf("%s:%d", rule.Location.File, rule.Location.Row)}
				byID[id] = r
			}
			r.annotate(rule.Annotations)
		}
	}
	defaults := defaultRules(s.data)
	var faults Faults
	rules := make([]Rule, 0, len(byID))
	for _, id := range slices.Sorted(maps.Keys(byID)) {
		r := byID[id]
		if level, ok := setting(defaults, id, "level").(string); ok {
			r.Default = level
		}
		r.Level = r.Default
		if level := setting(settings, id, "level"); level != nil {
			r.Level = text(level)
			if !slices.Contains([]string{LevelDeny, LevelWarn, LevelAudit, LevelOff}, r.Level) {
				faults = append(faults, Fault{File: s.setBy[id], Message: fmt.Sprintf("rules[%q].level is %v; it must be deny, warn, audit or off", id, level)})
			}
		}
		for i := range r.Parameters {
			r.Parameters[i].Value = setting(settings, id, r.Parameters[i].Name)
		}
		rules = append(rules, *r)
	}
	return rules, faults
}

func defaultRules(data map[string]any) map[string]any {
	own, _ := data["graphwarden"].(map[string]any)
	defaults, _ := own["defaults"].(map[string]any)
	rules, _ := defaults["rules"].(map[string]any)
	return rules
}

func setting(rules map[string]any, id, name string) any {
	rule, _ := rules[id].(map[string]any)
	return rule[name]
}

// headID is the id a rule gives its findings, empty when it is not written out in the head of a rule set.
func headID(rule *ast.Rule) string {
	if !slices.Contains(ruleSets, string(rule.Head.Name)) || rule.Head.Key == nil {
		return ""
	}
	finding, ok := rule.Head.Key.Value.(ast.Object)
	if !ok {
		return ""
	}
	if id := finding.Get(ast.InternedTerm("id")); id != nil {
		if s, ok := id.Value.(ast.String); ok {
			return string(s)
		}
	}
	return ""
}

// annotate takes what the METADATA above a rule says.
func (r *Rule) annotate(annotations []*ast.Annotations) {
	for _, a := range annotations {
		if a.Title != "" {
			r.Title = a.Title
		}
		if a.Description != "" {
			r.Description = strings.TrimSpace(a.Description)
		}
		list, _ := a.Custom["parameters"].([]any)
		for _, item := range list {
			p, _ := item.(map[string]any)
			r.Parameters = append(r.Parameters, Parameter{Name: text(p["name"]), Type: text(p["type"]), Description: text(p["description"])})
		}
	}
}

func locations(rules []Rule) map[string]string {
	m := make(map[string]string, len(rules))
	for _, r := range rules {
		m[r.ID] = r.Location
	}
	return m
}
