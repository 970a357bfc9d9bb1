package graph_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"math/big"
	"reflect"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/graphwarden/graphwarden/internal/graph"
)

func TestParseJSON(t *testing.T) {
	t.Parallel()
	deep := func(n int) string { return strings.Repeat("[", n) + strings.Repeat("]", n) }
	tests := []struct {
		name, in string
		want     any
		err      string // a part of the error; empty for none
	}{
		{name: "object", in: ` {"a" : [1, "x", true, false, null, {}] } `, want: map[string]any{"a": []any{json.Number("1"), "x", true, false, nil, map[string]any{}}}},
		{name: "empty array", in: "[ ]", want: []any{}},
		{name: "bare string", in: `"x"`, want: "x"},
		{name: "one bom", in: "\ufeff{}", want: map[string]any{}},
		{name: "two boms", in: "\ufeff\ufeff{}", err: "not the start of a value"},
		{name: "bom behind", in: "{}\ufeff", err: "data after the end"},
		{name: "different keys", in: `{"a":1,"b":2}`, want: map[string]any{"a": json.Number("1"), "b": json.Number("2")}},
		{name: "equal keys", in: `{"a":1,"a":2}`, err: `json at 1:8: duplicate property "a"`},
		{name: "keys equal but for case", in: `{"target":1,"Target":2}`, err: `"target" came before`},
		{name: "keys equal once unescaped", in: `{"target":1,"\u0074arget":2}`, err: "duplicate property"},
		{name: "keys equal by unicode folding", in: `{"assignments":1,"aſſignments":2}`, err: "duplicate property"},
		{name: "keys equal by kelvin sign", in: "{\"k\":1,\"\u212a\":2}", err: "duplicate property"},
		{name: "same key in two objects", in: `[{"a":1},{"A":2}]`, want: []any{map[string]any{"a": json.Number("1")}, map[string]any{"A": json.Number("2")}}},
		{name: "invalid utf-8", in: "{\"a\":\n\"\xff\"}", err: "json at 2:2: invalid UTF-8"},
		{name: "overlong utf-8", in: "\"\xc0\xaf\"", err: "invalid UTF-8"},
		{name: "encoded surrogate", in: "\"\xed\xa0\x80\"", err: "invalid UTF-8"},
		{name: "replacement character itself", in: "\"\ufffd\"", want: "\ufffd"},
		{name: "trailing data", in: "{} {}", err: "json at 1:4: data after the end"},
		{name: "trailing nul", in: "{}\x00", err: "data after the end"},
		{name: "depth 64", in: deep(64), want: nestedArray(64)},
		{name: "depth 65", in: deep(65), err: "nesting over 64"},
		{name: "surrogate pair", in: `"\ud83d\ude00"`, want: "😀"},
		{name: "high surrogate alone", in: `"\ud83d"`, err: "bad escape"},
		{name: "high surrogate twice", in: `"\ud83d\ud83d"`, err: "bad escape"},
		{name: "low surrogate alone", in: `"\ude00"`, err: "bad escape"},
		{name: "all escapes", in: `"\"\\\/\b\f\n\r\t\u00e9"`, want: "\"\\/\b\f\n\r\té"},
		{name: "unknown escape", in: `"\x41"`, err: "bad escape"},
		{name: "short escape", in: `"\u00"`, err: "bad escape"},
		{name: "raw control character", in: "\"a\nb\"", err: "json at 1:3: a control character"},
		{name: "raw control character after an escape", in: "\"\\na\nb\"", err: "a control character"},
		{name: "del is no control character to json", in: "\"\x7f\"", want: "\x7f"},
		{name: "big integer", in: "12345678901234567890", want: json.Number("12345678901234567890")},
		{name: "numbers", in: "[-0,0.5,1e5,1E-5,2.5e+3]", want: []any{json.Number("-0"), json.Number("0.5"), json.Number("1e5"), json.Number("1E-5"), json.Number("2.5e+3")}},
		{name: "leading zero", in: "01", err: "malformed number"},
		{name: "plus sign", in: "+1", err: "not the start of a value"},
		{name: "bare point", in: "1.", err: "malformed number"},
		{name: "bare minus", in: "-", err: "malformed number"},
		{name: "bare exponent", in: "1e", err: "malformed number"},
		{name: "hex", in: "0x10", err: "data after the end"},
		{name: "nan", in: "NaN", err: "not the start of a value"},
		{name: "exponent 400", in: "1e400", want: json.Number("1e400")},
		{name: "exponent 401", in: "1e401", err: "out of every range"},
		{name: "endless exponent", in: "1e-99999999999999999999", err: "out of every range"},
		{name: "endless digits", in: strings.Repeat("1", 1025), err: "out of every range"},
		{name: "empty", in: "", err: "json at 1:1: the text ends"},
		{name: "only spaces", in: " \r\n\t", err: "json at 2:2: the text ends"},
		{name: "trailing comma", in: `{"a":1,}`, err: "a property name"},
		{name: "trailing comma in array", in: `[1,]`, err: "not the start of a value"},
		{name: "single quotes", in: `{'a':1}`, err: "a property name"},
		{name: "comment", in: `{/**/}`, err: "a property name"},
		{name: "no colon", in: `{"a" 1}`, err: "a colon is due"},
		{name: "no comma", in: `[1 2]`, err: "a comma or ]"},
		{name: "no comma in object", in: `{"a":1 "b":2}`, err: "a comma or }"},
		{name: "open object", in: `{"a":1`, err: "does not end"},
		{name: "open array", in: `[1`, err: "does not end"},
		{name: "open string", in: `"a`, err: "does not end"},
		{name: "open escape", in: `"a\`, err: "bad escape"},
		{name: "word cut short", in: "tru", err: "unknown word"},
		{name: "words run together", in: "truefalse", err: "data after the end"},
		{name: "vertical tab is no space", in: "\v1", err: "not the start"},
		{name: "column counts characters", in: `{"é":x}`, err: "json at 1:6"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			got, err := graph.ParseJSON([]byte(tt.in))
			if tt.err != "" {
				if err == nil || !strings.Contains(err.Error(), tt.err) {
					t.Fatalf("error %v, want one with %q", err, tt.err)
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			// Not cmp: its time is exponential in the depth.
			if !reflect.DeepEqual(tt.want, got) {
				t.Errorf("got %#v, want %#v", got, tt.want)
			}
		})
	}
}

func nestedArray(n int) any {
	v := []any{}
	for range n - 1 {
		v = []any{v}
	}
	return v
}

// Objects over a dozen keys take another way to find duplicates.
func TestParseJSONManyKeys(t *testing.T) {
	t.Parallel()
	var b strings.Builder
	b.WriteString(`{"First":0`)
	for i := range 5000 {
		fmt.Fprintf(&b, `,"key%d":%d`, i, i)
	}
	if v, err := graph.ParseJSON([]byte(b.String() + "}")); err != nil || len(v.(map[string]any)) != 5001 {
		t.Fatalf("distinct keys: %v", err)
	}
	for _, dup := range []string{"first", "KEY4999", "key11", "\u212aey7"} {
		if _, err := graph.ParseJSON([]byte(b.String() + `,"` + dup + `":1}`)); err == nil || !strings.Contains(err.Error(), "duplicate") {
			t.Errorf("duplicate %s: %v", dup, err)
		}
	}
}

func TestAppendCanonical(t *testing.T) {
	t.Parallel()
	tests := []struct{ name, in, want string }{
		{"spacing and order", ` { "b" : 1 , "a" : [ true , null ] } `, `{"a":[true,null],"b":1}`},
		{"integers", "[1,1.0,1e0,10e-1,0.1e1,1.000]", "[1,1,1,1,1,1]"},
		{"tens", "[10,1e1,100e-1,1E+1]", "[10,10,10,10]"},
		{"zero", "[0,-0,0.0,0e5,-0.0e-3]", "[0,0,0,0,0]"},
		{"fractions", "[0.5,5e-1,1.50,0.001,12.34]", "[0.5,0.5,1.5,0.001,12.34]"},
		{"negative", "[-1.0,-0.5,-12.5e1]", "[-1,-0.5,-125]"},
		{"big integers are exact", "[9007199254740993,12345678901234567890123456789]", "[9007199254740993,12345678901234567890123456789]"},
		{"neighbours differ", "[9007199254740992,9007199254740993]", "[9007199254740992,9007199254740993]"},
		{"far exponents", "[1e21,1e400,1e-7,25e-30]", "[1e21,1e400,1e-7,25e-30]"},
		{"21 places", "[1e20,1.5e20]", "[100000000000000000000,150000000000000000000]"},
		{"escapes", `"\u0041\/\u000a\u0001<\"\\\u00e9\u007f"`, "\"A/\\n\\u0001<\\\"\\\\é\x7f\""},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			v, err := graph.ParseJSON([]byte(tt.in))
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(tt.want, string(graph.AppendCanonical(nil, v))); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func TestAppendCanonicalOfGoValues(t *testing.T) {
	t.Parallel()
	in := map[string]any{"i": 7, "l": int64(8), "f": 1.5, "s": []string{"x"}, "bad": func() {}, "n": json.Number("no number"), "u": "a\xffb"}
	want := `{"bad":null,"f":1.5,"i":7,"l":8,"n":"no number","s":["x"],"u":"a` + "\ufffd" + `b"}`
	if diff := cmp.Diff(want, string(graph.AppendCanonical(nil, in))); diff != "" {
		t.Error(diff)
	}
}

// Whatever ParseJSON takes, encoding/json takes to the same value, and its canonical form is a fixed point.
func FuzzParseJSON(f *testing.F) {
	for _, s := range []string{`{"a":[1,2.50,"x\u00e9"],"B":null}`, `{"a":1,"A":2}`, "\ufeff[]", `[1e5,100000,1.0E+5]`, `"\ud83d\ude00"`, "[[[[]]]]", "-0.0e-0", `{"k":1,"K":2}`} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, in []byte) {
		v, err := graph.ParseJSON(in)
		if err != nil {
			if !strings.HasPrefix(err.Error(), "json at ") {
				t.Fatalf("error without position: %v", err)
			}
			return
		}
		canonical := graph.AppendCanonical(nil, v)
		again, err := graph.ParseJSON(canonical)
		if err != nil {
			t.Fatalf("canonical form %q: %v", canonical, err)
		}
		if twice := graph.AppendCanonical(nil, again); !bytes.Equal(canonical, twice) {
			t.Fatalf("canonical form of %q is no fixed point: %q, %q", in, canonical, twice)
		}
		d := json.NewDecoder(bytes.NewReader(bytes.TrimPrefix(in, []byte("\ufeff"))))
		d.UseNumber()
		var theirs any
		if err := d.Decode(&theirs); err != nil {
			t.Fatalf("encoding/json refuses %q: %v", in, err)
		}
		if !equalJSON(theirs, again) {
			t.Fatalf("%q became %q", in, canonical)
		}
	})
}

// equalJSON compares two values by meaning, numbers as exact rationals.
func equalJSON(a, b any) bool {
	switch a := a.(type) {
	case map[string]any:
		m, ok := b.(map[string]any)
		if !ok || len(a) != len(m) {
			return false
		}
		for k, v := range a {
			if w, ok := m[k]; !ok || !equalJSON(v, w) {
				return false
			}
		}
		return true
	case []any:
		l, ok := b.([]any)
		if !ok || len(a) != len(l) {
			return false
		}
		for i := range a {
			if !equalJSON(a[i], l[i]) {
				return false
			}
		}
		return true
	case json.Number:
		n, ok := b.(json.Number)
		if !ok {
			return false
		}
		x, okX := new(big.Rat).SetString(string(a))
		y, okY := new(big.Rat).SetString(string(n))
		return okX && okY && x.Cmp(y) == 0
	}
	return a == b
}

const simBody = "{\r\n  \"target\": {\r\n    \"@odata.type\": \"microsoft.graph.deviceAndAppManagementAssignmentTarget\"\r\n  }\r\n}"

func BenchmarkParseJSON(b *testing.B) {
	body := []byte(`{"target":{"@odata.type":"#microsoft.graph.groupAssignmentTarget","groupId":"7f1b3c52-0000-4000-8000-000000000001","deviceAndAppManagementAssignmentFilterType":"none"}}`)
	b.ReportAllocs()
	for b.Loop() {
		if _, err := graph.ParseJSON(body); err != nil {
			b.Fatal(err)
		}
	}
}
