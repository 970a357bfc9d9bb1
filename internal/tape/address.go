package tape

import (
	"bytes"
	"fmt"
	"maps"
	"net/url"
	"slices"
	"strings"

	"github.com/graphwarden/graphwarden/internal/graph"
)

// address is where a user name with a domain, or a mail address, stands in a text.
type address struct {
	from, at, sign, to int // at is where the sign between both parts begins, sign its length
	domain             string
}

// nextAddress finds the first address from i on, by the sign between its parts. Its left part begins at floor at the
// earliest. Annotations of JSON, such as members@odata.bind, are none.
func nextAddress(b []byte, i, floor int) (address, bool) {
	for i < len(b) {
		n := bytes.IndexAny(b[i:], `@%\`)
		if n < 0 {
			break
		}
		i += n
		sign := signLen(b[i:])
		if sign == 0 {
			i++
			continue
		}
		from, to := localStart(b, i, floor), domainEnd(b, i+sign)
		if from == i || to == i+sign {
			i += sign
			continue
		}
		domain := strings.ToLower(string(b[i+sign : to]))
		if strings.HasPrefix(domain, "odata.") || strings.HasPrefix(domain, "microsoft.graph.") {
			i = to
			continue
		}
		return address{from: from, at: i, sign: sign, to: to, domain: domain}, true
	}
	return address{}, false
}

// madeUp are the domains that documentation uses for nobody in particular: those of RFC 2606, and Microsoft's.
var madeUp = []string{"example", "test", "invalid", "localhost", "example.com", "example.net", "example.org",
	"contoso.com", "fabrikam.com", "contoso.onmicrosoft.com", "fabrikam.onmicrosoft.com"}

// isMadeUp reports whether a domain is one of the list, or below one of it.
func isMadeUp(domain string, list []string) bool {
	return slices.ContainsFunc(list, func(name string) bool {
		return domain == name || strings.HasSuffix(domain, "."+name)
	})
}

// VerifyPeople looks for user names and mail addresses of real domains on a cassette: a person's name is no secret, but
// has no place in a repository either. Domains that documentation makes up pass, and so do the allowed ones and what is
// below them. The findings are of kind user-name.
func VerifyPeople(path string, allowed []string) ([]Finding, error) {
	c, err := Load(path)
	if err != nil {
		return nil, err
	}
	pass := slices.Clone(madeUp)
	for _, domain := range allowed {
		pass = append(pass, strings.ToLower(strings.Trim(domain, ".")))
	}
	v := &verifier{c: c}
	for i := range c.items {
		x, err := c.At(i)
		if err != nil {
			return v.findings, fmt.Errorf("verify %s: %w", path, err)
		}
		v.item = i
		v.people("request", x.Request.URL, x.Request.Body, x.Request.Headers, pass)
		v.people("response", "", x.Response.Body, x.Response.Headers, pass)
	}
	return v.findings, nil
}

func (v *verifier) people(part, url, body string, headers map[string][]string, pass []string) {
	v.where = part + ".url"
	v.names(url, "", pass)
	v.where = part + ".body"
	if value, err := graph.ParseJSON([]byte(body)); err == nil {
		v.namesIn(value, "", pass)
	} else {
		v.names(body, "", pass)
	}
	for _, name := range slices.Sorted(maps.Keys(headers)) {
		v.where = part + ".headers." + name
		for _, value := range headers[name] {
			v.names(value, "", pass)
		}
	}
}

// namesIn looks at every string of a JSON value.
func (v *verifier) namesIn(value any, pointer string, pass []string) {
	switch value := value.(type) {
	case string:
		v.names(value, pointer, pass)
	case []any:
		for i, e := range value {
			v.namesIn(e, fmt.Sprintf("%s/%d", pointer, i), pass)
		}
	case map[string]any:
		for _, name := range slices.Sorted(maps.Keys(value)) {
			v.namesIn(value[name], pointer+"/"+strings.NewReplacer("~", "~0", "/", "~1").Replace(name), pass)
		}
	}
}

func (v *verifier) names(text, pointer string, pass []string) {
	b := []byte(text)
	for i := 0; ; {
		a, ok := nextAddress(b, i, i)
		if !ok {
			return
		}
		if !isMadeUp(a.domain, pass) {
			v.found("user-name", pointer)
			return
		}
		i = a.to
	}
}

// signLen is the length of an at sign, as it is or escaped; 0 if there is none.
func signLen(b []byte) int {
	switch {
	case b[0] == '@':
		return 1
	case bytes.HasPrefix(b, []byte("%40")):
		return 3
	case bytes.HasPrefix(b, []byte(`\u0040`)):
		return 6
	}
	return 0
}

func pathUnescaped(s string) string {
	if u, err := url.PathUnescape(s); err == nil {
		return u
	}
	return s
}

func localStart(b []byte, i, start int) int {
	end := i
	for i > start {
		c := b[i-1]
		if i >= start+3 && b[i-3] == '%' && isHex(b[i-2]) && isHex(c) {
			if e := strings.ToLower(string(b[i-2 : i])); e != "23" && e != "2b" {
				break // an encoded quote ends it, # and + are part of it
			}
			i -= 3
			continue
		}
		if !isAlnum(c) && bytes.IndexByte([]byte("._+-#!~"), c) < 0 && c < 0x80 {
			break
		}
		i--
	}
	if i > 0 && i < end && b[i-1] == '\\' { // the letter is an escape of JSON
		if i++; b[i-1] == 'u' {
			i += 4
		}
	}
	return min(i, end)
}

// domainEnd is the end of a name with a dot in it that begins at i; i if there is none.
func domainEnd(b []byte, i int) int {
	end, dot := i, -1
	for end < len(b) && (isAlnum(b[end]) || b[end] == '-' || b[end] == '.' && end > i) {
		if b[end] == '.' {
			dot = end
		}
		end++
	}
	for end > i && (b[end-1] == '.' || b[end-1] == '-') {
		end--
		dot = bytes.LastIndexByte(b[:end], '.')
	}
	if dot <= i || end-dot < 3 {
		return i
	}
	return end
}
