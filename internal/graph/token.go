package graph

import (
	"encoding/base64"
	"encoding/json"
	"net/http"
	"strconv"
	"strings"
	"time"
)

// maxTokenBytes bounds what is read of a token; Graph's own are a few kilobytes.
const maxTokenBytes = 16 << 10

// The kinds of unsigned token graphwarden makes: the JOSE header "gw" names the kind.
const (
	// TokenMinted marks a token made for offline use.
	TokenMinted = "minted"
	// TokenRedacted marks what is left of a token on a cassette.
	TokenRedacted = "redacted"
)

// ReadToken reads the claims of the bearer token in h. Nothing is verified: the claims are what the caller says they
// are, which is enough before Graph, since it judges the same token. Whatever cannot be read leaves Format opaque and
// Type unknown, with the reason among the anomalies:
//
//	several        more than one Authorization header (the first is read)
//	not_bearer     another scheme than Bearer
//	empty          a scheme with no token
//	too_long       over 16 KiB
//	bad_parts      neither one part (opaque), three (JWS) nor five (JWE)
//	bad_base64     a part is not unpadded base64url
//	bad_json       a part is not one strict JSON object
//	bad_claim      a claim has another JSON type than it must have (it is then ignored)
//	bad_time       a date that is no whole number of seconds between 1970 and 2200 (it is then ignored)
//	two_apps       appid and azp differ
//	alg_missing, alg_none, alg_hmac   a signature nobody who issues Graph tokens makes
//	unsigned       alg none in a token graphwarden minted or redacted: right in a replay, wrong elsewhere
func ReadToken(h http.Header) Token {
	t := Token{Format: "none", Type: "unknown"}
	values := h["Authorization"]
	if len(values) == 0 {
		return t
	}
	t.Present, t.Format = true, "opaque"
	if len(values) > 1 {
		t.odd("several")
	}
	raw, reason := bearer(values[0])
	if reason != "" {
		t.odd(reason)
		return t
	}
	header, claims, reason := splitToken(raw)
	if reason != "" {
		t.odd(reason)
	}
	if claims == nil {
		return t
	}
	t.Format = "jwt"
	t.readAlgorithm(header)
	t.readClaims(claims)
	return t
}

func (t *Token) odd(what string) {
	for _, known := range t.Anomalies {
		if known == what {
			return
		}
	}
	t.Anomalies = append(t.Anomalies, what)
}

// bearer is the token of an Authorization value; reason tells why there is none to read.
func bearer(authorization string) (token, reason string) {
	scheme, token, _ := strings.Cut(strings.Trim(authorization, " \t"), " ")
	token = strings.TrimLeft(token, " \t")
	switch {
	case !strings.EqualFold(scheme, "Bearer"):
		return "", "not_bearer"
	case token == "":
		return "", "empty"
	case len(token) > maxTokenBytes:
		return "", "too_long"
	}
	return token, ""
}

// splitToken opens a JWS. Claims are nil when the token is opaque, with a reason unless it is so by its form (one part,
// or a JWE's five).
func splitToken(raw string) (header, claims map[string]any, reason string) {
	switch strings.Count(raw, ".") {
	case 0, 4:
		return nil, nil, ""
	case 2:
	default:
		return nil, nil, "bad_parts"
	}
	first, rest, _ := strings.Cut(raw, ".")
	second, _, _ := strings.Cut(rest, ".")
	if header, reason = tokenPart(first, isReadHeader); reason != "" {
		return nil, nil, reason
	}
	if claims, reason = tokenPart(second, isReadClaim); reason != "" {
		return nil, nil, reason
	}
	return header, claims, ""
}

var tokenEncoding = base64.RawURLEncoding.Strict()

func tokenPart(part string, want func(name string) bool) (map[string]any, string) {
	if strings.IndexByte(part, '\n') >= 0 || strings.IndexByte(part, '\r') >= 0 { // which the decoder would skip
		return nil, "bad_base64"
	}
	b, err := tokenEncoding.DecodeString(part)
	if err != nil {
		return nil, "bad_base64"
	}
	m, err := parseMembers(b, want)
	if err != nil {
		return nil, "bad_json"
	}
	return m, ""
}

func isReadHeader(name string) bool { return name == "alg" || name == "gw" }

func isReadClaim(name string) bool {
	switch name {
	case "tid", "oid", "appid", "azp", "aud", "idtyp", "ver", "scp", "roles", "iat", "nbf", "exp":
		return true
	}
	return false
}

func (t *Token) readAlgorithm(header map[string]any) {
	alg, _ := header["alg"].(string)
	switch {
	case alg == "":
		t.odd("alg_missing")
	case strings.EqualFold(alg, "none"):
		if kind := header["gw"]; kind == TokenMinted || kind == TokenRedacted {
			t.odd("unsigned")
		} else {
			t.odd("alg_none")
		}
	case len(alg) >= 2 && strings.EqualFold(alg[:2], "HS"):
		t.odd("alg_hmac")
	}
}

func (t *Token) readClaims(claims map[string]any) {
	t.Tenant = t.id(claims, "tid")
	t.Object = t.id(claims, "oid")
	t.App = t.id(claims, "appid")
	if azp := t.id(claims, "azp"); t.App == "" {
		t.App = azp
	} else if azp != "" && azp != t.App {
		t.odd("two_apps")
	}
	t.Audience = t.text(claims, "aud")
	scopes := t.text(claims, "scp")
	t.Scopes = strings.Fields(scopes)
	t.Roles = t.texts(claims, "roles")
	t.Issued = t.date(claims, "iat")
	t.NotBefore = t.date(claims, "nbf")
	t.Expires = t.date(claims, "exp")

	// idtyp is the documented test; it may be absent, and user tokens may carry roles too.
	idtyp := t.text(claims, "idtyp")
	switch {
	case t.Tenant == PersonalTenant:
		t.Type = "personal"
	case idtyp == "app":
		t.Type = "application"
	case len(t.Scopes) > 0 || idtyp == "user":
		t.Type = "delegated"
	case len(t.Roles) > 0:
		t.Type = "application"
	}
}

// text is a claim that must be a string; empty when there is none.
func (t *Token) text(claims map[string]any, name string) string {
	v, there := claims[name]
	s, ok := v.(string)
	if there && !ok {
		t.odd("bad_claim")
	}
	return s
}

// id is a claim that holds a GUID, in lower case so that ids compare.
func (t *Token) id(claims map[string]any, name string) string {
	return strings.ToLower(t.text(claims, name))
}

// texts is a claim that must be a list of strings. An entry of another type discards the list: half of it would be a
// guess.
func (t *Token) texts(claims map[string]any, name string) []string {
	v, there := claims[name]
	if !there {
		return nil
	}
	list, ok := v.([]any)
	if !ok {
		t.odd("bad_claim")
		return nil
	}
	out := make([]string, len(list))
	for i, e := range list {
		if out[i], ok = e.(string); !ok {
			t.odd("bad_claim")
			return nil
		}
	}
	return out
}

const maxTokenTime = 7258118400 // 2200-01-01

func (t *Token) date(claims map[string]any, name string) time.Time {
	v, there := claims[name]
	if !there {
		return time.Time{}
	}
	n, ok := v.(json.Number)
	if !ok {
		t.odd("bad_claim")
		return time.Time{}
	}
	seconds, err := strconv.ParseInt(string(n), 10, 64)
	if err != nil || seconds < 0 || seconds > maxTokenTime {
		t.odd("bad_time")
		return time.Time{}
	}
	return time.Unix(seconds, 0).UTC()
}

// MintToken makes an unsigned token of the claims: alg none, the kind (TokenMinted or TokenRedacted) in its header, and
// the word "unsigned" where a signature would be, so that what splits it finds three parts. It opens nothing: Graph
// refuses it, and ReadToken calls it unsigned.
func MintToken(claims map[string]any, kind string) string {
	header := AppendCanonical(nil, map[string]any{"alg": "none", "gw": kind, "typ": "JWT"})
	body := AppendCanonical(nil, claims)
	return tokenEncoding.EncodeToString(header) + "." + tokenEncoding.EncodeToString(body) + ".unsigned"
}
