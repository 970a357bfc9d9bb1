package graph

import (
	"strings"
	"unicode"
	"unicode/utf8"
)

// decodeSegment undoes percent-encoding once and refuses what two readers may read in two ways.
func decodeSegment(raw string) (string, error) {
	text := raw
	if strings.IndexByte(raw, '%') >= 0 {
		decoded, ok := percentDecode(raw, false)
		if !ok {
			return "", ambiguousSegment("has a percent sign without two hexadecimal digits", raw)
		}
		if hasEscape(decoded) {
			return "", ambiguousSegment("is percent-encoded twice", raw)
		}
		text = decoded
	}
	ascii := true
	for i := range len(text) {
		switch c := text[i]; {
		case c < ' ' || c == 0x7f:
			return "", ambiguousSegment("has a control character", raw)
		case c == '/':
			return "", ambiguousSegment("has an encoded slash", raw)
		case c == '\\':
			return "", ambiguousSegment("has a backslash", raw)
		case c == ';':
			return "", ambiguousSegment("has a semicolon", raw)
		case c >= utf8.RuneSelf:
			ascii = false
		}
	}
	if !ascii {
		if !utf8.ValidString(text) {
			return "", ambiguousSegment("is not valid UTF-8", raw)
		}
		if strings.ContainsFunc(text, unicode.IsControl) {
			return "", ambiguousSegment("has a control character", raw)
		}
	}
	if text == "" || text[0] == ' ' || text[len(text)-1] == ' ' {
		return "", ambiguousSegment("begins or ends with a space", raw)
	}
	if text[0] == '.' && strings.Trim(text, ". ") == "" {
		return "", ambiguousSegment("has a dot segment", raw)
	}
	return text, nil
}

// percentDecode undoes one layer of percent-encoding; in a query, plus is a space.
func percentDecode(s string, plusIsSpace bool) (string, bool) {
	out := make([]byte, 0, len(s))
	for i := 0; i < len(s); i++ {
		switch c := s[i]; {
		case c == '%':
			if i+2 >= len(s) {
				return "", false
			}
			high, low := unhex(s[i+1]), unhex(s[i+2])
			if high > 15 || low > 15 {
				return "", false
			}
			out = append(out, high<<4|low)
			i += 2
		case c == '+' && plusIsSpace:
			out = append(out, ' ')
		default:
			out = append(out, c)
		}
	}
	return string(out), true
}

func hasEscape(s string) bool {
	for i := 0; i+2 < len(s); i++ {
		if s[i] == '%' && unhex(s[i+1]) < 16 && unhex(s[i+2]) < 16 {
			return true
		}
	}
	return false
}

func unhex(c byte) byte {
	switch {
	case '0' <= c && c <= '9':
		return c - '0'
	case 'a' <= c && c <= 'f':
		return c - 'a' + 10
	case 'A' <= c && c <= 'F':
		return c - 'A' + 10
	}
	return 255
}

// appendEscaped writes a segment with everything encoded that RFC 3986 does not allow in one, and the semicolon.
func appendEscaped(dst []byte, s string) []byte {
	return appendExcept(dst, s, &segmentBytes)
}

// byteSet tells for each byte whether it may stand unencoded.
type byteSet [256]bool

var (
	segmentBytes = newByteSet("-._~!$&'()*+,=:@")
	optionBytes  = newByteSet("-._~!$'()*,:@/")
)

func newByteSet(marks string) (set byteSet) {
	for c := range set {
		set[c] = isAlnum(byte(c)) || strings.IndexByte(marks, byte(c)) >= 0
	}
	return set
}

// appendExcept percent-encodes every byte that is not in the set.
func appendExcept(dst []byte, s string, plain *byteSet) []byte {
	const digits = "0123456789ABCDEF"
	from := 0
	for i := range len(s) {
		if c := s[i]; !plain[c] {
			dst = append(append(dst, s[from:i]...), '%', digits[c>>4], digits[c&15])
			from = i + 1
		}
	}
	return append(dst, s[from:]...)
}

// argumentForm says what stands in the parentheses of a segment.
type argumentForm int

const (
	formNone  argumentForm = iota // no parentheses
	formEmpty                     // ()
	formKey                       // ('id') or (id)
	formNamed                     // (name=value,…)
)

// splitArguments takes a segment apart at its parentheses. A key comes back unquoted, named arguments without the
// spaces around them.
func splitArguments(text string) (name, arguments string, form argumentForm, ok bool) {
	open := strings.IndexByte(text, '(')
	if open < 0 {
		return text, "", formNone, strings.IndexByte(text, ')') < 0
	}
	if text[len(text)-1] != ')' {
		return "", "", formNone, false
	}
	name = strings.TrimRight(text[:open], " ")
	inner := strings.Trim(text[open+1:len(text)-1], " ")
	switch {
	case strings.IndexByte(name, ')') >= 0:
		return "", "", formNone, false
	case inner == "":
		return name, "", formEmpty, true
	case inner[0] == '\'':
		key, ok := unquote(inner)
		return name, key, formKey, ok && strings.Trim(key, ". ") != ""
	case isBareKey(inner):
		return name, inner, formKey, true
	}
	arguments, ok = namedArguments(inner)
	return name, arguments, formNamed, ok
}

// unquote takes the single quotes off an OData string, in which a doubled quote is one.
func unquote(s string) (string, bool) {
	if len(s) < 2 || s[len(s)-1] != '\'' {
		return "", false
	}
	s = s[1 : len(s)-1]
	if strings.IndexByte(s, '\'') < 0 {
		return s, true
	}
	plain := strings.ReplaceAll(s, "''", "")
	return strings.ReplaceAll(s, "''", "'"), strings.IndexByte(plain, '\'') < 0
}

// isBareKey tells whether s may be a key without quotes: a GUID, a number, an id of plain characters.
// A parameter alias (@p, whose value stands in the query) is none.
func isBareKey(s string) bool {
	if s[0] == '@' {
		return false
	}
	for i := range len(s) {
		if c := s[i]; !isAlnum(c) && strings.IndexByte("-_.~@:", c) < 0 {
			return false
		}
	}
	return strings.Trim(s, ".") != ""
}

// namedArguments checks name=value,… and takes out the spaces around names and values. A value is a quoted string, a
// list in brackets, or text without quotes and parentheses.
func namedArguments(s string) (string, bool) {
	out := make([]byte, 0, len(s))
	for {
		eq := strings.IndexByte(s, '=')
		if eq < 0 {
			return "", false
		}
		name := strings.Trim(s[:eq], " ")
		if !isIdentifier(name) {
			return "", false
		}
		value, rest, more, ok := cutValue(s[eq+1:])
		if !ok {
			return "", false
		}
		out = append(append(append(out, name...), '='), value...)
		if !more {
			return string(out), true
		}
		out = append(out, ',')
		s = rest
	}
}

// idArgument tells set(id='P') from an alternate key: it is set('P') with the name of the key written out. A key that
// stands in the query instead, under an alias, is not ok.
func idArgument(arguments string) (id string, isID, ok bool) {
	pairs := 0
	for rest, more := arguments, true; more; pairs++ {
		name, behind, _ := strings.Cut(rest, "=")
		if id, rest, more, ok = cutValue(behind); !ok || id[0] == '@' {
			return "", false, false
		}
		isID = isID || strings.EqualFold(name, "id")
	}
	switch {
	case !isID:
		return "", false, true
	case pairs > 1: // which of them finds the entity?
		return "", false, false
	case id[0] == '\'':
		id, ok = unquote(id)
	default:
		ok = isBareKey(id)
	}
	return id, true, ok && strings.Trim(id, ". ") != ""
}

func isIdentifier(s string) bool {
	for i := range len(s) {
		if c := s[i]; !isAlnum(c) && c != '_' && c != '.' {
			return false
		}
	}
	return s != ""
}

// cutValue takes one value off s, up to a comma outside quotes and brackets.
func cutValue(s string) (value, rest string, more, ok bool) {
	quoted, depth := false, 0
	for i := range len(s) {
		switch c := s[i]; {
		case c == '\'':
			quoted = !quoted
		case quoted:
		case c == '(' || c == ')':
			return "", "", false, false
		case c == '[':
			depth++
		case c == ']':
			depth--
		case c == ',' && depth == 0:
			value = strings.Trim(s[:i], " ")
			return value, s[i+1:], true, isValue(value)
		}
	}
	value = strings.Trim(s, " ")
	return value, "", false, isValue(value) && !quoted && depth == 0
}

// isValue tells whether quotes and brackets in a value hold all of it: 'x'y might be x to one reader and y to another.
func isValue(s string) bool {
	switch {
	case s == "":
		return false
	case s[0] == '\'':
		_, ok := unquote(s)
		return ok
	case s[0] == '[':
		return s[len(s)-1] == ']'
	}
	return strings.IndexByte(s, '\'') < 0
}

// isTenant tells whether the segment behind the version names a tenant: a GUID, a domain or myorganization.
func isTenant(s string) bool {
	if isGUID(s) || strings.EqualFold(s, "myorganization") {
		return true
	}
	dots := strings.Count(s, ".")
	if dots == 0 || s[0] == '$' {
		return false
	}
	if rest, qualified := cutNamespace(s); qualified && (len(s)-len(rest) > len("graph.") || dots == 1) {
		return false
	}
	for label := range strings.SplitSeq(s, ".") {
		if !isLabel(label) {
			return false
		}
	}
	return true
}

// looksLikeID tells an id from a name where the catalogue cannot: a GUID, a number, a user principal name, or a long
// run of characters with a digit in it.
func looksLikeID(s string) bool {
	if isGUID(s) || strings.IndexByte(s, '@') > 0 {
		return true
	}
	digits := 0
	for i := range len(s) {
		if '0' <= s[i] && s[i] <= '9' {
			digits++
		}
	}
	return digits == len(s) || digits > 0 && len(s) >= 20
}

// foldName folds a name for comparison: ASCII case, and the few letters outside ASCII that some readers fold into it
// (the long s, the Kelvin sign, the Turkish i's, full-width letters); characters without width are dropped.
func foldName(s string) string {
	for i := range len(s) {
		if s[i] >= utf8.RuneSelf {
			return strings.Map(foldRune, s)
		}
	}
	return strings.ToLower(s)
}

func foldRune(r rune) rune {
	switch {
	case r == 'ſ':
		return 's'
	case r == '\u212a': // the Kelvin sign
		return 'k'
	case r == 'ı' || r == 'İ':
		return 'i'
	case r >= '！' && r <= '～':
		r -= '！' - '!'
	case unicode.Is(unicode.Cf, r) || unicode.IsSpace(r):
		return -1
	}
	return unicode.ToLower(r)
}
