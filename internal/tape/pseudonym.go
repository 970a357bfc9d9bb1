package tape

import (
	"bytes"
	"crypto/hmac"
	"crypto/sha256"
	_ "embed"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"
)

// Pseudonyms replaces what identifies somebody by what identifies nobody, the same way each time: a keyed hash. The key
// is the only way back, and only by trying. A replacement is known by its form, and is never replaced again.
type Pseudonyms struct {
	// Kinds are guid (every GUID but the well-known), upn (user names and mail addresses), tenant (the GUIDs of tenants
	// where the place tells, and names below onmicrosoft.com and sharepoint.com) and domain:NAME (that domain and what
	// is below it).
	Kinds []string
	// Key is the secret, of 16 bytes or more.
	Key []byte
}

// minKey is the length below which a key can be guessed.
const minKey = 16

// pseudonyms is Pseudonyms ready for use. It is safe for concurrent use.
type pseudonyms struct {
	guid, upn, tenant bool
	domains           []string // with a leading dot
	key               []byte
}

//go:embed wellknown.txt
var wellKnownText string

// wellKnown are the GUIDs left alone.
var wellKnown = func() map[string]bool {
	set := map[string]bool{}
	for line := range strings.Lines(wellKnownText) {
		if id, _, _ := strings.Cut(line, " "); len(id) == guidLen {
			set[id] = true
		}
	}
	return set
}()

func newPseudonyms(o Pseudonyms) (*pseudonyms, error) {
	if len(o.Kinds) == 0 {
		return nil, nil
	}
	if len(o.Key) < minKey {
		return nil, fmt.Errorf("pseudonyms need a key of %d bytes or more", minKey)
	}
	p := &pseudonyms{key: o.Key}
	for _, kind := range o.Kinds {
		name, isDomain := strings.CutPrefix(kind, "domain:")
		switch {
		case kind == "guid":
			p.guid = true
		case kind == "upn":
			p.upn = true
		case kind == "tenant":
			p.tenant = true
			p.domains = append(p.domains, ".onmicrosoft.com", ".onmicrosoft.us", ".partner.onmschina.cn", ".sharepoint.com")
		case isDomain && strings.Contains(name, ".") && strings.Trim(strings.ToLower(name), "abcdefghijklmnopqrstuvwxyz0123456789.-") == "":
			p.domains = append(p.domains, "."+strings.ToLower(strings.Trim(name, ".")))
		default:
			return nil, fmt.Errorf("unknown kind of pseudonym %q: use guid, upn, tenant or domain:NAME", kind)
		}
	}
	return p, nil
}

// ParsePseudonyms reads the kinds and checks them together with the key.
func ParsePseudonyms(kinds []string, key []byte) (Pseudonyms, error) {
	o := Pseudonyms{Key: bytes.TrimSpace(key)}
	for _, list := range kinds {
		for kind := range strings.SplitSeq(list, ",") {
			if kind = strings.TrimSpace(kind); kind != "" && !slices.Contains(o.Kinds, kind) {
				o.Kinds = append(o.Kinds, kind)
			}
		}
	}
	_, err := newPseudonyms(o)
	return o, err
}

// mac is the keyed hash of a value of a kind, in hex.
func (p *pseudonyms) mac(kind, value string) string {
	h := hmac.New(sha256.New, p.key)
	h.Write([]byte(kind))
	h.Write([]byte{0})
	h.Write([]byte(value))
	var sum [sha256.Size]byte
	return hex.EncodeToString(h.Sum(sum[:0]))
}

// sealed is n hex digits of the hash with six more by which it is known for a pseudonym of this key.
func (p *pseudonyms) sealed(kind, value string, n int) string {
	digits := p.mac(kind, value)[:n]
	return digits + p.mac("seal", digits)[:sealLen]
}

const sealLen = 6

func (p *pseudonyms) isSealed(s string) bool {
	return len(s) > sealLen && p.mac("seal", s[:len(s)-sealLen])[:sealLen] == s[len(s)-sealLen:]
}

// check tells one key from another.
func (p *pseudonyms) check() string { return p.mac("check", "")[:12] }

// text replaces what is to be replaced.
func (p *pseudonyms) text(b []byte) []byte {
	if p.upn {
		b = p.addresses(b)
	}
	if p.guid || p.tenant {
		b = p.guids(b)
	}
	for _, domain := range p.domains {
		b = p.names(b, domain)
	}
	return b
}

const guidLen = 36

// guids replaces GUIDs. Their shape is found by the first hyphen.
func (p *pseudonyms) guids(b []byte) []byte {
	out := replacement{src: b}
	for i := 8; i+28 <= len(b); {
		n := bytes.IndexByte(b[i:len(b)-27], '-')
		if n < 0 {
			break
		}
		i += n
		from := i - 8
		if from < out.done || !guidAt(b, from) {
			i++
			continue
		}
		is := b[from : from+guidLen]
		if p.guid || tenantBefore(b[:from]) {
			if fake := p.fakeGUID(is); fake != "" {
				out.put(from, from+guidLen, fake)
			}
		}
		i = from + guidLen + 8
	}
	return out.bytes()
}

// guidAt reports whether a GUID stands at i, as a word of its own.
func guidAt(b []byte, i int) bool {
	for k, c := range b[i : i+guidLen] {
		if k == 8 || k == 13 || k == 18 || k == 23 {
			if c != '-' {
				return false
			}
		} else if !isHex(c) {
			return false
		}
	}
	if end := i + guidLen; end < len(b) && isAlnum(b[end]) {
		return false
	}
	return i == 0 || !isAlnum(b[i-1]) || escapeBefore(b[:i])
}

// escapeBefore reports whether b ends in an escape of a URL or of JSON: its digits are no part of what follows.
func escapeBefore(b []byte) bool {
	n := len(b)
	return n >= 3 && b[n-3] == '%' && isHex(b[n-1]) && isHex(b[n-2]) ||
		n >= 2 && b[n-2] == '\\' && bytes.IndexByte([]byte("nrtbf"), b[n-1]) >= 0 ||
		n >= 6 && b[n-6] == '\\' && b[n-5] == 'u'
}

func isHex(c byte) bool { return c >= '0' && c <= '9' || c|0x20 >= 'a' && c|0x20 <= 'f' }

func isAlnum(c byte) bool { return c >= '0' && c <= '9' || c|0x20 >= 'a' && c|0x20 <= 'z' }

// fakeGUID is the replacement of a GUID, empty if it stays. It has the version and the variant of one that is no random
// number, and six digits by which it is known.
func (p *pseudonyms) fakeGUID(is []byte) string {
	lower := strings.ToLower(string(is))
	if wellKnown[lower] || strings.HasPrefix(lower, "00000000-0000-0000-0000-") {
		return ""
	}
	plain := strings.ReplaceAll(lower, "-", "")
	if plain[12] == '8' && plain[16] == 'a' && p.isSealed(plain[:12]+plain[13:16]+plain[17:]) {
		return ""
	}
	d := p.sealed("guid", lower, 24)
	fake := d[:8] + "-" + d[8:12] + "-8" + d[12:15] + "-a" + d[15:18] + "-" + d[18:30]
	if strings.ToUpper(string(is)) == string(is) && lower != string(is) {
		return strings.ToUpper(fake)
	}
	return fake
}

// tenantNames stand before the id of a tenant.
var tenantNames = []string{"tenantid", "tid", "tenant", "tenants", "organizationid", "hometenantid", "resourcetenantid", "sts.windows.net",
	"login.microsoftonline.com", "login.microsoftonline.us", "login.partner.microsoftonline.cn"}

// tenantBefore reports whether the text before a GUID says that it is the id of a tenant.
func tenantBefore(b []byte) bool {
	b = b[max(0, len(b)-48):]
	b = bytes.TrimRight(bytes.ReplaceAll(bytes.ReplaceAll(b, []byte("%27"), []byte("'")), []byte(`\"`), []byte(`"`)), "\"'=:(/ \t\r\n")
	word := strings.ToLower(string(b))
	for i := len(word); i > 0; i-- {
		if c := word[i-1]; !isAlnum(c) && c != '.' {
			word = word[i:]
			break
		}
	}
	return slices.Contains(tenantNames, word)
}

// addresses replaces user names with a domain, and mail addresses.
func (p *pseudonyms) addresses(b []byte) []byte {
	out := replacement{src: b}
	for i := 0; ; {
		a, ok := nextAddress(b, i, out.done)
		if !ok {
			return out.bytes()
		}
		local := strings.ToLower(string(b[a.from:a.at]))
		if rest, ok := strings.CutPrefix(local, "u"); !ok || !p.isSealed(rest) {
			local = "u" + p.sealed("upn", pathUnescaped(local)+"@"+a.domain, 24)
		}
		out.put(a.from, a.to, local+string(b[a.at:a.at+a.sign])+p.fakeDomain(a.domain))
		i = a.to
	}
}

const fakeTop = ".example"

// fakeDomain is the replacement of a domain.
func (p *pseudonyms) fakeDomain(domain string) string {
	if rest, ok := strings.CutSuffix(domain, fakeTop); ok && strings.HasPrefix(rest, "d") && p.isSealed(rest[1:]) {
		return domain
	}
	return "d" + p.sealed("domain", domain, 18) + fakeTop
}

// names replaces a domain, given with its leading dot, and the names below it.
func (p *pseudonyms) names(b []byte, domain string) []byte {
	out := replacement{src: b}
	lower := bytes.ToLower(b)
	if len(lower) != len(b) {
		return b // odd characters change their length: such a text has no names of domains
	}
	for i := 0; ; {
		n := bytes.Index(lower[i:], []byte(domain[1:]))
		if n < 0 {
			return out.bytes()
		}
		i += n
		from, to := i, i+len(domain)-1
		i = to
		if to < len(b) && (isAlnum(b[to]) || b[to] == '-' || b[to] == '.' && to+1 < len(b) && isAlnum(b[to+1])) {
			continue
		}
		for from > out.done && (isAlnum(b[from-1]) || b[from-1] == '-' || b[from-1] == '.') && !escapeBefore(b[:from]) {
			from--
		}
		name := strings.TrimLeft(string(lower[from:to]), ".-")
		if name != domain[1:] && !strings.HasSuffix(name, domain) {
			continue
		}
		if name == "onmicrosoft.com" || name == "sharepoint.com" || name == "onmicrosoft.us" || name == "partner.onmschina.cn" {
			continue
		}
		out.put(to-len(name), to, p.fakeDomain(name))
	}
}

// headLine tells, in the head of a cassette, what is replaced and by which key, so that a replay with another one is
// found out.
func (o Pseudonyms) headLine() string {
	p, err := newPseudonyms(o)
	if p == nil || err != nil {
		return ""
	}
	return strings.Join(o.Kinds, ",") + " " + p.check()
}

// pseudonymsKey is the key of that line.
const pseudonymsKey = "pseudonyms"

// pseudonymsOn are the pseudonyms in force for a cassette that exists: its own, if the key is right.
func pseudonymsOn(path string, o Pseudonyms) (Pseudonyms, error) {
	f, err := os.Open(path)
	if err != nil {
		return o, err
	}
	defer f.Close()
	head := make([]byte, 4096)
	n, err := io.ReadFull(f, head)
	if err != nil && n == 0 {
		return o, nil // load says what is wrong with it
	}
	head = head[:n]
	if i := bytes.Index(head, interactionsLine); i >= 0 {
		head = head[:i+1]
	}
	return o.agree(head)
}

// agree checks the cassette's pseudonyms against those asked for. Kinds that are not asked for are taken from the cassette.
func (o Pseudonyms) agree(head []byte) (Pseudonyms, error) {
	_, line, ok := takeHead(head, pseudonymsKey)
	kinds, check, _ := strings.Cut(line, " ")
	switch {
	case !ok && len(o.Kinds) > 0:
		return o, errors.New("the cassette was recorded without pseudonyms: leave --pseudonym out, or record it again")
	case !ok:
		return o, nil
	case len(o.Key) == 0:
		return o, fmt.Errorf("the cassette was recorded with pseudonyms (%s): name their key with --pseudonym-key, or requests with real ids do not match", kinds)
	}
	o, err := ParsePseudonyms([]string{kinds}, o.Key)
	if err != nil {
		return o, err
	}
	if p, _ := newPseudonyms(o); p == nil || p.check() != check {
		return o, errors.New("the cassette was recorded with pseudonyms of another key")
	}
	return o, nil
}
