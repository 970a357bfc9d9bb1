package main

import (
	"crypto/sha256"
	"crypto/x509"
	"encoding/base64"
	"fmt"
	"net/url"
	"path/filepath"

	"github.com/graphwarden/graphwarden/internal/ca"
)

// browserFlags are the flags by which Chromium and its kin use the proxy and trust the CA. They read no certificate from
// the environment, and the flag that names a key counts only beside a profile of its own.
func browserFlags(proxyURL string, a *ca.Authority) ([]string, error) {
	u, err := url.Parse(proxyURL)
	if err != nil || u.Hostname() == "" || u.Port() == "" {
		return nil, fmt.Errorf("%q is not the URL of a proxy, such as http://127.0.0.1:8080", proxyURL)
	}
	pin, err := chainPin(a)
	if err != nil {
		return nil, err
	}
	return []string{
		"--proxy-server=" + u.Scheme + "://" + u.Host,
		"--ignore-certificate-errors-spki-list=" + pin,
		"--user-data-dir=" + browserProfile(a, u),
		"--no-first-run",
		"--disable-background-networking",
	}, nil
}

// browserProfile is a folder for each proxy: two browsers with one profile are one browser, with the first one's flags.
func browserProfile(a *ca.Authority, proxy *url.URL) string {
	return filepath.Join(a.Dir(), "chromium-"+proxy.Port())
}

// chainPin is the digest of the intermediate's key. Chromium looks for it in the chain as the server sends it, and the
// root is not sent.
func chainPin(a *ca.Authority) (string, error) {
	leaf, err := a.Certificate(a.Hosts()[0])
	if err != nil {
		return "", fmt.Errorf("mint a certificate: %w", err)
	}
	if len(leaf.Certificate) < 2 {
		return "", fmt.Errorf("read the chain of %s: it has no intermediate", a.RootPath())
	}
	issuer, err := x509.ParseCertificate(leaf.Certificate[1])
	if err != nil {
		return "", fmt.Errorf("read the intermediate: %w", err)
	}
	sum := sha256.Sum256(issuer.RawSubjectPublicKeyInfo)
	return base64.StdEncoding.EncodeToString(sum[:]), nil
}
