package proxy

import "encoding/binary"

// serverName reads the name a TLS ClientHello asks for (RFC 8446 section 4.1.2, RFC 6066 section 3) from the first bytes of
// a connection. It is empty where the bytes are no ClientHello or name nobody.
func serverName(record []byte) string {
	// A record header, a handshake header, version and random.
	if len(record) < 5+4+2+32 || record[0] != 22 || record[5] != 1 {
		return ""
	}
	b := record[5+4+2+32:]
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
	if len(b) < 2 {
		return ""
	}
	// The extensions may go on in a later segment: what is here is read.
	b = b[2:]
	for len(b) >= 4 {
		kind := binary.BigEndian.Uint16(b)
		body, rest, whole := vector16(b[2:])
		if kind == 0 {
			if !whole || len(body) < 5 || body[2] != 0 {
				return ""
			}
			name, _, ok := vector16(body[3:])
			if !ok {
				return ""
			}
			return string(name)
		}
		if !whole {
			return ""
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
