package standin

import (
	"strconv"
	"strings"

	"github.com/graphwarden/graphwarden/internal/graph"
)

// catalogue is every catalogued write with the status it answers. Scopes are those that Graph accepts today: the stricter
// rules of old pages are the proxy's to enforce.
func catalogue() []row {
	routes := graph.Routes()
	rows := make([]row, len(routes))
	for i, r := range routes {
		// An action which the table, for want of a page, lists as a create.
		if strings.HasSuffix(strings.ToLower(r.Template), "reprocessassignments") {
			r.Kind = "action"
		}
		rows[i] = row{
			version: r.Version, method: r.Method, template: r.Template,
			family: r.Family, kind: r.Kind, resource: r.Resource,
			status: documentedStatus(r), response: r.ResponseType,
			delegated: r.Permissions.DelegatedWork, application: r.Permissions.Application, known: r.Permissions.Known,
		}
	}
	return rows
}

// documentedStatus is the status on the route's page; where no page gives one, what pages of that kind give.
func documentedStatus(r graph.Route) int {
	number, _, _ := strings.Cut(r.DocsStatus, " ")
	if status, err := strconv.Atoi(number); err == nil {
		return status
	}
	switch {
	case r.Kind == "create":
		return 201
	case r.Kind == "update", r.ResponseType != "" && r.Kind != "delete" && r.Kind != "ref":
		return 200
	}
	return 204
}
