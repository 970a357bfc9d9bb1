package ca

import (
	"bytes"
	"crypto/x509"
	"errors"
	"fmt"
	"unsafe"

	"golang.org/x/sys/windows"
)

// systemRoots are those of the current user's ROOT store, which shows the machine's as well.
func systemRoots() ([]*x509.Certificate, error) {
	name, err := windows.UTF16PtrFromString("ROOT")
	if err != nil {
		return nil, err
	}
	store, err := windows.CertOpenSystemStore(0, name)
	if err != nil {
		return nil, fmt.Errorf("open the ROOT store: %w", err)
	}
	defer windows.CertCloseStore(store, 0)
	var certs []*x509.Certificate
	var at *windows.CertContext
	for {
		at, err = windows.CertEnumCertificatesInStore(store, at)
		if errors.Is(err, windows.Errno(windows.CRYPT_E_NOT_FOUND)) || at == nil {
			return certs, nil
		}
		if err != nil {
			return nil, fmt.Errorf("list the ROOT store: %w", err)
		}
		der := bytes.Clone(unsafe.Slice(at.EncodedCert, at.Length))
		if c, err := x509.ParseCertificate(der); err == nil {
			certs = append(certs, c)
		}
	}
}
