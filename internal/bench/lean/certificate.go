package lean

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"fmt"
	"math/big"
	"net"
	"sync"
	"time"
)

// Authority is a throw-away CA with P-256 keys: one of its own and one for all its leaves.
type Authority struct {
	// Root is the CA's certificate and key.
	Root tls.Certificate

	leafKey *ecdsa.PrivateKey
	mu      sync.RWMutex
	leaves  map[string]*tls.Certificate
}

// NewAuthority makes one.
func NewAuthority() (*Authority, error) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, fmt.Errorf("make CA key: %w", err)
	}
	leafKey, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, fmt.Errorf("make leaf key: %w", err)
	}
	template := template("bench CA")
	template.IsCA, template.KeyUsage = true, x509.KeyUsageCertSign
	der, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	if err != nil {
		return nil, fmt.Errorf("make CA: %w", err)
	}
	root, err := x509.ParseCertificate(der)
	if err != nil {
		return nil, err
	}
	return &Authority{
		Root:    tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key, Leaf: root},
		leafKey: leafKey, leaves: map[string]*tls.Certificate{},
	}, nil
}

func template(name string) *x509.Certificate {
	return &x509.Certificate{
		SerialNumber: big.NewInt(time.Now().UnixNano()), Subject: pkix.Name{CommonName: name},
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(24 * time.Hour), BasicConstraintsValid: true,
	}
}

// PEM is the CA's certificate for a file.
func (a *Authority) PEM() []byte {
	return pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: a.Root.Certificate[0]})
}

// Leaf is the certificate of a host, made once and kept. It is good for loopback too.
func (a *Authority) Leaf(host string) (*tls.Certificate, error) {
	a.mu.RLock()
	leaf := a.leaves[host]
	a.mu.RUnlock()
	if leaf != nil {
		return leaf, nil
	}
	t := template(host)
	t.DNSNames, t.IPAddresses = []string{host}, []net.IP{net.IPv4(127, 0, 0, 1)}
	t.KeyUsage, t.ExtKeyUsage = x509.KeyUsageDigitalSignature, []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth}
	der, err := x509.CreateCertificate(rand.Reader, t, a.Root.Leaf, &a.leafKey.PublicKey, a.Root.PrivateKey)
	if err != nil {
		return nil, fmt.Errorf("make leaf for %s: %w", host, err)
	}
	parsed, err := x509.ParseCertificate(der)
	if err != nil {
		return nil, err
	}
	leaf = &tls.Certificate{Certificate: [][]byte{der}, PrivateKey: a.leafKey, Leaf: parsed}
	a.mu.Lock()
	a.leaves[host] = leaf
	a.mu.Unlock()
	return leaf, nil
}
