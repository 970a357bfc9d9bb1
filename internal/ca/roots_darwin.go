package ca

import (
	"crypto/x509"
	"fmt"
	"os"
	"os/exec"
)

// systemRoots are Apple's roots and those an administrator added. The security command reads keychains that have no
// documented file form; /etc/ssl/cert.pem, which Apple ships for its own curl, stands in where it fails.
func systemRoots() ([]*x509.Certificate, error) {
	out, err := exec.Command("/usr/bin/security", "find-certificate", "-a", "-p",
		"/System/Library/Keychains/SystemRootCertificates.keychain", "/Library/Keychains/System.keychain").Output()
	if certs := parseRoots(out); err == nil && len(certs) > 0 {
		return certs, nil
	}
	data, fileErr := os.ReadFile("/etc/ssl/cert.pem")
	if fileErr != nil {
		return nil, fmt.Errorf("list the keychains' certificates: %v; %w", err, fileErr)
	}
	return parseRoots(data), nil
}
