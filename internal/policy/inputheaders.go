package policy

import (
	"strings"

	"github.com/graphwarden/graphwarden/internal/graph"
)

// acceptsJSON reports whether an answer in JSON is welcome. No Accept header at all welcomes everything (RFC 9110,
// section 12.5.1).
func acceptsJSON(accept []string) bool {
	if len(accept) == 0 {
		return true
	}
	for _, line := range accept {
		for item := range strings.SplitSeq(line, ",") {
			media, parameters, _ := strings.Cut(item, ";")
			if acceptable(strings.TrimSpace(media)) && !refusedByWeight(parameters) {
				return true
			}
		}
	}
	return false
}

func acceptable(media string) bool {
	return media == "*/*" || strings.EqualFold(media, "application/*") || isJSON(media)
}

func isJSON(media string) bool {
	return strings.EqualFold(media, "application/json") ||
		len(media) > 5 && strings.EqualFold(media[len(media)-5:], "+json")
}

// refusedByWeight finds q=0, which means "not this one".
func refusedByWeight(parameters string) bool {
	for parameter := range strings.SplitSeq(parameters, ";") {
		name, value, _ := strings.Cut(strings.TrimSpace(parameter), "=")
		if strings.EqualFold(name, "q") {
			return strings.Trim(value, "0.") == ""
		}
	}
	return false
}

// contentJSON says whether the body is declared as JSON in UTF-8, once; null when there is no body.
func contentJSON(r *graph.Request) leaf {
	if r.BodyState == graph.BodyNone || r.BodyState == "" {
		return null()
	}
	declared := r.Header["Content-Type"]
	if len(declared) != 1 {
		return flag(false)
	}
	media, parameters, _ := strings.Cut(declared[0], ";")
	if !isJSON(strings.TrimSpace(media)) {
		return flag(false)
	}
	for parameter := range strings.SplitSeq(parameters, ";") {
		name, value, _ := strings.Cut(strings.TrimSpace(parameter), "=")
		if strings.EqualFold(name, "charset") && !strings.EqualFold(strings.Trim(value, `"`), "utf-8") {
			return flag(false)
		}
	}
	return flag(true)
}

// isGUID reports whether s is written as 8-4-4-4-12 hex digits.
func isGUID(s string) bool {
	if len(s) != 36 {
		return false
	}
	for i := range len(s) {
		c := s[i] | 0x20
		if i == 8 || i == 13 || i == 18 || i == 23 {
			if s[i] != '-' {
				return false
			}
		} else if (c < '0' || c > '9') && (c < 'a' || c > 'f') {
			return false
		}
	}
	return true
}
