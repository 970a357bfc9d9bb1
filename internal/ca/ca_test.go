package ca_test

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"errors"
	"fmt"
	"io/fs"
	"math/big"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/graphwarden/graphwarden/internal/ca"
)

const host = "graph.microsoft.com"

var hosts = []string{host, "graph.microsoft.us"}

// racer makes the test binary a second process that calls Ensure on the folder the variable names.
const racer = "CA_TEST_ENSURE_DIR"

func TestMain(m *testing.M) {
	if dir := os.Getenv(racer); dir != "" {
		a, created, err := ca.Ensure(dir, hosts)
		if err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		fmt.Printf("%t %x", created, a.Root().SerialNumber)
		os.Exit(0)
	}
	os.Exit(m.Run())
}

func ensure(t testing.TB, hosts ...string) *ca.Authority {
	t.Helper()
	a, created, err := ca.Ensure(filepath.Join(t.TempDir(), "graphwarden", "ca"), hosts)
	if err != nil || !created {
		t.Fatalf("Ensure: created %t, %v", created, err)
	}
	return a
}

func TestEnsureCreatesOnceAndLoadsAfter(t *testing.T) {
	t.Parallel()
	first := ensure(t, "Graph.Microsoft.COM.", "graph.microsoft.us", host)
	again, created, err := ca.Ensure(first.Dir(), hosts)
	if err != nil || created {
		t.Fatalf("second Ensure: created %t, %v", created, err)
	}
	if !again.Root().Equal(first.Root()) {
		t.Error("the second Ensure has another root")
	}
	if diff := cmp.Diff(hosts, again.Hosts()); diff != "" {
		t.Errorf("Hosts (-want +got):\n%s", diff)
	}
	if left := time.Until(again.NotAfter()); left < 700*24*time.Hour {
		t.Errorf("ends in %s", left)
	}
	onDisk, err := os.ReadFile(again.RootPath())
	if err != nil || !bytes.Equal(onDisk, again.RootPEM()) {
		t.Errorf("RootPath holds %q (%v), want RootPEM", onDisk, err)
	}
	if bytes.Contains(onDisk, []byte("PRIVATE")) {
		t.Error("the file to trust holds a key")
	}
}

func TestFilesArePrivate(t *testing.T) {
	t.Parallel()
	if runtime.GOOS == "windows" {
		t.Skip("SKIPPED: Windows has no permission bits")
	}
	a := ensure(t, hosts...)
	mode := func(path string) fs.FileMode {
		info, err := os.Stat(path)
		if err != nil {
			t.Fatal(err)
		}
		return info.Mode().Perm()
	}
	state := filepath.Join(a.Dir(), "authority.pem")
	if got := mode(state); got != 0o600 {
		t.Errorf("key file has mode %04o", got)
	}
	if got := mode(a.Dir()); got != 0o700 {
		t.Errorf("folder has mode %04o", got)
	}
	if left, _ := filepath.Glob(filepath.Join(a.Dir(), ".new-*")); len(left) > 0 {
		t.Errorf("temporary files left behind: %v", left)
	}
	for _, tt := range []struct {
		mode fs.FileMode
		ok   bool
	}{{0o400, true}, {0o440, true}, {0o600, true}, {0o640, true}, {0o604, false}, {0o660, false}, {0o644, false}} {
		if err := os.Chmod(state, tt.mode); err != nil {
			t.Fatal(err)
		}
		_, err := ca.Load(a.Dir())
		if (err == nil) != tt.ok {
			t.Errorf("mode %04o: %v", tt.mode, err)
		}
		if err != nil && !strings.Contains(err.Error(), "chmod 600 "+state) {
			t.Errorf("mode %04o: no advice in %q", tt.mode, err)
		}
	}
}

func TestOnlyOneKeyIsKept(t *testing.T) {
	t.Parallel()
	a := ensure(t, hosts...)
	files, err := os.ReadDir(a.Dir())
	if err != nil {
		t.Fatal(err)
	}
	keys := 0
	for _, f := range files {
		data, err := os.ReadFile(filepath.Join(a.Dir(), f.Name()))
		if err != nil {
			t.Fatal(err)
		}
		keys += bytes.Count(data, []byte("PRIVATE KEY-----\n"))
	}
	if keys != 2 { // its BEGIN and its END line
		t.Errorf("found %d key lines, want those of one key", keys)
	}
	key, _ := steal(t, a)
	if key.PublicKey.Equal(a.Root().PublicKey) {
		t.Error("the key kept is the root's")
	}
}

func TestErrorsSayWhatToDo(t *testing.T) {
	t.Parallel()
	a := ensure(t, hosts...)
	corrupt := func(content string) string {
		dir := t.TempDir()
		if err := os.WriteFile(filepath.Join(dir, "authority.pem"), []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
		return dir
	}
	load := func(dir string) func() error {
		return func() error { _, err := ca.Load(dir); return err }
	}
	ensure := func(dir string, hosts ...string) func() error {
		return func() error { _, _, err := ca.Ensure(dir, hosts); return err }
	}
	whole, err := os.ReadFile(filepath.Join(a.Dir(), "authority.pem"))
	if err != nil {
		t.Fatal(err)
	}
	other, err := os.ReadFile(filepath.Join(ensureDir(t), "authority.pem"))
	if err != nil {
		t.Fatal(err)
	}
	cut := bytes.Index(whole, []byte("-----BEGIN CERT"))
	tests := []struct {
		name string
		do   func() error
		is   error
		want string
	}{
		{"none yet", load(t.TempDir()), fs.ErrNotExist, "run `graphwarden ca init`"},
		{"empty file", load(corrupt("")), nil, "`graphwarden ca init --force`"},
		{"text", load(corrupt("hello")), nil, "something else"},
		{"key only", load(corrupt(string(whole[:cut]))), nil, "want one key and two certificates"},
		{"truncated", load(corrupt(string(whole[:len(whole)-40]))), nil, "`graphwarden ca init --force`"},
		{"trailing text", load(corrupt(string(whole) + "x")), nil, "something else"},
		{"another CA's certificates", load(corrupt(string(whole[:cut]) + string(other[bytes.Index(other, []byte("-----BEGIN CERT")):]))), nil, "does not belong"},
		{"too long", load(corrupt(strings.Repeat("\n", 65<<10))), nil, "longer than"},
		{"host not covered", ensure(a.Dir(), host, "graph.example"), ca.ErrUncovered, "ca init --force --graph-host graph.example`"},
		{"sibling not covered", ensure(a.Dir(), "evilgraph.microsoft.com"), ca.ErrUncovered, "evilgraph.microsoft.com"},
		{"parent not covered", ensure(a.Dir(), "microsoft.com"), ca.ErrUncovered, "microsoft.com"},
		{"no host", ensure(t.TempDir()), nil, "no host"},
		{"IPv4 host", ensure(t.TempDir(), "127.0.0.1"), nil, "IP address"},
		{"IPv6 host", ensure(t.TempDir(), "[::1]"), nil, "IP address"},
		{"wildcard host", ensure(t.TempDir(), "*.microsoft.com"), nil, "no wildcard"},
		{"host with port", ensure(t.TempDir(), host+":443"), nil, "no port"},
		{"init again", func() error { _, err := ca.Init(a.Dir(), hosts, false); return err }, fs.ErrExist, "ca init --force"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			err := tt.do()
			if err == nil || !strings.Contains(err.Error(), tt.want) {
				t.Fatalf("got %v, want an error with %q", err, tt.want)
			}
			if tt.is != nil && !errors.Is(err, tt.is) {
				t.Errorf("%v does not wrap %v", err, tt.is)
			}
		})
	}
	// The twins that must pass: a host below a permitted one is covered, and then minted for.
	sub, _, err := ca.Ensure(a.Dir(), []string{"eu." + host})
	if err != nil {
		t.Fatalf("covered subdomain: %v", err)
	}
	if _, err := sub.Certificate("eu." + host); err != nil {
		t.Errorf("covered subdomain: %v", err)
	}
	if _, err := ca.Load(corrupt(string(whole))); err != nil {
		t.Errorf("a copy of the file: %v", err)
	}
}

func ensureDir(t *testing.T) string { return ensure(t, hosts...).Dir() }

func TestInitForceReplaces(t *testing.T) {
	t.Parallel()
	old := ensure(t, hosts...)
	made, err := ca.Init(old.Dir(), []string{"graph.example"}, true)
	if err != nil {
		t.Fatal(err)
	}
	if made.Root().Equal(old.Root()) || made.Root().Subject.String() == old.Root().Subject.String() {
		t.Error("the new root has the old one's name or key")
	}
	if onDisk, _ := os.ReadFile(old.RootPath()); !bytes.Equal(onDisk, made.RootPEM()) {
		t.Error("the file to trust is still the old one")
	}
	if _, err := made.Certificate(host); !errors.Is(err, ca.ErrUncovered) {
		t.Errorf("the old host: %v", err)
	}
}

func TestConcurrentEnsureAgree(t *testing.T) {
	t.Parallel()
	dir := filepath.Join(t.TempDir(), "ca")
	const n = 8
	var wg sync.WaitGroup
	serials, made := make([]string, n), make([]bool, n)
	for i := range n {
		wg.Go(func() {
			a, created, err := ca.Ensure(dir, hosts)
			if err != nil {
				t.Error(err)
				return
			}
			serials[i], made[i] = a.Root().SerialNumber.Text(16), created
		})
	}
	wg.Wait()
	checkRace(t, serials, made)
}

func TestConcurrentProcessesAgree(t *testing.T) {
	t.Parallel()
	dir := filepath.Join(t.TempDir(), "ca")
	const n = 8
	var wg sync.WaitGroup
	serials, made := make([]string, n), make([]bool, n)
	for i := range n {
		wg.Go(func() {
			cmd := exec.Command(os.Args[0])
			cmd.Env = append(os.Environ(), racer+"="+dir)
			out, err := cmd.CombinedOutput()
			if err != nil {
				t.Errorf("%v: %s", err, out)
				return
			}
			if _, err := fmt.Sscanf(string(out), "%t %s", &made[i], &serials[i]); err != nil {
				t.Errorf("%q: %v", out, err)
			}
		})
	}
	wg.Wait()
	checkRace(t, serials, made)
}

func checkRace(t *testing.T, serials []string, made []bool) {
	t.Helper()
	winners := 0
	for i, s := range serials {
		if s == "" || s != serials[0] {
			t.Errorf("caller %d has root %q, caller 0 has %q", i, s, serials[0])
		}
		if made[i] {
			winners++
		}
	}
	if winners != 1 {
		t.Errorf("%d callers say they made it, want 1", winners)
	}
}

// The bubble's clock begins in 2000, so no time is waited for.
func TestExpiry(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	synctest.Test(t, func(t *testing.T) {
		a, _, err := ca.Ensure(dir, hosts)
		if err != nil {
			t.Fatal(err)
		}
		time.Sleep(time.Until(a.NotAfter()) - time.Second)
		if _, err := ca.Load(dir); err != nil {
			t.Errorf("a second before the end: %v", err)
		}
		if c, err := a.Certificate(host); err != nil || c.Leaf.NotAfter.After(a.NotAfter()) {
			t.Errorf("a second before the end: leaf %v, %v", c, err)
		}
		time.Sleep(time.Second)
		if _, err := ca.Load(dir); !errors.Is(err, ca.ErrExpired) || !strings.Contains(err.Error(), "ca init --force") {
			t.Errorf("Load after the end: %v", err)
		}
		if _, _, err := ca.Ensure(dir, hosts); !errors.Is(err, ca.ErrExpired) {
			t.Errorf("Ensure after the end: %v", err)
		}
		if _, err := a.Certificate(host); !errors.Is(err, ca.ErrExpired) {
			t.Errorf("Certificate after the end: %v", err)
		}
		if _, err := ca.Init(dir, hosts, true); err != nil {
			t.Errorf("Init after the end: %v", err)
		}
	})
}

// steal reads the key file as a thief would.
func steal(t testing.TB, a *ca.Authority) (*ecdsa.PrivateKey, *x509.Certificate) {
	t.Helper()
	data, err := os.ReadFile(filepath.Join(a.Dir(), "authority.pem"))
	if err != nil {
		t.Fatal(err)
	}
	block, rest := pem.Decode(data)
	key, err := x509.ParsePKCS8PrivateKey(block.Bytes)
	if err != nil {
		t.Fatal(err)
	}
	block, _ = pem.Decode(rest)
	issuer, err := x509.ParseCertificate(block.Bytes)
	if err != nil {
		t.Fatal(err)
	}
	return key.(*ecdsa.PrivateKey), issuer
}

// forge signs, with the stolen key, a certificate for a name or an address the authority is not for.
func forge(t testing.TB, a *ca.Authority, name string) ([][]byte, *ecdsa.PrivateKey) {
	t.Helper()
	key, issuer := steal(t, a)
	leaf, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{
		SerialNumber:          big.NewInt(time.Now().UnixNano()),
		Subject:               pkix.Name{CommonName: name},
		NotBefore:             time.Now().Add(-time.Hour),
		NotAfter:              time.Now().Add(24 * time.Hour),
		KeyUsage:              x509.KeyUsageDigitalSignature,
		ExtKeyUsage:           []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth},
		BasicConstraintsValid: true,
		SubjectKeyId:          []byte("a leaf that is forged"),
	}
	if ip := net.ParseIP(name); ip != nil {
		template.IPAddresses = []net.IP{ip}
	} else {
		template.DNSNames = []string{name}
	}
	der, err := x509.CreateCertificate(rand.Reader, template, issuer, &leaf.PublicKey, key)
	if err != nil {
		t.Fatal(err)
	}
	return [][]byte{der, issuer.Raw}, leaf
}

// verify checks a chain as a Go client that trusts only the root.
func verify(a *ca.Authority, chain [][]byte, name string) error {
	leaf, err := x509.ParseCertificate(chain[0])
	if err != nil {
		return err
	}
	inter, err := x509.ParseCertificate(chain[1])
	if err != nil {
		return err
	}
	roots, inters := x509.NewCertPool(), x509.NewCertPool()
	roots.AddCert(a.Root())
	inters.AddCert(inter)
	_, err = leaf.Verify(x509.VerifyOptions{DNSName: name, Roots: roots, Intermediates: inters})
	return err
}
