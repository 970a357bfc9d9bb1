package ca_test

import (
	"bytes"
	"crypto/x509"
	"encoding/pem"
	"os"
	"path/filepath"
	"testing"
	"time"

	pkcs12 "software.sslmate.com/src/go-pkcs12"

	"github.com/graphwarden/graphwarden/internal/ca"
)

// clearRoots empties the variables that name roots, so that a test sees only what it sets.
func clearRoots(t *testing.T) {
	t.Helper()
	for _, v := range []string{"SSL_CERT_FILE", "CURL_CA_BUNDLE", "REQUESTS_CA_BUNDLE", "NODE_EXTRA_CA_CERTS", "AWS_CA_BUNDLE", "GIT_SSL_CAINFO"} {
		t.Setenv(v, "")
	}
}

// write puts an authority's root, between comments, where a user's roots could be.
func write(t *testing.T, roots ...*ca.Authority) string {
	t.Helper()
	data := []byte("# some company\n")
	for _, a := range roots {
		data = append(data, a.RootPEM()...)
	}
	path := filepath.Join(t.TempDir(), "roots.pem")
	if err := os.WriteFile(path, append(data, "# the end\n"...), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

func held(t *testing.T, path string) []*x509.Certificate {
	t.Helper()
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	var out []*x509.Certificate
	for block, rest := pem.Decode(data); block != nil; block, rest = pem.Decode(rest) {
		c, err := x509.ParseCertificate(block.Bytes)
		if err != nil {
			t.Fatal(err)
		}
		out = append(out, c)
	}
	return out
}

// want checks a set of roots by their names, which are unlike.
func want(t *testing.T, what string, got []*x509.Certificate, wanted ...*ca.Authority) {
	t.Helper()
	names := map[string]int{}
	for _, c := range got {
		names[c.Subject.CommonName]++
	}
	for _, a := range wanted {
		if names[a.Root().Subject.CommonName] != 1 {
			t.Errorf("%s: %s is in it %d times", what, a.Root().Subject.CommonName, names[a.Root().Subject.CommonName])
		}
	}
	if len(got) != len(wanted) {
		t.Errorf("%s: %d roots, want %d", what, len(got), len(wanted))
	}
}

func store(t *testing.T, a *ca.Authority) (string, []*x509.Certificate) {
	t.Helper()
	path, err := a.TrustStorePath()
	if err != nil {
		t.Fatal(err)
	}
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	certs, err := pkcs12.DecodeTrustStore(data, ca.TrustStorePassword)
	if err != nil {
		t.Fatal(err)
	}
	return path, certs
}

func TestBundleFollowsItsSources(t *testing.T) {
	clearRoots(t)
	a, company, extra, later := ensure(t, hosts...), ensure(t, "a.example"), ensure(t, "b.example"), ensure(t, "c.example")

	t.Setenv("SSL_CERT_FILE", write(t, company, company))
	want(t, "SSL_CERT_FILE", held(t, bundle(t, a)), a, company)

	t.Setenv("NODE_EXTRA_CA_CERTS", write(t, extra, company))
	want(t, "and NODE_EXTRA_CA_CERTS", held(t, bundle(t, a)), a, company, extra)

	t.Setenv("CURL_CA_BUNDLE", filepath.Join(t.TempDir(), "gone"))
	want(t, "and one that is gone", held(t, bundle(t, a)), a, company, extra)

	t.Setenv("SSL_CERT_FILE", write(t, later))
	want(t, "other system roots", held(t, bundle(t, a)), a, company, extra, later)
	_, certs := store(t, a)
	want(t, "the trust store", certs, a, company, extra, later)

	t.Setenv("NODE_EXTRA_CA_CERTS", "")
	_, certs = store(t, a)
	want(t, "the trust store after", certs, a, later)

	again, err := ca.Init(a.Dir(), hosts, true)
	if err != nil {
		t.Fatal(err)
	}
	want(t, "a new CA", held(t, bundle(t, again)), again, later)
}

// A shell that was given our variables starts us again: what we wrote must not become a source.
func TestBundleIsNotItsOwnSource(t *testing.T) {
	clearRoots(t)
	a := ensure(t, hosts...)
	fresh := held(t, bundle(t, a))
	t.Setenv("SSL_CERT_FILE", bundle(t, a))
	t.Setenv("CURL_CA_BUNDLE", bundle(t, a))
	t.Setenv("NODE_EXTRA_CA_CERTS", a.RootPath())
	old := a.Root()
	again, err := ca.Init(a.Dir(), hosts, true)
	if err != nil {
		t.Fatal(err)
	}
	now := held(t, bundle(t, again))
	if len(now) != len(fresh) {
		t.Errorf("%d roots, then %d", len(fresh), len(now))
	}
	for _, c := range now {
		if c.Equal(old) {
			t.Error("the replaced root is still in the bundle")
		}
	}
}

func TestBundleIsRewrittenOnlyOnChange(t *testing.T) {
	clearRoots(t)
	a := ensure(t, hosts...)
	t.Setenv("SSL_CERT_FILE", write(t, ensure(t, "a.example")))
	past := time.Now().Add(-time.Hour).Truncate(time.Second)
	storePath, _ := store(t, a)
	for _, path := range []string{bundle(t, a), storePath} {
		if err := os.Chtimes(path, past, past); err != nil {
			t.Fatal(err)
		}
	}
	storePath, _ = store(t, a)
	for _, path := range []string{bundle(t, a), storePath} {
		if info, err := os.Stat(path); err != nil || !info.ModTime().Equal(past) {
			t.Errorf("%s was written again: %v", path, err)
		}
	}
	if err := os.WriteFile(storePath, []byte("damaged"), 0o644); err != nil {
		t.Fatal(err)
	}
	if _, certs := store(t, a); len(certs) != 2 {
		t.Errorf("a damaged trust store was not replaced: %d roots", len(certs))
	}
}

func TestBundleHasTheSystemsRoots(t *testing.T) {
	clearRoots(t)
	if _, err := os.Stat("/etc/ssl/certs/ca-certificates.crt"); err != nil {
		t.Skip("SKIPPED: this machine keeps its roots elsewhere")
	}
	a := ensure(t, hosts...)
	data, err := os.ReadFile(bundle(t, a))
	if err != nil || !bytes.HasPrefix(data, a.RootPEM()) {
		t.Fatalf("our root does not come first: %v", err)
	}
	if n := len(held(t, bundle(t, a))); n < 50 {
		t.Errorf("%d roots in the bundle", n)
	}
}

func BenchmarkBundlePath(b *testing.B) {
	a := ensure(b, hosts...)
	for b.Loop() {
		if _, err := a.BundlePath(); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkTrustStorePath(b *testing.B) {
	a := ensure(b, hosts...)
	for b.Loop() {
		if _, err := a.TrustStorePath(); err != nil {
			b.Fatal(err)
		}
	}
}
