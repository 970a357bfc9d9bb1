package config_test

import (
	"errors"
	"flag"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/graphwarden/graphwarden/internal/config"
)

// defaults are the settings of serve when nobody says anything; change tells what a case wants otherwise.
func defaults(change func(*config.Settings)) config.Settings {
	s := config.Settings{
		Mode: "live", Enforce: "deny", Listen: "127.0.0.1:8080", Other: "tunnel", LogLevel: "info",
		Batch: "whole", Repeat: "error", Sync: "interval", Latency: "off", DriftThreshold: "0", FaultSeed: "1", Order: "any", Output: "text",
		PolicyKeyAlgorithm: "RS256", PolicyPoll: "1m",
	}
	if change != nil {
		change(&s)
	}
	return s
}

func TestParse(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name    string
		command string
		file    string
		env     []string
		args    []string
		want    config.Settings
		rest    []string
	}{
		{name: "nothing said", want: defaults(nil)},
		{name: "flag over environment over file",
			file: "mode: record\ncassette: file.yaml\nenforce: warn\n",
			env:  []string{"GRAPHWARDEN_MODE=auto", "GRAPHWARDEN_CASSETTE=/env.yaml"},
			args: []string{"--mode", "replay"},
			want: defaults(func(s *config.Settings) { s.Mode, s.Cassette, s.Enforce = "replay", "/env.yaml", "warn" })},
		{name: "a list is taken whole from the highest source",
			file: "graph-host: [a.example, b.example]\nignore: [/id]\n",
			env:  []string{"GRAPHWARDEN_GRAPH_HOST=c.example,d.example"},
			want: defaults(func(s *config.Settings) {
				s.GraphHosts, s.Ignore = []string{"c.example", "d.example"}, []string{"/id"}
			})},
		{name: "flags repeat, and the last of a single one wins",
			args: []string{"--match=-body", "--match", "header:x", "--log=text", "--log=json"},
			want: defaults(func(s *config.Settings) { s.Match, s.Log = []string{"-body", "header:x"}, "json" })},
		{name: "a server or a stream is no path",
			args: []string{"--policy=https://bundles.example/b.tar.gz", "--policy=/mine", "--decision-log=-", "--decision-log-mask=/input/request/body"},
			want: defaults(func(s *config.Settings) {
				s.Policy, s.DecisionLog, s.DecisionMasks = []string{"https://bundles.example/b.tar.gz", "/mine"}, "-", []string{"/input/request/body"}
			})},
		{name: "plain http with a key", args: []string{"--policy=http://bundles.example/b.tar.gz", "--policy-key=/key.pem"},
			want: defaults(func(s *config.Settings) {
				s.Policy, s.PolicyKey = []string{"http://bundles.example/b.tar.gz"}, "/key.pem"
			})},
		{name: "an empty flag unsets what the file set",
			file: "origin: standin\npolicy: [/a]\n", args: []string{"--origin=", "--policy="},
			want: defaults(nil)},
		{name: "an empty variable is none",
			env: []string{"GRAPHWARDEN_ENFORCE="}, want: defaults(nil)},
		{name: "booleans",
			file: "quiet: true\n", args: []string{"--mode=auto", "--cassette=/c", "--strict", "--quiet=false"},
			want: defaults(func(s *config.Settings) { s.Mode, s.Cassette, s.Strict = "auto", "/c", true })},
		{name: "arguments between flags",
			args: []string{"a", "--quiet", "b", "--", "--c"}, rest: []string{"a", "b", "--c"},
			want: defaults(func(s *config.Settings) { s.Quiet = true })},
		{name: "run leaves the arguments of its child alone", command: "run",
			args: []string{"--quiet", "curl", "--mode", "-h"}, rest: []string{"curl", "--mode", "-h"},
			want: defaults(func(s *config.Settings) { s.Quiet, s.Listen = true, "127.0.0.1:0" })},
		{name: "run picks its own port over the file", command: "run", file: "listen: 127.0.0.1:9000\n",
			want: defaults(func(s *config.Settings) { s.Listen = "127.0.0.1:0" })},
		{name: "serve takes the port of the file", file: "listen: 127.0.0.1:9000\n",
			want: defaults(func(s *config.Settings) { s.Listen = "127.0.0.1:9000" })},
		{name: "run takes the port of its flag", command: "run", args: []string{"--listen", ":0"},
			want: defaults(func(s *config.Settings) { s.Listen = ":0" })},
		{name: "a console",
			file: "admin: 127.0.0.1:9090\n", env: []string{"GRAPHWARDEN_ADMIN_TOKEN_FILE=/token"}, args: []string{"--admin-write"},
			want: defaults(func(s *config.Settings) { s.Admin, s.AdminTokenFile, s.AdminWrite = "127.0.0.1:9090", "/token", true })},
		{name: "run leaves the console of the file alone", command: "run", file: "admin: 127.0.0.1:9090\nadmin-write: true\n",
			want: defaults(func(s *config.Settings) { s.Listen, s.AdminWrite = "127.0.0.1:0", true })},
		{name: "run takes the console of its flag", command: "run", args: []string{"--admin", "127.0.0.1:0"},
			want: defaults(func(s *config.Settings) { s.Listen, s.Admin = "127.0.0.1:0", "127.0.0.1:0" })},
		{name: "a file of comments", file: "# mode: record\n", want: defaults(nil)},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			dir := folder(t, tt.file)
			if tt.command == "" {
				tt.command = "serve"
			}
			got, rest, err := config.Parse(tt.command, tt.args, tt.env, dir)
			if err != nil {
				t.Fatal(err)
			}
			// What a path is relative to has a test of its own.
			got.CADir = ""
			if diff := cmp.Diff(tt.want, got, cmpopts.IgnoreUnexported(config.Settings{}), cmpopts.EquateEmpty()); diff != "" {
				t.Errorf("settings (-want +got):\n%s", diff)
			}
			if diff := cmp.Diff(tt.rest, rest, cmpopts.EquateEmpty()); diff != "" {
				t.Errorf("arguments (-want +got):\n%s", diff)
			}
		})
	}
}

func TestParseFaults(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name string
		file string
		env  []string
		args []string
		want []string
	}{
		{name: "unknown names, each with the nearest",
			file: "cassete: x\n", env: []string{"GRAPHWARDEN_POLCY=x", "GRAPHWARDEN_VARIABLE_seed=42", "GRAPHWARDEN_RECORDED_AT=2026"}, args: []string{"--enfroce", "warn"},
			want: []string{
				"--enfroce: unknown flag; did you mean --enforce?",
				"GRAPHWARDEN_POLCY: unknown variable; did you mean GRAPHWARDEN_POLICY?",
				"graphwarden.yaml:1: unknown key cassete; did you mean cassette?",
			}},
		{name: "a name like no other", args: []string{"--frobnicate"}, want: []string{"--frobnicate: unknown flag"}},
		{name: "each value with its place",
			file: "# a comment\nmode: rec\n", env: []string{"GRAPHWARDEN_BATCH=half"}, args: []string{"--listen", "8080", "--quiet=maybe"},
			want: []string{
				`graphwarden.yaml:2: mode: "rec" is not live, record, replay, auto, new or diff`,
				`--listen: "8080" is not HOST:PORT`,
				`GRAPHWARDEN_BATCH: "half" is not whole or partial`,
				`--quiet: "maybe" is neither true nor false`,
			}},
		{name: "a key twice", file: "mode: live\nmode: record\n",
			want: []string{"graphwarden.yaml:2: mode is set twice, first at graphwarden.yaml:1"}},
		{name: "a list where one value belongs", file: "mode: [live]\n",
			want: []string{"graphwarden.yaml:1: mode: takes one value, not a list"}},
		{name: "a key without a value", file: "mode:\n", want: []string{"graphwarden.yaml:1: mode: has no plain value"}},
		{name: "nested", file: "policy:\n  - a: b\n", want: []string{"graphwarden.yaml:1: policy: line 2 is not a plain value"}},
		{name: "no mapping", file: "- mode\n",
			want: []string{"graphwarden.yaml: not a list of settings, one `name: value` a line"}},
		{name: "a flag without its value", args: []string{"--cassette"}, want: []string{"--cassette: needs a value"}},
		{name: "a settings file that is not there", args: []string{"--config", "/nowhere/x.yaml"},
			want: []string{"config: read settings: open /nowhere/x.yaml: no such file or directory"}},
		{name: "record without a cassette", args: []string{"--mode", "record"},
			want: []string{"--mode: record needs a cassette: name one with --cassette FILE"}},
		{name: "a cassette without a mode", file: "cassette: a\n",
			want: []string{"graphwarden.yaml:1: cassette: a cassette needs a mode: say --mode record, replay or auto"}},
		{name: "together, all at once", env: []string{"GRAPHWARDEN_ORIGIN=standin"}, args: []string{"--mode=replay", "--origin-ca=x"},
			want: []string{
				"--mode: replay needs a cassette: name one with --cassette FILE",
				"GRAPHWARDEN_ORIGIN: replay never dials: leave it out, or unset it with --origin=",
				"--origin-ca: the stand-in brings its own certificate: leave it out",
			}},
		{name: "bundles from servers", args: []string{"--mode=replay", "--cassette=/c", "--policy=http://bundles.example/b.tar.gz"},
			want: []string{
				"--policy: replay never dials: save the bundle to a file and name that",
				"--policy: over plain http anybody can change a bundle: use https, or name the key it is signed with: --policy-key FILE",
			}},
		{name: "how policies are fetched and decisions masked", args: []string{"--policy-poll=10", "--decision-log-mask=/request/body", "--policy-key-algorithm=none"},
			want: []string{
				`--policy-key-algorithm: "none" is not RS256, RS384, RS512, PS256, PS384, PS512, ES256, ES384, ES512, HS256, HS384 or HS512`,
				`--policy-poll: "10" is no duration of a second or more, such as 5m`,
				`--decision-log-mask: "/request/body" does not lead into /input or /result`,
			}},
		{name: "a poll without end", args: []string{"--policy-poll=10ms"}, want: []string{`--policy-poll: "10ms" is no duration of a second or more, such as 5m`}},
		{name: "a CA for no origin", args: []string{"--origin-ca=x"},
			want: []string{"--origin-ca: it is for an origin of your own: name it with --origin URL"}},
		{name: "what belongs to a console that is nowhere", args: []string{"--admin-write", "--admin-token-file=t"},
			want: []string{
				"--admin-write: it is for the console: name its address with --admin ADDR",
				"--admin-token-file: it is for the console: name its address with --admin ADDR",
			}},
		{name: "strict where nothing is replayed", args: []string{"--strict"},
			want: []string{"--strict: only a replay can leave recordings unused: choose --mode replay or auto"}},
		{name: "an origin with a path", args: []string{"--origin=https://graph.example/beta"},
			want: []string{`--origin: "https://graph.example/beta" has more than scheme, host and port`}},
		{name: "a proxy's password is not repeated", args: []string{"--upstream-proxy=socks4://u:hunter2@proxy"},
			want: []string{"--upstream-proxy: not an http:// or https:// URL"}},
		{name: "a wildcard host", args: []string{"--graph-host=*.example"},
			want: []string{`--graph-host: "*.example" is not the name of a host`}},
		{name: "no pointer", args: []string{"--ignore=id"},
			want: []string{`--ignore: "id" does not start with /: a JSON pointer does`}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			_, _, err := config.Parse("serve", tt.args, tt.env, folder(t, tt.file))
			faults, ok := errors.AsType[config.Faults](err)
			if !ok {
				t.Fatalf("want faults, got %v", err)
			}
			var got []string
			for _, f := range faults {
				got = append(got, f.Error())
				if strings.Contains(f.Error(), "hunter2") {
					t.Error("a password is repeated")
				}
			}
			if diff := cmp.Diff(tt.want, got, cmpopts.SortSlices(strings.Compare)); diff != "" {
				t.Errorf("faults (-want +got):\n%s", diff)
			}
		})
	}
}

func TestPathsStartWhereTheyAreWritten(t *testing.T) {
	t.Parallel()
	dir := folder(t, "")
	sub := filepath.Join(dir, "ci")
	write(t, filepath.Join(sub, "gw.yaml"), "cassette: tapes/a.yaml\npolicy: [rules, /abs]\n")
	s, _, err := config.Parse("serve", []string{"--config", "ci/gw.yaml", "--mode=record", "--data", "d.json"},
		[]string{"GRAPHWARDEN_CA_DIR=trust"}, dir)
	if err != nil {
		t.Fatal(err)
	}
	got := []string{s.Cassette, s.Policy[0], s.Policy[1], s.Data[0], s.CADir}
	want := []string{filepath.Join(sub, "tapes/a.yaml"), filepath.Join(sub, "rules"), "/abs", filepath.Join(dir, "d.json"), filepath.Join(dir, "trust")}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}

func TestTheFlagNamesTheFileOverTheVariable(t *testing.T) {
	t.Parallel()
	dir := folder(t, "enforce: off\n")
	write(t, filepath.Join(dir, "a.yaml"), "enforce: warn\n")
	write(t, filepath.Join(dir, "b.yaml"), "batch: partial\n")
	env := []string{"GRAPHWARDEN_CONFIG=a.yaml"}
	for args, want := range map[string][2]string{"": {"warn", "whole"}, "--config=b.yaml": {"deny", "partial"}} {
		s, _, err := config.Parse("serve", strings.Fields(args), env, dir)
		if err != nil {
			t.Fatal(err)
		}
		if got := [2]string{s.Enforce, s.Batch}; got != want {
			t.Errorf("%q: got %v, want %v", args, got, want)
		}
	}
}

func TestSourcesAndEntries(t *testing.T) {
	t.Parallel()
	dir := folder(t, "\nenforce: warn\n")
	s, _, err := config.Parse("config", []string{"--upstream-proxy", "http://me:hunter2@proxy.example:3128"},
		[]string{"GRAPHWARDEN_IGNORE=/a,/b", "OTHER=x"}, dir)
	if err != nil {
		t.Fatal(err)
	}
	want := map[string]config.Entry{
		"enforce":        {Name: "enforce", Value: "warn", Source: "graphwarden.yaml:2"},
		"ignore":         {Name: "ignore", Value: []string{"/a", "/b"}, Source: "GRAPHWARDEN_IGNORE"},
		"upstream-proxy": {Name: "upstream-proxy", Value: "http://me:xxxxx@proxy.example:3128", Source: "--upstream-proxy"},
		"strict":         {Name: "strict", Value: false, Source: "default"},
	}
	seen := 0
	for _, e := range s.Entries() {
		if w, ok := want[e.Name]; ok {
			seen++
			if diff := cmp.Diff(w, e); diff != "" {
				t.Errorf("%s (-want +got):\n%s", e.Name, diff)
			}
		}
	}
	if seen != len(want) || len(s.Entries()) != len(config.Table()) {
		t.Errorf("%d of the wanted entries, %d in all", seen, len(s.Entries()))
	}
}

func TestACommandWithoutSettingsReadsNone(t *testing.T) {
	t.Parallel()
	dir := folder(t, "nonsense: true\n")
	if _, _, err := config.Parse("version", nil, []string{"GRAPHWARDEN_NONSENSE=1"}, dir); err != nil {
		t.Error(err)
	}
	if _, _, err := config.Parse("version", []string{"--mode=live"}, nil, dir); err == nil {
		t.Error("a flag of another command is accepted")
	}
	if _, _, err := config.Parse("serve", nil, nil, dir); err == nil {
		t.Error("the same file is accepted where it is read")
	}
}

func TestLocalFlagsAndHelp(t *testing.T) {
	t.Parallel()
	fs := flag.NewFlagSet("ca init", flag.ContinueOnError)
	force := fs.Bool("force", false, "")
	call := config.Call{Command: "ca init", Args: []string{"--force", "--ca-dir", "/x"}, Dir: folder(t, ""), Local: fs}
	s, _, err := call.Parse()
	if err != nil || !*force || s.CADir != "/x" {
		t.Errorf("force %v, ca-dir %q, error %v", *force, s.CADir, err)
	}
	for _, args := range [][]string{{"-h"}, {"--help"}, {"--mode", "rec", "--help"}} {
		if _, _, err := config.Parse("serve", args, nil, t.TempDir()); !config.IsHelp(err) {
			t.Errorf("%v: %v", args, err)
		}
	}
	if _, _, err := config.Parse("serve", []string{"--", "--help"}, nil, t.TempDir()); config.IsHelp(err) {
		t.Error("what stands behind -- is taken for a flag")
	}
}

func TestNearest(t *testing.T) {
	t.Parallel()
	names := []string{"cassette", "policy", "mode", "ca", "run"}
	for word, want := range map[string]string{
		"casette": "cassette", "POLICIES": "", "polciy": "policy", "mdoe": "mode", "rum": "run", "frobnicate": "", "": "",
	} {
		if got := config.Nearest(word, names); got != want {
			t.Errorf("Nearest(%q) = %q, want %q", word, got, want)
		}
	}
}

// TestTable holds the rows to what the rest of the package takes for granted.
func TestTable(t *testing.T) {
	t.Parallel()
	seen := map[string]bool{}
	for _, set := range config.Table() {
		if seen[set.Name] || set.Help == "" || len(set.Commands) == 0 {
			t.Errorf("%s: twice, without help, or used by no command", set.Name)
		}
		seen[set.Name] = true
		if (set.Kind == config.Choice) != (len(set.Choices) > 0) {
			t.Errorf("%s: choices and kind disagree", set.Name)
		}
		if set.Kind != config.Bool && set.Placeholder() == "" {
			t.Errorf("%s: help does not name its value", set.Name)
		}
	}
}

func FuzzFile(f *testing.F) {
	f.Add("mode: record\ncassette: a.yaml\n")
	f.Add("policy: [a, b]\nstrict: true\n")
	f.Add("&a mode: *a\n? [x]\n: y\n")
	f.Add("<<: {mode: live}\n")
	f.Fuzz(func(t *testing.T, text string) {
		s, _, err := config.Parse("config", nil, nil, folder(t, text))
		if err == nil && s.Mode == "" {
			t.Error("no error, and no settings")
		}
		if err != nil && err.Error() == "" {
			t.Error("an error that says nothing")
		}
	})
}

// folder is a new one with the text as its settings file, or without one.
func folder(t *testing.T, text string) string {
	t.Helper()
	dir := t.TempDir()
	if text != "" {
		write(t, filepath.Join(dir, config.FileName), text)
	}
	return dir
}

func write(t *testing.T, path, text string) {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
}
