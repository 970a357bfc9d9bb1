package standin

import "strings"

// reported are the assignment writes that users have seen Intune's router refuse although their pages promise success, by
// the collection the assignments hang on.
var reported = map[string][]string{
	"roledefinitions":                {"PATCH"},
	"devicecompliancepolicies":       {"POST", "DELETE"},
	"deviceenrollmentconfigurations": {"POST", "DELETE"},
	"mobileappconfigurations":        {"POST"},
	"devicecompliancescripts":        {"POST"},
}

// seen are the collections whose assignments answer as the service is seen to.
type seen map[string][]string

func newSeen(names []string) seen {
	s := make(seen, len(names))
	for _, name := range names {
		name = strings.ToLower(name)
		if name == "all" || name == "intune" {
			for collection, methods := range reported {
				s[collection] = append(s[collection], methods...)
			}
			continue
		}
		s[name] = []string{"POST", "PATCH", "PUT", "DELETE"}
	}
	return s
}

// refuses tells whether a write to assignments is one the service lacks. assign is never among them: it works everywhere.
func (s seen) refuses(method string, p place) bool {
	if len(s) == 0 || method == "GET" || p.node.action {
		return false
	}
	steps := p.steps
	if p.item() {
		steps = steps[:len(steps)-1]
	}
	if len(steps) < 3 || !strings.HasSuffix(strings.ToLower(steps[len(steps)-1].node.name), "assignments") {
		return false
	}
	for _, m := range s[strings.ToLower(steps[len(steps)-3].node.name)] {
		if m == method {
			return true
		}
	}
	return false
}

// covers tells whether a place lies in one of the collections.
func (s seen) covers(p place) bool {
	if len(s) == 0 {
		return false
	}
	for _, step := range p.steps {
		if step.node.name != "{id}" && s[strings.ToLower(step.node.name)] != nil {
			return true
		}
	}
	return false
}
