package tape

import (
	"bytes"
	"encoding/json"
	"strings"
)

func unquoteJSON(b []byte, s *string) bool { return json.Unmarshal(b, s) == nil }

// text replaces what looks like a secret, what the user's patterns find, and what is to have a pseudonym.
func (r *redactor) text(b []byte, pointer string) []byte {
	b = r.secrets(b, pointer)
	if len(r.rules.patterns) > 0 {
		b = r.apply(b, pointer)
	}
	if r.pseudonyms != nil {
		b = r.pseudonyms.text(b)
	}
	return b
}

// secretMark are the bytes by which secretAt recognises secrets.
var secretMark = [256]bool{'=': true, 'y': true, 'Q': true, 'B': true, '-': true}

// suspicious reports whether there may be a secret in a text: all have an equals sign, the J of eyJ, the tilde of Q~ or the B
// of Bearer and of BEGIN.
func suspicious[T string | []byte](s T, index func(T, byte) int) bool {
	if index(s, '=') >= 0 {
		return true
	}
	for i := 0; ; {
		n := index(s[i:], 'J')
		if n < 0 {
			break
		}
		if i += n + 1; i > 2 && s[i-2] == 'y' && s[i-3] == 'e' {
			return true
		}
	}
	for i := 0; ; {
		n := index(s[i:], 'B')
		if n < 0 {
			break
		}
		if i += n + 1; i < len(s) && s[i] == 'e' || i > 1 && s[i-2] == '-' {
			return true
		}
	}
	n := index(s, '~')
	return n > 0 && s[n-1] == 'Q' || n >= 0 && index(s[n+1:], '~') >= 0
}

// quiet reports that text would leave s as it is, without a copy of it; where it is false, text decides.
func (r *redactor) quiet(s string) bool {
	return len(r.rules.patterns) == 0 && r.pseudonyms == nil && !suspicious(s, strings.IndexByte)
}

// secrets replaces what looks like a secret by its form, whatever it stands in: tokens, signatures and keys of storage
// URLs and connection strings, private keys, client secrets of Entra.
func (r *redactor) secrets(b []byte, pointer string) []byte {
	if !suspicious(b, bytes.IndexByte) {
		return b
	}
	p := replacement{src: b}
	for i := 0; i < len(b); {
		if !secretMark[b[i]] {
			i++
			continue
		}
		from, to, kind := r.secretAt(b, i, p.done)
		if kind == "" {
			i++
			continue
		}
		if string(b[from:to]) != Redacted {
			r.tell(kind, pointer)
			p.put(from, to, Redacted)
		}
		i = to
	}
	return p.bytes()
}

// secretAt recognises a secret by the mark at i: the y of a token's eyJ, an equals sign, the Q of a client secret's
// Q~, the B of Bearer, the dash of a PEM line. Nothing before the index start is looked at.
func (r *redactor) secretAt(b []byte, i, start int) (from, to int, kind string) {
	switch b[i] {
	case 'y':
		if i == start || i+1 >= len(b) || b[i-1] != 'e' || b[i+1] != 'J' || i-1 > start && isTokenByte(b[i-2]) && b[i-2] != '=' {
			return 0, 0, ""
		}
		end := runEnd(b, i)
		if jwtLike(b[i-1 : end]) {
			return i - 1, end, "jwt"
		}
	case '=':
		name := i
		for name > start && isNameByte(b[name-1]) {
			name--
		}
		word := b[name:i]
		if name >= 5+start && bytes.HasPrefix(b[name-1:], []byte(`\u0026`)) {
			word = b[name+5 : i]
		}
		word = bytes.TrimPrefix(word, []byte("u0026"))
		if len(word) < 3 || string(word) == "token" || !r.secret(word) {
			return 0, 0, ""
		}
		end := valueEnd(b, i+1)
		if end-i > 4 {
			return i + 1, end, "secret-value"
		}
	case 'Q':
		from := i - 4
		if from < start || i+1 >= len(b) || b[i+1] != '~' || b[i-1] < '0' || b[i-1] > '9' {
			return 0, 0, ""
		}
		end := i + 2
		for end < len(b) && (isTokenByte(b[end]) || b[end] == '~') {
			end++
		}
		if end-from >= 36 && end-from <= 48 {
			return from, end, "client-secret"
		}
	case 'B':
		if !bytes.HasPrefix(b[i:], []byte("Bearer ")) {
			return 0, 0, ""
		}
		if end := runEnd(b, i+7); end-i-7 >= 20 {
			return i + 7, end, "bearer-token"
		}
	case '-':
		return pem(b, i)
	}
	return 0, 0, ""
}

// pem finds the inside of a private key.
func pem(b []byte, i int) (from, to int, kind string) {
	if !bytes.HasPrefix(b[i:], []byte("-----BEGIN ")) {
		return 0, 0, ""
	}
	head := bytes.Index(b[i+11:], []byte("PRIVATE KEY-----"))
	if head < 0 || head > 20 {
		return 0, 0, ""
	}
	from = i + 11 + head + len("PRIVATE KEY-----")
	to = len(b)
	if n := bytes.Index(b[from:], []byte("-----END ")); n >= 0 {
		to = from + n
	}
	return from, to, "private-key"
}

// jwtLike reports whether s has the form of a token: three parts or five, the first two not trivial.
func jwtLike(s []byte) bool {
	first := bytes.IndexByte(s, '.')
	if first < 8 {
		return false
	}
	second := bytes.IndexByte(s[first+1:], '.')
	return second >= 0
}

// runEnd is the end of the run of token characters from i.
func runEnd(b []byte, i int) int {
	for i < len(b) && (isTokenByte(b[i]) || b[i] == '.') {
		i++
	}
	return i
}

// valueEnd is the end of a value in a query or a connection string.
func valueEnd(b []byte, i int) int {
	for i < len(b) && bytes.IndexByte([]byte("&;,\"'\\<>)}] \t\r\n"), b[i]) < 0 {
		i++
	}
	return i
}

func isTokenByte(b byte) bool {
	return b >= 'a' && b <= 'z' || b >= 'A' && b <= 'Z' || b >= '0' && b <= '9' || b == '-' || b == '_'
}

func isNameByte(b byte) bool { return isTokenByte(b) }
