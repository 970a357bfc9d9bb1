package policy

import (
	"bytes"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/open-policy-agent/opa/v1/ast"

	"github.com/graphwarden/graphwarden/policies"
)

// collector is the module in which the library gathers the findings of all packages.
const collector = "policies/verdict.rego"

// specialise makes the modules that judge out of those that were read: without the rules that are off, and with a
// collector that names the sets there are instead of searching for them. What can never be heard costs nothing; the
// verdict is the same, which a test shows for every rule.
func (s *sources) specialise() (map[string]*ast.Module, error) {
	settings, _ := s.data["rules"].(map[string]any)
	modules := make(map[string]*ast.Module, len(s.modules)+1)
	sets := map[ruleSet][]*ast.Rule{}
	bare := !s.asksForMetadata()
	for name, module := range s.modules {
		kept := lean(module, bare)
		kept.Rules = slices.DeleteFunc(kept.Rules, func(rule *ast.Rule) bool {
			id := headID(rule)
			return id != "" && setting(settings, id, "level") == LevelOff
		})
		modules[name] = kept
		area, ok := strings.CutPrefix(module.Package.Path.String(), rulePrefix)
		if !ok {
			continue
		}
		for _, rule := range kept.Rules {
			if set := string(rule.Head.Name); slices.Contains(ruleSets, set) {
				key := ruleSet{area: area, name: set}
				sets[key] = append(sets[key], rule)
			}
		}
	}
	own, err := policies.Library.ReadFile("verdict.rego")
	if err != nil || !s.unchanged(collector, own) {
		return modules, nil // a library of the user's, which gathers as it likes
	}
	direct, err := ast.ParseModuleWithOpts("policies/verdict.generated.rego", collect(sets), ast.ParserOptions{RegoVersion: ast.RegoV1})
	if err != nil {
		return nil, fmt.Errorf("generate the collector: %w", err)
	}
	gathering := modules[collector]
	gathering.Rules = slices.DeleteFunc(gathering.Rules, func(rule *ast.Rule) bool {
		return rule.Head.Name == "violations"
	})
	modules[direct.Package.Location.File] = direct
	return modules, nil
}

// lean is a module to compile, with rules that it shares with the one that was read: the compiler copies what it gets. A bare
// one is without what the METADATA says, which Rules tells.
func lean(module *ast.Module, bare bool) *ast.Module {
	kept := *module
	kept.Rules = slices.Clone(module.Rules)
	if !bare {
		return &kept
	}
	kept.Annotations, kept.Comments = nil, nil
	for i, rule := range kept.Rules {
		plain := *rule
		plain.Annotations = nil
		kept.Rules[i] = &plain
	}
	return &kept
}

// asksForMetadata reports whether a rule may read what the METADATA says.
func (s *sources) asksForMetadata() bool {
	return slices.ContainsFunc(s.files, func(f file) bool { return bytes.Contains(f.content, []byte("rego.metadata")) })
}

// ruleSet is one of the sets deny, warn and audit of one package.
type ruleSet struct{ area, name string }

// collect writes the rules that gather the given sets.
func collect(sets map[ruleSet][]*ast.Rule) string {
	var b strings.Builder
	b.WriteString("package graphwarden\n\nimport data.graphwarden.lib\n")
	if len(sets) == 0 {
		b.WriteString("\nviolations contains v if some v in []\n")
	}
	keys := slices.SortedFunc(maps.Keys(sets), func(a, b ruleSet) int {
		return strings.Compare(a.area+"."+a.name, b.area+"."+b.name)
	})
	for _, key := range keys {
		for _, gates := range gateLists(sets[key]) {
			fmt.Fprintf(&b, "\nviolations contains judged(finding, %[1]q, %[2]q) if {\n%[3]s"+
				"\tsome finding in data.graphwarden.rules[%[1]q].%[2]s\n\tlib.level(finding, %[2]q) != \"off\"\n}\n",
				strings.Trim(key.area, `["]`), key.name, gates)
		}
	}
	return b.String()
}

// gateLists are the conditions of the form input.x == constant of each rule of a set, written out and each list once. A
// finding of the set comes from a rule all of whose conditions hold, so where none of the lists holds the set is empty
// and need not be looked at: one look-up in OPA's index over all lists tells which sets to evaluate. A rule without such
// a condition means that the set must always be evaluated.
func gateLists(rules []*ast.Rule) []string {
	var lists []string
	for _, rule := range rules {
		var gates strings.Builder
		for _, e := range rule.Body {
			if isGate(e) {
				gates.WriteString("\t" + e.Operand(0).String() + " == " + e.Operand(1).String() + "\n")
			}
		}
		if gates.Len() == 0 || rule.Else != nil {
			return []string{""}
		}
		if !slices.Contains(lists, gates.String()) {
			lists = append(lists, gates.String())
		}
	}
	return lists
}

func isGate(e *ast.Expr) bool {
	if e.Negated || len(e.With) > 0 || !e.IsEquality() && (!e.IsCall() || e.Operator().String() != "equal") {
		return false
	}
	ref, ok := e.Operand(0).Value.(ast.Ref)
	return ok && ref.IsGround() && ref.HasPrefix(ast.InputRootRef) && ast.IsScalar(e.Operand(1).Value)
}

// unchanged reports whether a module is the file that the binary holds.
func (s *sources) unchanged(name string, content []byte) bool {
	return slices.ContainsFunc(s.files, func(f file) bool {
		return f.name == name && !f.user && string(f.content) == string(content)
	})
}
