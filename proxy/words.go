package proxy

import (
	"strings"

	"github.com/graphwarden/graphwarden/internal/graph"
)

// Object names what a request is about by the ids in its path, the innermost first: "assignment-1 of pool-1". It is
// empty where no catalogued route fits or the route has no ids.
func (e Exchange) Object() string {
	if e.request == nil || e.request.Operation.Route == "" {
		return ""
	}
	var words []string
	for segment := range strings.SplitSeq(e.request.Operation.Route, "/") {
		name := strings.TrimSuffix(strings.TrimPrefix(segment, "{"), "}")
		if id := e.request.Operation.IDs[name]; id != "" && name != segment {
			words = append(words, id)
		}
	}
	var b strings.Builder
	for i := len(words) - 1; i >= 0; i-- {
		b.WriteString(words[i])
		if i > 0 {
			b.WriteString(" of ")
		}
	}
	return b.String()
}

// describe says in words whom a change assigns to: "group 6f1c…, include filter 9a2e…".
func describe(targets []graph.Target) []string {
	if len(targets) == 0 {
		return nil
	}
	out := make([]string, 0, len(targets))
	for i := range targets {
		t := &targets[i]
		words := []string{strings.ReplaceAll(t.Type, "_", " ")}
		if t.ID != "" {
			words = append(words, t.ID)
		}
		text := strings.Join(words, " ")
		switch {
		case t.FilterID != "":
			text += ", " + t.FilterMode + " filter " + t.FilterID
		case clearsFilter(t):
			text += ", filter removed"
		}
		if t.Intent != "" {
			text += ", intent " + t.Intent
		}
		out = append(out, text)
	}
	return out
}

// clearsFilter tells a target that says it has no filter from one that says nothing of filters.
func clearsFilter(t *graph.Target) bool {
	for _, p := range t.Properties {
		if p == "deviceAndAppManagementAssignmentFilterId" || p == "deviceAndAppManagementAssignmentFilterType" {
			return true
		}
	}
	return false
}
