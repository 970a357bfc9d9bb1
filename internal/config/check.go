package config

import (
	"errors"
	"fmt"
	"net"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"
)

func checkAddress(v string) error {
	host, port, err := net.SplitHostPort(v)
	if err != nil {
		return fmt.Errorf("%q is not HOST:PORT", v)
	}
	if n, err := strconv.Atoi(port); err != nil || n < 0 || n > 65535 {
		return fmt.Errorf("%q is not a port", port)
	}
	if strings.ContainsAny(host, "/@ ") {
		return fmt.Errorf("%q is not a host", host)
	}
	return nil
}

func checkOrigin(v string) error {
	if v == "standin" {
		return nil
	}
	u, err := url.Parse(v)
	switch {
	case err != nil || u.Host == "" || (u.Scheme != "https" && u.Scheme != "http"):
		return fmt.Errorf("%q is neither standin nor an https:// or http:// URL", v)
	case u.User != nil:
		return errors.New("a user or password has no place in the URL")
	case strings.Trim(u.Path, "/") != "" || u.RawQuery != "" || u.Fragment != "":
		return fmt.Errorf("%q has more than scheme, host and port", v)
	}
	return nil
}

// checkProxy never repeats the value: it may hold a password.
func checkProxy(v string) error {
	if v == "none" {
		return nil
	}
	u, err := url.Parse(v)
	if err != nil || u.Hostname() == "" || (u.Scheme != "http" && u.Scheme != "https") {
		return errors.New("not an http:// or https:// URL")
	}
	if strings.Trim(u.Path, "/") != "" || u.RawQuery != "" || u.Fragment != "" {
		return errors.New("the URL has more than scheme, user, host and port")
	}
	return nil
}

// checkHost takes exact names only: a wildcard would widen what is intercepted beyond what anybody read.
func checkHost(v string) error {
	if strings.Trim(v, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789.-") != "" || strings.Trim(v, ".-") != v {
		return fmt.Errorf("%q is not the name of a host", v)
	}
	return nil
}

func checkLatency(v string) error {
	if v == "off" || v == "recorded" {
		return nil
	}
	if d, err := time.ParseDuration(v); err != nil || d < 0 {
		return fmt.Errorf("%q is neither off nor recorded nor a duration such as 200ms", v)
	}
	return nil
}

// checkPoll keeps a misread unit from becoming an attack on one's own server.
func checkPoll(v string) error {
	if d, err := time.ParseDuration(v); err != nil || d < time.Second {
		return fmt.Errorf("%q is no duration of a second or more, such as 5m", v)
	}
	return nil
}

func checkMask(v string) error {
	if !strings.HasPrefix(v, "/input/") && !strings.HasPrefix(v, "/result/") {
		return fmt.Errorf("%q does not lead into /input or /result", v)
	}
	return nil
}

func checkAge(v string) error {
	_, err := ParseAge(v)
	return err
}

// ParseAge reads a number of days, 90d, or a duration such as 36h.
func ParseAge(v string) (time.Duration, error) {
	if days, ok := strings.CutSuffix(v, "d"); ok {
		if n, err := strconv.ParseUint(days, 10, 16); err == nil && n > 0 {
			return time.Duration(n) * 24 * time.Hour, nil
		}
	}
	d, err := time.ParseDuration(v)
	if err != nil || d <= 0 {
		return 0, fmt.Errorf("%q is neither a number of days such as 90d nor a duration such as 36h", v)
	}
	return d, nil
}

func checkNumber(v string) error {
	if _, err := strconv.ParseUint(v, 10, 31); err != nil {
		return fmt.Errorf("%q is not a number from 0", v)
	}
	return nil
}

// checkVariable takes names that can stand in a variable of the environment.
func checkVariable(v string) error {
	name, _, ok := strings.Cut(v, "=")
	if !ok || name == "" || strings.Trim(name, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_") != "" {
		return fmt.Errorf("%q is not NAME=VALUE, with letters, digits and _ in the name", v)
	}
	return nil
}

func checkPointer(v string) error {
	if !strings.HasPrefix(v, "/") {
		return fmt.Errorf("%q does not start with /: a JSON pointer does", v)
	}
	return nil
}

// checkTogether finds settings that contradict each other.
func (s *Settings) checkTogether(command string, faults *Faults) {
	if !slices.Contains(proxies, command) {
		return
	}
	fault := func(name, format string, args ...any) {
		faults.add(place(s.Source(name), name), format, args...)
	}
	if s.Mode != "live" && s.Cassette == "" {
		fault("mode", "%s needs a cassette: name one with --cassette FILE", s.Mode)
	}
	if s.Mode == "live" && s.Cassette != "" && s.Source("mode") == "default" {
		fault("cassette", "a cassette needs a mode: say --mode record, replay or auto")
	}
	if s.Mode == "replay" && slices.ContainsFunc(s.Policy, isURL) {
		fault("policy", "replay never dials: save the bundle to a file and name that")
	}
	if slices.ContainsFunc(s.Policy, func(p string) bool { return strings.HasPrefix(p, "http://") }) && s.PolicyKey == "" {
		fault("policy", "over plain http anybody can change a bundle: use https, or name the key it is signed with: --policy-key FILE")
	}
	if s.Mode == "replay" && s.Origin != "" {
		fault("origin", "replay never dials: leave it out, or unset it with --origin=")
	}
	if s.OriginCA != "" && s.Origin == "" {
		fault("origin-ca", "it is for an origin of your own: name it with --origin URL")
	}
	if s.OriginCA != "" && s.Origin == "standin" {
		fault("origin-ca", "the stand-in brings its own certificate: leave it out")
	}
	if command == "serve" && s.ProxyPassword == "" && !onlyHere(s.Listen) {
		fault("listen", "other machines can reach %s: set a password with GRAPHWARDEN_PROXY_PASSWORD, or listen on 127.0.0.1", s.Listen)
	}
	// In a file that run shares with serve, they stand beside an address that run leaves alone.
	for _, name := range []string{"admin-write", "admin-token-file"} {
		if s.Admin == "" && s.Source(name) == "--"+name && (s.AdminWrite || name != "admin-write") {
			fault(name, "it is for the console: name its address with --admin ADDR")
		}
	}
	if s.Quiet && s.Verbose {
		fault("verbose", "quiet and verbose contradict each other")
	}
	for name, set := range map[string]bool{"drift-threshold": s.DriftThreshold != "0", "drift-ignore": len(s.DriftIgnore) > 0} {
		if set && s.Mode != "diff" && s.Source(name) == "--"+name {
			fault(name, "it is for --mode diff")
		}
	}
	if s.MaxAgeWarn && s.MaxAge == "" && s.Source("max-age-warn") == "--max-age-warn" {
		fault("max-age-warn", "it is for --max-age: name an age, such as 90d")
	}
	if s.Order == "strict" && s.Source("order") == "--order" && (s.Mode == "live" || s.Mode == "record") {
		fault("order", "only a replay has an order to hold: choose --mode replay or auto")
	}
	if s.Faults == "" && s.Source("fault-seed") == "--fault-seed" {
		fault("fault-seed", "it is for faults: name them with --faults SPEC")
	}
	if len(s.Pseudonyms) > 0 && s.PseudonymKeyFile == "" {
		fault("pseudonym", "pseudonyms are made with a key: name its file with --pseudonym-key-file FILE")
	}
	if len(s.Variables) > 0 && s.Source("variable") == "--variable" && (s.Mode == "live" || s.Mode == "replay" || s.Mode == "diff") {
		fault("variable", "variables are noted while recording: choose --mode record, new or auto")
	}
	// In the environment or the file of a pipeline, strict may well stand beside a run that records.
	if s.Source("strict") == "--strict" && s.Strict && (s.Mode == "live" || s.Mode == "record" || s.Mode == "diff") {
		fault("strict", "only a replay can leave recordings unused: choose --mode replay or auto")
	}
}

// onlyHere tells whether an address can be reached from this machine alone.
func onlyHere(address string) bool {
	host, _, err := net.SplitHostPort(address)
	if err != nil || host == "localhost" {
		return err == nil
	}
	ip := net.ParseIP(host)
	return ip != nil && ip.IsLoopback()
}
