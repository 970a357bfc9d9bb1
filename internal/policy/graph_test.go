package policy_test

import (
	"encoding/base64"
	"net/http"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/graphwarden/graphwarden/internal/graph"
	"github.com/graphwarden/graphwarden/internal/policy"
)

// The judge on requests as they are really read: the page's own sample, and the same with one thing changed.
func TestJudgeWhatGraphReads(t *testing.T) {
	t.Parallel()
	engine := load(t, policy.Options{})
	const url = "https://graph.microsoft.com/beta/deviceManagement/embeddedSIMActivationCodePools/p1/assignments/a1"
	const page = `{"target":{"@odata.type":"microsoft.graph.deviceAndAppManagementAssignmentTarget"}}`
	delegated := `{"aud":"https://graph.microsoft.com","scp":"` + scope + `","tid":"` + tenant + `","appid":"` + tenant + `","exp":4102444800}`
	appOnly := `{"aud":"https://graph.microsoft.com","idtyp":"app","roles":["` + scope + `"],"tid":"` + tenant + `","appid":"` + tenant + `","exp":4102444800}`
	for _, test := range []struct{ name, method, url, claims, body, want string }{
		{"the page's sample", "PATCH", url, delegated, page, "warn target.abstract"},
		{"a group", "PATCH", url, delegated, `{"target":{"@odata.type":"#microsoft.graph.groupAssignmentTarget","groupId":"` + group + `"}}`, ""},
		{"no token", "PATCH", url, "", page, "deny token.missing,warn target.abstract"},
		{"app-only", "PATCH", url, appOnly, page, "deny token.app_only,warn target.abstract"},
		{"no scope", "PATCH", url, strings.Replace(delegated, scope, "User.Read", 1), page, "deny scope.missing,warn target.abstract"},
		{"unknown type", "PATCH", url, delegated, `{"target":{"@odata.type":"microsoft.graph.noSuchTarget"}}`, "deny target.unknown"},
		{"unknown property", "PATCH", url, delegated, `{"target":{"@odata.type":"microsoft.graph.allDevicesAssignmentTarget"},"x":1}`, "deny body.unknown_property,warn target.broad_unfiltered"},
		{"group without id", "PATCH", url, delegated, `{"target":{"@odata.type":"microsoft.graph.groupAssignmentTarget"}}`, "deny target.incomplete"},
		{"empty set", "POST", strings.TrimSuffix(url, "assignments/a1") + "assign", delegated, `{"assignments":[]}`, "deny assign.empty"},
		{"create without target", "POST", strings.TrimSuffix(url, "/a1"), delegated, `{}`, "deny body.target_missing"},
		{"unknown route", "PATCH", "https://graph.microsoft.com/beta/deviceManagement/noSuchThings/p1/assignments/a1", delegated, page, "deny route.unknown,warn target.abstract"},
		{"read", "GET", url, "", "", ""},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			r, err := http.NewRequestWithContext(t.Context(), test.method, test.url, strings.NewReader(test.body))
			if err != nil {
				t.Fatal(err)
			}
			r.RequestURI = test.url
			r.Header.Set("Client-Request-Id", tenant)
			if test.body != "" {
				r.Header.Set("Content-Type", "application/json")
			}
			if test.claims != "" {
				part := base64.RawURLEncoding.EncodeToString
				r.Header.Set("Authorization", "Bearer "+part([]byte(`{"alg":"RS256","typ":"JWT"}`))+"."+part([]byte(test.claims))+"."+part([]byte("sig")))
			}
			request, err := graph.Read(r, graph.Connection{}, graph.ReadOptions{})
			if err != nil {
				t.Fatal(err)
			}
			v := engine.Judge(t.Context(), request, policy.Context{})
			if diff := cmp.Diff(test.want, strings.Join(ids(v), ",")); diff != "" || v.Err != nil {
				t.Error(diff, v.Err)
			}
		})
	}
}
