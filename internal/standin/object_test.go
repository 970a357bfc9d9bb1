package standin

import (
	"encoding/json"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// FuzzMembers: the properties found are those that encoding/json finds, each with its value.
func FuzzMembers(f *testing.F) {
	f.Add([]byte(`{"target":{"@odata.type":"x","a":[1,{"b":"}"}]},"n":-1.5e3,"t\u0061":null}`))
	f.Add([]byte(` { "a\"" : "\\" , "a" : [ ] , "" : {} , "b" : false } `))
	f.Add([]byte(`[1]`))
	f.Fuzz(func(t *testing.T, raw []byte) {
		b, ok := compact(raw)
		if !ok {
			return
		}
		var want map[string]json.RawMessage
		isObject := json.Unmarshal(b, &want) == nil && want != nil
		fields, ok := members(b)
		if ok != isObject {
			t.Fatalf("members(%q) says %v", b, ok)
		}
		for _, f := range fields {
			if !json.Valid(f.value) {
				t.Errorf("%q of %q is no JSON", f.value, b)
			}
		}
		for name, value := range want {
			var quoted string
			if err := json.Unmarshal(appendQuoted(nil, name), &quoted); err != nil || quoted != name {
				t.Errorf("%q is quoted as %q", name, appendQuoted(nil, name))
			}
			last := []byte(nil)
			for _, f := range fields {
				if f.name == name {
					last = f.value
				}
			}
			// encoding/json mends broken UTF-8 in names; such names are not found as they stand.
			if last != nil && string(last) != string(value) {
				t.Errorf("%q of %q is %q, want %q", name, b, last, value)
			}
		}
	})
}

func TestElements(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		in   string
		want []string
		ok   bool
	}{
		{`[]`, nil, true},
		{`[1,"a,]",{"b":[2]},[3],null]`, []string{`1`, `"a,]"`, `{"b":[2]}`, `[3]`, `null`}, true},
		{`{}`, nil, false},
		{`"["`, nil, false},
	} {
		values, ok := elements([]byte(tt.in))
		var got []string
		for _, v := range values {
			got = append(got, string(v))
		}
		if diff := cmp.Diff(tt.want, got); diff != "" || ok != tt.ok {
			t.Errorf("elements(%s) = %v (-want +got):\n%s", tt.in, ok, diff)
		}
	}
}
