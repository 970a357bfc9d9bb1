package tape

import (
	"bytes"
	"net/http"
	"net/textproto"
	"slices"
	"strings"
	"sync/atomic"

	"github.com/graphwarden/graphwarden/internal/graph"
)

// Redacted stands in a cassette for a value that was taken out.
const Redacted = "REDACTED"

// Redaction adds to what is kept and what is taken out of a recording. Its zero value is the default.
type Redaction struct {
	// KeepHeaders are further header fields to keep, of requests and responses. Authorization, cookies and the values
	// of the approval headers are never kept.
	KeepHeaders []string
	// Fields are further names whose values are taken out, in JSON bodies, forms and queries; case, - and _ do not count.
	Fields []string
	// Rules are what else to take out, as ParseRedact reads them.
	Rules []string
	// Pseudonyms are put in the place of what identifies somebody.
	Pseudonyms Pseudonyms
}

// check tells what is wrong with it.
func (o Redaction) check() error {
	_, err := newRules(o.Rules)
	if err == nil {
		_, err = newPseudonyms(o.Pseudonyms)
	}
	return err
}

// redactor takes secrets out of what is about to be recorded, or about to be looked up. With found set it is told of
// each one, by kind and by JSON pointer, which is how Verify works. It is safe for many goroutines if found is nil.
type redactor struct {
	request, response map[string]bool // canonical header names
	fields            map[string]bool
	found             func(kind, pointer string)
	tokens            graph.RedactedTokens
	written           [64]atomic.Pointer[writtenToken] // by hash
	// requestFields and responseFields are what becomes of the header names.
	requestFields, responseFields map[string]*field
	rules                         rules
	pseudonyms                    *pseudonyms // nil unless asked for
}

// The header fields kept. All others are dropped: a name nobody foresaw may carry anything.
const (
	keptOfRequests = "Accept Accept-Language Content-Type Consistencylevel If-Match If-None-Match If-Modified-Since " +
		"If-Unmodified-Since Odata-Maxversion Odata-Version Prefer Range Content-Range Client-Request-Id " +
		"X-Ms-Throttle-Priority Authorization " + justificationHeader + " " + codeHeader
	keptOfResponses = "Accept-Ranges Allow Cache-Control Client-Request-Id Content-Disposition Content-Encoding Content-Language " +
		"Content-Range Content-Type Date Deprecation Etag Last-Modified Link Location Odata-Version Operation-Location " +
		"Preference-Applied Ratelimit-Limit Ratelimit-Remaining Ratelimit-Reset Request-Id Retry-After Sunset Vary Warning " +
		"Www-Authenticate X-Content-Type-Options X-Ms-Ags-Diagnostic X-Ms-Resource-Unit X-Ms-Throttle-Information X-Ms-Throttle-Scope " +
		"X-Ms-Throttle-Limit-Percentage Content-Length Access-Control-Allow-Headers Access-Control-Allow-Methods " +
		"Access-Control-Allow-Origin Access-Control-Expose-Headers Access-Control-Max-Age " + codeHeader // without these no page reads a replay
)

// secretFields are names whose values are secrets wherever they stand: JSON bodies, forms, queries, connection strings.
const secretFields = "password passwd pwd passphrase passcode clientsecret secret secrettext secretkey secretvalue " +
	"accesstoken refreshtoken idtoken token tokenvalue bearertoken authtoken sessiontoken apikey accesskey accountkey " +
	"sharedaccesskey sharedsecret sharedkey presharedkey symmetrickey privatekey privatekeydata connectionstring sastoken sig " +
	"clientassertion assertion userpassword oldpassword newpassword currentpassword adminpassword wifipassphrase " +
	"pfxblobpassword encryptedpassword recoverykey personalrecoverykey qrcodecontent authorization subscriptionkey"

// notInQueries are secret in a body but tell a page apart in a query.
var notInQueries = map[string]bool{"token": true}

func newRedactor(o Redaction) *redactor {
	r := &redactor{request: nameSet(keptOfRequests), response: nameSet(keptOfResponses), fields: map[string]bool{}}
	for _, name := range o.KeepHeaders {
		name = textproto.CanonicalMIMEHeaderKey(strings.TrimSpace(name))
		if name != "Cookie" && name != "Set-Cookie" && name != "Proxy-Authorization" {
			r.request[name], r.response[name] = true, name != "Authorization"
		}
	}
	for name := range strings.FieldsSeq(secretFields) {
		r.fields[name] = true
	}
	for _, name := range o.Fields {
		r.fields[plainName(name)] = true
	}
	r.rules, _ = newRules(o.Rules) // whoever takes a Redaction from outside has checked it
	r.pseudonyms, _ = newPseudonyms(o.Pseudonyms)
	r.requestFields, r.responseFields = newFields(r.request, r.requestTreatment), newFields(r.response, r.responseTreatment)
	return r
}

func nameSet(s string) map[string]bool {
	set := map[string]bool{}
	for name := range strings.FieldsSeq(s) {
		set[name] = true
	}
	return set
}

// plainName is a field's name without what spelling may vary.
func plainName(s string) string {
	return strings.NewReplacer("-", "", "_", "", "$", "").Replace(strings.ToLower(s))
}

// secret reports whether the bytes spell the name of a secret field.
func (r *redactor) secret(name []byte) bool {
	var buf [40]byte
	n := 0
	for _, b := range name {
		if b == '-' || b == '_' || b == '$' {
			continue
		}
		if n == len(buf) {
			return false
		}
		if b >= 'A' && b <= 'Z' {
			b |= 0x20
		}
		buf[n] = b
		n++
	}
	return r.fields[string(buf[:n])]
}

func (r *redactor) tell(kind, pointer string) {
	if r.found != nil {
		r.found(kind, pointer)
	}
}

// requestHeader is what is kept of a request's header. The token becomes one without signature and identity, the
// values of the approval headers a placeholder.
func (r *redactor) requestHeader(h http.Header) http.Header {
	out := make(http.Header, len(h))
	scratch := make([]byte, 0, 256)
	for name, values := range h {
		name = textproto.CanonicalMIMEHeaderKey(name)
		switch {
		case !r.request[name]:
		case r.rules.headers[name]:
			out.Set(name, Redacted)
		case name == "Authorization":
			for _, v := range values {
				out[name] = append(out[name], r.tokens.Redact(v))
			}
		case name == justificationHeader || name == codeHeader:
			out.Set(name, Redacted)
		default:
			out[name], scratch = r.values(values, scratch)
		}
	}
	return out
}

// responseHeader is what is kept of a response's header.
func (r *redactor) responseHeader(h http.Header) http.Header {
	out := make(http.Header, len(h))
	scratch := make([]byte, 0, 256)
	for name, values := range h {
		name = textproto.CanonicalMIMEHeaderKey(name)
		switch {
		case !r.response[name]:
		case r.rules.headers[name]:
			out.Set(name, Redacted)
		case name == codeHeader:
			out.Set(name, Redacted)
		case name == "Location" || name == "Operation-Location":
			for _, v := range values {
				out.Add(name, r.url(v))
			}
		default:
			out[name], scratch = r.values(values, scratch)
		}
	}
	return out
}

// values are the values of a field without what is secret. Nearly every value stays as it is: then they are the same list.
// The scratch is given back for the next field.
func (r *redactor) values(values []string, scratch []byte) ([]string, []byte) {
	out := slices.Clip(values)
	for i, v := range values {
		scratch = append(scratch[:0], v...)
		if b := r.text(scratch, ""); string(b) != v {
			if &out[0] == &values[0] {
				out = slices.Clone(values)
			}
			out[i] = string(b)
		}
	}
	return out, scratch
}

// url takes the user part and the secrets of the query out of a URL or a target.
func (r *redactor) url(raw string) string {
	if scheme, rest, ok := strings.Cut(raw, "://"); ok && strings.IndexByte(rest, '@') >= 0 {
		host := rest
		if i := strings.IndexAny(rest, "/?#"); i >= 0 {
			host = rest[:i]
		}
		if i := strings.LastIndexByte(host, '@'); i >= 0 {
			r.tell("user-info", "")
			raw = scheme + "://" + rest[i+1:]
		}
	}
	path, query, ok := strings.Cut(raw, "?")
	if !ok || strings.IndexByte(query, '=') < 0 {
		return r.plain(raw)
	}
	some := false
	for part := range strings.SplitSeq(query, "&") {
		some = some || r.secretOption(part)
	}
	if !some {
		return r.plain(raw)
	}
	parts := strings.Split(query, "&")
	for i, part := range parts {
		if r.secretOption(part) {
			r.tell("query-secret", "")
			name, _, _ := strings.Cut(part, "=")
			parts[i] = name + "=" + Redacted
		}
	}
	return r.plain(path + "?" + strings.Join(parts, "&"))
}

// secretOption reports whether an option of a query is a secret.
func (r *redactor) secretOption(option string) bool {
	name, value, ok := strings.Cut(option, "=")
	return ok && value != "" && value != Redacted && (name == "code" || r.secret([]byte(name)) && !notInQueries[plainName(name)])
}

// plain is text for a string, which is itself as long as nothing is taken out of it.
func (r *redactor) plain(s string) string {
	if r.quiet(s) {
		return s
	}
	if now := r.text([]byte(s), ""); string(now) != s {
		return string(now)
	}
	return s
}

// body takes the secrets out of a body. Text without any is returned as it is, not a copy; JSON keeps its layout.
func (r *redactor) body(b []byte) []byte {
	if len(b) == 0 {
		return b
	}
	first := b[0]
	if first != '{' && first != '[' {
		if trimmed := bytes.TrimLeft(b, " \t\r\n\ufeff"); len(trimmed) > 0 {
			first = trimmed[0]
		}
	}
	if first == '{' || first == '[' {
		b = r.json(b, "")
	}
	return r.text(b, "")
}
