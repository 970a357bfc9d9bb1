package main

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"
)

// jsonSchema checks the few keywords that our schemas use; one it does not know is a fault of the schema.
type jsonSchema struct{ root map[string]any }

// outputSchemaFile is found whatever folder a script is in.
var outputSchemaFile, _ = filepath.Abs("../../docs/output.schema.json")

func readSchema(t interface{ Fatalf(string, ...any) }, path string) jsonSchema {
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatalf("%v", err)
	}
	var s jsonSchema
	if err := json.Unmarshal(data, &s.root); err != nil {
		t.Fatalf("%v", err)
	}
	return s
}

// check lists what is wrong with a value, each fault with its place.
func (s jsonSchema) check(schema map[string]any, v any, at string) (faults []string) {
	fault := func(format string, args ...any) { faults = append(faults, at+": "+fmt.Sprintf(format, args...)) }
	object, _ := v.(map[string]any)
	list, _ := v.([]any)
	for keyword, want := range schema {
		switch keyword {
		case "$schema", "$id", "$defs", "title", "description":
		case "$ref":
			def := strings.TrimPrefix(want.(string), "#/$defs/")
			faults = append(faults, s.check(s.root["$defs"].(map[string]any)[def].(map[string]any), v, at)...)
		case "type":
			if !isType(v, want.(string)) {
				fault("%v is no %s", v, want)
			}
		case "const":
			if !reflect.DeepEqual(v, want) {
				fault("%v is not %v", v, want)
			}
		case "enum":
			if !slices.ContainsFunc(want.([]any), func(w any) bool { return reflect.DeepEqual(v, w) }) {
				fault("%v is none of %v", v, want)
			}
		case "minimum":
			if n, ok := v.(float64); ok && n < want.(float64) {
				fault("%v is below %v", n, want)
			}
		case "required":
			for _, name := range want.([]any) {
				if _, ok := object[name.(string)]; object != nil && !ok {
					fault("%s is missing", name)
				}
			}
		case "properties":
			for name, sub := range want.(map[string]any) {
				if value, ok := object[name]; ok {
					faults = append(faults, s.check(sub.(map[string]any), value, at+"/"+name)...)
				}
			}
		case "additionalProperties":
			known, _ := schema["properties"].(map[string]any)
			for name := range object {
				if _, ok := known[name]; !ok && want == false {
					fault("%s is not in the schema", name)
				}
			}
		case "items":
			for i, item := range list {
				faults = append(faults, s.check(want.(map[string]any), item, fmt.Sprintf("%s/%d", at, i))...)
			}
		case "oneOf":
			fits, why := 0, []string{}
			for _, sub := range want.([]any) {
				found := s.check(sub.(map[string]any), v, at)
				if len(found) == 0 {
					fits++
				}
				why = append(why, strings.Join(found, "; "))
			}
			if fits != 1 {
				fault("fits %d of the forms: %s", fits, strings.Join(why, " | "))
			}
		default:
			fault("the schema uses %s, which is not checked", keyword)
		}
	}
	return faults
}

func isType(v any, want string) bool {
	switch want {
	case "object":
		_, ok := v.(map[string]any)
		return ok
	case "array":
		_, ok := v.([]any)
		return ok
	case "string":
		_, ok := v.(string)
		return ok
	case "boolean":
		_, ok := v.(bool)
		return ok
	case "integer":
		n, ok := v.(float64)
		return ok && n == float64(int64(n))
	}
	return false
}

func TestSchemaChecks(t *testing.T) {
	t.Parallel()
	s := readSchema(t, outputSchemaFile)
	const good = `{"schema":"graphwarden.output/v1","type":"console","url":"http://127.0.0.1:1/"}`
	for _, tt := range []struct {
		name, line string
		ok         bool
	}{
		{"good", good, true},
		{"another version", strings.Replace(good, "v1", "v2", 1), false},
		{"a member more", strings.Replace(good, `"url"`, `"more":1,"url"`, 1), false},
		{"a member less", strings.Replace(good, `"url"`, `"URL"`, 1), false},
		{"another type", strings.Replace(good, `"http://127.0.0.1:1/"`, "7", 1), false},
	} {
		var v any
		if err := json.Unmarshal([]byte(tt.line), &v); err != nil {
			t.Fatal(err)
		}
		if faults := s.check(s.root, v, ""); (len(faults) == 0) != tt.ok {
			t.Errorf("%s: %v", tt.name, faults)
		}
	}
}
