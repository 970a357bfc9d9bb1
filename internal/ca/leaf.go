package ca

import (
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"fmt"
	"sync"
	"sync/atomic"
	"time"
)

const (
	// leafLife is well below the 397 days that browsers allow.
	leafLife = 90 * 24 * time.Hour
	// renewBefore is how long before its end a leaf is replaced, so that no connection outlives its certificate.
	renewBefore = 30 * 24 * time.Hour
	// commonNameMax is X.520's bound on a common name; a longer host has only its SAN.
	commonNameMax = 64
)

// leaf is the slot of one host. The mutex is held while minting, so a host is minted once however many ask.
type leaf struct {
	host   string
	mu     sync.Mutex
	minted atomic.Pointer[minted]
}

type minted struct {
	cert        *tls.Certificate
	from, renew int64 // Unix seconds
}

func (m *minted) fresh(now int64) bool { return m != nil && m.from <= now && now < m.renew }

// Certificate is the certificate of host with its chain (leaf, then intermediate; the client has the root), minted on
// first use and renewed before it ends. A host that is not one of Hosts is an error that wraps ErrUncovered.
func (a *Authority) Certificate(host string) (*tls.Certificate, error) {
	slot := a.leaves[host]
	if slot == nil {
		if slot = a.leaves[fold(host)]; slot == nil {
			return nil, fmt.Errorf("mint a certificate for %q: %w", host, ErrUncovered)
		}
	}
	now := time.Now()
	if m := slot.minted.Load(); m.fresh(now.Unix()) {
		return m.cert, nil
	}
	slot.mu.Lock()
	defer slot.mu.Unlock()
	if m := slot.minted.Load(); m.fresh(now.Unix()) {
		return m.cert, nil
	}
	m, err := a.mint(slot.host, now)
	if err != nil {
		return nil, fmt.Errorf("mint a certificate for %s: %w", slot.host, err)
	}
	slot.minted.Store(m)
	return m.cert, nil
}

func (a *Authority) mint(host string, now time.Time) (*minted, error) {
	end := a.NotAfter()
	if !now.Before(end) {
		return nil, ErrExpired
	}
	from, until := now.Add(-backdate), now.Add(leafLife)
	if from.Before(a.intermediate.NotBefore) {
		from = a.intermediate.NotBefore
	}
	renew := until.Add(-renewBefore)
	if until.After(end) {
		// A later leaf would end no later, so this one serves to the last.
		until, renew = end, end
	}
	template := &x509.Certificate{
		SerialNumber:          serial(),
		NotBefore:             from,
		NotAfter:              until,
		KeyUsage:              x509.KeyUsageDigitalSignature,
		ExtKeyUsage:           []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth},
		BasicConstraintsValid: true,
		SubjectKeyId:          a.leafSKI,
		DNSNames:              []string{host},
	}
	if len(host) <= commonNameMax {
		template.Subject = pkix.Name{CommonName: host}
	}
	der, err := x509.CreateCertificate(rand.Reader, template, a.intermediate, &a.leafKey.PublicKey, a.signer)
	if err != nil {
		return nil, err
	}
	parsed, err := x509.ParseCertificate(der)
	if err != nil {
		return nil, err
	}
	return &minted{
		cert:  &tls.Certificate{Certificate: [][]byte{der, a.intermediate.Raw}, PrivateKey: a.leafKey, Leaf: parsed},
		from:  from.Unix(),
		renew: renew.Unix(),
	}, nil
}
