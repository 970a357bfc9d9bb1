package graph_test

import (
	"encoding/base64"
	"encoding/json"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/graphwarden/graphwarden/internal/graph"
)

const (
	tenant = "11111111-aaaa-4bbb-8ccc-dddddddddddd"
	object = "22222222-aaaa-4bbb-8ccc-dddddddddddd"
	app    = "33333333-aaaa-4bbb-8ccc-dddddddddddd"
)

// signed makes a token that looks signed; the parts are JSON texts.
func signed(header, claims string) string {
	e := base64.RawURLEncoding
	return e.EncodeToString([]byte(header)) + "." + e.EncodeToString([]byte(claims)) + "." + e.EncodeToString([]byte("signature"))
}

func rs256(claims string) string { return signed(`{"alg":"RS256","typ":"JWT","kid":"key"}`, claims) }

func TestReadToken(t *testing.T) {
	t.Parallel()
	user := rs256(`{"aud":"https://graph.microsoft.com","tid":"` + strings.ToUpper(tenant) + `","oid":"` + object + `","appid":"` + app + `","scp":"User.Read  Mail.Send","iat":1700000000,"nbf":1700000001,"exp":1700003600,"ver":"1.0"}`)
	opaque := func(anomalies ...string) graph.Token {
		return graph.Token{Present: true, Format: "opaque", Type: "unknown", Anomalies: anomalies}
	}
	jwt := func(kind string, anomalies ...string) graph.Token {
		return graph.Token{Present: true, Format: "jwt", Type: kind, Anomalies: anomalies}
	}
	with := func(tok graph.Token, change func(*graph.Token)) graph.Token {
		change(&tok)
		return tok
	}
	userToken := graph.Token{
		Present: true, Format: "jwt", Type: "delegated", Tenant: tenant, App: app, Object: object,
		Audience: "https://graph.microsoft.com", Scopes: []string{"User.Read", "Mail.Send"},
		Issued: time.Unix(1700000000, 0).UTC(), NotBefore: time.Unix(1700000001, 0).UTC(), Expires: time.Unix(1700003600, 0).UTC(),
	}
	tests := []struct {
		name   string
		header []string
		want   graph.Token
	}{
		{"none", nil, graph.Token{Format: "none", Type: "unknown"}},
		{"user", []string{"Bearer " + user}, userToken},
		{"scheme in any case", []string{"bEARER  " + user}, userToken},
		{"two headers", []string{"Bearer " + user, "Bearer x"}, with(userToken, func(t *graph.Token) { t.Anomalies = []string{"several"} })},
		{"other scheme", []string{"PoP " + user}, opaque("not_bearer")},
		{"no scheme", []string{user}, opaque("not_bearer")},
		{"scheme alone", []string{"Bearer "}, opaque("empty")},
		{"opaque", []string{"Bearer EwB4A8l6BAAU"}, opaque()},
		{"jwe", []string{"Bearer a.b.c.d.e"}, opaque()},
		{"two parts", []string{"Bearer a.b"}, opaque("bad_parts")},
		{"16 kB of one part", []string{"Bearer " + strings.Repeat("a", 16<<10)}, opaque()},
		{"more", []string{"Bearer " + strings.Repeat("a", 16<<10+1)}, opaque("too_long")},
		{"padded", []string{"Bearer e30=.e30=.x"}, opaque("bad_base64")},
		{"line break", []string{"Bearer e3\n0.e30.x"}, opaque("bad_base64")},
		{"standard alphabet", []string{"Bearer e30.e30+.x"}, opaque("bad_base64")},
		{"not json", []string{"Bearer " + rs256("{")}, opaque("bad_json")},
		{"not an object", []string{"Bearer " + rs256("[]")}, opaque("bad_json")},
		{"duplicate claim", []string{"Bearer " + rs256(`{"scp":"a","scp":"b"}`)}, opaque("bad_json")},
		{"idtyp app", []string{"Bearer " + rs256(`{"idtyp":"app"}`)}, jwt("application")},
		{"idtyp user", []string{"Bearer " + rs256(`{"idtyp":"user"}`)}, jwt("delegated")},
		{"roles without scopes", []string{"Bearer " + rs256(`{"roles":["A.B"]}`)}, with(jwt("application"), func(t *graph.Token) { t.Roles = []string{"A.B"} })},
		{"roles of a user", []string{"Bearer " + rs256(`{"roles":["A.B"],"scp":"C"}`)}, with(jwt("delegated"), func(t *graph.Token) { t.Roles, t.Scopes = []string{"A.B"}, []string{"C"} })},
		{"no claims", []string{"Bearer " + rs256(`{}`)}, jwt("unknown")},
		{"personal", []string{"Bearer " + rs256(`{"tid":"`+graph.PersonalTenant+`","idtyp":"user"}`)}, with(jwt("personal"), func(t *graph.Token) { t.Tenant = graph.PersonalTenant })},
		{"v2 app", []string{"Bearer " + rs256(`{"azp":"`+app+`","idtyp":"app"}`)}, with(jwt("application"), func(t *graph.Token) { t.App = app })},
		{"same app twice", []string{"Bearer " + rs256(`{"azp":"`+app+`","appid":"`+strings.ToUpper(app)+`"}`)}, with(jwt("unknown"), func(t *graph.Token) { t.App = app })},
		{"two apps", []string{"Bearer " + rs256(`{"azp":"`+object+`","appid":"`+app+`"}`)}, with(jwt("unknown", "two_apps"), func(t *graph.Token) { t.App = app })},
		{"scp as list", []string{"Bearer " + rs256(`{"scp":["A"]}`)}, jwt("unknown", "bad_claim")},
		{"roles as text", []string{"Bearer " + rs256(`{"roles":"A"}`)}, jwt("unknown", "bad_claim")},
		{"a role that is a number", []string{"Bearer " + rs256(`{"roles":["A",1]}`)}, jwt("unknown", "bad_claim")},
		{"exp as text", []string{"Bearer " + rs256(`{"exp":"1"}`)}, jwt("unknown", "bad_claim")},
		{"exp in 2200", []string{"Bearer " + rs256(`{"exp":7258118400}`)}, with(jwt("unknown"), func(t *graph.Token) { t.Expires = time.Date(2200, 1, 1, 0, 0, 0, 0, time.UTC) })},
		{"exp later", []string{"Bearer " + rs256(`{"exp":7258118401}`)}, jwt("unknown", "bad_time")},
		{"exp negative", []string{"Bearer " + rs256(`{"exp":-1}`)}, jwt("unknown", "bad_time")},
		{"alg none", []string{"Bearer " + signed(`{"alg":"None"}`, `{}`)}, jwt("unknown", "alg_none")},
		{"alg hmac", []string{"Bearer " + signed(`{"alg":"HS256"}`, `{}`)}, jwt("unknown", "alg_hmac")},
		{"no alg", []string{"Bearer " + signed(`{}`, `{}`)}, jwt("unknown", "alg_missing")},
		{"minted", []string{"Bearer " + graph.MintToken(map[string]any{"idtyp": "app"}, graph.TokenMinted)}, jwt("application", "unsigned")},
		{"redacted", []string{"Bearer " + graph.MintToken(nil, graph.TokenRedacted)}, jwt("unknown", "unsigned")},
		{"unsigned of another kind", []string{"Bearer " + graph.MintToken(nil, "other")}, jwt("unknown", "alg_none")},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			got := graph.ReadToken(http.Header{"Authorization": tt.header})
			if len(tt.want.Scopes) == 0 && len(got.Scopes) == 0 {
				got.Scopes = nil
			}
			if diff := cmp.Diff(tt.want, got); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func TestPseudonym(t *testing.T) {
	t.Parallel()
	// echo -n graphwarden:11111111-aaaa-4bbb-8ccc-dddddddddddd | sha256sum, digits 13 and 17 replaced.
	const want = "e1628c35-479d-8cb3-a4f5-35631bf29d9a"
	if got := graph.Pseudonym(strings.ToUpper(tenant)); got != want {
		t.Errorf("got %s, want %s", got, want)
	}
	if graph.Pseudonym(tenant) == graph.Pseudonym(object) {
		t.Error("two ids share a pseudonym")
	}
	if graph.Pseudonym(want) == want {
		t.Error("a pseudonym stands for itself")
	}
}

func claimsOf(t *testing.T, authorization string) map[string]any {
	t.Helper()
	parts := strings.Split(strings.TrimPrefix(authorization, "Bearer "), ".")
	if len(parts) != 3 {
		t.Fatalf("%q has %d parts", authorization, len(parts))
	}
	b, err := base64.RawURLEncoding.DecodeString(parts[1])
	if err != nil {
		t.Fatal(err)
	}
	var m map[string]any
	if err := json.Unmarshal(b, &m); err != nil {
		t.Fatal(err)
	}
	return m
}

func TestRedactToken(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name, claims string
		want         map[string]any
	}{
		{"what policies read stays", `{"scp":"A.Read B.Write","roles":["R.All"],"aud":"https://graph.microsoft.com","idtyp":"user","ver":"1.0","iat":1,"exp":3,"nbf":2}`,
			map[string]any{"scp": "A.Read B.Write", "roles": []any{"R.All"}, "aud": "https://graph.microsoft.com", "idtyp": "user", "ver": "1.0", "iat": 1.0, "exp": 3.0, "nbf": 2.0}},
		{"ids become pseudonyms", `{"tid":"` + tenant + `","oid":"` + object + `","appid":"` + app + `","azp":"` + app + `"}`,
			map[string]any{"tid": graph.Pseudonym(tenant), "oid": graph.Pseudonym(object), "appid": graph.Pseudonym(app), "azp": graph.Pseudonym(app)}},
		{"the personal tenant stays", `{"tid":"` + graph.PersonalTenant + `"}`, map[string]any{"tid": graph.PersonalTenant}},
		{"all else goes", `{"upn":"a@b","name":"N","unique_name":"u","uti":"x","ipaddr":"1.2.3.4","wids":["w"],"deviceid":"d","family_name":"f"}`, map[string]any{}},
		{"what has not the form of its claim goes", `{"scp":"ok se%cret","roles":["ok","a b",{"x":1}],"aud":"https://u:p@h","idtyp":"secret","ver":"secret","exp":"secret","iat":1.5,"nbf":{"x":1},"tid":7}`,
			map[string]any{"scp": "ok", "roles": []any{"ok"}}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			got := graph.RedactToken("Bearer " + rs256(tt.claims))
			if diff := cmp.Diff(tt.want, claimsOf(t, got)); diff != "" {
				t.Error(diff)
			}
			if again := graph.RedactToken(got); again != got {
				t.Errorf("redacted twice: %s, then %s", got, again)
			}
			if tok := graph.ReadToken(http.Header{"Authorization": {got}}); !cmp.Equal(tok.Anomalies, []string{"unsigned"}) {
				t.Errorf("anomalies %v", tok.Anomalies)
			}
		})
	}
}

func TestRedactTokenOpaque(t *testing.T) {
	t.Parallel()
	for in, want := range map[string]string{
		"":                           "",
		"Bearer EwB4A8":              "Bearer redacted",
		"Bearer redacted":            "Bearer redacted",
		"Bearer a.b.c":               "Bearer redacted",
		"Basic dXNlcjpwYXNz":         "Bearer redacted",
		"secret":                     "Bearer redacted",
		"Bearer " + rs256(`{"a":1,`): "Bearer redacted",
	} {
		if got := graph.RedactToken(in); got != want {
			t.Errorf("%q became %q, want %q", in, got, want)
		}
	}
}

// A client may mark its own token as redacted. The mark must not carry anything onto a cassette.
func TestRedactTokenForgedMark(t *testing.T) {
	t.Parallel()
	forged := "Bearer " + graph.MintToken(map[string]any{"secret": "hunter2", "tid": tenant}, graph.TokenRedacted)
	want := map[string]any{"tid": graph.Pseudonym(tenant)}
	if diff := cmp.Diff(want, claimsOf(t, graph.RedactToken(forged))); diff != "" {
		t.Error(diff)
	}
}

// The secret is planted wherever a token has room for one; what is kept holds it neither plain nor encoded.
func FuzzRedactToken(f *testing.F) {
	const secret = "S3cr3t!plant#ed"
	for _, s := range []string{"upn", "scp", "roles", "aud", "tid", "exp", "idtyp", "ver", "xms_cc"} {
		f.Add(s, "RS256", false)
		f.Add(s, "none", true)
	}
	f.Fuzz(func(t *testing.T, claim, alg string, marked bool) {
		header := map[string]any{"alg": alg, "kid": secret, claim: secret}
		if marked {
			header["gw"] = graph.TokenRedacted
		}
		h, _ := json.Marshal(header)
		c, _ := json.Marshal(map[string]any{claim: secret, "list": []string{secret}, "scp": "User.Read " + secret, "roles": []any{secret, map[string]any{claim: secret}}})
		e := base64.RawURLEncoding
		for _, in := range []string{
			"Bearer " + e.EncodeToString(h) + "." + e.EncodeToString(c) + "." + e.EncodeToString([]byte(secret)),
			"Bearer " + secret, secret, claim + " " + secret, "Bearer " + claim + "." + secret,
		} {
			got := graph.RedactToken(in)
			plain := got
			for _, part := range strings.Split(strings.TrimPrefix(got, "Bearer "), ".") {
				b, _ := e.DecodeString(part)
				plain += string(b)
			}
			if strings.Contains(plain, secret) || strings.Contains(plain, e.EncodeToString([]byte(secret))) {
				t.Fatalf("%q kept the secret: %q", in, plain)
			}
			if again := graph.RedactToken(got); again != got {
				t.Fatalf("redacted twice: %q, then %q", got, again)
			}
		}
	})
}

func FuzzReadToken(f *testing.F) {
	f.Add("Bearer " + rs256(`{"scp":"A"}`))
	f.Add("Bearer a.b.c.d.e")
	f.Add("bearer  x")
	f.Fuzz(func(t *testing.T, value string) {
		tok := graph.ReadToken(http.Header{"Authorization": {value}})
		if !tok.Present || tok.Format == "none" {
			t.Fatalf("%q is not present: %+v", value, tok)
		}
		if tok.Format == "opaque" && (tok.Type != "unknown" || tok.Scopes != nil || tok.Roles != nil) {
			t.Fatalf("%q is opaque yet read: %+v", value, tok)
		}
		redacted := graph.ReadToken(http.Header{"Authorization": {graph.RedactToken(value)}})
		if value != "" && redacted.Type != tok.Type && !lostNames(tok, redacted) {
			t.Fatalf("%q: type %s became %s", value, tok.Type, redacted.Type)
		}
	})
}

// lostNames tells that redaction dropped a scope or a role because of its form, which may change the type.
func lostNames(before, after graph.Token) bool {
	return len(before.Scopes) != len(after.Scopes) || len(before.Roles) != len(after.Roles)
}

func BenchmarkReadToken(b *testing.B) {
	h := http.Header{"Authorization": {"Bearer " + graphToken}}
	b.ReportAllocs()
	for b.Loop() {
		graph.ReadToken(h)
	}
}

// graphToken has the claims of a delegated Graph token, about 1.5 kB as they are.
var graphToken = rs256(`{"aud":"00000003-0000-0000-c000-000000000000","iss":"https://sts.windows.net/` + tenant + `/","iat":1700000000,"nbf":1700000000,"exp":1700005000,"acct":0,"acr":"1","aio":"AVQAq/8VAAAAq3p0c3Zr","amr":["pwd","mfa"],"app_displayname":"Rollout","appid":"` + app + `","appidacr":"0","family_name":"Example","given_name":"User","idtyp":"user","ipaddr":"192.0.2.1","name":"User Example","oid":"` + object + `","platf":"3","puid":"1003200000000000","rh":"0.AAAA","scp":"DeviceManagementConfiguration.ReadWrite.All User.Read openid profile","sub":"sub","tenant_region_scope":"EU","tid":"` + tenant + `","unique_name":"user@example.com","upn":"user@example.com","uti":"uti","ver":"1.0","wids":["62e90394-69f5-4237-9190-012177145e10"],"xms_st":{"sub":"sub"},"xms_tcdt":1500000000}`)
