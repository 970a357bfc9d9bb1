package graphwarden.rules.token_test

import data.graphwarden.fixture
import data.graphwarden.rules.token

denies(id, changes) if id in fixture.ids(token.deny) with input as fixture.but(changes)

warns(id, changes) if id in fixture.ids(token.warn) with input as fixture.but(changes)

test_good_request_passes if {
	count(token.deny) == 0 with input as fixture.request
	count(token.warn) == 0 with input as fixture.request
	count(token.audit) == 0 with input as fixture.request
}

test_ungoverned_request_is_left_alone if {
	count(token.deny) == 0 with input as fixture.but({"/graph/governed": false, "/token/present": false})
}

none := {"present": false, "format": "none", "type": "unknown", "audience": null, "audience_matches": null, "odd": false, "unsigned": false, "expired": null, "many": false, "scopes": [], "roles": []}

test_missing if {
	changes := {"/token": none, "/graph/permissions/state": "missing", "/graph/permissions/documented/state": "missing"}
	fixture.ids(token.deny) == {"token.missing"} with input as fixture.but(changes)
	not denies("token.missing", {})
}

test_malformed if {
	denies("token.malformed", {"/token/odd": true, "/token/anomalies": ["several"]})
	not denies("token.malformed", {"/token/odd": false, "/token/anomalies": ["unsigned"]})
	not denies("token.malformed", {"/token/odd": true, "/token/present": false})
}

test_malformed_names_the_anomaly if {
	some finding in token.deny with input as fixture.but({"/token/odd": true, "/token/anomalies": ["several"]})
	contains(finding.msg, "several")
}

test_opaque if {
	denies("token.opaque", {"/token/format": "opaque"})
	not denies("token.opaque", {"/token/format": "jwt"})
	not denies("token.opaque", {"/token/format": "opaque", "/token/odd": true})
	not denies("token.opaque", {"/token/format": "opaque", "/token/present": false})
}

test_personal if {
	denies("token.personal", {"/token/type": "personal"})
	not denies("token.personal", {"/token/type": "delegated"})
}

test_kind if {
	denies("token.kind", {"/token/type": "unknown"})
	not denies("token.kind", {"/token/type": "application"})
	not denies("token.kind", {"/token/type": "unknown", "/token/format": "opaque"})
	not denies("token.kind", {"/token/type": "unknown", "/token/present": false})
}

test_audience if {
	denies("token.audience", {"/token/audience_matches": false})
	not denies("token.audience", {"/token/audience_matches": null})
	denies("token.audience_missing", {"/token/audience": null, "/token/audience_matches": null})
	not denies("token.audience_missing", {"/token/audience": null, "/token/format": "opaque"})
	not denies("token.audience_missing", {})
}

test_expired if {
	denies("token.expired", {"/token/expired": true})
	not denies("token.expired", {"/token/expired": false})
	not denies("token.expired", {"/token/expired": null})
}

test_unsigned if {
	denies("token.unsigned", {"/token/unsigned": true})
	denies("token.unsigned", {"/token/unsigned": true, "/mode": "record"})
	not denies("token.unsigned", {"/token/unsigned": true, "/mode": "replay"})
	not denies("token.unsigned", {})
}

test_tenant_segment if {
	denies("token.tenant_segment", {"/graph/tenant_segment": "contoso.example", "/graph/tenant_matches": false})
	not denies("token.tenant_segment", {"/graph/tenant_segment": fixture.tenant, "/graph/tenant_matches": true})
}

app_only := {
	"/token/type": "application", "/token/scopes": [], "/token/roles": [fixture.scope],
	"/graph/permissions/state": "granted", "/graph/permissions/documented/state": "refused", "/graph/permissions/documented/held": [],
}

test_app_only_is_denied_by_the_page if {
	fixture.ids(token.deny) == {"token.app_only"} with input as fixture.but(app_only)
	some finding in token.deny with input as fixture.but(app_only)
	contains(finding.fix, `set permissions["/deviceManagement/embeddedSIMActivationCodePools/{poolId}/assignments/{assignmentId}"] to "current"`)
}

test_app_only_passes_where_data_says_current if {
	count(token.deny) == 0 with input as fixture.but(app_only)
		with data.permissions as {fixture.request.graph.route: "current"}
}

test_app_only_passes_where_the_page_is_not_known if {
	count(token.deny) == 0 with input as fixture.but(object.union(app_only, {"/graph/permissions/documented/known": false}))
}

test_app_only_without_a_way_out if {
	changes := object.union(app_only, {"/graph/permissions/application": [], "/graph/permissions/state": "refused"})
	some finding in token.deny with input as fixture.but(changes)
	finding.fix == "Use a delegated token"
}

test_delegated if {
	refused := {"/graph/permissions/documented/state": "refused", "/graph/permissions/documented/delegated_work": []}
	fixture.ids(token.deny) == {"token.delegated"} with input as fixture.but(refused)
	not denies("token.delegated", {})
	not denies("token.delegated", object.union(refused, {"/token/type": "personal"}))
}

lacking := {
	"/token/scopes": ["User.Read"], "/graph/permissions/held": [], "/graph/permissions/state": "missing",
	"/graph/permissions/documented/held": [], "/graph/permissions/documented/state": "missing",
}

test_scope_missing if {
	denies("scope.missing", lacking)
	not denies("scope.missing", {"/token/scopes": ["User.Read", fixture.scope]})
	not denies("scope.missing", object.union(lacking, {"/graph/governed": false}))
	some finding in token.deny with input as fixture.but(lacking)
	finding.msg == "the token lacks DeviceManagementConfiguration.ReadWrite.All"
	contains(finding.fix, fixture.scope)
}

test_role_missing if {
	changes := object.union(app_only, {"/token/roles": [], "/graph/permissions/profile": "current", "/graph/permissions/state": "missing"})
	denies("role.missing", changes)
	not denies("role.missing", object.union(changes, {"/graph/permissions/state": "granted"}))
	not denies("role.missing", object.union(changes, {"/token/type": "delegated"}))
}

test_unlisted if {
	unlisted := {"/graph/permissions/known": false, "/graph/permissions/state": "unknown"}
	fixture.ids(token.audit) == {"permission.unlisted"} with input as fixture.but(unlisted)
	count(token.audit) == 0 with input as fixture.but(object.union(unlisted, {"/graph/kind": "indirect_assignment"}))
}

test_read_only if {
	reads := {
		"/graph/permissions/read_only": true, "/graph/permissions/profile": "current",
		"/graph/permissions/held": ["DeviceManagementConfiguration.Read.All"],
	}
	warns("scope.read_only", reads)
	not warns("scope.read_only", object.union(reads, {"/graph/permissions/held": ["DeviceManagementConfiguration.Read.All", fixture.scope]}))
	not warns("scope.read_only", object.union(reads, {"/graph/permissions/held": []}))
	not warns("scope.read_only", object.union(reads, {"/token/present": false}))
	not warns("scope.read_only", object.union(reads, {"/graph/permissions/read_only": false}))
}

test_excess if {
	more := {"/token/many": true, "/token/scopes": [fixture.scope, "Directory.ReadWrite.All"]}
	warns("scope.excess", more)
	warns("scope.excess", {"/token/many": true, "/token/scopes": [], "/token/roles": ["Directory.ReadWrite.All"]})
	not warns("scope.excess", {"/token/many": true, "/token/scopes": [fixture.scope, "User.Read"]})
	not warns("scope.excess", object.union(more, {"/token/many": false}))
	not warns("scope.excess", object.union(more, {"/graph/permissions/documented/held": [fixture.scope, "Directory.ReadWrite.All"]}))
}
