package tape

import (
	"fmt"
	"net/textproto"
	"regexp"
	"strconv"
	"strings"
)

// rules are what a user has taken out of recordings beside the secrets everybody has.
type rules struct {
	headers  map[string]bool
	pointers [][]string
	patterns []*regexp.Regexp
}

// ParseRedact reads rules for what to take out: header:NAME, a JSON pointer into bodies (* stands for any key or index),
// or regex:EXPR for bodies, URLs and header fields, where the first group, if there is one, is what goes.
func ParseRedact(list []string) (Redaction, error) {
	o := Redaction{Rules: list}
	_, err := newRules(list)
	return o, err
}

func newRules(list []string) (rules, error) {
	var r rules
	for _, rule := range list {
		switch {
		case strings.HasPrefix(rule, "/") && len(rule) > 1:
			r.pointers = append(r.pointers, pointerPath(rule))
		case strings.HasPrefix(rule, "header:") && len(rule) > len("header:"):
			if r.headers == nil {
				r.headers = map[string]bool{}
			}
			r.headers[textproto.CanonicalMIMEHeaderKey(strings.TrimSpace(rule[len("header:"):]))] = true
		case strings.HasPrefix(rule, "regex:"):
			re, err := regexp.Compile(rule[len("regex:"):])
			if err != nil {
				return r, fmt.Errorf("redact %s: %w", rule, err)
			}
			if re.MatchString("") {
				return r, fmt.Errorf("redact %s: it matches the empty text, so it would match everywhere", rule)
			}
			r.patterns = append(r.patterns, re)
		default:
			return r, fmt.Errorf("redact %q: use header:NAME, a JSON pointer such as /target/groupId, or regex:EXPR", rule)
		}
	}
	return r, nil
}

// apply takes out what the patterns find.
func (r *redactor) apply(b []byte, pointer string) []byte {
	for _, re := range r.rules.patterns {
		out := replacement{src: b}
		for _, at := range re.FindAllSubmatchIndex(b, -1) {
			from, to := at[0], at[1]
			if len(at) > 3 && at[2] >= 0 {
				from, to = at[2], at[3]
			}
			if from < out.done || string(b[from:to]) == Redacted {
				continue
			}
			r.tell("rule", pointer)
			out.put(from, to, Redacted)
		}
		b = out.bytes()
	}
	return b
}

// named reports whether a pointer of the user leads to where the scan stands.
func (s *jsonScan) named() bool {
	for _, path := range s.r.rules.pointers {
		if len(path) != len(s.where) {
			continue
		}
		hit := true
		for i, step := range s.where {
			name := string(step.key)
			if step.array {
				name = strconv.Itoa(step.index)
			}
			if path[i] != "*" && path[i] != name {
				hit = false
				break
			}
		}
		if hit {
			return true
		}
	}
	return false
}
