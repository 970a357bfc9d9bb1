package ca

import (
	"errors"
	"fmt"
	"net/netip"
	"slices"
	"strings"
)

var errNoHosts = errors.New("make a CA: no host to constrain it to")

// cleanHosts brings hosts to one form (lower case, no final dot, sorted, each once) and refuses what a DNS name
// constraint cannot hold.
func cleanHosts(hosts []string) ([]string, error) {
	out := make([]string, 0, len(hosts))
	for _, h := range hosts {
		name := fold(h)
		if err := checkHost(name); err != nil {
			return nil, fmt.Errorf("CA host %q: %w", h, err)
		}
		out = append(out, name)
	}
	slices.Sort(out)
	return slices.Compact(out), nil
}

func fold(host string) string { return strings.TrimSuffix(strings.ToLower(host), ".") }

func checkHost(name string) error {
	if _, err := netip.ParseAddr(strings.Trim(name, "[]")); err == nil {
		return errors.New("an IP address cannot be intercepted: the CA's constraints exclude them all")
	}
	if name == "" || len(name) > 253 {
		return errors.New("want a DNS name of 1 to 253 characters")
	}
	for label := range strings.SplitSeq(name, ".") {
		if label == "" || len(label) > 63 || label[0] == '-' || label[len(label)-1] == '-' {
			return errors.New("not a DNS name")
		}
		for _, c := range []byte(label) {
			if (c < 'a' || c > 'z') && (c < '0' || c > '9') && c != '-' {
				return errors.New("not a DNS name (no wildcard, no port; write international names in their xn-- form)")
			}
		}
	}
	return nil
}
