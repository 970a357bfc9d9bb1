package graph

import (
	"net/url"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"
)

// systemOptions are OData's query options; beta and v1.0 take them without the dollar sign too.
var systemOptions = [...]string{
	"apply", "compute", "count", "deltatoken", "expand", "filter", "format", "index", "orderby", "schemaversion",
	"search", "select", "skip", "skiptoken", "top",
}

// entityOptions name an entity by its URL; they are options only with the dollar sign, since functions have parameters
// called id.
var entityOptions = [...]string{"$id", "$entityid"}

// parseQuery reads a query. Unlike net/url it takes a semicolon as text: $expand=x($select=a;$top=1) is common.
func parseQuery(query string) (url.Values, error) {
	var values url.Values
	for pair := range strings.SplitSeq(query, "&") {
		if pair == "" {
			continue
		}
		rawName, rawValue, _ := strings.Cut(pair, "=")
		name, err := decodeOption(rawName)
		if err != nil {
			return nil, err
		}
		value, err := decodeOption(rawValue)
		if err != nil {
			return nil, err
		}
		if values == nil {
			values = url.Values{}
		}
		name = foldOption(name)
		values[name] = append(values[name], value)
	}
	return values, nil
}

func decodeOption(raw string) (string, error) {
	text := raw
	if strings.ContainsAny(raw, "%+") {
		var ok bool
		if text, ok = percentDecode(raw, true); !ok {
			return "", ambiguous("has a percent sign without two hexadecimal digits in its query")
		}
	}
	if !utf8.ValidString(text) {
		return "", ambiguous("has a query that is not valid UTF-8")
	}
	if strings.ContainsFunc(text, unicode.IsControl) {
		return "", ambiguous("has a control character in its query")
	}
	return text, nil
}

// foldOption gives a system option its one spelling, $ and lower case; other names stay, for they may be anything.
func foldOption(name string) string {
	lower := strings.ToLower(strings.Trim(name, " "))
	bare := strings.TrimPrefix(lower, "$")
	if slices.Contains(systemOptions[:], bare) {
		return "$" + bare
	}
	if slices.Contains(entityOptions[:], lower) {
		return lower
	}
	return name
}

// appendQuery is path?query with the options sorted by name; values of one option keep their order.
func appendQuery(path []byte, query url.Values) string {
	if len(query) == 0 {
		return string(path)
	}
	names := make([]string, 0, len(query))
	for name := range query {
		names = append(names, name)
	}
	slices.Sort(names)
	out, separator := slices.Clone(path), byte('?')
	for _, name := range names {
		for _, value := range query[name] {
			out = append(out, separator)
			out = appendExcept(out, name, &optionBytes)
			out = append(out, '=')
			out = appendExcept(out, value, &optionBytes)
			separator = '&'
		}
	}
	return string(out)
}
