package policy_test

import (
	"bytes"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/open-policy-agent/opa/v1/bundle"

	"github.com/graphwarden/graphwarden/internal/policy"
	"github.com/graphwarden/graphwarden/policies"
)

const mine = `package graphwarden.rules.mine

# METADATA
# title: Mine
# custom:
#   parameters:
#     - {name: limit, type: number}
warn contains {"id": "mine.rule", "msg": "m"} if input.graph.governed == true
`

func rewrite(t testing.TB, dir string, files map[string]string) {
	t.Helper()
	for name, content := range files {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
	}
}

// Each set is refused for the reason wanted; the set without its fault loads.
func TestLoadRefuses(t *testing.T) {
	t.Parallel()
	in := func(body string) map[string]string {
		return map[string]string{"a.rego": "package graphwarden.rules.mine\n" + body}
	}
	for name, test := range map[string]struct {
		files map[string]string
		want  []string
	}{
		"fine":         {map[string]string{"a.rego": mine}, nil},
		"empty folder": {map[string]string{"readme.txt": "x"}, []string{"no .rego file"}},
		"tests only":   {map[string]string{"a_test.rego": mine}, []string{"no .rego file"}},
		"all syntax errors": {map[string]string{"a.rego": "package graphwarden.rules.a\ndeny contains {", "b.rego": "package graphwarden.rules.b\n\nx := ]"},
			[]string{"a.rego:2:", "b.rego:3:"}},
		"http.send":       {in(`x := http.send({"method": "get", "url": "http://127.0.0.1"})`), []string{"a.rego:2: undefined function http.send"}},
		"opa.runtime":     {in(`x := opa.runtime().env`), []string{"undefined function opa.runtime"}},
		"time.now_ns":     {in(`x := time.now_ns()`), []string{"undefined function time.now_ns"}},
		"rand.intn":       {in(`x := rand.intn("a", 2)`), []string{"undefined function rand.intn"}},
		"net.lookup":      {in(`x := net.lookup_ip_addr("localhost")`), []string{"undefined function net.lookup_ip_addr"}},
		"rego.parse":      {in(`x := rego.parse_module("a", "package a")`), []string{"undefined function rego.parse_module"}},
		"input typo":      {in(`deny contains {"id": "x", "msg": "m"} if input.request.methd == "PATCH"`), []string{"a.rego:2: undefined ref: input.request.methd", "method"}},
		"unused variable": {in(`x if { y := 1; true }`), []string{"a.rego:2: assigned var y unused"}},
		"helper function": {in(`deny(x) := x`), []string{"a.rego:2: deny must be a set"}},
		"helper value":    {in(`warn := true`), []string{"warn must be a set"}},
		"helper object":   {in(`audit["x"] := 1`), []string{"audit must be a set"}},
		"suffixed":        {in(`deny_more contains {"id": "x", "msg": "m"} if true`), []string{"deny_more is never heard"}},
		"violation":       {in(`violation contains {"id": "x", "msg": "m"} if true`), []string{"violation is never heard"}},
		"other package":   {map[string]string{"a.rego": "package main\ndeny contains \"x\" if true"}, []string{"a.rego:2: deny is never heard in package main"}},
		"deeper package":  {map[string]string{"a.rego": "package graphwarden.rules.mine.deep\ndeny contains \"x\" if true"}, []string{"never heard in package graphwarden.rules.mine.deep"}},
		"library package": {map[string]string{"a.rego": "package graphwarden.rules.token\nx := 1"}, []string{"a.rego:1: package graphwarden.rules.token belongs to the library"}},
		"own package":     {map[string]string{"a.rego": "package graphwarden\nviolations contains 1 if true"}, []string{"belongs to the library"}},
		"new own package": {map[string]string{"a.rego": "package graphwarden.other\nx := 1"}, []string{"belongs to the library"}},
		"helper package":  {map[string]string{"a.rego": mine, "b.rego": "package acme.lib\nx := 1"}, nil},
		"failing test": {map[string]string{"a.rego": mine, "a_test.rego": "package mine_test\n\ntest_it if 1 == 2"},
			[]string{"a_test.rego:3: test mine_test.test_it fails"}},
		"passing test": {map[string]string{"a.rego": mine, "a_test.rego": "package mine_test\n\ntest_it if 1 == 1"}, nil},
		"off":          {map[string]string{"a.rego": mine, "data.yaml": "rules: {mine.rule: {level: off}}"}, nil},
		"bad level":    {map[string]string{"a.rego": mine, "data.yaml": "rules: {mine.rule: {level: den}}"}, []string{`rules["mine.rule"].level is den`}},
		"unknown rule": {map[string]string{"a.rego": mine, "data.yaml": "rules: {mine.rul: {level: deny}}"}, []string{`there is no rule of that id, did you mean mine.rule?`}},
		"unknown parameter": {map[string]string{"a.rego": mine, "data.yaml": "rules: {mine.rule: {limt: 1}}"},
			[]string{`rules["mine.rule"].limt: the rule has no such parameter`}},
		"parameter":      {map[string]string{"a.rego": mine, "data.yaml": "rules: {mine.rule: {limit: 1}}"}, nil},
		"data is list":   {map[string]string{"a.rego": mine, "data.json": "[]"}, []string{"data.json: policy data must be an object"}},
		"data is ours":   {map[string]string{"a.rego": mine, "data.json": `{"graphwarden": {}}`}, []string{"is the library's"}},
		"empty data":     {map[string]string{"a.rego": mine, "data.yaml": "# nothing"}, nil},
		"always slow":    {in(strings.ReplaceAll(strings.SplitN(loops, "\n", 2)[1], `input.request.headers["x-loop"]`, "true")), []string{"try the policies", "took too long"}},
		"always failing": {in(`deny contains {"id": "x", "msg": lower(input.graph.current)} if true`), []string{"try the policies", "eval_type_error"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			_, err := policy.Load(t.Context(), policy.Options{Paths: []string{write(t, test.files)}})
			if test.want == nil {
				if err != nil {
					t.Error(err)
				}
				return
			}
			if err == nil {
				t.Fatal("loaded")
			}
			for _, want := range test.want {
				if !strings.Contains(err.Error(), want) {
					t.Errorf("%q is not in: %v", want, err)
				}
			}
		})
	}
}

func TestSyntaxErrorIsAFault(t *testing.T) {
	t.Parallel()
	dir := write(t, map[string]string{"bad.rego": "package graphwarden.rules.bad\n\ndeny contains {"})
	_, err := policy.Load(t.Context(), policy.Options{Paths: []string{dir}})
	faults, ok := errors.AsType[policy.Faults](err)
	if !ok || faults[0].Line != 3 || faults[0].File != filepath.ToSlash(filepath.Join(dir, "bad.rego")) {
		t.Errorf("%#v", err)
	}
}

func TestPathIsMissing(t *testing.T) {
	t.Parallel()
	if _, err := policy.Load(t.Context(), policy.Options{Paths: []string{"no/such/folder"}}); !errors.Is(err, os.ErrNotExist) {
		t.Error(err)
	}
	if _, err := policy.Load(t.Context(), policy.Options{Data: []string{"no/such/data.yaml"}}); !errors.Is(err, os.ErrNotExist) {
		t.Error(err)
	}
}

// A folder with an entry point of its own stands in for the library; a single file joins it.
func TestPaths(t *testing.T) {
	t.Parallel()
	dir := write(t, map[string]string{"mine.rego": mine})
	joined := load(t, policy.Options{Paths: []string{filepath.Join(dir, "mine.rego")}})
	if diff := cmp.Diff([]string{"warn mine.rule"}, ids(joined.Judge(t.Context(), patch(), policy.Context{}))); diff != "" {
		t.Error(diff)
	}
	own := t.TempDir()
	if err := os.CopyFS(own, policies.Library); err != nil {
		t.Fatal(err)
	}
	whole := load(t, policy.Options{Paths: []string{own}, SkipTests: true})
	r := patch()
	r.Token.Scopes = nil
	if diff := cmp.Diff([]string{"deny scope.missing"}, ids(whole.Judge(t.Context(), r, policy.Context{}))); diff != "" {
		t.Error(diff)
	}
}

func TestBundles(t *testing.T) {
	t.Parallel()
	pack := func(key string) string {
		b := bundle.Bundle{
			Manifest: bundle.Manifest{Revision: "1", Roots: &[]string{""}},
			Data:     map[string]any{"rules": map[string]any{"mine.rule": map[string]any{"level": "deny"}}},
			Modules:  []bundle.ModuleFile{{Path: "/mine.rego", URL: "/mine.rego", Raw: []byte(mine)}},
		}
		if key != "" {
			if err := b.GenerateSignature(bundle.NewSigningConfig(key, "HS256", ""), "", false); err != nil {
				t.Fatal(err)
			}
		}
		var buf bytes.Buffer
		if err := bundle.NewWriter(&buf).UseModulePath(true).Write(b); err != nil {
			t.Fatal(err)
		}
		name := filepath.Join(t.TempDir(), "b.tar.gz")
		if err := os.WriteFile(name, buf.Bytes(), 0o600); err != nil {
			t.Fatal(err)
		}
		return name
	}
	verified := func(name string) policy.Options {
		return policy.Options{Paths: []string{name}, VerifyKey: "right", VerifyAlgorithm: "HS256"}
	}
	for name, options := range map[string]policy.Options{"unsigned": {Paths: []string{pack("")}}, "signed": verified(pack("right"))} {
		v := load(t, options).Judge(t.Context(), patch(), policy.Context{})
		if diff := cmp.Diff([]string{"deny mine.rule"}, ids(v)); diff != "" {
			t.Errorf("%s: %s", name, diff)
		}
	}
	for name, options := range map[string]policy.Options{
		"unsigned with a key": verified(pack("")),
		"signed by another":   verified(pack("wrong")),
		"folder with a key":   verified(write(t, map[string]string{"mine.rego": mine})),
	} {
		if _, err := policy.Load(t.Context(), options); err == nil {
			t.Errorf("%s: loaded", name)
		}
	}
}

func TestLists(t *testing.T) {
	t.Parallel()
	for name, data := range map[string]string{
		"array":  "rules: {group.not_allowed: {level: deny, groups: [" + strings.ToUpper(group) + "]}}",
		"object": "rules: {group.not_allowed: {level: deny, groups: {" + group + ": Ring 1}}}",
	} {
		dir := write(t, map[string]string{"org.yaml": data})
		engine := load(t, policy.Options{Data: []string{dir + "/org.yaml"}})
		r := patch()
		if v := engine.Judge(t.Context(), r, policy.Context{}); v.Decision != policy.Allow {
			t.Errorf("%s: %v", name, ids(v))
		}
		r.Targets[0].ID = tenant
		if diff := cmp.Diff([]string{"deny group.not_allowed"}, ids(engine.Judge(t.Context(), r, policy.Context{}))); diff != "" {
			t.Errorf("%s: %s", name, diff)
		}
	}
}

func TestRules(t *testing.T) {
	t.Parallel()
	dir := write(t, map[string]string{"org.yaml": "rules: {target.broad: {level: deny, tenants: [" + tenant + "]}}\njudge_reads: true"})
	data := dir + "/org.yaml"
	engine := load(t, policy.Options{Data: []string{data}})
	if !engine.JudgesReads() || load(t, policy.Options{}).JudgesReads() {
		t.Error("judge_reads")
	}
	for _, r := range engine.Rules() {
		if r.Title == "" || r.Description == "" {
			t.Errorf("%s has no title or description", r.ID)
		}
		if r.ID != "target.broad" {
			if r.SetBy != "" || r.Level != r.Default {
				t.Errorf("%+v", r)
			}
			continue
		}
		want := policy.Rule{ID: "target.broad", Title: r.Title, Description: r.Description, Level: "deny", Default: "off", SetBy: data,
			Package: "graphwarden.rules.reach", Location: r.Location,
			Parameters: []policy.Parameter{{Name: "tenants", Type: "set", Description: r.Parameters[0].Description, Value: []any{tenant}}}}
		if diff := cmp.Diff(want, r); diff != "" {
			t.Error(diff)
		}
	}
}

// A folder that is called policies, as the library is, joins it like any other: it hides nothing.
func TestFolderCalledAsTheLibrary(t *testing.T) {
	dir := write(t, map[string]string{"policies/rules/token.rego": mine})
	t.Chdir(dir)
	r := patch()
	r.Token.Scopes = nil
	v := load(t, policy.Options{Paths: []string{"policies"}}).Judge(t.Context(), r, policy.Context{})
	if diff := cmp.Diff([]string{"deny scope.missing", "warn mine.rule"}, ids(v)); diff != "" {
		t.Error(diff)
	}
}
