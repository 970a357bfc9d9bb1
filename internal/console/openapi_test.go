package console_test

import (
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"mime"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/graphwarden/graphwarden/internal/console"
)

// object is a JSON object, read loosely.
type object = map[string]any

// description is the OpenAPI document as the server hands it out.
func description(t *testing.T, s served) object {
	t.Helper()
	return decode[object](t, s.request(t, "GET", "/api/v1/openapi.json", nil))
}

// TestDescriptionIsComplete compares the document with what is served, both ways.
func TestDescriptionIsComplete(t *testing.T) {
	t.Parallel()
	s := serve(t, console.Options{})
	var described []string
	for path, item := range description(t, s)["paths"].(object) {
		for method := range item.(object) {
			described = append(described, strings.ToUpper(method)+" "+path)
		}
	}
	want := s.Routes()
	slices.Sort(want)
	slices.Sort(described)
	if diff := cmp.Diff(want, described); diff != "" {
		t.Errorf("routes (-served +described):\n%s", diff)
	}
}

// TestDescriptionIsSound checks what OpenAPI 3.1 asks of a document as far as ours uses it.
func TestDescriptionIsSound(t *testing.T) {
	t.Parallel()
	doc := description(t, serve(t, console.Options{}))
	if doc["openapi"] != "3.1.0" {
		t.Errorf("openapi %v", doc["openapi"])
	}
	ids := map[string]bool{}
	for path, item := range doc["paths"].(object) {
		for method, op := range item.(object) {
			op := op.(object)
			id, _ := op["operationId"].(string)
			if id == "" || ids[id] || op["summary"] == "" {
				t.Errorf("%s %s: operationId %q is empty or taken, or the summary is empty", method, path, id)
			}
			ids[id] = true
			inPath := map[string]bool{}
			for _, p := range listOf(op["parameters"]) {
				p := p.(object)
				if p["in"] == "path" {
					inPath[p["name"].(string)] = p["required"] == true
				}
				if p["schema"] == nil {
					t.Errorf("%s: parameter %v has no schema", path, p["name"])
				}
			}
			for part := range strings.SplitSeq(path, "/") {
				if name := strings.Trim(part, "{}"); name != part && !inPath[name] {
					t.Errorf("%s: parameter %s is not described as required", path, name)
				}
			}
			for status, r := range op["responses"].(object) {
				if r.(object)["description"] == nil || r.(object)["content"] == nil {
					t.Errorf("%s %s %s: no description or content", method, path, status)
				}
			}
		}
	}
	var walk func(at string, v any)
	walk = func(at string, v any) {
		switch v := v.(type) {
		case object:
			if ref, ok := v["$ref"].(string); ok && resolve(doc, ref) == nil {
				t.Errorf("%s: %s leads nowhere", at, ref)
			}
			for k, child := range v {
				walk(at+"/"+k, child)
			}
		case []any:
			for i, child := range v {
				walk(fmt.Sprint(at, "/", i), child)
			}
		}
	}
	walk("", doc)
}

// TestAnswersMatchTheirSchema asks each route, in each way that leads to another answer.
func TestAnswersMatchTheirSchema(t *testing.T) {
	t.Parallel()
	s := serve(t, console.Options{Write: true})
	fill(s)
	full := exchange(50, missed)
	s.Observe(full)
	d := miss(detail())
	d.Parts = []console.Form{*d.Form}
	s.Attach(full.ID, d)
	bare := exchange(51, nil)
	s.Observe(bare)
	empty := exchange(52, nil)
	s.Observe(empty)
	s.Attach(empty.ID, console.Detail{})
	reader := serve(t, console.Options{})
	ended := serve(t, console.Options{})
	ended.fake.stopping.Store(true)
	broken := serve(t, console.Options{Write: true})
	broken.fake.broken.Store(true)
	bareFake := serve(t, console.Options{})
	bareFake.fake.policy, bareFake.fake.cassette, bareFake.fake.sessions, bareFake.fake.tests = console.Policy{}, console.Cassette{}, nil, console.Tests{}

	doc := description(t, s)
	anonymous := func(r *http.Request) { r.Header.Del("Authorization") }
	foreign := func(r *http.Request) { r.Header.Set("Origin", "https://evil.example") }
	rebound := func(r *http.Request) { r.Host = "evil.example" }
	asked := map[string]bool{}
	ask := func(s served, method, path, route string, change func(*http.Request), want int) {
		t.Helper()
		resp := s.request(t, method, path, change)
		if resp.StatusCode != want {
			t.Errorf("%s %s: status %d, want %d", method, path, resp.StatusCode, want)
			return
		}
		asked[method+" "+route] = true
		op, _ := doc["paths"].(object)[route].(object)[strings.ToLower(method)].(object)
		answer, ok := op["responses"].(object)[fmt.Sprint(want)].(object)
		if !ok {
			t.Errorf("%s %s: %d is not described", method, route, want)
			return
		}
		media, _, err := mime.ParseMediaType(resp.Header.Get("Content-Type"))
		if err != nil {
			t.Errorf("%s %s: %v", method, path, err)
		}
		content, ok := answer["content"].(object)[media].(object)
		if !ok {
			t.Errorf("%s %s: %s is not described", method, path, media)
			return
		}
		if media != "application/json" {
			return
		}
		body, err := io.ReadAll(resp.Body)
		if err != nil {
			t.Fatal(err)
		}
		var value any
		if err := json.Unmarshal(body, &value); err != nil {
			t.Fatalf("%s %s: %v", method, path, err)
		}
		for _, fault := range conform(doc, content["schema"].(object), value, "") {
			t.Errorf("%s %s: %s", method, path, fault)
		}
	}
	one := "/api/v1/exchanges/{id}"
	for _, route := range s.Routes() {
		method, path, _ := strings.Cut(route, " ")
		if strings.Contains(path, "{") || method != "GET" {
			continue
		}
		ask(s, "GET", path, path, nil, 200)
		ask(bareFake, "GET", path, path, nil, 200)
		ask(s, "GET", path, path, foreign, 403)
		ask(s, "GET", path, path, rebound, 421)
		if op := doc["paths"].(object)[path].(object)["get"].(object); op["security"] == nil {
			ask(s, "GET", path, path, anonymous, 401)
		}
	}
	for _, id := range []string{full.ID, bare.ID, empty.ID} {
		ask(s, "GET", "/api/v1/exchanges/"+id, one, nil, 200)
	}
	for _, name := range []string{"console.js", "console.css", "icon.svg"} {
		ask(s, "GET", "/page/"+name, "/page/{file}", anonymous, 200)
	}
	ask(s, "GET", "/page/none.js", "/page/{file}", nil, 404)
	ask(s, "GET", "/page/index.html", "/page/{file}", nil, 404)
	ask(s, "GET", "/api/v1/exchanges/none", one, nil, 404)
	ask(s, "GET", "/api/v1/exchanges/none", one, anonymous, 401)
	ask(s, "GET", "/api/v1/exchanges?limit=0", "/api/v1/exchanges", nil, 400)
	ask(s, "GET", "/api/v1/exchanges/"+full.ID+"/input", one+"/input", nil, 200)
	ask(s, "GET", "/api/v1/exchanges/"+full.ID+"/input?part=7", one+"/input", nil, 400)
	ask(s, "GET", "/api/v1/exchanges/"+bare.ID+"/input", one+"/input", nil, 404)
	ask(s, "GET", "/api/v1/events", "/api/v1/events", func(r *http.Request) { r.Header.Set("Last-Event-ID", "x") }, 400)
	ask(ended, "GET", "/readyz", "/readyz", nil, 503)
	ask(broken, "GET", "/api/v1/policy/tests", "/api/v1/policy/tests", nil, 422)
	sessions, oneSession, mode := "/api/v1/sessions", "/api/v1/sessions/{name}", "/api/v1/sessions/{name}/mode"
	ask(s, "POST", sessions, sessions, with(`{"name":"new","mode":"record","cassette":"new.yaml","variables":{"seed":"1"}}`), 201)
	ask(s, "POST", sessions, sessions, with(`{"name":"new"}`), 409)
	ask(s, "POST", sessions, sessions, with(`{"name":".."}`), 400)
	ask(s, "POST", sessions, sessions, with(`{"name":"more","mode":"replay"}`), 422)
	ask(s, "POST", sessions, sessions, anonymous, 401)
	ask(reader, "POST", sessions, sessions, with(`{"name":"new"}`), 403)
	for _, name := range []string{"-", "checkout-test", "new"} {
		ask(s, "GET", sessions+"/"+name, oneSession, nil, 200)
		ask(s, "POST", sessions+"/"+name+"/mode", mode, with(`{"mode":"live"}`), 200)
	}
	ask(s, "GET", sessions+"/none", oneSession, nil, 404)
	ask(s, "GET", sessions+"/none", oneSession, anonymous, 401)
	ask(s, "POST", sessions+"/none/mode", mode, with(`{"mode":"live"}`), 404)
	ask(s, "POST", sessions+"/new/mode", mode, with(`live`), 400)
	ask(broken, "POST", sessions+"/checkout-test/mode", mode, with(`{"mode":"live"}`), 422)
	ask(reader, "POST", sessions+"/checkout-test/mode", mode, with(`{"mode":"live"}`), 403)
	ask(s, "POST", sessions+"/new/mode", mode, anonymous, 401)
	ask(reader, "DELETE", sessions+"/checkout-test", oneSession, nil, 403)
	ask(s, "DELETE", sessions+"/new", oneSession, anonymous, 401)
	ask(s, "DELETE", sessions+"/new", oneSession, nil, 200)
	ask(s, "DELETE", sessions+"/new", oneSession, nil, 404)
	ask(s, "DELETE", sessions+"/-", oneSession, nil, 400)
	ask(broken, "DELETE", sessions+"/checkout-test", oneSession, nil, 422)
	ask(s, "POST", "/api/v1/policy/reload", "/api/v1/policy/reload", nil, 200)
	ask(s, "POST", "/api/v1/policy/reload", "/api/v1/policy/reload", anonymous, 401)
	ask(reader, "POST", "/api/v1/policy/reload", "/api/v1/policy/reload", nil, 403)
	ask(broken, "POST", "/api/v1/policy/reload", "/api/v1/policy/reload", nil, 422)
	if diff := cmp.Diff(slices.Sorted(slices.Values(s.Routes())), slices.Sorted(maps.Keys(asked))); diff != "" {
		t.Errorf("routes that were not asked (-served +asked):\n%s", diff)
	}
}

// TestConform shows that the check bites: each fault beside a value like it that is sound.
func TestConform(t *testing.T) {
	t.Parallel()
	doc := object{"components": object{"schemas": object{"Name": object{"type": "string", "enum": []any{"a", "b"}}}}}
	schema := object{"type": "object", "required": []any{"name"}, "additionalProperties": false, "properties": object{
		"name": object{"$ref": "#/components/schemas/Name"}, "when": object{"type": "string", "format": "date-time"},
		"list": object{"type": "array", "items": object{"type": "integer"}}, "maybe": object{"anyOf": []any{object{"type": "boolean"}, object{"type": "null"}}},
	}}
	for _, tt := range []struct {
		value string
		sound bool
	}{
		{`{"name":"a","when":"2026-03-04T09:30:00Z","list":[1,2],"maybe":null}`, true},
		{`{}`, false}, {`{"name":"c"}`, false}, {`{"name":1}`, false}, {`{"name":"a","other":1}`, false}, {`{"name":"a","when":"today"}`, false},
		{`{"name":"a","list":[1.5]}`, false}, {`{"name":"a","list":null}`, false}, {`{"name":"a","maybe":"x"}`, false}, {`[]`, false},
	} {
		var value any
		if err := json.Unmarshal([]byte(tt.value), &value); err != nil {
			t.Fatal(err)
		}
		if faults := conform(doc, schema, value, ""); (len(faults) == 0) != tt.sound {
			t.Errorf("%s: %v", tt.value, faults)
		}
	}
}

func listOf(v any) []any { l, _ := v.([]any); return l }

// resolve follows a reference within the document.
func resolve(doc object, ref string) object {
	var at any = doc
	for part := range strings.SplitSeq(strings.TrimPrefix(ref, "#/"), "/") {
		m, _ := at.(object)
		at = m[part]
	}
	found, _ := at.(object)
	return found
}

// conform says how a value differs from a JSON Schema, of which it knows what the document uses.
func conform(doc, schema object, value any, at string) []string {
	if ref, ok := schema["$ref"].(string); ok {
		schema = resolve(doc, ref)
	}
	if options := listOf(schema["anyOf"]); options != nil {
		var faults []string
		for _, option := range options {
			found := conform(doc, option.(object), value, at)
			if len(found) == 0 {
				return nil
			}
			faults = append(faults, found...)
		}
		return faults
	}
	var faults []string
	if enum := listOf(schema["enum"]); enum != nil && !slices.Contains(enum, value) {
		faults = append(faults, fmt.Sprintf("%s: %v is none of %v", at, value, enum))
	}
	switch want := schema["type"]; want {
	case nil:
	case "object":
		faults = append(faults, conformObject(doc, schema, value, at)...)
	case "array":
		items, ok := value.([]any)
		if !ok {
			return []string{fmt.Sprintf("%s: %T is no array", at, value)}
		}
		for i, item := range items {
			faults = append(faults, conform(doc, schema["items"].(object), item, fmt.Sprint(at, "/", i))...)
		}
	default:
		if !isType(want, schema["format"], value) {
			faults = append(faults, fmt.Sprintf("%s: %v is no %v", at, value, want))
		}
	}
	return faults
}

func conformObject(doc, schema object, value any, at string) []string {
	members, ok := value.(object)
	if !ok {
		return []string{fmt.Sprintf("%s: %T is no object", at, value)}
	}
	var faults []string
	for _, name := range listOf(schema["required"]) {
		if _, ok := members[name.(string)]; !ok {
			faults = append(faults, fmt.Sprintf("%s: lacks %v", at, name))
		}
	}
	properties, _ := schema["properties"].(object)
	for name, member := range members {
		rest := schema["additionalProperties"]
		known, ok := properties[name].(object)
		if !ok {
			known, ok = rest.(object)
		}
		switch {
		case ok:
			faults = append(faults, conform(doc, known, member, at+"/"+name)...)
		case rest == false:
			faults = append(faults, at+": has "+name+" besides")
		}
	}
	return faults
}

func isType(want, format, value any) bool {
	switch v := value.(type) {
	case string:
		if format == "date-time" {
			if _, err := time.Parse(time.RFC3339Nano, v); err != nil {
				return false
			}
		}
		return want == "string"
	case bool:
		return want == "boolean"
	case float64:
		return want == "number" || want == "integer" && v == float64(int64(v))
	case nil:
		return want == "null"
	}
	return false
}
