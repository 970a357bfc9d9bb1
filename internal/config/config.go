// Package config holds every setting of graphwarden once: its name, default, help, kind and the commands that use it.
//
// Arguments, an environment and a folder go in; Settings, a plain struct of checked values, and the arguments that are
// not flags come out. A flag goes over a GRAPHWARDEN_ variable, that over a key of graphwarden.yaml, and that over the
// default; a list is taken whole from the highest source that names it. All faults are reported at once, each with the
// place it was found in. The package never opens anything but the settings file and never writes.
package config

import (
	"errors"
	"flag"
	"io"
	"path/filepath"
	"strings"
)

// Settings are the values in force, checked on their own and together. The comments in the table say what each means.
type Settings struct {
	Mode      string
	Cassette  string
	Policy    []string // empty: the embedded library
	Data      []string
	PolicyKey string // empty: bundles need not be signed
	// PolicyKeyAlgorithm is that of the signature, PolicyPoll a duration.
	PolicyKeyAlgorithm, PolicyPoll string
	DecisionLog                    string // empty: none is kept; -: standard output
	DecisionMasks                  []string
	Enforce                        string
	Listen                         string
	CADir                          string
	Origin                         string // empty: Graph itself; standin: the local Graph
	OriginCA                       string
	Other                          string
	Ledger                         string // empty: none is kept
	Log                            string // empty: text on a terminal, JSON elsewhere
	LogLevel                       string
	UpstreamProxy                  string
	ProxyPassword                  string   // empty: none is asked for
	GraphHosts                     []string // in addition to those of the national clouds
	Batch                          string
	Repeat                         string
	Match                          []string
	Ignore                         []string
	Sync                           string
	Latency                        string
	Strict                         bool
	Order                          string
	MaxAge                         string // empty: any age
	MaxAgeWarn                     bool
	Owner                          string
	// DriftThreshold and FaultSeed are numbers.
	DriftThreshold   string
	DriftIgnore      []string
	Faults           string
	FaultSeed        string
	Redact           []string
	Pseudonyms       []string
	PseudonymKeyFile string
	Variables        []string // NAME=VALUE
	Output           string
	Quiet            bool
	Verbose          bool
	Report           string // empty: none is written
	Admin            string // empty: there is no console
	AdminWrite       bool
	// AdminTokenFile keeps the console's token; empty: each start makes a new one.
	AdminTokenFile string

	sources map[string]string
}

// Source tells where the value of the named setting came from: a flag, a variable, a line of the file, or the default.
func (s Settings) Source(name string) string {
	if source, ok := s.sources[name]; ok {
		return source
	}
	return "default"
}

// Call is what a command was called with.
type Call struct {
	// Command is the full name, such as "serve" or "ca path". It decides which settings count.
	Command string
	// Args follow the command's name.
	Args []string
	// Environ is the environment, as NAME=value.
	Environ []string
	// Dir is the folder the settings file is looked for in, and that relative paths start from.
	Dir string
	// Local holds the flags of the command that are not settings; nil when it has none.
	Local *flag.FlagSet
}

// Parse reads the settings of a command that has no flags of its own.
func Parse(command string, args, environ []string, dir string) (Settings, []string, error) {
	return Call{Command: command, Args: args, Environ: environ, Dir: dir}.Parse()
}

// Parse returns the settings and the arguments that are not flags. The error is flag.ErrHelp when help was asked for,
// else Faults. Settings that are sound one by one but not together come with their values as well as the Faults.
func (c Call) Parse() (Settings, []string, error) {
	var (
		s      = Settings{sources: map[string]string{}}
		used   = Used(c.Command)
		faults Faults
	)
	flags, rest, err := c.readFlags(used, &faults)
	if err != nil {
		return Settings{}, nil, err
	}
	if len(used) == 0 {
		return s, rest, faults.orNil()
	}
	layers := []layer{flags, c.readEnviron(&faults)}
	layers = append(layers, c.readFile(layers[0], layers[1], &faults))
	for i := range used {
		c.resolve(&used[i], &s, layers, &faults)
	}
	// Other programs are handed the paths of the CA's files, and may run in another folder.
	if abs, err := filepath.Abs(s.CADir); err == nil && s.CADir != "" {
		s.CADir = abs
	}
	if err := faults.orNil(); err != nil {
		return Settings{}, nil, err
	}
	s.checkTogether(c.Command, &faults)
	return s, rest, faults.orNil()
}

// A layer is what one source says: values by the name of the setting.
type layer map[string]given

// A given is a value as one source gave it.
type given struct {
	values []string
	source string
	dir    string // what a relative path in the value starts from
	shared bool   // from the environment or the file, hence not meant for this command alone
}

// resolve sets one setting from the highest layer that names it.
func (c Call) resolve(set *Setting, s *Settings, layers []layer, faults *Faults) {
	for _, l := range layers {
		g, ok := l[set.Name]
		if !ok || (g.shared && set.ownOnly(c.Command)) {
			continue
		}
		s.sources[set.Name] = g.source
		if err := set.assign(s, g.values, g.dir); err != nil {
			faults.add(place(g.source, set.Name), "%v", err)
		}
		return
	}
	value, err := set.fallback(c.Command)
	if err != nil {
		faults.add("--"+set.Name, "%v", err)
		return
	}
	if value != "" {
		if err := set.assign(s, []string{value}, c.Dir); err != nil {
			faults.add("default of "+set.Name, "%v", err)
		}
	}
}

// place is a source as faults name it. A line of the file says no more by itself than where it is.
func place(source, name string) string {
	switch {
	case source == "default":
		return "--" + name
	case strings.HasPrefix(source, "--"), strings.HasPrefix(source, prefix):
		return source
	}
	return source + ": " + name
}

// newFlagSet is a silent set: this package reports faults itself.
func newFlagSet(name string) *flag.FlagSet {
	fs := flag.NewFlagSet(name, flag.ContinueOnError)
	fs.SetOutput(io.Discard)
	return fs
}

// IsHelp tells whether the error of Parse is a request for help.
func IsHelp(err error) bool { return errors.Is(err, flag.ErrHelp) }
