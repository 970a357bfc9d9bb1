package tape_test

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/graphwarden/graphwarden/internal/tape"
)

func TestEditsAndCutsAreTold(t *testing.T) {
	t.Parallel()
	path := cassette(t)
	rec := open(t, tape.Options{Mode: tape.Record, Cassette: path, Origin: originFunc(echo)})
	rec.SetVariables(map[string]string{"seed": "42"})
	for _, body := range []string{`{"n":1}`, "{\"two\":\n\"lines\"}", ""} {
		send(t, rec, request(t, "POST", "/v1.0/a", body))
	}
	closeTape(t, rec)
	whole, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	other := filepath.Join(t.TempDir(), "other.yaml")
	notices := func(file []byte) (string, int, error) {
		if err := os.WriteFile(other, file, 0o600); err != nil {
			t.Fatal(err)
		}
		c, err := tape.Load(other)
		if err != nil {
			return "", 0, err
		}
		return strings.Join(c.Notices, "; "), c.Len(), nil
	}
	replace := func(was, is string) []byte {
		if !bytes.Contains(whole, []byte(was)) {
			t.Fatalf("%q is not in\n%s", was, whole)
		}
		return bytes.ReplaceAll(whole, []byte(was), []byte(is))
	}
	digest := whole[bytes.LastIndex(whole, []byte("...")):]
	for _, c := range []struct {
		name string
		file []byte
		want string
	}{
		{"untouched", whole, ""},
		{"line ends of Windows", replace("\n", "\r\n"), ""},
		{"a body", replace(`{"n":1}`, `{"n":2}`), "edited"},
		{"a body, with line ends of Windows", bytes.ReplaceAll(replace(`{"n":1}`, `{"n":2}`), []byte("\n"), []byte("\r\n")), "edited"},
		{"a variable", replace("42", "43"), "edited"},
		{"the head", replace("graphwarden", "somebody"), "edited"},
		{"a digest", append(bytes.Clone(whole[:len(whole)-3]), "00\n"...), "edited"},
		{"an interaction less", append(bytes.Clone(whole[:bytes.LastIndex(whole, []byte("    - id"))]), digest...), "edited"},
		{"saved by another tool", append(bytes.Clone(whole[:len(whole)-len(digest)]), "...\n"...), "digest is missing"},
	} {
		got, _, err := notices(c.file)
		if err != nil || (c.want == "") != (got == "") || !strings.Contains(got, c.want) {
			t.Errorf("%s: %q, %v, want %q", c.name, got, err, c.want)
		}
	}
	for n := range len(whole) - 1 { // without the last line feed nothing is missing
		got, held, err := notices(whole[:n])
		if err == nil && got == "" {
			t.Fatalf("cut at %d of %d: loads %d interactions and says nothing:\n%s", n, len(whole), held, whole[:n])
		}
	}
	// What is edited by the tools here is whole again.
	c := load(t, path)
	x, err := c.At(0)
	if err != nil {
		t.Fatal(err)
	}
	x.Response.Body = "edited"
	c.Set(0, x)
	if err := c.Save(other); err != nil {
		t.Fatal(err)
	}
	if again := load(t, other); len(again.Notices) > 0 {
		t.Errorf("saved here: %q", again.Notices)
	}
}
