package tape_test

import (
	"fmt"
	"net/http"
	"os"
	"regexp"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/uuid"
	"github.com/graphwarden/graphwarden/internal/tape"
)

func pseudonyms(t testing.TB, key string, kinds ...string) tape.Redaction {
	t.Helper()
	p, err := tape.ParsePseudonyms(kinds, []byte(key))
	if err != nil {
		t.Fatal(err)
	}
	return tape.Redaction{Pseudonyms: p}
}

const (
	aKey      = "a key of this test alone"
	groupID   = "6f1c2d3e-4a5b-4c6d-8e7f-901a2b3c4d5e"
	policyID  = "0D9F3A52-77AA-4BCD-9C01-D2E3F4A5B6C7"
	tenantID  = "11112222-3333-4444-8555-666677778888"
	adminRole = "62e90394-69f5-4237-9190-012177145e10"
	upn       = "Alice.Admin@fabrikam.com"
)

// people answers with everything a tenant would rather keep to itself.
func people(r *http.Request) (*http.Response, error) {
	resp := answer(r, 200, `{"id":"`+groupID+`","tenantId":"`+tenantID+`","owner":"`+strings.ToLower(upn)+`","role":"`+adminRole+
		`","assignments@odata.context":"x","site":"https://fabrikam.sharepoint.com/a","note":"line\n`+upn+`",`+
		`"@odata.nextLink":"https://graph.microsoft.com/v1.0/users/`+strings.Replace(upn, "@", "%40", 1)+`/memberOf?$skiptoken=`+groupID+`"}`)
	resp.Header.Set("Location", "https://graph.microsoft.com/v1.0/groups('"+groupID+"')")
	return resp, nil
}

func peopleRequests(t *testing.T, group, policy, user string) []*http.Request {
	return []*http.Request{
		request(t, "GET", "/v1.0/users/"+user+"?$filter=id%20eq%20%27"+group+"%27", ""),
		request(t, "PATCH", "/beta/deviceManagement/configurationPolicies('"+policy+"')", `{"groupId":"`+group+`","u":"`+user+`"}`, "If-Match", group),
		request(t, "POST", "/v1.0/$batch", `{"requests":[{"id":"1","method":"GET","url":"/groups/`+group+`/members"},{"id":"2","method":"GET","url":"/users/`+user+`"}]}`),
	}
}

var realOnes = []string{groupID, strings.ToLower(policyID), tenantID, "alice", "fabrikam"}

func recordPeople(t *testing.T, path string, o tape.Redaction) string {
	t.Helper()
	rec := open(t, tape.Options{Mode: tape.Record, Cassette: path, Origin: originFunc(people), Redact: o})
	for _, req := range peopleRequests(t, groupID, policyID, upn) {
		if _, got := send(t, rec, req); !strings.Contains(got, groupID) {
			t.Errorf("while recording the client gets %s", got)
		}
	}
	closeTape(t, rec)
	file, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return string(file)
}

func TestPseudonyms(t *testing.T) {
	t.Parallel()
	path := cassette(t)
	o := pseudonyms(t, aKey, "guid,upn", "tenant")
	file := recordPeople(t, path, o)
	for _, secret := range realOnes {
		if strings.Contains(strings.ToLower(file), secret) {
			t.Errorf("%s is on the cassette:\n%s", secret, file)
		}
	}
	if !strings.Contains(file, adminRole) || !strings.Contains(file, "assignments@odata.context") {
		t.Errorf("what everybody has was replaced:\n%s", file)
	}
	fake := string(tape.NewShown(o).Body([]byte(groupID)))
	// Three requests and their answers name it: in URLs, bodies, parts, links and headers.
	if n := strings.Count(file, fake); n != 3+1+3*3 {
		t.Errorf("the group is called %s %d times:\n%s", fake, n, file)
	}
	if findings, err := tape.Verify(path, tape.Redaction{}); err != nil || len(findings) > 0 {
		t.Errorf("verify: %v, %v", findings, err)
	}

	replay := func(group, policy, user string) {
		t.Helper()
		rep := open(t, tape.Options{Mode: tape.Replay, Cassette: path, Redact: tape.Redaction{Pseudonyms: tape.Pseudonyms{Key: o.Pseudonyms.Key}}})
		for _, req := range peopleRequests(t, group, policy, user) {
			resp, got := send(t, rep, req)
			if !strings.Contains(got, fake) || strings.Contains(got, groupID) || !strings.Contains(resp.Header.Get("Location"), fake) {
				t.Errorf("replayed %s", got)
			}
		}
		// One digit beside it is another group.
		other := strings.Replace(group, group[:1], map[bool]string{true: "0", false: "1"}[group[0] != '0'], 1)
		if _, err := rep.RoundTrip(peopleRequests(t, other, policy, user)[1]); err == nil {
			t.Error("another group is a hit")
		}
	}
	replay(groupID, policyID, upn)
	shown := tape.NewShown(o)
	replay(fake, string(shown.Body([]byte(policyID))), string(shown.Body([]byte(upn))))

	if again := recordPeople(t, path, o); again != file {
		t.Errorf("recording again with the same key (-was +is):\n%s", cmp.Diff(file, again))
	}
	for name, key := range map[string]string{"no key": "", "another key": "another key of this test"} {
		_, err := tape.Open(tape.Options{Mode: tape.Replay, Cassette: path, Redact: tape.Redaction{Pseudonyms: tape.Pseudonyms{Key: []byte(key)}}})
		if err == nil || !strings.Contains(err.Error(), "key") {
			t.Errorf("%s: %v", name, err)
		}
	}
	plain := cassette(t)
	recordPeople(t, plain, tape.Redaction{})
	if _, err := tape.Open(tape.Options{Mode: tape.Replay, Cassette: plain, Redact: o}); err == nil {
		t.Error("a cassette without pseudonyms was opened with them")
	}
	c := load(t, plain)
	if changed, err := tape.Scrub(c, o); err != nil || !changed {
		t.Errorf("scrub: %t, %v", changed, err)
	}
	if err := c.Save(path); err != nil {
		t.Fatal(err)
	}
	replay(groupID, policyID, upn)
}

func TestPseudonymKinds(t *testing.T) {
	t.Parallel()
	const text = `{"tenantId":"` + tenantID + `","id":"` + groupID + `","u":"bob_ext.org#EXT#@corp.onmicrosoft.com","d":"x.corp.onmicrosoft.com","p":"www.fabrikam.com","q":"notfabrikam.com"}`
	gone := func(kinds string) (out []string) {
		got := string(tape.NewShown(pseudonyms(t, aKey, kinds)).Body([]byte(text)))
		for _, s := range []string{tenantID, groupID, "bob_ext", `"x.corp.onmicrosoft.com`, "www.fabrikam", "notfabrikam"} {
			if !strings.Contains(got, s) {
				out = append(out, s)
			}
		}
		return out
	}
	for kinds, want := range map[string][]string{
		"guid":                {tenantID, groupID},
		"upn":                 {"bob_ext"},
		"tenant":              {tenantID, `"x.corp.onmicrosoft.com`},
		"domain:fabrikam.com": {"www.fabrikam"},
	} {
		if diff := cmp.Diff(want, gone(kinds)); diff != "" {
			t.Errorf("%s replaces (-want +got):\n%s", kinds, diff)
		}
	}
	for _, kinds := range []string{"names", "domain:", "domain:x y.z"} {
		if _, err := tape.ParsePseudonyms([]string{kinds}, []byte(aKey)); err == nil {
			t.Errorf("%s is taken for a kind", kinds)
		}
	}
	if _, err := tape.ParsePseudonyms([]string{"guid"}, []byte("short")); err == nil {
		t.Error("a short key is taken")
	}
}

func TestPseudonymsDoNotCollide(t *testing.T) {
	t.Parallel()
	shown := tape.NewShown(pseudonyms(t, aKey, "guid,upn"))
	form := regexp.MustCompile(`^[0-9a-f]{8}-[0-9a-f]{4}-8[0-9a-f]{3}-a[0-9a-f]{3}-[0-9a-f]{12} u[0-9a-f]{30}@d[0-9a-f]{24}\.example$`)
	seen := make(map[string]string, 200000)
	for i := range 100000 {
		real := uuid.NewString() + fmt.Sprintf(" user%d@fabrikam.com", i)
		fake := string(shown.Body([]byte(real)))
		if i%1000 == 0 && (!form.MatchString(fake) || fake == real) {
			t.Fatalf("%s became %s", real, fake)
		}
		for k, part := range strings.Fields(fake) {
			if was, ok := seen[part]; ok {
				t.Fatalf("%s stands for %s and %s", part, was, strings.Fields(real)[k])
			}
			seen[part] = strings.Fields(real)[k]
		}
	}
}

func FuzzPseudonyms(f *testing.F) {
	for _, s := range []string{groupID, upn, "%27" + groupID + "%27", `"a\n` + upn + `"`, "x%40y.zz", "a@b.onmicrosoft.com", "@odata.type", `\u0040`, "1" + groupID} {
		f.Add(s)
	}
	shown := tape.NewShown(pseudonyms(f, aKey, "guid,upn,tenant,domain:fabrikam.com"))
	f.Fuzz(func(t *testing.T, s string) {
		once := string(shown.Body([]byte(s)))
		if twice := string(shown.Body([]byte(once))); twice != once {
			t.Errorf("%q became %q, and that became %q", s, once, twice)
		}
	})
}

func TestRedactRules(t *testing.T) {
	t.Parallel()
	path := cassette(t)
	o, err := tape.ParseRedact([]string{"header:Prefer", "/serial", "/list/*/name", "/flag", "/tags/1", `regex:ticket=(\w+)`, `regex:INC\d+`})
	if err != nil {
		t.Fatal(err)
	}
	rec := open(t, tape.Options{Mode: tape.Record, Cassette: path, Redact: o, Origin: originFunc(func(r *http.Request) (*http.Response, error) {
		return answer(r, 200, `{"serial":{"a":["planted"]},"list":[{"name":"planted","other":"kept"},{"name":7}],"flag":true,"tags":["kept","planted"],"note":"INC12345"}`), nil
	})}) // the numbers stand for planted ones
	ask := func() *http.Request {
		return request(t, "PATCH", "/v1.0/a?ticket=planted&x=1", `{"serial":"planted","other":"INC99 kept"}`, "Prefer", "planted")
	}
	_, live := send(t, rec, ask())
	closeTape(t, rec)
	if !strings.Contains(live, "planted") {
		t.Errorf("the live answer was changed: %s", live)
	}
	file, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	for _, secret := range []string{"planted", "INC12345", "INC99", `"name":7`, `"flag":true`} {
		if strings.Contains(string(file), secret) {
			t.Errorf("%s is on the cassette:\n%s", secret, file)
		}
	}
	for _, kept := range []string{`"other":"kept"`, `["kept","REDACTED"]`, `REDACTED kept`, "ticket=REDACTED&x=1"} {
		if !strings.Contains(string(file), kept) {
			t.Errorf("%s is not on the cassette:\n%s", kept, file)
		}
	}
	send(t, open(t, tape.Options{Mode: tape.Replay, Cassette: path, Redact: o}), ask())
	for _, bad := range []string{"", "header:", "name", "regex:(", "regex:a*", "/"} {
		if _, err := tape.ParseRedact([]string{bad}); err == nil {
			t.Errorf("%q is taken for a rule", bad)
		}
	}
}
