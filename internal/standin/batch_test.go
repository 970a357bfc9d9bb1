package standin_test

import (
	"encoding/base64"
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/graphwarden/graphwarden/internal/standin"
)

func batch(parts ...string) request {
	return request{"POST", "/beta/$batch", `{"requests":[` + strings.Join(parts, ",") + `]}`, nil}
}

// part is one request of a batch; extra is further JSON, with its leading comma.
func part(id, method, url, body, extra string) string {
	s := fmt.Sprintf(`{"id":%q,"method":%q,"url":%q`, id, method, url)
	if body != "" {
		s += `,"headers":{"content-type":"application/json"},"body":` + body
	}
	return s + extra + "}"
}

func TestBatch(t *testing.T) {
	t.Parallel()
	url := strings.TrimPrefix(assignmentPath, "/beta")
	patch := part("1", "PATCH", url, pageBody, "")
	tests := []struct {
		name string
		req  request
		want map[string]float64 // status by id
	}{
		{"one", batch(patch), map[string]float64{"1": 200}},
		{"no leading slash", batch(part("1", "PATCH", url[1:], pageBody, "")), map[string]float64{"1": 200}},
		{"read and write", batch(patch, part("2", "GET", url, "", "")), map[string]float64{"1": 200, "2": 200}},
		{"in order of need", batch(part("1", "GET", url, "", `,"dependsOn":["2"]`), part("2", "DELETE", url, "", "")), map[string]float64{"1": 404, "2": 204}},
		{"dependents of a failure", batch(part("1", "PATCH", url, `{"target":{"@odata.type":"#x"}}`, ""), part("2", "GET", url, "", `,"dependsOn":["1"]`), part("3", "GET", url, "", `,"dependsOn":["2"]`)), map[string]float64{"1": 400, "2": 424, "3": 424}},
		{"dependents of a success", batch(patch, part("2", "GET", url, "", `,"dependsOn":["1"]`)), map[string]float64{"1": 200, "2": 200}},
		{"nested", batch(part("1", "POST", "/$batch", `{"requests":[]}`, "")), map[string]float64{"1": 400}},
		{"version in the url", batch(part("1", "PATCH", assignmentPath, pageBody, "")), map[string]float64{"1": 400}},
		{"absolute url", batch(part("1", "PATCH", "https://graph.microsoft.com"+assignmentPath, pageBody, "")), map[string]float64{"1": 400}},
		{"url in the query", batch(part("1", "GET", url+"?x=https://example.com", "", "")), map[string]float64{"1": 200}},
		{"tenant before $batch", request{"POST", "/beta/myorganization/%24batch", batch(patch).body, nil}, map[string]float64{"1": 200}},
		{"body as Base64", batch(part("1", "PATCH", url, `"`+base64.RawURLEncoding.EncodeToString([]byte(pageBody))+`"`, "")), map[string]float64{"1": 200}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			status, v := do(t, newGraph(standin.Options{}), tt.req)
			got := map[string]float64{}
			responses, _ := at(v, "responses").([]any)
			for _, r := range responses {
				got[at(r, "id").(string)] = at(r, "status").(float64)
			}
			if diff := cmp.Diff(tt.want, got); diff != "" || status != 200 {
				t.Errorf("%d (-want +got):\n%s", status, diff)
			}
		})
	}
}

func TestBatchRefusedAsAWhole(t *testing.T) {
	t.Parallel()
	url := strings.TrimPrefix(assignmentPath, "/beta")
	ok := part("1", "DELETE", url, "", "")
	var many []string
	for i := range 21 {
		many = append(many, part(fmt.Sprint(i), "GET", "/me", "", ""))
	}
	tests := []struct {
		name   string
		req    request
		status int
	}{
		{"duplicate id", batch(ok, part("1", "GET", url, "", "")), 400},
		{"id that differs in case", batch(part("a", "DELETE", url, "", ""), part("A", "GET", url, "", "")), 400},
		{"no id", batch(part("", "GET", url, "", "")), 400},
		{"no url", batch(part("1", "GET", "", "", "")), 400},
		{"no content type", batch(`{"id":"1","method":"PATCH","url":"` + url + `","body":{}}`), 400},
		{"unknown dependency", batch(part("1", "GET", url, "", `,"dependsOn":["9"]`)), 400},
		{"circle", batch(part("1", "GET", url, "", `,"dependsOn":["2"]`), part("2", "GET", url, "", `,"dependsOn":["1"]`)), 400},
		{"empty", batch(), 400},
		{"21 parts", batch(many...), 400},
		{"20 parts", batch(many[:20]...), 200},
		{"no JSON", request{"POST", "/beta/$batch", `{`, nil}, 400},
		{"get", request{"GET", "/beta/$batch", "", nil}, 405},
		{"no token", request{"POST", "/beta/$batch", `{"requests":[` + ok + `]}`, head("Authorization", "")}, 401},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			h := newGraph(standin.Options{})
			if status, v := do(t, h, tt.req); status != tt.status {
				t.Errorf("got %d %v, want %d", status, v, tt.status)
			}
			if status, _ := do(t, h, request{"GET", assignmentPath, "", nil}); status != 200 {
				t.Error("a part of a refused batch was applied")
			}
		})
	}
}

func TestBatchShape(t *testing.T) {
	t.Parallel()
	url := strings.TrimPrefix(assignmentPath, "/beta")
	req := batch(part("p", "PATCH", url, pageBody, ""), part("d", "DELETE", url, "", ""), part("x", "GET", "/nothing", "", ""))
	req.header = head("client-request-id", "8d1f6a2e-0000-4000-8000-000000000001")
	golden(t, "batch", req.send(t, newGraph(standin.Options{})))
}

func TestBatchPartsAreThrottledOneByOne(t *testing.T) {
	t.Parallel()
	var parts []string
	for i := range 4 {
		parts = append(parts, part(fmt.Sprint(i), "GET", "/me", "", ""))
	}
	resp := batch(parts...).send(t, newGraph(standin.Options{ThrottleEvery: 2}))
	var v struct {
		Responses []struct {
			Status  int
			Headers map[string]string
		}
	}
	if err := json.Unmarshal([]byte(read(t, resp)), &v); err != nil {
		t.Fatal(err)
	}
	var got []int
	for _, r := range v.Responses {
		got = append(got, r.Status)
		if r.Status == 429 && r.Headers["Retry-After"] != "1" {
			t.Errorf("a throttled part says Retry-After %q", r.Headers["Retry-After"])
		}
	}
	if diff := cmp.Diff([]int{200, 429, 200, 429}, got); diff != "" || resp.StatusCode != 200 {
		t.Errorf("%d (-want +got):\n%s", resp.StatusCode, diff)
	}
}
