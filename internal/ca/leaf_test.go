package ca_test

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/graphwarden/graphwarden/internal/ca"
)

func TestLeafShape(t *testing.T) {
	t.Parallel()
	long := strings.Repeat("a", 63) + ".graph.example"
	a := ensure(t, host, long)
	for _, h := range []string{host, long} {
		c, err := a.Certificate(h)
		if err != nil {
			t.Fatal(err)
		}
		l := c.Leaf
		key, ok := l.PublicKey.(*ecdsa.PublicKey)
		if !ok || key.Curve != elliptic.P256() {
			t.Errorf("%s: key is %T", h, l.PublicKey)
		}
		if len(l.AuthorityKeyId) == 0 || len(l.SubjectKeyId) == 0 {
			t.Errorf("%s: a key identifier is missing", h)
		}
		if !slices.Equal(l.DNSNames, []string{h}) || len(l.IPAddresses)+len(l.URIs)+len(l.EmailAddresses) > 0 {
			t.Errorf("%s: more or less than one SAN", h)
		}
		if !slices.Equal(l.ExtKeyUsage, []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth}) || l.KeyUsage != x509.KeyUsageDigitalSignature || l.IsCA {
			t.Errorf("%s: usages %v, %v, CA %t", h, l.KeyUsage, l.ExtKeyUsage, l.IsCA)
		}
		if days := l.NotAfter.Sub(l.NotBefore).Hours() / 24; days > 397 || days < 80 {
			t.Errorf("%s: valid for %.0f days", h, days)
		}
		if l.SerialNumber.Sign() <= 0 || l.SerialNumber.BitLen() > 159 {
			t.Errorf("%s: serial %s", h, l.SerialNumber)
		}
		if len(c.Certificate) != 2 {
			t.Fatalf("%s: %d certificates sent, want leaf and intermediate", h, len(c.Certificate))
		}
		if err := verify(a, c.Certificate, h); err != nil {
			t.Errorf("%s: %v", h, err)
		}
	}
}

func TestConstraintsHoldAgainstAStolenKey(t *testing.T) {
	t.Parallel()
	a := ensure(t, hosts...)
	for _, tt := range []struct {
		name string
		ok   bool
	}{
		{host, true},
		{"sub." + host, true}, // a name constraint covers what is below; the authority itself does not mint it
		{"login.microsoftonline.com", false},
		{"evilgraph.microsoft.com", false},
		{"microsoft.com", false},
		{"127.0.0.1", false},
		{"::1", false},
	} {
		chain, _ := forge(t, a, tt.name)
		if err := verify(a, chain, tt.name); (err == nil) != tt.ok {
			t.Errorf("%s: %v", tt.name, err)
		}
	}
}

func TestCertificateOnlyForItsHosts(t *testing.T) {
	t.Parallel()
	a := ensure(t, hosts...)
	for _, h := range []string{host, "GRAPH.microsoft.com", host + "."} {
		if _, err := a.Certificate(h); err != nil {
			t.Errorf("%s: %v", h, err)
		}
	}
	for _, h := range []string{"", "sub." + host, "example.com", "127.0.0.1", host + ":443"} {
		if _, err := a.Certificate(h); !errors.Is(err, ca.ErrUncovered) {
			t.Errorf("%q: %v", h, err)
		}
	}
}

func TestMintedOncePerHost(t *testing.T) {
	t.Parallel()
	a := ensure(t, hosts...)
	got := make([]*tls.Certificate, 32)
	var wg sync.WaitGroup
	for i := range got {
		wg.Go(func() { got[i], _ = a.Certificate(hosts[i%2]) })
	}
	wg.Wait()
	for i, c := range got {
		if c == nil || c != got[i%2] {
			t.Errorf("call %d got a certificate of its own", i)
		}
	}
	if got[0] == got[1] || got[0].PrivateKey != got[1].PrivateKey {
		t.Error("two hosts: want two certificates and one key")
	}
}

func TestRenewal(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	synctest.Test(t, func(t *testing.T) {
		a, _, err := ca.Ensure(dir, hosts)
		if err != nil {
			t.Fatal(err)
		}
		first, _ := a.Certificate(host)
		time.Sleep(59 * 24 * time.Hour)
		if same, _ := a.Certificate(host); same != first {
			t.Error("renewed too early")
		}
		time.Sleep(2 * 24 * time.Hour)
		second, err := a.Certificate(host)
		if err != nil || second == first {
			t.Fatalf("not renewed 29 days before its end: %v", err)
		}
		if !second.Leaf.NotAfter.After(first.Leaf.NotAfter) {
			t.Errorf("renewed to %s from %s", second.Leaf.NotAfter, first.Leaf.NotAfter)
		}
		// In the last days of the authority leaves are clamped to its end, and not minted again and again.
		time.Sleep(time.Until(a.NotAfter()) - 10*24*time.Hour)
		last, err := a.Certificate(host)
		if err != nil || !last.Leaf.NotAfter.Equal(a.NotAfter()) {
			t.Fatalf("clamped leaf: %v, %v", last, err)
		}
		time.Sleep(9 * 24 * time.Hour)
		if same, _ := a.Certificate(host); same != last {
			t.Error("a clamped leaf was minted again")
		}
	})
}

func TestWarmCertificateDoesNotAllocate(t *testing.T) {
	a := ensure(t, hosts...)
	if _, err := a.Certificate(host); err != nil {
		t.Fatal(err)
	}
	if n := testing.AllocsPerRun(100, func() { a.Certificate(host) }); n > 0 {
		t.Errorf("%v allocations", n)
	}
	config := a.ServerConfig(host)
	if n := testing.AllocsPerRun(100, func() { config = a.ServerConfig(host) }); n > 0 || config == nil {
		t.Errorf("ServerConfig: %v allocations", n)
	}
}

func BenchmarkCertificateWarm(b *testing.B) {
	a := ensure(b, hosts...)
	b.ReportAllocs()
	for b.Loop() {
		if _, err := a.Certificate(host); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkCertificateCold(b *testing.B) {
	names := make([]string, 0, 1000)
	for i := range cap(names) {
		names = append(names, "h"+strings.Repeat("x", i%50)+string(rune('a'+i/50))+".graph.example")
	}
	dir := ensure(b, "graph.example").Dir()
	b.ReportAllocs()
	i := len(names)
	var a *ca.Authority
	for b.Loop() {
		if i == len(names) {
			b.StopTimer()
			i = 0
			var err error
			if a, _, err = ca.Ensure(dir, names); err != nil {
				b.Fatal(err)
			}
			b.StartTimer()
		}
		if _, err := a.Certificate(names[i]); err != nil {
			b.Fatal(err)
		}
		i++
	}
}

func BenchmarkLoad(b *testing.B) {
	dir := ensure(b, hosts...).Dir()
	for b.Loop() {
		if _, err := ca.Load(dir); err != nil {
			b.Fatal(err)
		}
	}
}
