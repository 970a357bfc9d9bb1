package policy

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/open-policy-agent/opa/v1/ast"

	"github.com/graphwarden/graphwarden/internal/graph"
	"github.com/graphwarden/graphwarden/policies"
)

// Schema is the JSON Schema of the input document.
func Schema() []byte {
	content, _ := policies.Library.ReadFile("input.schema.json") // embedded: it is there
	return content
}

// ParseInput reads an input document from JSON and holds it to the schema: a field that is missing is how a rule silently
// never fires. The error names every fault by its JSON pointer.
func ParseInput(text []byte) (map[string]any, error) {
	value, err := graph.ParseJSON(text)
	if err != nil {
		return nil, fmt.Errorf("read the input document: %w", err)
	}
	document, ok := value.(map[string]any)
	if !ok || document["schema"] != InputSchema {
		return nil, fmt.Errorf("read the input document: it is no %s", InputSchema)
	}
	var faults []error
	inputSchema().check("", document, &faults)
	if len(faults) > 0 {
		return nil, fmt.Errorf("read the input document: %w", errors.Join(faults...))
	}
	return document, nil
}

// JudgeInput asks the policies about an input document, such as Input makes. Like Judge it never fails.
func (e *Engine) JudgeInput(ctx context.Context, document map[string]any) (v Verdict) {
	g, start := e.current.Load(), time.Now()
	defer func() {
		if p := recover(); p != nil {
			v = Verdict{Decision: Deny, Unavailable: true, Err: fmt.Errorf("judge the input document: panic: %v", p)}
		}
		v.Revision, v.Duration = g.revision, time.Since(start)
	}()
	input, err := ast.InterfaceToValue(document)
	if err == nil {
		v, err = g.evaluate(ctx, input, e.options.Timeout, nil)
	}
	if err != nil {
		return Verdict{Decision: Deny, Unavailable: true, Err: fmt.Errorf("judge the input document: %w", err)}
	}
	return v
}

// schema is as much of JSON Schema as the input document's own uses.
type schema struct {
	Type       string             `json:"type"`
	AnyOf      []*schema          `json:"anyOf"` // of types only
	Enum       []any              `json:"enum"`
	Const      any                `json:"const"`
	Required   []string           `json:"required"`
	Properties map[string]*schema `json:"properties"`
	Additional additional         `json:"additionalProperties"`
	Items      *schema            `json:"items"`
}

// additional says what an object may hold beside the named properties: nothing, or what fits the schema.
type additional struct {
	denied bool
	fits   *schema
}

// UnmarshalJSON reads false, true or a schema.
func (a *additional) UnmarshalJSON(text []byte) error {
	var allowed bool
	if json.Unmarshal(text, &allowed) == nil {
		a.denied = !allowed
		return nil
	}
	a.fits = new(schema)
	return json.Unmarshal(text, a.fits)
}

var inputSchema = sync.OnceValue(func() *schema {
	s := new(schema)
	if err := json.Unmarshal(Schema(), s); err != nil {
		return new(schema) // not to be had: a test reads the same bytes
	}
	return s
})

// check adds what is wrong with a value at a place.
func (s *schema) check(pointer string, value any, faults *[]error) {
	fault := func(format string, args ...any) {
		*faults = append(*faults, fmt.Errorf("%s "+format, append([]any{placeOf(pointer)}, args...)...))
	}
	if types := s.types(); len(types) > 0 && !slices.ContainsFunc(types, func(t string) bool { return typeIs(t, value) }) {
		fault("is %s, not %s", typeName(value), strings.Join(types, " or "))
		return
	}
	if s.Const != nil && value != s.Const {
		fault("is not %v", s.Const)
	}
	if len(s.Enum) > 0 && !slices.Contains(s.Enum, value) {
		fault("is none of %v", s.Enum)
	}
	switch v := value.(type) {
	case map[string]any:
		for _, name := range s.Required {
			if _, ok := v[name]; !ok {
				fault("has no %s; a field without a value is null or empty", name)
			}
		}
		for _, name := range slices.Sorted(maps.Keys(v)) {
			below, ok := s.Properties[name]
			if !ok {
				below = s.Additional.fits
			}
			if below != nil {
				below.check(pointer+"/"+escapePointer(name), v[name], faults)
			} else if s.Additional.denied {
				fault("has %q, which there is not", name)
			}
		}
	case []any:
		if s.Items == nil {
			return
		}
		for i, item := range v {
			s.Items.check(pointer+"/"+strconv.Itoa(i), item, faults)
		}
	}
}

func placeOf(pointer string) string {
	if pointer == "" {
		return "the document"
	}
	return pointer
}

func escapePointer(name string) string {
	return strings.NewReplacer("~", "~0", "/", "~1").Replace(name)
}

// types are those a schema allows; none means any.
func (s *schema) types() []string {
	if s.Type != "" {
		return []string{s.Type}
	}
	var types []string
	for _, one := range s.AnyOf {
		types = append(types, one.types()...)
	}
	return types
}

func typeIs(want string, value any) bool {
	name := typeName(value)
	return want == name || want == "number" && name == "integer"
}

func typeName(value any) string {
	switch v := value.(type) {
	case nil:
		return "null"
	case bool:
		return "boolean"
	case string:
		return "string"
	case json.Number:
		if strings.ContainsAny(v.String(), ".eE") {
			return "number"
		}
		return "integer"
	case []any:
		return "array"
	}
	return "object"
}
