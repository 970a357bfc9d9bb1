package tape_test

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/graphwarden/graphwarden/internal/tape"
)

// TestVerifyPeople holds what is found of people beside what is nearly the same and nobody's name.
func TestVerifyPeople(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "c.yaml")
	file := `---
version: 1
interactions:
    - request:
        body: '{"user@odata.bind":"https://graph.microsoft.com/v1.0/users/ada@contoso.com","note":"at 3@4.5","who":["eve@northwind.de"]}'
        form: {}
        headers:
            From:
                - Ada@Example.COM
        url: https://graph.microsoft.com/v1.0/users/bob%40northwind.de/manager
        method: PUT
      response:
        body: '{"value":[{"mail":"zoe@mail.fabrikam.com"},{"mail":"kim@northwind.de","a/b":"kim@corp.northwind.de"}]}'
        headers: {}
        status: 200 OK
        code: 200
        duration: 1ms
`
	if err := os.WriteFile(path, []byte(file), 0o600); err != nil {
		t.Fatal(err)
	}
	places := func(allowed ...string) (list []string) {
		found, err := tape.VerifyPeople(path, allowed)
		if err != nil {
			t.Fatal(err)
		}
		for _, f := range found {
			if f.Kind != "user-name" || f.Interaction != 1 || f.Line == 0 {
				t.Errorf("got %+v", f)
			}
			list = append(list, f.Where+" "+f.Pointer)
		}
		return list
	}
	want := []string{"request.url ", "request.body /who/0", "response.body /value/1/a~1b", "response.body /value/1/mail"}
	if diff := cmp.Diff(want, places()); diff != "" {
		t.Errorf("findings (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff([]string(nil), places("Northwind.de")); diff != "" {
		t.Errorf("with the domain allowed (-want +got):\n%s", diff)
	}
	if got := places("corp.northwind.de"); len(got) != 3 {
		t.Errorf("with a domain below it allowed: got %q, want three findings", got)
	}
}
