package ca

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha256"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/hex"
	"encoding/pem"
	"fmt"
	"math/big"
	"net"
	"time"
)

const (
	// life of the authority. The root's key is gone, so nothing can be renewed: it is a trade between how long a stolen
	// key is of use (for Graph hosts, to those who trust this CA) and how often a user has to trust a new one.
	life = 2 * 365 * 24 * time.Hour
	// backdate forgives clients whose clock is a little behind.
	backdate = time.Hour
)

// generate makes an authority constrained to hosts and returns the file it is kept in. The root's key exists only in
// this call.
func generate(hosts []string) ([]byte, error) {
	rootKey, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, fmt.Errorf("make the root's key: %w", err)
	}
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, fmt.Errorf("make the intermediate's key: %w", err)
	}
	// A new CA needs a new name: trust stores find issuers by name, and two of one name hide each other.
	tag := make([]byte, 4)
	rand.Read(tag)

	root, err := authorityTemplate("graphwarden root "+hex.EncodeToString(tag), 1, hosts, &rootKey.PublicKey)
	if err != nil {
		return nil, err
	}
	rootDER, err := x509.CreateCertificate(rand.Reader, root, root, &rootKey.PublicKey, rootKey)
	if err != nil {
		return nil, fmt.Errorf("sign the root: %w", err)
	}
	inter, err := authorityTemplate("graphwarden intermediate "+hex.EncodeToString(tag), 0, hosts, &key.PublicKey)
	if err != nil {
		return nil, err
	}
	inter.ExtKeyUsage = []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth}
	interDER, err := x509.CreateCertificate(rand.Reader, inter, root, &key.PublicKey, rootKey)
	if err != nil {
		return nil, fmt.Errorf("sign the intermediate: %w", err)
	}
	keyDER, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		return nil, fmt.Errorf("encode the intermediate's key: %w", err)
	}
	state := pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: keyDER})
	state = append(state, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: interDER})...)
	return append(state, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: rootDER})...), nil
}

// authorityTemplate is what root and intermediate share. Both carry the constraints: Java ignores those of a trust
// anchor, so the intermediate's are the ones that count; the root's serve the clients that check every certificate.
// E-mail and URI names are left out on purpose: Java refuses to load an empty exclusion, and the intermediate's
// extended key usage already confines it to TLS servers.
func authorityTemplate(name string, pathLen int, hosts []string, key *ecdsa.PublicKey) (*x509.Certificate, error) {
	id, err := keyID(key)
	if err != nil {
		return nil, err
	}
	now := time.Now()
	return &x509.Certificate{
		SerialNumber:                serial(),
		Subject:                     pkix.Name{Organization: []string{"graphwarden"}, CommonName: name},
		NotBefore:                   now.Add(-backdate),
		NotAfter:                    now.Add(life),
		KeyUsage:                    x509.KeyUsageCertSign | x509.KeyUsageCRLSign,
		BasicConstraintsValid:       true,
		IsCA:                        true,
		MaxPathLen:                  pathLen,
		MaxPathLenZero:              pathLen == 0,
		SubjectKeyId:                id,
		PermittedDNSDomainsCritical: true,
		PermittedDNSDomains:         hosts,
		ExcludedIPRanges: []*net.IPNet{
			{IP: net.IPv4zero.To4(), Mask: net.CIDRMask(0, 32)},
			{IP: net.IPv6zero, Mask: net.CIDRMask(0, 128)},
		},
	}, nil
}

// serial is a positive number of 127 random bits: within the 20 bytes of RFC 5280 and never the same twice.
func serial() *big.Int {
	var b [16]byte
	rand.Read(b[:])
	b[0] &= 0x7f
	return new(big.Int).SetBytes(b[:])
}

// keyID is a subject key identifier as RFC 7093 makes them: 160 bits of the SHA-256 of the public key.
func keyID(key *ecdsa.PublicKey) ([]byte, error) {
	point, err := key.Bytes()
	if err != nil {
		return nil, fmt.Errorf("encode a public key: %w", err)
	}
	sum := sha256.Sum256(point)
	return sum[:20], nil
}
