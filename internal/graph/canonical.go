package graph

import (
	"encoding/json"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"
)

// AppendCanonical appends the canonical JSON of a value made by ParseJSON: no spaces, keys sorted by their bytes, one
// form per number (1, 1.0 and 1e0 are the same; integers of any size are exact), and no escape that JSON does not
// demand. Two values give the same bytes exactly when they are equal. Values of other Go types are written as
// encoding/json would write them, null where it cannot.
func AppendCanonical(dst []byte, v any) []byte {
	switch v := v.(type) {
	case nil:
		return append(dst, "null"...)
	case bool:
		return strconv.AppendBool(dst, v)
	case string:
		return appendText(dst, v)
	case json.Number:
		if numberLen(string(v)) != len(v) || !inRange(string(v)) {
			return appendText(dst, string(v))
		}
		return appendNumber(dst, string(v))
	case int:
		return strconv.AppendInt(dst, int64(v), 10)
	case int64:
		return strconv.AppendInt(dst, v, 10)
	case []any:
		dst = append(dst, '[')
		for i, e := range v {
			if i > 0 {
				dst = append(dst, ',')
			}
			dst = AppendCanonical(dst, e)
		}
		return append(dst, ']')
	case map[string]any:
		var few [12]string
		keys := few[:0]
		for k := range v {
			keys = append(keys, k)
		}
		slices.Sort(keys)
		dst = append(dst, '{')
		for i, k := range keys {
			if i > 0 {
				dst = append(dst, ',')
			}
			dst = append(appendText(dst, k), ':')
			dst = AppendCanonical(dst, v[k])
		}
		return append(dst, '}')
	}
	if b, err := json.Marshal(v); err == nil {
		if parsed, err := ParseJSON(b); err == nil {
			return AppendCanonical(dst, parsed)
		}
	}
	return append(dst, "null"...)
}

// appendNumber writes a valid literal as its shortest exact decimal. Plain notation up to 21 places, as people expect
// of an id or a count; beyond that digits and exponent, so that 1e400 stays five bytes.
func appendNumber(dst []byte, s string) []byte {
	negative := strings.HasPrefix(s, "-")
	s = strings.TrimPrefix(s, "-")
	exponent := 0
	if e := strings.IndexAny(s, "eE"); e >= 0 {
		exponent, _ = strconv.Atoi(strings.TrimPrefix(s[e+1:], "+")) // bounded by inRange
		s = s[:e]
	}
	whole, fraction, _ := strings.Cut(s, ".")
	digits := whole
	if fraction != "" {
		digits += fraction
		exponent -= len(fraction)
	}
	digits = strings.TrimLeft(digits, "0")
	trimmed := strings.TrimRight(digits, "0")
	exponent += len(digits) - len(trimmed)
	if digits = trimmed; digits == "" {
		return append(dst, '0') // also for -0
	}
	if negative {
		dst = append(dst, '-')
	}
	point := len(digits) + exponent // where the point stands, counted from the first digit
	switch {
	case exponent >= 0 && (exponent == 0 || point <= 21):
		dst = append(dst, digits...)
		for range exponent {
			dst = append(dst, '0')
		}
	case exponent < 0 && point > 0:
		dst = append(append(append(dst, digits[:point]...), '.'), digits[point:]...)
	case exponent < 0 && point > -6:
		dst = append(dst, "0."...)
		for range -point {
			dst = append(dst, '0')
		}
		dst = append(dst, digits...)
	default:
		dst = strconv.AppendInt(append(append(dst, digits...), 'e'), int64(exponent), 10)
	}
	return dst
}

const hexDigits = "0123456789abcdef"

// appendText writes s as a JSON string; a byte that is not UTF-8 becomes U+FFFD, which only text from outside ParseJSON
// can hold.
func appendText(dst []byte, s string) []byte {
	dst = append(dst, '"')
	start := 0
	for i := 0; i < len(s); {
		c := s[i]
		if c >= utf8.RuneSelf {
			r, size := utf8.DecodeRuneInString(s[i:])
			if r == utf8.RuneError && size == 1 {
				dst = append(append(dst, s[start:i]...), "\ufffd"...)
				start = i + 1
			}
			i += size
			continue
		}
		if c >= 0x20 && c != '"' && c != '\\' {
			i++
			continue
		}
		dst = append(dst, s[start:i]...)
		switch c {
		case '"', '\\':
			dst = append(dst, '\\', c)
		case '\b':
			dst = append(dst, '\\', 'b')
		case '\f':
			dst = append(dst, '\\', 'f')
		case '\n':
			dst = append(dst, '\\', 'n')
		case '\r':
			dst = append(dst, '\\', 'r')
		case '\t':
			dst = append(dst, '\\', 't')
		default:
			dst = append(dst, '\\', 'u', '0', '0', hexDigits[c>>4], hexDigits[c&15])
		}
		i++
		start = i
	}
	return append(append(dst, s[start:]...), '"')
}
