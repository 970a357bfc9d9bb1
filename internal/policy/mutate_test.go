package policy_test

import (
	"encoding/json"
	"math/rand/v2"
	"strings"
	"time"

	"github.com/graphwarden/graphwarden/internal/graph"
	"github.com/graphwarden/graphwarden/internal/policy"
)

// mutation changes one thing about a request, or about what is known beside it.
type mutation func(*graph.Request, *policy.Context)

// body gives the request another body, as it would have been read.
func body(text string) mutation {
	return func(r *graph.Request, _ *policy.Context) {
		value, err := graph.ParseJSON([]byte(text))
		if err != nil {
			panic(err)
		}
		r.Body, r.JSON, r.BodyState = []byte(text), value, graph.BodyJSON
		r.Targets = graph.Targets(r.Path.Version, r.Operation, value)
	}
}

func header(name string, values ...string) mutation {
	return func(r *graph.Request, _ *policy.Context) {
		r.Header = r.Header.Clone()
		if r.Header[name] = values; values == nil {
			delete(r.Header, name)
		}
	}
}

func onToken(change func(*graph.Token)) mutation {
	return func(r *graph.Request, _ *policy.Context) { change(&r.Token) }
}

func onOperation(change func(*graph.Operation)) mutation {
	return func(r *graph.Request, _ *policy.Context) { change(&r.Operation) }
}

func onRequest(change func(*graph.Request)) mutation {
	return func(r *graph.Request, _ *policy.Context) { change(r) }
}

func onContext(change func(*policy.Context)) mutation {
	return func(_ *graph.Request, c *policy.Context) { change(c) }
}

func path(target string) mutation {
	return func(r *graph.Request, _ *policy.Context) {
		p, err := graph.ParsePath(target)
		if err != nil {
			panic(err)
		}
		r.Path, r.RawTarget = p, target
	}
}

const (
	readOnly = "DeviceManagementConfiguration.Read.All"
	wide     = "Directory.ReadWrite.All"
	own      = "/beta/deviceManagement/embeddedSIMActivationCodePools/p1/assignments/a1"
)

// mutations reach every leaf of the document; a test sees to that.
var mutations = []mutation{
	onRequest(func(r *graph.Request) { r.ID = "b" + r.ID[1:] }),
	onRequest(func(r *graph.Request) { r.Time = r.Time.Add(30 * time.Minute) }),
	onContext(func(c *policy.Context) { c.Time = noon.Add(2 * time.Hour) }), // past the token's end
	onContext(func(c *policy.Context) { c.Mode = "replay" }),
	onContext(func(c *policy.Context) { c.Mode = "record" }),
	onContext(func(c *policy.Context) { c.Run = "nightly" }),
	onContext(func(c *policy.Context) { c.Totals.Writes++ }),
	onContext(func(c *policy.Context) { c.Totals.Targets += 3 }),
	onContext(func(c *policy.Context) { c.Token = &graph.Token{Present: true, Format: "opaque", Type: "unknown"} }),
	onRequest(func(r *graph.Request) { r.Method = "POST" }),
	onRequest(func(r *graph.Request) { r.Method = "GET" }),
	onRequest(func(r *graph.Request) { r.Scheme = "http" }),
	onRequest(func(r *graph.Request) { r.Host = "graph.microsoft.us" }),
	onRequest(func(r *graph.Request) { r.Port = 8443 }),
	onRequest(func(r *graph.Request) { r.RawTarget += "?" }),
	path(own + "?$select=id"),
	path(strings.Replace(own, "beta", "v1.0", 1)),
	path(strings.Replace(own, "beta", "beta/"+tenant, 1)),
	path(strings.Replace(own, "beta", "beta/contoso.com", 1)),
	path("/v1.0/users/u1/microsoft.graph.user/manager"),
	onRequest(func(r *graph.Request) { r.Path = graph.Path{} }),
	onRequest(func(r *graph.Request) { r.Path.Casts = []string{"microsoft.graph.user"} }),
	header("Accept"),
	header("Accept", "text/html"),
	header("Content-Type", "text/plain"),
	header("Content-Type", "application/json", "application/json"),
	header("Client-Request-Id"),
	header("Client-Request-Id", "a1b2c3d4-0000-4000-8000-000000000003"),
	header("X-Change-Ticket", "CHG1234567"),
	header("X-Msft-Approval-Justification", "because"),
	header(policy.OverrideHeader, "code"),
	header(policy.OverrideHeader, "another code"),
	header("User-Agent", "curl/7.0.0"),
	onRequest(func(r *graph.Request) { r.BodyState, r.JSON = graph.BodyOpaque, nil }),
	onRequest(func(r *graph.Request) { r.BodyState, r.JSON, r.Body, r.Targets = "", nil, nil, nil }),
	onRequest(func(r *graph.Request) { r.Body = append([]byte(" "), r.Body...) }),
	body(`{}`),
	body(`null`),
	body(`[{}]`),
	body(`{"id":"a1","target":{"@odata.type":"#microsoft.graph.allDevicesAssignmentTarget"}}`),
	body(`{"id":"a2","target":{"@odata.type":"#microsoft.graph.allLicensedUsersAssignmentTarget"},"surplus":1,"extra":1e3}`),
	body(`{"Target":{"@odata.type":"#microsoft.graph.noSuchTarget"}}`),
	body(`{"target":{"@odata.type":"#microsoft.graph.deviceAndAppManagementAssignmentTarget"}}`),
	body(`{"target":{"@odata.type":"#microsoft.graph.groupAssignmentTarget"}}`),
	body(`{"target":{"@odata.type":"#microsoft.graph.groupAssignmentTarget","groupId":"` + tenant + `"}}`),
	body(`{"target":{"@odata.type":"#microsoft.graph.exclusionGroupAssignmentTarget","groupId":"` + group + `"}}`),
	body(`{"target":{"@odata.type":"#microsoft.graph.allDevicesAssignmentTarget","groupId":"` + group + `"}}`),
	body(`{"target":{"@odata.type":"#microsoft.graph.groupAssignmentTarget","groupId":"` + group +
		`","deviceAndAppManagementAssignmentFilterId":"` + tenant + `","deviceAndAppManagementAssignmentFilterType":"include"}}`),
	body(`{"target":{"@odata.type":"#microsoft.graph.groupAssignmentTarget","groupId":"` + group +
		`","deviceAndAppManagementAssignmentFilterId":"` + tenant + `","deviceAndAppManagementAssignmentFilterType":"exclude"}}`),
	body(`{"target":{"@odata.type":"#microsoft.graph.groupAssignmentTarget","groupId":"` + group +
		`","deviceAndAppManagementAssignmentFilterType":"include"}}`),
	onRequest(func(r *graph.Request) { r.Targets = nil }),
	onRequest(func(r *graph.Request) { r.Targets = append(r.Targets[:len(r.Targets):len(r.Targets)], r.Targets...) }),
	onRequest(func(r *graph.Request) {
		r.Targets = []graph.Target{{Type: "all_users", Intent: "required", Pointer: "/assignments/0/target"}}
	}),
	onOperation(func(o *graph.Operation) { o.Kind = graph.KindUnknownWrite }),
	onOperation(func(o *graph.Operation) { o.Kind = graph.KindIndirectAssignment }),
	onOperation(func(o *graph.Operation) { o.Kind = "" }),
	onOperation(func(o *graph.Operation) { o.Name = "create" }),
	onOperation(func(o *graph.Operation) { o.Name, o.BodyProperties = "assign", []string{"assignments", "extra"} }),
	func(r *graph.Request, c *policy.Context) {
		r.Operation.Name, r.Operation.Effect, r.Operation.BodyProperties = "assign", graph.EffectReplace, []string{"assignments"}
		body(`{"assignments":[]}`)(r, c)
	},
	func(r *graph.Request, c *policy.Context) {
		r.Operation.Name, r.Operation.Effect, r.Operation.BodyProperties = "assign", graph.EffectReplace, []string{"assignments"}
		body(`{"assignments":[{"intent":"uninstall","target":{"@odata.type":"#microsoft.graph.allDevicesAssignmentTarget"}}]}`)(r, c)
	},
	onOperation(func(o *graph.Operation) { o.Effect = graph.EffectReplace }),
	onOperation(func(o *graph.Operation) { o.Effect = "" }),
	onOperation(func(o *graph.Operation) { o.Cloud = "usgov" }),
	onOperation(func(o *graph.Operation) { o.Family = "cloudPC" }),
	onOperation(func(o *graph.Operation) { o.Resource = "another" }),
	onOperation(func(o *graph.Operation) { o.Route = "/another/{id}" }),
	onOperation(func(o *graph.Operation) { o.Route = "" }),
	onOperation(func(o *graph.Operation) { o.IDs = map[string]string{"poolId": "p2"} }),
	onOperation(func(o *graph.Operation) { o.Embedded = true }),
	onOperation(func(o *graph.Operation) { o.BodyProperties = nil }),
	onOperation(func(o *graph.Operation) { o.PermissionProfile = "" }),
	onOperation(func(o *graph.Operation) { o.Permissions = graph.Permissions{} }),
	onOperation(func(o *graph.Operation) { o.Documented = graph.Permissions{} }),
	onOperation(func(o *graph.Operation) {
		o.Permissions = graph.Permissions{Known: true, DelegatedWork: []string{readOnly}, DelegatedPersonal: []string{"User.Read"}}
	}),
	onOperation(func(o *graph.Operation) {
		o.Documented = graph.Permissions{Known: true, Application: []string{scope, readOnly}, DelegatedPersonal: []string{"User.Read"}}
	}),
	onToken(func(t *graph.Token) { *t = graph.Token{} }),
	onToken(func(t *graph.Token) { t.Type = "application" }),
	onToken(func(t *graph.Token) { t.Type = "personal" }),
	onToken(func(t *graph.Token) { t.Type = "" }),
	onToken(func(t *graph.Token) { t.Format = "opaque" }),
	onToken(func(t *graph.Token) { t.Tenant = group }),
	onToken(func(t *graph.Token) { t.App = group }),
	onToken(func(t *graph.Token) { t.Object = group }),
	onToken(func(t *graph.Token) { t.Audience = "" }),
	onToken(func(t *graph.Token) { t.Audience = "https://graph.microsoft.com/" }),
	onToken(func(t *graph.Token) { t.Audience = "https://graph.microsoft.us" }),
	onToken(func(t *graph.Token) { t.Scopes = []string{"User.Read"} }),
	onToken(func(t *graph.Token) { t.Scopes = []string{scope, wide} }),
	onToken(func(t *graph.Token) { t.Scopes = []string{readOnly} }),
	onToken(func(t *graph.Token) { t.Scopes = nil }),
	onToken(func(t *graph.Token) { t.Roles = []string{scope} }),
	onToken(func(t *graph.Token) { t.Roles = []string{wide, readOnly} }),
	onToken(func(t *graph.Token) { t.Issued = time.Time{} }),
	onToken(func(t *graph.Token) { t.Expires = noon }),
	onToken(func(t *graph.Token) { t.Expires = time.Time{} }),
	onToken(func(t *graph.Token) { t.Anomalies = []string{"unsigned"} }),
	onToken(func(t *graph.Token) { t.Anomalies = []string{"alg_none", "several"} }),
	onRequest(func(r *graph.Request) { r.Connection = graph.Connection{} }),
	onRequest(func(r *graph.Request) { r.Connection.ConnectHost = "graph.microsoft.us" }),
	onRequest(func(r *graph.Request) { r.Connection.ConnectPort = 444 }),
	onRequest(func(r *graph.Request) { r.Connection.SNI = "graph.microsoft.us" }),
	onRequest(func(r *graph.Request) { r.Connection.Client = "::1" }),
	onRequest(func(r *graph.Request) {
		r.Batch = graph.BatchPart{ID: "1", Index: 2, Size: 4, DependsOn: []string{"0"}}
	}),
	onRequest(func(r *graph.Request) {
		r.Parts = []*graph.Request{patch(), {Method: "GET"}, {Method: "POST", Operation: graph.Operation{Resource: "another"}}}
	}),
	onRequest(func(r *graph.Request) { r.JSON = map[string]any{"x": json.Number("1.0"), "y": []any{nil, false}} }),
	onRequest(func(r *graph.Request) { r.JSON = map[string]any{"x": json.Number("1"), "y": []any{false, nil}} }),
}

// mutant is the reference request with the named mutations.
func mutant(which ...int) (*graph.Request, policy.Context) {
	r, c := patch(), policy.Context{}
	for _, i := range which {
		mutations[i](r, &c)
	}
	return r, c
}

// mutants are the request as it is, with each mutation alone, and with n random handfuls of them.
func mutants(n int) [][]int {
	list := [][]int{nil}
	for i := range mutations {
		list = append(list, []int{i})
	}
	random := rand.New(rand.NewPCG(1, 2))
	for range n {
		which := make([]int, 2+random.IntN(3))
		for i := range which {
			which[i] = random.IntN(len(mutations))
		}
		list = append(list, which)
	}
	return list
}
