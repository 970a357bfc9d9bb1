package main

import (
	"fmt"
	"strings"
	"time"
	"unicode"

	"github.com/graphwarden/graphwarden/proxy"
)

// subject is what an exchange is about in human terms: "embedded SIM activation code pool assignment assignment-1 of
// pool-1". What the catalogue does not know is shown by its path.
func subject(e proxy.Exchange) string {
	if e.Resource == "" || e.Resource == "unknown" || e.Verdict == "" && !e.Governed {
		return e.Path
	}
	text := spaced(e.Resource)
	if object := e.Object(); object != "" {
		text += " " + object
	}
	return text
}

// spaced is a name in camel case as words: embeddedSIMActivationCodePool is embedded SIM activation code pool.
func spaced(name string) string {
	letters := []rune(name)
	var b strings.Builder
	for i, c := range letters {
		upper := unicode.IsUpper(c)
		lowerNext := i+1 < len(letters) && unicode.IsLower(letters[i+1])
		if i > 0 && upper && (!unicode.IsUpper(letters[i-1]) || lowerNext) {
			b.WriteByte(' ')
		}
		if upper && lowerNext {
			c = unicode.ToLower(c)
		}
		b.WriteRune(c)
	}
	return b.String()
}

// summarise names the first two targets and counts the others.
func summarise(targets []string, all bool) string {
	if all || len(targets) <= 2 {
		return strings.Join(targets, "; ")
	}
	return fmt.Sprintf("%s and %d more", targets[0], len(targets)-1)
}

// ruleIDs are the rules that spoke for more than the record.
func ruleIDs(e proxy.Exchange) string {
	var ids []string
	for _, v := range e.Violations {
		if v.Level == "deny" || v.Level == "warn" {
			ids = append(ids, v.ID)
		}
	}
	return strings.Join(ids, ", ")
}

// shortIDs cuts each GUID in a text to its first eight digits.
func shortIDs(s string) string {
	if len(s) < 36 {
		return s
	}
	var b strings.Builder
	for i := 0; i < len(s); {
		if i+36 <= len(s) && isGUID(s[i:i+36]) {
			b.WriteString(s[i:i+8] + "…")
			i += 36
			continue
		}
		b.WriteByte(s[i])
		i++
	}
	return b.String()
}

func isGUID(s string) bool {
	for i := range len(s) {
		if i == 8 || i == 13 || i == 18 || i == 23 {
			if s[i] != '-' {
				return false
			}
			continue
		}
		if !strings.ContainsRune("0123456789abcdefABCDEF", rune(s[i])) {
			return false
		}
	}
	return true
}

// roughly is a duration to two figures or so: nobody needs the nanoseconds.
func roughly(d time.Duration) string {
	switch {
	case d < 10*time.Millisecond:
		return d.Round(100 * time.Microsecond).String()
	case d < time.Second:
		return d.Round(time.Millisecond).String()
	}
	return d.Round(100 * time.Millisecond).String()
}
