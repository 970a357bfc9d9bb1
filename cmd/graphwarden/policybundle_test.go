package main

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"encoding/pem"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/open-policy-agent/opa/v1/bundle"
)

// TestSignedBundle gives commands a bundle and a public key: the right one, that of somebody else, none at all.
func TestSignedBundle(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	const rule = "package graphwarden.rules.mine\n\ndeny contains {\"id\": \"mine.frozen\", \"msg\": \"nothing changes\"} if input.graph.kind == \"assignment\"\n"
	private := newKey(t, dir, "ours.pem")
	newKey(t, dir, "theirs.pem")
	b := bundle.Bundle{Manifest: bundle.Manifest{Roots: &[]string{""}}, Data: map[string]any{},
		Modules: []bundle.ModuleFile{{Path: "/mine.rego", URL: "/mine.rego", Raw: []byte(rule)}}}
	if err := b.GenerateSignature(bundle.NewSigningConfig(private, "ES256", ""), "", false); err != nil {
		t.Fatal(err)
	}
	var packed bytes.Buffer
	if err := bundle.NewWriter(&packed).UseModulePath(true).Write(b); err != nil {
		t.Fatal(err)
	}
	put(t, dir, "mine.tar.gz", packed.Bytes())
	put(t, dir, "request.json", []byte(`{"method": "PATCH", "url": "https://graph.microsoft.com/beta/deviceManagement/embeddedSIMActivationCodePools/p1/assignments/a1",
		"token": {"aud": "https://graph.microsoft.com", "idtyp": "user", "scp": "DeviceManagementConfiguration.ReadWrite.All", "iat": 1795000000, "exp": 1795003600},
		"body": {"target": {"@odata.type": "#microsoft.graph.groupAssignmentTarget", "groupId": "6f1c2d3e-4a5b-4c6d-8e7f-901a2b3c4d5e"}}}`))
	for _, tt := range []struct {
		name string
		args []string
		code int
		want string
	}{
		{"the right key", []string{"check", "--policy", "mine.tar.gz", "--policy-key", "ours.pem", "--policy-key-algorithm", "ES256", "request.json"}, codeDenied, "mine.frozen"},
		{"somebody else's", []string{"check", "--policy", "mine.tar.gz", "--policy-key", "theirs.pem", "--policy-key-algorithm", "ES256", "request.json"}, codeUsage, "verify"},
		{"another algorithm", []string{"check", "--policy", "mine.tar.gz", "--policy-key", "ours.pem", "request.json"}, codeUsage, "mine.tar.gz"},
		{"a proxy with somebody else's", []string{"run", "--origin", "standin", "--ca-dir", "ca", "--policy", "mine.tar.gz", "--policy-key", "theirs.pem", "--policy-key-algorithm", "ES256", "--", "true"}, codeUsage, "verify"},
		{"no key is needed", []string{"check", "--policy", "mine.tar.gz", "request.json"}, codeDenied, "mine.frozen"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			var out bytes.Buffer
			env := &Env{Stdin: strings.NewReader(""), Stdout: &out, Stderr: &out, Dir: dir, Environ: []string{"PATH=" + os.Getenv("PATH"), "HOME=" + dir}}
			if code := dispatch(t.Context(), env, tt.args); code != tt.code || !strings.Contains(out.String(), tt.want) {
				t.Errorf("exit code %d, want %d naming %q:\n%s", code, tt.code, tt.want, out.String())
			}
		})
	}
}

// newKey writes the public half of a new key to a file and returns the private one as PEM.
func newKey(t *testing.T, dir, name string) string {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	private, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	public, err := x509.MarshalPKIXPublicKey(key.Public())
	if err != nil {
		t.Fatal(err)
	}
	put(t, dir, name, pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: public}))
	return string(pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: private}))
}

func put(t *testing.T, dir, name string, content []byte) {
	t.Helper()
	if err := os.WriteFile(filepath.Join(dir, name), content, 0o600); err != nil {
		t.Fatal(err)
	}
}
