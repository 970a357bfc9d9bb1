// Package ca is the proxy's private certificate authority: it makes one on first use, loads it ever after, mints the
// certificates the interceptor answers with, and writes the files by which clients come to trust it.
//
// A folder and a list of hosts go in; an Authority comes out that gives one certificate per host. The authority is a
// root, whose key is dropped as soon as it has signed, and one intermediate that is name-constrained to the hosts: a
// leaked key can sign for nothing else. The package never mints for a host it was not made for, never writes the
// root's key or a leaf's key anywhere, and never touches the system's trust stores unless Install is called.
package ca

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"time"
)

// ErrExpired is reported, wrapped, when the authority's time is over: nothing it signs would be believed.
var ErrExpired = errors.New("the CA has expired: make a new one with `graphwarden ca init --force` and trust it again")

// ErrUncovered is reported, wrapped, for a host the authority is not constrained to.
var ErrUncovered = errors.New("not covered by the CA's name constraints")

// Authority is a loaded certificate authority. It is safe for concurrent use.
type Authority struct {
	dir          string
	root         *x509.Certificate
	intermediate *x509.Certificate
	signer       *ecdsa.PrivateKey
	rootPEM      []byte

	// leafKey serves every leaf of this process: a key per host would buy nothing, they all live in one memory.
	leafKey *ecdsa.PrivateKey
	leafSKI []byte

	// leaves has one slot for each host and never grows, so a lookup takes no lock and hosts that clients invent cost
	// no memory.
	leaves map[string]*leaf

	tickets *tls.Config
	configs sync.Map // host -> *tls.Config
}

// DefaultDir is where the authority lives unless the user says otherwise: graphwarden/ca in the user's configuration
// folder.
func DefaultDir() (string, error) {
	base, err := os.UserConfigDir()
	if err != nil {
		return "", fmt.Errorf("find the user's configuration folder (name one with --ca-dir): %w", err)
	}
	return filepath.Join(base, "graphwarden", "ca"), nil
}

// Ensure loads the authority in dir, or makes one constrained to hosts when there is none; created tells which. Any
// number of processes may call it at once on one folder: all of them get the same authority. An authority that does
// not cover every one of hosts is an error that wraps ErrUncovered.
func Ensure(dir string, hosts []string) (a *Authority, created bool, err error) {
	names, err := cleanHosts(hosts)
	if err != nil {
		return nil, false, err
	}
	a, err = load(dir, names)
	if !errors.Is(err, os.ErrNotExist) {
		return a, false, err
	}
	if len(names) == 0 {
		return nil, false, errNoHosts
	}
	state, err := generate(names)
	if err != nil {
		return nil, false, err
	}
	created, err = publish(dir, state, false)
	if err != nil {
		return nil, false, err
	}
	a, err = load(dir, names)
	return a, created && err == nil, err
}

// Init makes a new authority in dir, constrained to hosts. It refuses to replace one that is there unless force is
// set; whoever trusted the old one has to trust the new one again.
func Init(dir string, hosts []string, force bool) (*Authority, error) {
	names, err := cleanHosts(hosts)
	if err != nil {
		return nil, err
	}
	if len(names) == 0 {
		return nil, errNoHosts
	}
	state, err := generate(names)
	if err != nil {
		return nil, err
	}
	made, err := publish(dir, state, force)
	if err != nil {
		return nil, err
	}
	if !made {
		return nil, fmt.Errorf("make a CA in %s: there is one already; `graphwarden ca init --force` replaces it: %w", dir, os.ErrExist)
	}
	return load(dir, names)
}

// Load loads the authority in dir. The error says what to do when there is none (it then wraps os.ErrNotExist), when it
// is damaged, or when it has expired (ErrExpired).
func Load(dir string) (*Authority, error) { return load(dir, nil) }

func load(dir string, hosts []string) (*Authority, error) {
	data, err := readState(dir)
	if err != nil {
		return nil, err
	}
	a, err := parse(data)
	if err != nil {
		return nil, fmt.Errorf("load the CA in %s (`graphwarden ca init --force` makes a new one): %w", dir, err)
	}
	if !time.Now().Before(a.NotAfter()) {
		return nil, fmt.Errorf("load the CA in %s: ended %s: %w", dir, a.NotAfter().Format(time.DateOnly), ErrExpired)
	}
	a.dir, a.tickets = dir, &tls.Config{MinVersion: tls.VersionTLS12}
	if err := a.cover(hosts); err != nil {
		return nil, err
	}
	if a.leafKey, err = ecdsa.GenerateKey(elliptic.P256(), rand.Reader); err != nil {
		return nil, fmt.Errorf("make the leaf key: %w", err)
	}
	if a.leafSKI, err = keyID(&a.leafKey.PublicKey); err != nil {
		return nil, err
	}
	if err := writeIfChanged(a.RootPath(), a.rootPEM, 0o644); err != nil {
		return nil, fmt.Errorf("write the certificate to trust: %w", err)
	}
	return a, nil
}

// cover makes the slots of the permitted hosts and of hosts, which the constraints must allow.
func (a *Authority) cover(hosts []string) error {
	a.leaves = make(map[string]*leaf)
	for _, h := range a.intermediate.PermittedDNSDomains {
		a.leaves[h] = &leaf{host: h}
	}
	var missing []string
	for _, h := range hosts {
		if !permitted(a.intermediate.PermittedDNSDomains, h) {
			missing = append(missing, h)
		} else if a.leaves[h] == nil {
			a.leaves[h] = &leaf{host: h}
		}
	}
	if len(missing) == 0 {
		return nil
	}
	var again strings.Builder
	for _, h := range missing {
		again.WriteString(" --graph-host " + h)
	}
	return fmt.Errorf("%s: %w in %s: run `graphwarden ca init --force%s`, then trust the new CA where the old one was",
		strings.Join(missing, ", "), ErrUncovered, a.dir, again.String())
}

// permitted applies RFC 5280's rule for names: a constraint allows itself and everything below it.
func permitted(constraints []string, host string) bool {
	return slices.ContainsFunc(constraints, func(c string) bool {
		return host == c || strings.HasSuffix(host, "."+c)
	})
}

// parse reads the one file an authority is kept in: the intermediate's key, the intermediate, the root.
func parse(data []byte) (*Authority, error) {
	a := new(Authority)
	var certs []*x509.Certificate
	for rest := data; ; {
		var block *pem.Block
		block, rest = pem.Decode(rest)
		if block == nil {
			if len(bytes.TrimSpace(rest)) > 0 {
				return nil, errors.New("read PEM: there is something else behind the last block")
			}
			break
		}
		switch block.Type {
		case "PRIVATE KEY":
			key, err := x509.ParsePKCS8PrivateKey(block.Bytes)
			if err != nil {
				return nil, fmt.Errorf("read the key: %w", err)
			}
			ec, ok := key.(*ecdsa.PrivateKey)
			if !ok || a.signer != nil {
				return nil, errors.New("read the key: want one ECDSA key")
			}
			a.signer = ec
		case "CERTIFICATE":
			c, err := x509.ParseCertificate(block.Bytes)
			if err != nil {
				return nil, fmt.Errorf("read a certificate: %w", err)
			}
			certs = append(certs, c)
		default:
			return nil, fmt.Errorf("read PEM: unexpected block %q", block.Type)
		}
	}
	if a.signer == nil || len(certs) != 2 {
		return nil, errors.New("want one key and two certificates, the intermediate's and the root's")
	}
	a.intermediate, a.root = certs[0], certs[1]
	a.rootPEM = pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: a.root.Raw})
	return a, a.check()
}

// check refuses what the package would not have made: above all a signing certificate that may sign for anything.
func (a *Authority) check() error {
	if !a.signer.PublicKey.Equal(a.intermediate.PublicKey) {
		return errors.New("the key does not belong to the intermediate certificate")
	}
	if !a.intermediate.IsCA || !a.root.IsCA {
		return errors.New("a certificate is not a CA's")
	}
	if !a.intermediate.PermittedDNSDomainsCritical || len(a.intermediate.PermittedDNSDomains) == 0 {
		return errors.New("the intermediate certificate has no critical name constraints")
	}
	for _, h := range a.intermediate.PermittedDNSDomains {
		// An empty constraint would permit every name.
		if err := checkHost(h); err != nil {
			return fmt.Errorf("the intermediate certificate permits %q: %w", h, err)
		}
	}
	if err := a.intermediate.CheckSignatureFrom(a.root); err != nil {
		return fmt.Errorf("the root did not sign the intermediate: %w", err)
	}
	return nil
}

// Dir is the folder the authority was loaded from.
func (a *Authority) Dir() string { return a.dir }

// Hosts are the names the authority mints for, sorted.
func (a *Authority) Hosts() []string {
	hosts := make([]string, 0, len(a.leaves))
	for h := range a.leaves {
		hosts = append(hosts, h)
	}
	slices.Sort(hosts)
	return hosts
}

// NotAfter is when the authority ends: no leaf outlives it.
func (a *Authority) NotAfter() time.Time {
	if a.root.NotAfter.Before(a.intermediate.NotAfter) {
		return a.root.NotAfter
	}
	return a.intermediate.NotAfter
}

// Root is the certificate to trust.
func (a *Authority) Root() *x509.Certificate { return a.root }

// RootPEM is the certificate to trust, as PEM.
func (a *Authority) RootPEM() []byte { return bytes.Clone(a.rootPEM) }

// RootPath is the file that holds the certificate to trust, as PEM.
func (a *Authority) RootPath() string { return filepath.Join(a.dir, rootFile) }
