package ca

import (
	"bytes"
	"testing"
)

// FuzzParse works on the bytes rather than on files, which would make it a test of the disk.
func FuzzParse(f *testing.F) {
	good, err := generate([]string{"graph.microsoft.com"})
	if err != nil {
		f.Fatal(err)
	}
	f.Add(good)
	f.Add(good[:len(good)/2])
	f.Add(bytes.Replace(good, []byte("CERTIFICATE"), []byte("PUBLIC KEY"), 1))
	f.Add([]byte("-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n"))
	f.Add([]byte{})
	f.Fuzz(func(t *testing.T, data []byte) {
		a, err := parse(data)
		if err != nil {
			return
		}
		if !a.signer.PublicKey.Equal(a.intermediate.PublicKey) || len(a.intermediate.PermittedDNSDomains) == 0 {
			t.Error("parsed an authority that cannot sign or may sign for anything")
		}
		if err := a.cover(nil); err != nil || len(a.Hosts()) == 0 {
			t.Errorf("parsed an authority for no host: %v", err)
		}
	})
}

// A file whose parts fit together may still hold an authority that this package would not have made.
func TestParseRefusesLooseConstraints(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name  string
		hosts []string
		ok    bool
	}{
		{"one host", []string{"graph.microsoft.com"}, true},
		{"none", nil, false},
		{"every name", []string{""}, false},
		{"everything below", []string{".microsoft.com"}, false},
	} {
		state, err := generate(tt.hosts)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := parse(state); (err == nil) != tt.ok {
			t.Errorf("%s: %v", tt.name, err)
		}
	}
}
