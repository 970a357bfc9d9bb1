# What the library's tests judge: the request of the reference page, with a group for a target, and ways to change it.
package graphwarden.fixture

# A request that no rule has anything to say about.
request := {
	"schema": "graphwarden.input/v1",
	"id": "a1b2c3d4-0000-4000-8000-000000000001",
	"mode": "live",
	"time": {"ns": 1789992000000000000, "rfc3339": "2026-09-21T12:00:00Z"},
	"request": {
		"method": "PATCH", "scheme": "https", "host": "graph.microsoft.com", "port": 443,
		"path": "/beta/deviceManagement/embeddedSIMActivationCodePools/p1/assignments/a1",
		"raw_target": "/beta/deviceManagement/embeddedSIMActivationCodePools/p1/assignments/a1",
		"query": {}, "headers": {"accept": ["application/json"], "content-type": ["application/json"]},
		"body": {"target": {"@odata.type": "#microsoft.graph.groupAssignmentTarget", "groupId": group}},
		"body_state": "json", "body_bytes": 97, "body_sha256": null,
		"client_request_id": "a1b2c3d4-0000-4000-8000-000000000002", "traceable": true,
		"override": false, "accepts_json": true, "content_json": true,
	},
	"graph": {
		"cloud": "global", "version": "beta", "tenant_segment": null, "tenant_matches": null, "family": "intune",
		"resource": "embeddedSIMActivationCodePoolAssignment",
		"route": "/deviceManagement/embeddedSIMActivationCodePools/{poolId}/assignments/{assignmentId}",
		"ids": {"poolId": "p1", "assignmentId": "a1"}, "casts": [],
		"kind": "assignment", "governed": true, "operation": "update", "effect": "modify", "embedded": false,
		"permissions": {
			"profile": "documented", "read_only": false, "known": true, "delegated_work": [scope],
			"delegated_personal": [], "application": [scope], "held": [scope], "state": "granted",
			"documented": {
				"known": true, "delegated_work": [scope], "delegated_personal": [], "application": [],
				"held": [scope], "state": "granted",
			},
		},
		"body": {
			"object": true, "id": null, "id_matches": null, "has_target": true, "needs_target": false, "entries": null,
			"unknown": [], "has_unknown": false,
		},
		"targets": [target({})],
		"has": {
			"abstract": false, "unknown": false, "broad": false, "group": true, "filter": false, "bad_filter": false,
			"unexpected": false, "missing": false, "intent": false, "many": false,
		},
		"current": null, "diff": null,
	},
	"token": {
		"present": true, "format": "jwt", "verified": false, "type": "delegated", "tenant": tenant, "app": app,
		"object": null, "audience": "https://graph.microsoft.com", "audience_matches": true, "scopes": [scope],
		"roles": [], "many": false, "issued": 1789991940, "expires": 1789995600, "expired": false, "unsigned": false,
		"odd": false, "anomalies": [],
	},
	"connection": {"connect_host": "graph.microsoft.com", "connect_port": 443, "sni": "graph.microsoft.com", "client": null},
	"batch": {"id": null, "index": 0, "size": 0, "depends_on": [], "writes": 0, "resources": 0, "targets": 0},
	"run": {"name": null, "totals": {"writes": 0, "targets": 0}},
}

scope := "DeviceManagementConfiguration.ReadWrite.All"

group := "00000000-0000-4000-8000-000000000007"

tenant := "11111111-1111-4111-8111-111111111111"

app := "22222222-2222-4222-8222-222222222222"

# The request with other values at some places, JSON pointer -> value.
but(changes) := json.patch(request, [{"op": "add", "path": path, "value": value} | some path, value in changes])

# A group target with other properties.
target(changes) := object.union(
	{
		"type": "group", "odata_type": "#microsoft.graph.groupAssignmentTarget", "id": group,
		"filter": {"id": null, "mode": "none"}, "intent": null, "pointer": "/target", "properties": ["groupId"],
		"unexpected": [], "missing": [],
	},
	changes,
)

# The ids of a set of findings.
ids(findings) := {finding.id | some finding in findings}
