package ca

import (
	"bytes"
	"crypto/sha256"
	"crypto/x509"
	"encoding/hex"
	"encoding/pem"
	"fmt"
	"os"
	"path/filepath"
	"slices"

	pkcs12 "software.sslmate.com/src/go-pkcs12"
)

// TrustStorePassword opens the file of TrustStorePath. It protects nothing: the certificates in it are public.
const TrustStorePassword = pkcs12.DefaultPassword

// rootVariables name files of further roots. The variables that a child's environment gets in their place replace
// rather than add, so what they held (a company's own CA, most often) has to be in the bundle.
var rootVariables = [...]string{"CURL_CA_BUNDLE", "REQUESTS_CA_BUNDLE", "NODE_EXTRA_CA_CERTS", "AWS_CA_BUNDLE", "GIT_SSL_CAINFO",
	"PERL_LWP_SSL_CA_FILE"}

// BundlePath is a PEM file of the system's roots and this authority's, for clients whose setting replaces the roots
// they trust. The file is brought up to date first. The system's roots are those of SSL_CERT_FILE where that is set;
// roots named by the variables of other clients (CURL_CA_BUNDLE and its like) are added.
func (a *Authority) BundlePath() (string, error) {
	roots, err := a.roots()
	if err != nil {
		return "", err
	}
	var b bytes.Buffer
	for _, c := range roots {
		if err := pem.Encode(&b, &pem.Block{Type: "CERTIFICATE", Bytes: c.Raw}); err != nil {
			return "", fmt.Errorf("write the bundle: %w", err)
		}
	}
	path := filepath.Join(a.dir, bundleFile)
	if err := writeIfChanged(path, b.Bytes(), 0o644); err != nil {
		return "", fmt.Errorf("write the bundle: %w", err)
	}
	return path, nil
}

// TrustStorePath is the same set of roots as a PKCS #12 trust store for Java, opened by TrustStorePassword. The file is
// brought up to date first.
func (a *Authority) TrustStorePath() (string, error) {
	roots, err := a.roots()
	if err != nil {
		return "", err
	}
	path := filepath.Join(a.dir, storeFile)
	if old, err := os.ReadFile(path); err == nil {
		// The file is salted, so equal contents differ in their bytes.
		held, err := pkcs12.DecodeTrustStore(old, TrustStorePassword)
		if err == nil && slices.EqualFunc(held, roots, (*x509.Certificate).Equal) {
			return path, nil
		}
	}
	entries := make([]pkcs12.TrustStoreEntry, len(roots))
	for i, c := range roots {
		// Java keeps one certificate per name, so names must differ where subjects do not.
		sum := sha256.Sum256(c.Raw)
		entries[i] = pkcs12.TrustStoreEntry{Cert: c, FriendlyName: hex.EncodeToString(sum[:8]) + " " + c.Subject.CommonName}
	}
	data, err := pkcs12.Modern2023.EncodeTrustStoreEntries(entries, TrustStorePassword)
	if err != nil {
		return "", fmt.Errorf("encode the trust store: %w", err)
	}
	if err := writeIfChanged(path, data, 0o644); err != nil {
		return "", fmt.Errorf("write the trust store: %w", err)
	}
	return path, nil
}

// roots are this authority's root, then the system's and the environment's, each once.
func (a *Authority) roots() ([]*x509.Certificate, error) {
	system, err := a.fromEnvironment("SSL_CERT_FILE")
	if err != nil {
		return nil, err
	}
	if len(system) == 0 {
		if system, err = systemRoots(); err != nil {
			return nil, fmt.Errorf("read the system's roots (SSL_CERT_FILE can name a file of them): %w", err)
		}
	}
	all := append([]*x509.Certificate{a.root}, system...)
	for _, v := range rootVariables {
		// What cannot be read there is that client's trouble, and was before.
		extra, _ := a.fromEnvironment(v)
		all = append(all, extra...)
	}
	seen := make(map[string]bool, len(all))
	return slices.DeleteFunc(all, func(c *x509.Certificate) bool {
		again := seen[string(c.Raw)]
		seen[string(c.Raw)] = true
		return again
	}), nil
}

// fromEnvironment reads the roots of the file that a variable names; none when it is unset, its file is gone, or the
// file is our own (the variable was set by us, and reading it back would keep old roots alive).
func (a *Authority) fromEnvironment(variable string) ([]*x509.Certificate, error) {
	path := os.Getenv(variable)
	if path == "" {
		return nil, nil
	}
	info, err := os.Stat(path)
	if err != nil {
		return nil, nil
	}
	for _, own := range [...]string{bundleFile, rootFile} {
		if mine, err := os.Stat(filepath.Join(a.dir, own)); err == nil && os.SameFile(info, mine) {
			return nil, nil
		}
	}
	data, err := os.ReadFile(path)
	if err != nil {
		return nil, fmt.Errorf("read the roots of %s: %w", variable, err)
	}
	return parseRoots(data), nil
}

// parseRoots reads the certificates of a PEM file and skips what is none: such files hold comments, and now and then a
// certificate that Go does not parse.
func parseRoots(data []byte) []*x509.Certificate {
	var certs []*x509.Certificate
	for {
		var block *pem.Block
		if block, data = pem.Decode(data); block == nil {
			return certs
		}
		if block.Type != "CERTIFICATE" {
			continue
		}
		if c, err := x509.ParseCertificate(block.Bytes); err == nil {
			certs = append(certs, c)
		}
	}
}
