package graph

import (
	"encoding/json"
	"strings"
)

const redactedToken = "Bearer redacted"

// RedactToken turns the value of an Authorization header into one that can be kept: "Bearer" and an unsigned token with
// nothing but what policies read. scp, roles, aud, idtyp, ver, iat, exp and nbf keep their value where it has the form such
// a claim has, tid, oid, appid and azp are replaced by their Pseudonym; every other claim, the header and the signature are
// dropped. A token that cannot be read becomes "Bearer redacted", an empty value stays empty. A redacted value
// redacts to itself.
func RedactToken(authorization string) string {
	if authorization == "" {
		return ""
	}
	raw, reason := bearer(authorization)
	if reason != "" {
		return redactedToken
	}
	header, claims, _ := splitToken(raw)
	if claims == nil {
		return redactedToken
	}
	// A client may write gw: redacted into its own token, so the mark is no reason to trust the rest: the token is
	// taken apart and made anew all the same, only that what has a pseudonym's form keeps it.
	again := header["gw"] == TokenRedacted
	kept := make(map[string]any, 12)
	for name, v := range claims {
		if v, ok := redactClaim(name, v, again); ok {
			kept[name] = v
		}
	}
	return "Bearer " + MintToken(kept, TokenRedacted)
}

// redactClaim is what is kept of one claim, and whether anything is.
func redactClaim(name string, v any, again bool) (any, bool) {
	switch name {
	case "tid", "oid", "appid", "azp":
		s, ok := v.(string)
		if !ok || s == "" {
			return nil, false
		}
		if s = strings.ToLower(s); s == PersonalTenant || again && isPseudonym(s) {
			return s, true
		}
		return Pseudonym(s), true
	case "aud":
		s, ok := v.(string)
		return s, ok && isName(s)
	case "idtyp":
		return v, v == "app" || v == "user" || v == "device"
	case "ver":
		return v, v == "1.0" || v == "2.0"
	case "scp":
		s, ok := v.(string)
		if !ok {
			return nil, false
		}
		var names []string
		for n := range strings.FieldsSeq(s) {
			if isName(n) {
				names = append(names, n)
			}
		}
		return strings.Join(names, " "), true
	case "roles":
		list, ok := v.([]any)
		if !ok {
			return nil, false
		}
		names := make([]any, 0, len(list))
		for _, e := range list {
			if s, ok := e.(string); ok && isName(s) {
				names = append(names, s)
			}
		}
		return names, true
	case "iat", "exp", "nbf":
		n, ok := v.(json.Number)
		return v, ok && len(n) <= 12 && strings.Trim(string(n), "0123456789") == ""
	}
	return nil, false
}

// isName tells whether s has the form of a permission or of an audience: short, and nothing but letters, digits and
// the marks found in URLs and permission names.
func isName(s string) bool {
	if s == "" || len(s) > 128 {
		return false
	}
	for i := range len(s) {
		switch c := s[i]; {
		case c >= 'a' && c <= 'z', c >= 'A' && c <= 'Z', c >= '0' && c <= '9':
		case c == '.' || c == '-' || c == '_' || c == ':' || c == '/':
		default:
			return false
		}
	}
	return true
}
