package main

import (
	"context"
	"errors"
	"flag"
	"io"
	"slices"
	"strings"

	"github.com/graphwarden/graphwarden/internal/config"
)

// Env is the world of a command: everything it reads and writes besides files and the network.
type Env struct {
	Stdin          io.Reader
	Stdout, Stderr io.Writer
	Environ        []string
	// Dir is the folder relative paths start from; "." leaves them as they are written.
	Dir string
	// TTY is true when Stderr is a terminal.
	TTY bool
	// Settle, unless it is nil, gives back the memory that only the start needed. It takes a while and may run beside anything.
	Settle func()
}

// Getenv is the value of a variable, empty when it is not set. The last of several wins, as in os/exec.
func (e *Env) Getenv(name string) string { return lookup(e.Environ, name) }

func lookup(environ []string, name string) string {
	for _, pair := range slices.Backward(environ) {
		if k, v, ok := strings.Cut(pair, "="); ok && k == name {
			return v
		}
	}
	return ""
}

// A command is one word, or two, after graphwarden.
type command struct {
	name    string // the last word
	summary string // one line, lower case, for the list of commands
	usage   string // synopsis, explanation, examples; the flags are added from their tables
	// local registers the flags that are not settings; nil when there are none.
	local func(*flag.FlagSet)
	// words are the arguments that completion offers.
	words []string
	// run gets the arguments behind the command's name. It is nil where subcommands do the work.
	run         func(ctx context.Context, env *Env, args []string) error
	subcommands []command
}

// commands is the list of help and completion, in the order a person meets them.
func commands() []command {
	return []command{
		demoCommand(),
		initCommand(),
		runCommand(),
		serveCommand(),
		envCommand(),
		caCommand(),
		tokenCommand(),
		checkCommand(),
		policyCommand(),
		standinCommand(),
		cassetteCommand(),
		ledgerCommand(),
		doctorCommand(),
		configCommand(),
		versionCommand(),
		completionCommand(),
		helpCommand(),
	}
}

// dispatch runs the command that the arguments name and returns the exit code.
func dispatch(ctx context.Context, env *Env, args []string) int {
	if len(args) == 0 {
		printOverview(env.Stderr)
		return codeUsage
	}
	if slices.Contains([]string{"-h", "-help", "--help"}, args[0]) {
		printOverview(env.Stdout)
		return codeOK
	}
	if args[0] == "--version" {
		args = []string{"version"}
	}
	cmd, name, rest, err := resolve(args)
	if err == nil {
		err = cmd.run(ctx, env, rest)
	}
	if config.IsHelp(err) {
		printHelp(env.Stdout, cmd, name)
		return codeOK
	}
	return finish(env, err)
}

// resolve finds the command that the first one or two arguments name, its full name and the arguments behind it.
func resolve(args []string) (cmd command, name string, rest []string, err error) {
	level, rest := commands(), args
	for {
		if len(rest) == 0 {
			return cmd, name, nil, usageError("graphwarden "+name+" --help", "%s needs one of %s", name, strings.Join(names(level), ", "))
		}
		word := rest[0]
		i := slices.IndexFunc(level, func(c command) bool { return c.name == word })
		if i < 0 && name != "" && slices.Contains([]string{"-h", "-help", "--help"}, word) {
			return cmd, name, nil, flag.ErrHelp
		}
		if i < 0 {
			hint := strings.TrimSpace("graphwarden "+name) + " --help"
			if near := config.Nearest(word, names(level)); near != "" {
				return cmd, name, nil, usageError(hint, "unknown command %q; did you mean %s?", word, strings.TrimSpace(name+" "+near))
			}
			return cmd, name, nil, usageError(hint, "unknown command %q", word)
		}
		cmd, rest = level[i], rest[1:]
		name = strings.TrimSpace(name + " " + cmd.name)
		if cmd.run != nil {
			return cmd, name, rest, nil
		}
		level = cmd.subcommands
	}
}

// parse reads the settings and the local flags of a command; a fault ends the program with the code for wrong usage.
func (e *Env) parse(name string, args []string, local func(*flag.FlagSet)) (config.Settings, []string, error) {
	fs := flag.NewFlagSet(name, flag.ContinueOnError)
	if local != nil {
		local(fs)
	}
	s, rest, err := config.Call{Command: name, Args: args, Environ: e.Environ, Dir: e.Dir, Local: fs}.Parse()
	if err != nil && !errors.Is(err, flag.ErrHelp) {
		err = &exitError{code: codeUsage, err: err, hint: "graphwarden " + name + " --help"}
	}
	return s, rest, err
}

// parseOnly is parse for a command that takes no further arguments.
func (e *Env) parseOnly(name string, args []string, local func(*flag.FlagSet)) (config.Settings, error) {
	s, rest, err := e.parse(name, args, local)
	if err == nil && len(rest) > 0 {
		err = usageError("graphwarden "+name+" --help", "%s takes no argument: %q", name, rest[0])
	}
	return s, err
}

func names(cmds []command) []string {
	list := make([]string, len(cmds))
	for i := range cmds {
		list[i] = cmds[i].name
	}
	return list
}
