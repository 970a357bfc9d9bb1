package proxy

import "encoding/binary"

const (
	recordHandshake  = 22
	recordHeader     = 5
	greetingHeader   = 4
	maxRecord        = 1<<14 + 256 // RFC 8446 section 5.2
	maxGreeting      = 1 << 16     // the most crypto/tls, OpenSSL and SChannel take
	greetingIsClient = 1
)

// serverName reads the name a TLS ClientHello asks for (RFC 8446 section 4.1.2, RFC 6066 section 3) from what a client has
// sent so far. A greeting may come in several records, and a record in several pieces: while its end is missing, need
// is how many bytes there must be before it is worth looking again. The name is empty where the bytes are no ClientHello
// or name nobody.
func serverName(sent []byte) (name string, need int) {
	var hello []byte
	for at := 0; ; {
		b := sent[at:]
		switch {
		case len(b) > 0 && b[0] != recordHandshake, len(b) > 1 && b[1] != 3:
			return "", 0
		case len(b) < recordHeader:
			return "", at + recordHeader
		}
		length := int(binary.BigEndian.Uint16(b[3:]))
		if length == 0 || length > maxRecord {
			return "", 0
		}
		at += recordHeader + length
		if len(sent) < at {
			return "", at
		}
		if body := b[recordHeader : recordHeader+length]; hello == nil {
			hello = body[:length:length] // nearly always all there is
		} else {
			hello = append(hello, body...)
		}
		if hello[0] != greetingIsClient {
			return "", 0
		}
		if len(hello) < greetingHeader {
			continue
		}
		end := greetingHeader + int(hello[1])<<16 + int(hello[2])<<8 + int(hello[3])
		switch {
		case end > maxGreeting:
			return "", 0
		case len(hello) >= end:
			return nameIn(hello[greetingHeader:end]), 0
		}
	}
}

// nameIn finds the name in the body of a ClientHello.
func nameIn(b []byte) string {
	const versionAndRandom = 2 + 32
	if len(b) < versionAndRandom {
		return ""
	}
	b = b[versionAndRandom:]
	var ok bool
	if _, b, ok = vector8(b); !ok { // session id
		return ""
	}
	if _, b, ok = vector16(b); !ok { // cipher suites
		return ""
	}
	if _, b, ok = vector8(b); !ok { // compression methods
		return ""
	}
	if b, _, ok = vector16(b); !ok { // extensions
		return ""
	}
	for len(b) >= 4 {
		kind := binary.BigEndian.Uint16(b)
		body, rest, ok := vector16(b[2:])
		if !ok {
			return ""
		}
		if kind == 0 {
			if len(body) < 5 || body[2] != 0 {
				return ""
			}
			name, _, _ := vector16(body[3:])
			return string(name)
		}
		b = rest
	}
	return ""
}

func vector8(b []byte) (body, rest []byte, ok bool) {
	if len(b) < 1 || len(b) < 1+int(b[0]) {
		return nil, nil, false
	}
	n := int(b[0])
	return b[1 : 1+n], b[1+n:], true
}

func vector16(b []byte) (body, rest []byte, ok bool) {
	if len(b) < 2 {
		return nil, nil, false
	}
	n := int(binary.BigEndian.Uint16(b))
	if len(b) < 2+n {
		return nil, nil, false
	}
	return b[2 : 2+n], b[2+n:], true
}
