package config

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
)

// Kind is the form a setting's value has.
type Kind string

// The kinds of setting.
const (
	Text   Kind = "text"
	Path   Kind = "path" // relative ones start from where they are written: the file's folder, else the current one
	Bool   Kind = "bool"
	Choice Kind = "choice"
)

// Setting is one row of the table.
type Setting struct {
	// Name is the key in graphwarden.yaml; the flag is --name and the variable GRAPHWARDEN_NAME.
	Name string
	Kind Kind
	// List is true when the setting takes several values: the flag repeats, the variable is split at commas, the file
	// has a sequence.
	List bool
	// Default is the value when no source names one.
	Default string
	// Choices are the values of a Choice.
	Choices []string
	// Arg stands for the value in help.
	Arg string
	// Help is one line, in lower case.
	Help string
	// Secret is true when the value may hold a password.
	Secret bool
	// Commands are those that use the setting, by full name.
	Commands []string

	check  func(string) error
	target func(*Settings) any
}

var (
	proxies = []string{"serve", "run", "config"}
	ledgers = []string{"ledger list", "ledger show", "ledger verify"}
	// judges are the commands that load the policies without serving.
	judges    = []string{"check", "policy list", "policy test", "policy explain", "policy backtest"}
	redacting = []string{"cassette verify", "cassette scrub", "cassette explain"}
	matchers  = []string{"cassette diff", "cassette explain"}
	withTrust = []string{"serve", "run", "config", "env", "doctor", "ca init", "ca path", "ca export", "ca install", "ca remove"}
)

// Table is every setting, in the order of help. A row is here only when some command acts on it.
func Table() []Setting {
	return []Setting{
		{Name: "mode", Kind: Choice, Default: "live", Choices: []string{"live", "record", "replay", "auto", "new", "diff"}, Commands: proxies,
			Help:   "pass on, record, answer from the cassette, replay if there is one and else record, record what is missing, or compare Graph with it",
			target: func(s *Settings) any { return &s.Mode }},
		{Name: "cassette", Kind: Path, Arg: "FILE", Commands: slices.Concat([]string{"cassette explain"}, proxies),
			Help:   "the cassette to record to or replay from; with {session} in it, one for each user of the proxy's URL",
			target: func(s *Settings) any { return &s.Cassette }},
		{Name: "policy", Kind: Path, List: true, Arg: "PATH", Commands: slices.Concat([]string{"doctor"}, judges, proxies),
			Help:   "a folder, file or bundle of Rego policies, or the https URL of a bundle (repeatable; default: the embedded library)",
			target: func(s *Settings) any { return &s.Policy }},
		{Name: "data", Kind: Path, List: true, Arg: "FILE", Commands: slices.Concat([]string{"doctor"}, judges, proxies),
			Help:   "data that switches and tunes the rules, JSON or YAML (repeatable)",
			target: func(s *Settings) any { return &s.Data }},
		{Name: "policy-key", Kind: Path, Arg: "FILE", Commands: slices.Concat([]string{"doctor"}, judges, proxies),
			Help:   "the public key (PEM) or secret that bundles must be signed with; nothing unsigned is loaded then",
			target: func(s *Settings) any { return &s.PolicyKey }},
		{Name: "policy-key-algorithm", Kind: Choice, Default: "RS256", Commands: slices.Concat([]string{"doctor"}, judges, proxies),
			Choices: []string{"RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "ES512", "HS256", "HS384", "HS512"},
			Help:    "the algorithm of the signature",
			target:  func(s *Settings) any { return &s.PolicyKeyAlgorithm }},
		{Name: "policy-poll", Kind: Text, Default: "1m", Arg: "DURATION", Commands: proxies, check: checkPoll,
			Help:   "how often the server of a bundle is asked for a new one",
			target: func(s *Settings) any { return &s.PolicyPoll }},
		{Name: "decision-log", Kind: Path, Arg: "FILE|-", Commands: proxies,
			Help:   "append each decision to this file, or standard output, in the form of OPA's decision logs",
			target: func(s *Settings) any { return &s.DecisionLog }},
		{Name: "decision-log-mask", Kind: Text, List: true, Arg: "/POINTER", Commands: proxies, check: checkMask,
			Help:   "erase this from each decision, below /input or /result; * is any member (repeatable)",
			target: func(s *Settings) any { return &s.DecisionMasks }},
		{Name: "enforce", Kind: Choice, Default: "deny", Choices: []string{"deny", "warn", "off"}, Commands: proxies,
			Help:   "stop denied changes, let them through marked, or do not judge",
			target: func(s *Settings) any { return &s.Enforce }},
		{Name: "listen", Kind: Text, Default: "127.0.0.1:8080", Arg: "ADDR", Commands: slices.Concat([]string{"env", "doctor"}, proxies), check: checkAddress,
			Help:   "the proxy's address; port 0 picks a free one (run picks one unless its flag says otherwise)",
			target: func(s *Settings) any { return &s.Listen }},
		{Name: "ca-dir", Kind: Path, Arg: "DIR", Commands: withTrust,
			Help:   "where the private CA is kept (default: graphwarden/ca in the user's config folder)",
			target: func(s *Settings) any { return &s.CADir }},
		{Name: "origin", Kind: Text, Arg: "URL", Commands: proxies, check: checkOrigin,
			Help:   "send Graph's traffic there instead; standin starts the local Graph",
			target: func(s *Settings) any { return &s.Origin }},
		{Name: "origin-ca", Kind: Path, Arg: "FILE", Commands: proxies,
			Help:   "the certificates to trust at the origin, PEM",
			target: func(s *Settings) any { return &s.OriginCA }},
		{Name: "other", Kind: Choice, Default: "tunnel", Choices: []string{"tunnel", "deny"}, Commands: proxies,
			Help:   "what becomes of hosts that are not Graph",
			target: func(s *Settings) any { return &s.Other }},
		{Name: "ledger", Kind: Path, Arg: "FILE", Commands: slices.Concat(ledgers, proxies),
			Help:   "append each verdict and change to this hash-chained log",
			target: func(s *Settings) any { return &s.Ledger }},
		{Name: "log", Kind: Choice, Choices: []string{"text", "json"}, Commands: proxies,
			Help:   "form of the log on standard error (default: text on a terminal, else json)",
			target: func(s *Settings) any { return &s.Log }},
		{Name: "log-level", Kind: Choice, Default: "info", Choices: []string{"debug", "info", "warn", "error"}, Commands: proxies,
			Help:   "the least level that is logged",
			target: func(s *Settings) any { return &s.LogLevel }},
		{Name: "upstream-proxy", Kind: Text, Arg: "URL", Secret: true, Commands: proxies, check: checkProxy,
			Help:   "the proxy to leave through, or none (default: HTTPS_PROXY and NO_PROXY of the environment)",
			target: func(s *Settings) any { return &s.UpstreamProxy }},
		{Name: "proxy-password", Kind: Text, Arg: "PASSWORD", Secret: true, Commands: []string{"serve", "config"},
			Help:   "what clients must send as their proxy password; needed where other machines can reach --listen",
			target: func(s *Settings) any { return &s.ProxyPassword }},
		{Name: "graph-host", Kind: Text, List: true, Arg: "HOST", Commands: slices.Concat([]string{"check", "policy explain", "policy routes", "policy backtest", "policy suggest"}, withTrust), check: checkHost,
			Help:   "one more host to treat as Graph (repeatable)",
			target: func(s *Settings) any { return &s.GraphHosts }},
		{Name: "batch", Kind: Choice, Default: "whole", Choices: []string{"whole", "partial"}, Commands: proxies,
			Help:   "whether one denied part stops a whole $batch",
			target: func(s *Settings) any { return &s.Batch }},
		{Name: "repeat", Kind: Choice, Default: "error", Choices: []string{"error", "last", "cycle"}, Commands: proxies,
			Help:   "in replay, the answer to a request repeated more often than recorded",
			target: func(s *Settings) any { return &s.Repeat }},
		{Name: "match", Kind: Text, List: true, Arg: "PART", Commands: slices.Concat(matchers, proxies),
			Help:   "add a part of the request to what must match in replay, or with - take one away (repeatable)",
			target: func(s *Settings) any { return &s.Match }},
		{Name: "ignore", Kind: Text, List: true, Arg: "/POINTER", Commands: slices.Concat(matchers, proxies), check: checkPointer,
			Help:   "a body field that need not match in replay (repeatable)",
			target: func(s *Settings) any { return &s.Ignore }},
		{Name: "sync", Kind: Choice, Default: "interval", Choices: []string{"interval", "always"}, Commands: proxies,
			Help:   "flush the cassette to the disk at intervals or for every interaction",
			target: func(s *Settings) any { return &s.Sync }},
		{Name: "latency", Kind: Text, Default: "off", Arg: "off|recorded|DURATION", Commands: proxies, check: checkLatency,
			Help:   "in replay, how long an answer is held back",
			target: func(s *Settings) any { return &s.Latency }},
		{Name: "order", Kind: Choice, Default: "any", Choices: []string{"any", "strict"}, Commands: proxies,
			Help:   "in replay, whether requests may come in any order or must come as recorded",
			target: func(s *Settings) any { return &s.Order }},
		{Name: "max-age", Kind: Text, Arg: "90d", Commands: proxies, check: checkAge,
			Help:   "refuse to replay a cassette that is older, in days or hours (default: any age)",
			target: func(s *Settings) any { return &s.MaxAge }},
		{Name: "max-age-warn", Kind: Bool, Commands: proxies,
			Help:   "only tell of a cassette that is older than --max-age",
			target: func(s *Settings) any { return &s.MaxAgeWarn }},
		{Name: "owner", Kind: Text, Arg: "NAME", Commands: proxies,
			Help:   "who answers for a cassette that is recorded; noted on it, and named when it is too old",
			target: func(s *Settings) any { return &s.Owner }},
		{Name: "drift-threshold", Kind: Text, Default: "0", Arg: "N", Commands: proxies, check: checkNumber,
			Help:   "in mode diff, how many answers may differ from the recorded ones before the exit code is 1",
			target: func(s *Settings) any { return &s.DriftThreshold }},
		{Name: "drift-ignore", Kind: Text, List: true, Arg: "/POINTER", Commands: proxies, check: checkPointer,
			Help:   "a place in an answer that need not be as recorded in mode diff, beside dates, etags and ids of requests (repeatable)",
			target: func(s *Settings) any { return &s.DriftIgnore }},
		{Name: "faults", Kind: Text, Arg: "SPEC", Commands: proxies,
			Help:   "make requests fail before they reach Graph or the cassette: 429:every=3,retry-after=1; 503:rate=0.1; 429:first=2; reset:rate=0.05; slow:delay=200ms",
			target: func(s *Settings) any { return &s.Faults }},
		{Name: "fault-seed", Kind: Text, Default: "1", Arg: "N", Commands: proxies, check: checkNumber,
			Help:   "the same seed makes the same requests fail",
			target: func(s *Settings) any { return &s.FaultSeed }},
		{Name: "redact", Kind: Text, List: true, Arg: "RULE", Commands: slices.Concat(redacting, proxies),
			Help:   "take more out of recordings: header:NAME, a JSON pointer such as /target/groupId, or regex:EXPR (repeatable)",
			target: func(s *Settings) any { return &s.Redact }},
		{Name: "pseudonym", Kind: Text, List: true, Arg: "KIND", Commands: slices.Concat(redacting, proxies),
			Help:   "put pseudonyms into recordings for guid, upn, tenant or domain:NAME (repeatable; needs --pseudonym-key-file)",
			target: func(s *Settings) any { return &s.Pseudonyms }},
		{Name: "pseudonym-key-file", Kind: Path, Arg: "FILE", Commands: slices.Concat(redacting, proxies),
			Help:   "the key that pseudonyms are made with, 16 bytes or more; a replay needs the same",
			target: func(s *Settings) any { return &s.PseudonymKeyFile }},
		{Name: "variable", Kind: Text, List: true, Arg: "NAME=VALUE", Commands: proxies, check: checkVariable,
			Help:   "note a value on the cassette that is recorded, for its replay (repeatable); run hands it to the command as GRAPHWARDEN_VARIABLE_NAME",
			target: func(s *Settings) any { return &s.Variables }},
		{Name: "strict", Kind: Bool, Commands: proxies,
			Help:   "fail with exit code 5 when a replay leaves recordings unused",
			target: func(s *Settings) any { return &s.Strict }},
		{Name: "output", Kind: Choice, Default: "text", Choices: []string{"text", "json"}, Commands: slices.Concat([]string{"doctor", "policy list", "policy explain", "policy routes", "policy backtest"}, ledgers, proxies),
			Help:   "form of the results",
			target: func(s *Settings) any { return &s.Output }},
		{Name: "quiet", Kind: Bool, Commands: proxies,
			Help:   "print only what was denied or missed",
			target: func(s *Settings) any { return &s.Quiet }},
		{Name: "verbose", Kind: Bool, Commands: proxies,
			Help:   "print reads, paths, whole ids and noted rules too (also -v)",
			target: func(s *Settings) any { return &s.Verbose }},
		{Name: "report", Kind: Path, Arg: "FILE", Commands: []string{"run", "config"},
			Help:   "write the verdicts and how each session went to this file: as JSON if its name ends in .json, else as JUnit XML",
			target: func(s *Settings) any { return &s.Report }},
		{Name: "admin", Kind: Text, Arg: "ADDR", Commands: proxies, check: checkAddress,
			Help:   "serve the console, the admin API and metrics at this address (run takes it from its flag only; default: nowhere)",
			target: func(s *Settings) any { return &s.Admin }},
		{Name: "admin-write", Kind: Bool, Commands: proxies,
			Help:   "let the admin API change something: reload the policies; start, switch and stop sessions",
			target: func(s *Settings) any { return &s.AdminWrite }},
		{Name: "admin-token-file", Kind: Path, Arg: "FILE", Commands: proxies,
			Help:   "keep the console's token in this file, and make it if it is not there (default: a new token at each start)",
			target: func(s *Settings) any { return &s.AdminTokenFile }},
	}
}

// Used is the part of the table that the command uses.
func Used(command string) []Setting {
	return slices.DeleteFunc(Table(), func(s Setting) bool { return !slices.Contains(s.Commands, command) })
}

// Variable is the name of the setting in the environment.
func (set *Setting) Variable() string {
	return prefix + strings.ToUpper(strings.ReplaceAll(set.Name, "-", "_"))
}

// Placeholder stands for the value in help: the choices, or the word in Arg; empty for a Bool.
func (set *Setting) Placeholder() string {
	if set.Kind == Choice {
		return strings.Join(set.Choices, "|")
	}
	return set.Arg
}

// ownOnly tells whether only a flag of the command itself may set the setting: run shares graphwarden.yaml with a
// server that may be running, and must not fight it for its ports.
func (set *Setting) ownOnly(command string) bool {
	return command == "run" && (set.Name == "listen" || set.Name == "admin")
}

// fallback is the default of the setting for the command.
func (set *Setting) fallback(command string) (string, error) {
	switch {
	case set.Name == "listen" && command == "run":
		return "127.0.0.1:0", nil
	case set.Name == "ca-dir":
		dir, err := os.UserConfigDir()
		if err != nil {
			return "", fmt.Errorf("no config folder is known for this user (%w): name one", err)
		}
		return filepath.Join(dir, "graphwarden", "ca"), nil
	}
	return set.Default, nil
}
