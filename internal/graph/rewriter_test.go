package graph_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/graphwarden/graphwarden/internal/graph"
)

// checkRewriter holds the one way to the canonical form against the other.
func checkRewriter(t *testing.T, text string) {
	t.Helper()
	v, err := graph.ParseJSON([]byte(text))
	var w graph.Rewriter
	_, _ = w.Append(nil, `{"used":{"b":1,"a":2}}`)
	got, ok := w.Append([]byte("before"), text)
	if ok != (err == nil) {
		t.Fatalf("%q: ok is %v, ParseJSON says %v", text, ok, err)
	}
	want := "before"
	if ok {
		want = string(graph.AppendCanonical([]byte(want), v))
	}
	if string(got) != want {
		t.Fatalf("%q:\n got %s\nwant %s", text, got, want)
	}
}

var canonicalTexts = []string{
	``, ` `, `{}`, `[]`, `[ ]`, `{ }`, `"x"`, `null`, `nul`, `tru`, `true`, `false`, `[true,false,null]`, `-`, `-0`, `01`, `1e400`, `1e401`, `1.50`, `[1,1.0,1e0]`,
	` {"b" : [1, "x", {}] , "a":{"d":1,"c":{"z":0,"y":[{"q":1,"p":2}]}} } `, "\ufeff{\"b\":1,\"a\":2}", "\ufeff\ufeff{}",
	`{"a":1,"a":2}`, `{"target":1,"Target":2}`, `[{"a":1},{"A":2}]`, "{\"a\":\"\xff\"}", `{} {}`, "{}\x00", `{"a"`, `{"a":`, `{"a":1`, `{"a":1,`, `{"a":1,}`, `{,}`, `[1,]`, `[`, `[1`, `[1}`, `{"a":1]`, `{a:1}`,
	`{"\u0062":1,"a\"":2,"a!":3,"a":4}`, `{"é":1,"z":2,"\ud83d\ude00":3}`, `"\ud83d"`, "\"a\nb\"", `"\"\\\/\b\f\n\r\t\u00e9\u0001"`, `{"":1," ":2}`,
	`{"@odata.type":"#x","id":"1","displayName":"b","assignments":[{"target":{"groupId":"g","@odata.type":"y"},"id":"0"}]}`,
}

func TestRewriter(t *testing.T) {
	t.Parallel()
	for _, text := range canonicalTexts {
		checkRewriter(t, text)
	}
	for _, depth := range []int{64, 65} {
		checkRewriter(t, strings.Repeat("[", depth)+strings.Repeat("]", depth))
		checkRewriter(t, strings.Repeat(`{"a":`, depth)+"1"+strings.Repeat("}", depth))
	}
	many := `{"x":{`
	for i := range 100 { // more than are held without a map, in no order
		many += fmt.Sprintf(`"k%d":{"b":%d,"a":[]},`, i*37%100, i)
	}
	checkRewriter(t, many+`"k":1}}`)
	checkRewriter(t, many+`"K3":1}}`)
}

func TestRewriterAllocates(t *testing.T) {
	var w graph.Rewriter
	buf := make([]byte, 0, 1<<10)
	text := canonicalTexts[len(canonicalTexts)-1]
	n := testing.AllocsPerRun(100, func() { buf, _ = w.Append(buf[:0], text) })
	if n > 0 {
		t.Errorf("%v allocations", n)
	}
}

func BenchmarkRewriter(b *testing.B) {
	var w graph.Rewriter
	buf := make([]byte, 0, 1<<10)
	b.ReportAllocs()
	for b.Loop() {
		buf, _ = w.Append(buf[:0], canonicalTexts[len(canonicalTexts)-1])
	}
}

func FuzzRewriter(f *testing.F) {
	for _, text := range canonicalTexts {
		f.Add(text)
	}
	f.Fuzz(checkRewriter)
}
