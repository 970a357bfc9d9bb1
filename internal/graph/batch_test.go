package graph_test

import (
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/graphwarden/graphwarden/internal/graph"
)

func readBatch(t testing.TB, body string) (*graph.Request, error) {
	t.Helper()
	r, err := http.NewRequest("POST", "https://graph.microsoft.com/beta/$batch", strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	r.Header = http.Header{"Content-Type": {"application/json"}, "Authorization": {"Bearer " + rs256(`{"scp":"A"}`)}, "X-Ticket": {"CHG1"}, "Accept": {"x"}}
	return graph.Read(r, graph.Connection{}, options)
}

func batchOf(parts ...string) string { return `{"requests":[` + strings.Join(parts, ",") + `]}` }

const (
	partGet   = `{"id":"1","method":"GET","url":"/me?$select=id"}`
	partPatch = `{"id":"2","method":"PATCH","url":"deviceManagement/embeddedSIMActivationCodePools/pool1/assignments/a1","headers":{"content-type":"application/json"},"body":{"target":{"@odata.type":"microsoft.graph.groupAssignmentTarget","groupId":"` + groupID + `"}},"dependsOn":["1"]}`
	partPost  = `{"id":"B","method":"POST","url":"/me/messages","headers":{"Content-Type":"application/json","X-Ticket":"CHG2"},"body":{"n":1.0},"dependsOn":["2"]}`
)

func TestReadBatch(t *testing.T) {
	t.Parallel()
	q, err := readBatch(t, batchOf(partGet, partPatch, strings.Replace(partPost, `["2"]`, `["2","1"]`, 1)))
	if err != nil {
		t.Fatal(err)
	}
	type part struct {
		ID, Method, Path, Host, Body, Ticket, Content, Token string
		Kind                                                 graph.Kind
		State                                                graph.BodyState
		Targets                                              int
		Batch                                                graph.BatchPart
	}
	var got []part
	for _, p := range q.Parts {
		got = append(got, part{p.ID, p.Method, p.Path.Target(), p.Host, string(p.Body), p.Header.Get("X-Ticket"), p.Header.Get("Content-Type"), p.Token.Type,
			p.Operation.Kind, p.BodyState, len(p.Targets), p.Batch})
	}
	want := []part{
		{"id-1/0", "GET", "/beta/me?$select=id", "graph.microsoft.com", "", "CHG1", "", "delegated", graph.KindOther, graph.BodyNone, 0, graph.BatchPart{ID: "1", Index: 0, Size: 3}},
		{"id-1/1", "PATCH", simPath, "graph.microsoft.com", `{"target":{"@odata.type":"microsoft.graph.groupAssignmentTarget","groupId":"` + groupID + `"}}`, "CHG1", "application/json", "delegated", graph.KindAssignment, graph.BodyJSON, 1, graph.BatchPart{ID: "2", Index: 1, Size: 3, DependsOn: []string{"1"}}},
		{"id-1/2", "POST", "/beta/me/messages", "graph.microsoft.com", `{"n":1}`, "CHG2", "application/json", "delegated", graph.KindOther, graph.BodyJSON, 0, graph.BatchPart{ID: "B", Index: 2, Size: 3, DependsOn: []string{"2", "1"}}},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
	for _, p := range q.Parts {
		if p.Header["Accept"] != nil || p.Header["Authorization"] == nil {
			t.Errorf("part %s has header %v", p.Batch.ID, p.Header)
		}
	}
}

func TestReadBatchParts(t *testing.T) {
	t.Parallel()
	get := func(url string) string { return fmt.Sprintf(`{"id":"1","method":"GET","url":%q}`, url) }
	put := func(members string) string {
		return `{"id":"1","method":"PUT","url":"/me/photo/$value",` + members + `}`
	}
	many := func(n int) string {
		parts := make([]string, n)
		for i := range parts {
			parts[i] = fmt.Sprintf(`{"id":"%d","method":"GET","url":"/me"}`, i)
		}
		return batchOf(parts...)
	}
	b64 := base64.RawURLEncoding.EncodeToString
	tests := []struct {
		name, body string
		text       string // of the refusal; empty when it passes
	}{
		{"one", batchOf(partGet), ""},
		{"twenty", many(20), ""},
		{"twenty-one", many(21), "at most 20"},
		{"none", batchOf(), "1 to 20"},
		{"no list", `{"requests":{}}`, "1 to 20"},
		{"a list by itself", "[" + partGet + "]", "JSON object"},
		{"names in another case", `{"Requests":[{"ID":"1","Method":"GET","URL":"/me"}]}`, ""},
		{"part that is no object", batchOf("1"), "not an object"},
		{"no id", batchOf(`{"method":"GET","url":"/me"}`), "no id"},
		{"id as a number", batchOf(`{"id":1,"method":"GET","url":"/me"}`), "no id"},
		{"ids that differ", batchOf(partGet, `{"id":"a","method":"GET","url":"/me"}`), ""},
		{"ids twice", batchOf(partGet, partGet), "twice"},
		{"ids twice but for case", batchOf(`{"id":"a","method":"GET","url":"/me"}`, `{"id":"A","method":"GET","url":"/me"}`), "twice"},
		{"lower-case method", batchOf(`{"id":"1","method":"get","url":"/me"}`), "method"},
		{"no url", batchOf(`{"id":"1","method":"GET"}`), "no url"},
		{"no slash", batchOf(get("me")), ""},
		{"two slashes", batchOf(get("//me")), "absolute"},
		{"absolute", batchOf(get("https://graph.microsoft.com/beta/me")), "absolute"},
		{"absolute behind a slash", batchOf(get("/https://graph.microsoft.com/beta/me")), "absolute"},
		{"scheme alone", batchOf(get("https:me")), "absolute"},
		{"colon in a key", batchOf(get("/users('a:b')")), ""},
		{"dots", batchOf(get("/me/../users")), "dot segments"},
		{"encoded dots", batchOf(get("/me/%2E%2e/users")), "dot segments"},
		{"dots in a name", batchOf(get("/users/a..b")), ""},
		{"version", batchOf(get("/beta/me")), "version"},
		{"version in another case", batchOf(get("/V1.0/me")), "version"},
		{"fragment", batchOf(get("/me#x")), "fragment"},
		{"nested", batchOf(`{"id":"1","method":"POST","url":"/$batch","headers":{"Content-Type":"application/json"},"body":{"requests":[]}}`), "inside a batch"},
		{"nested and encoded", batchOf(`{"id":"1","method":"POST","url":"/%24batch"}`), "inside a batch"},
		{"ambiguous write", batchOf(`{"id":"1","method":"PATCH","url":"/deviceManagement//x"}`), "batch request 0"},
		{"own header", batchOf(put(`"headers":{"If-Match":"*"}`)), ""},
		{"own token", batchOf(put(`"headers":{"authorization":"Bearer x"}`)), "leave it to the batch"},
		{"own host", batchOf(put(`"headers":{"Host":"x"}`)), "leave it to the batch"},
		{"own framing", batchOf(put(`"headers":{"Transfer-Encoding":"chunked"}`)), "leave it to the batch"},
		{"method override", batchOf(put(`"headers":{"X-HTTP-Method":"PATCH"}`)), "the method itself"},
		{"header twice but for case", batchOf(put(`"headers":{"Prefer":"a","prefer":"b"}`)), "duplicate"},
		{"header as a list", batchOf(put(`"headers":{"Prefer":["a"]}`)), "one string"},
		{"header with a line break", batchOf(put(`"headers":{"Prefer":"a\r\nHost: x"}`)), "one string"},
		{"header with a space", batchOf(put(`"headers":{"X-HTTP-Method ":"a"}`)), "one string"},
		{"headers as a list", batchOf(put(`"headers":[]`)), "an object of strings"},
		{"compressed part", batchOf(put(`"headers":{"Content-Encoding":"gzip"}`)), "plain"},
		{"base64url", batchOf(put(`"headers":{"Content-Type":"image/png"},"body":"` + b64([]byte{0xff, 0xfe, 0xfb}) + `"`)), ""},
		{"base64url padded", batchOf(put(`"headers":{"Content-Type":"image/png"},"body":"AA=="`)), ""},
		{"no base64url", batchOf(put(`"headers":{"Content-Type":"image/png"},"body":"a b"`)), "base64url"},
		{"json inside base64url", batchOf(put(`"headers":{"Content-Type":"application/json"},"body":"` + b64([]byte(`{"a":1}`)) + `"`)), ""},
		{"bad json inside base64url", batchOf(put(`"headers":{"Content-Type":"application/json"},"body":"` + b64([]byte(`{"a":1,"A":2}`)) + `"`)), "duplicate"},
		{"body on a get", batchOf(`{"id":"1","method":"GET","url":"/me","body":{}}`), "GET with a body"},
		{"null body on a get", batchOf(`{"id":"1","method":"GET","url":"/me","body":null}`), ""},
		{"depends on a stranger", batchOf(`{"id":"1","method":"GET","url":"/me","dependsOn":["2"]}`), "depends on"},
		{"depends on itself", batchOf(`{"id":"1","method":"GET","url":"/me","dependsOn":["1"]}`), "depends on"},
		{"depends on text", batchOf(`{"id":"1","method":"GET","url":"/me","dependsOn":"1"}`), "list of ids"},
		{"depends in another case", batchOf(`{"id":"a","method":"GET","url":"/me"}`, `{"id":"b","method":"GET","url":"/me","dependsOn":["A"]}`), ""},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			_, err := readBatch(t, tt.body)
			if tt.text == "" {
				if err != nil {
					t.Fatal(err)
				}
				return
			}
			refusal, ok := errors.AsType[*graph.Refusal](err)
			if !ok || refusal.Code.Status() >= 500 || !strings.Contains(refusal.Message, tt.text) {
				t.Fatalf("error %v, want a refusal with %q", err, tt.text)
			}
		})
	}
}

// A string body is opened before it is judged.
func TestReadBatchEncodedAssignment(t *testing.T) {
	t.Parallel()
	inner := `{"target":{"@odata.type":"#microsoft.graph.allDevicesAssignmentTarget"}}`
	for _, contentType := range []string{`"Content-Type":"application/json"`, ""} {
		q, err := readBatch(t, batchOf(`{"id":"1","method":"PATCH","url":"`+strings.TrimPrefix(simPath, "/beta")+`","headers":{`+contentType+`},"body":"`+base64.RawURLEncoding.EncodeToString([]byte(inner))+`"}`))
		if err != nil {
			t.Fatal(err)
		}
		p := q.Parts[0]
		if len(p.Targets) != 1 || p.Targets[0].Type != "all_devices" || p.BodyState != graph.BodyJSON {
			t.Errorf("%s: state %s, targets %v", contentType, p.BodyState, p.Targets)
		}
	}
}

func threeParts(t *testing.T) *graph.Request {
	t.Helper()
	q, err := readBatch(t, batchOf(partGet, partPatch, partPost))
	if err != nil {
		t.Fatal(err)
	}
	return q
}

func TestBatchRefusal(t *testing.T) {
	t.Parallel()
	q := threeParts(t)
	golden(t, "batch_whole.json", graph.BatchRefusal(q, map[string]*graph.Refusal{"2": denied}))

	want := map[bool][]string{true: {"2 PolicyDenied", "B FailedDependency"}, false: {"1 FailedDependency", "2 PolicyDenied", "B FailedDependency"}}
	for partial := range want {
		var got []string
		for _, pr := range graph.BatchOutcome(q, map[string]*graph.Refusal{"2": denied}, partial) {
			got = append(got, pr.ID+" "+string(pr.Refusal.Code))
		}
		if diff := cmp.Diff(want[partial], got); diff != "" {
			t.Errorf("partial %v: %s", partial, diff)
		}
		if got := graph.BatchOutcome(q, nil, partial); got != nil {
			t.Errorf("nothing denied, yet %v", got)
		}
	}
}

func TestBatchWithout(t *testing.T) {
	t.Parallel()
	q := threeParts(t)
	tests := []struct {
		denied  map[string]bool
		dropped []string
		body    string
	}{
		{nil, nil, batchOf(partGet, partPatch, partPost)},
		{map[string]bool{"1": false}, nil, batchOf(partGet, partPatch, partPost)},
		{map[string]bool{"B": true}, []string{"B"}, batchOf(partGet, partPatch)},
		{map[string]bool{"2": true}, []string{"2", "B"}, batchOf(partGet)},
		{map[string]bool{"1": true}, []string{"1", "2", "B"}, ""},
	}
	for _, tt := range tests {
		body, dropped := graph.BatchWithout(q, tt.denied)
		if diff := cmp.Diff(tt.dropped, dropped); diff != "" {
			t.Error(diff)
		}
		if tt.body == "" {
			if body != nil {
				t.Errorf("left %s", body)
			}
			continue
		}
		want, err := graph.ParseJSON([]byte(tt.body))
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(string(graph.AppendCanonical(nil, want)), string(body)); diff != "" {
			t.Error(diff)
		}
	}
}

func TestMergeBatch(t *testing.T) {
	t.Parallel()
	q := threeParts(t)
	origin := `{"responses":[{"id":"1","status":200,"body":{"x":"<&>", "a":1, "A":2}}],"@odata.context":"c"}`
	got, err := graph.MergeBatch(q, []byte(origin), map[string]*graph.Refusal{"2": denied})
	if err != nil {
		t.Fatal(err)
	}
	golden(t, "batch_merged.json", got)
	for _, bad := range []string{"", "[]", "{}", `{"responses":{}}`, `{"responses":[1]}`} {
		if _, err := graph.MergeBatch(q, []byte(bad), nil); err == nil {
			t.Errorf("merged into %q", bad)
		}
	}
}

// Parts that were read can be refused one by one, and what is left reads as a batch again.
func FuzzReadBatch(f *testing.F) {
	f.Add(batchOf(partGet, partPatch, partPost))
	f.Add(batchOf(`{"id":"a","method":"DELETE","url":"/x/1","dependsOn":["A"]}`))
	f.Add(batchOf(`{"id":"1","method":"PUT","url":"x","body":"AA"}`))
	f.Fuzz(func(t *testing.T, body string) {
		q, err := readBatch(t, body)
		if err != nil {
			if _, ok := errors.AsType[*graph.Refusal](err); !ok {
				t.Fatal(err)
			}
			return
		}
		for _, p := range q.Parts {
			if p.Batch.Size != len(q.Parts) || p.Host != q.Host || p.Parts != nil || !strings.HasPrefix(p.RawTarget, "/beta/") {
				t.Fatalf("part %+v", p)
			}
			answer := graph.BatchRefusal(q, map[string]*graph.Refusal{p.Batch.ID: denied})
			var parsed struct {
				Responses []struct {
					ID     string
					Status int
				}
			}
			if err := json.Unmarshal(answer, &parsed); err != nil || len(parsed.Responses) != len(q.Parts) {
				t.Fatalf("answer %s: %v", answer, err)
			}
			rest, dropped := graph.BatchWithout(q, map[string]bool{p.Batch.ID: true})
			if rest == nil {
				continue
			}
			again, err := readBatch(t, string(rest))
			if err != nil || len(again.Parts)+len(dropped) != len(q.Parts) {
				t.Fatalf("what is left of %q without %q is %q: %v", body, p.Batch.ID, rest, err)
			}
		}
	})
}
