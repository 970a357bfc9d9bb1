package ca

import "crypto/tls"

// ServerConfig is the configuration of a TLS server that answers for host: HTTP/2 and HTTP/1.1, TLS 1.2 and later. A
// client that names another of Hosts in its SNI gets that one's certificate, so that it reads the refusal rather than
// a failed handshake; all others get host's. For a host that is not one of Hosts every handshake fails. The value is the
// same for every call with one host and must not be changed; session tickets are shared by all of them.
func (a *Authority) ServerConfig(host string) *tls.Config {
	if c, ok := a.configs.Load(host); ok {
		return c.(*tls.Config)
	}
	name := fold(host)
	if a.leaves[name] == nil {
		return a.newConfig(name) // not kept: such names have no end
	}
	c, _ := a.configs.LoadOrStore(name, a.newConfig(name))
	return c.(*tls.Config)
}

func (a *Authority) newConfig(host string) *tls.Config {
	return &tls.Config{
		MinVersion: tls.VersionTLS12,
		NextProtos: []string{"h2", "http/1.1"},
		GetCertificate: func(hello *tls.ClientHelloInfo) (*tls.Certificate, error) {
			if hello.ServerName != "" && hello.ServerName != host && a.leaves[hello.ServerName] != nil {
				return a.Certificate(hello.ServerName)
			}
			return a.Certificate(host)
		},
		// The client is on this machine or next to it: one record, one write, no growing into it.
		DynamicRecordSizingDisabled: true,
		// One configuration's ticket keys, which it renews every day, serve the others.
		WrapSession:   a.tickets.EncryptTicket,
		UnwrapSession: a.tickets.DecryptTicket,
	}
}
