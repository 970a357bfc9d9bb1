//go:build !windows && !darwin

package ca

import (
	"crypto/x509"
	"errors"
	"os"
)

// bundles are where distributions keep their roots, the first that exists counts.
var bundles = [...]string{
	"/etc/ssl/certs/ca-certificates.crt",                // Debian, Ubuntu, Alpine, Arch
	"/etc/pki/ca-trust/extracted/pem/tls-ca-bundle.pem", // Fedora, RHEL
	"/etc/pki/tls/certs/ca-bundle.crt",                  // older RHEL
	"/etc/ssl/ca-bundle.pem",                            // SUSE
	"/etc/ssl/cert.pem",                                 // Alpine, the BSDs
	"/usr/local/etc/ssl/cert.pem",                       // FreeBSD
	"/etc/pki/tls/cacert.pem",                           // OpenELEC
	"/etc/certs/ca-certificates.crt",                    // Solaris
}

// systemRoots are the machine's roots; none, without an error, on a machine that has none, such as a bare container.
func systemRoots() ([]*x509.Certificate, error) {
	for _, path := range bundles {
		data, err := os.ReadFile(path)
		if errors.Is(err, os.ErrNotExist) {
			continue
		}
		if err != nil {
			return nil, err
		}
		if certs := parseRoots(data); len(certs) > 0 {
			return certs, nil
		}
	}
	return nil, nil
}
