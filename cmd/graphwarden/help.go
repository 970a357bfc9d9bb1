package main

import (
	"context"
	"flag"
	"fmt"
	"io"
	"strings"

	"github.com/graphwarden/graphwarden/internal/config"
)

const overview = `graphwarden stands between a tool and Microsoft Graph: it judges changes of assignments
by policy, records them, and replays them in CI.

Usage:
  graphwarden COMMAND [FLAGS] [ARGUMENTS]

Commands:
%s
Run "graphwarden help COMMAND" for the flags and examples of one.

Exit codes: 0 ok, 1 failed, 2 wrong usage or configuration, 3 policy denied something,
4 a replay had no recording, 5 recordings were left unused, 6 a secret is on a cassette.
`

const helpUsage = `Usage: graphwarden help [--man] [COMMAND]

Shows what a command does, its flags and examples. With --man it prints the help of all commands as a manual page.

Examples:
  graphwarden help
  graphwarden help run
  graphwarden help --man > graphwarden.1
`

func helpCommand() command {
	return command{name: "help", summary: "show help for a command", usage: helpUsage,
		local: func(fs *flag.FlagSet) { manFlag(fs, new(bool)) }, run: runHelp}
}

func manFlag(fs *flag.FlagSet, to *bool) {
	fs.BoolVar(to, "man", false, "print a manual page of all commands")
}

func runHelp(_ context.Context, env *Env, args []string) error {
	var man bool
	_, rest, err := env.parse("help", args, func(fs *flag.FlagSet) { manFlag(fs, &man) })
	if err != nil {
		return err
	}
	if man {
		return printMan(env.Stdout)
	}
	if len(rest) == 0 {
		printOverview(env.Stdout)
		return nil
	}
	cmd, name, left, err := resolve(append(rest[:len(rest):len(rest)], "--help"))
	if err != nil && !config.IsHelp(err) {
		return err
	}
	if len(left) > 1 {
		return usageError("graphwarden help "+name, "unknown command %q", name+" "+left[0])
	}
	printHelp(env.Stdout, cmd, name)
	return nil
}

func printOverview(w io.Writer) {
	var b strings.Builder
	for _, c := range commands() {
		fmt.Fprintf(&b, "  %-12s %s\n", c.name, c.summary)
	}
	fmt.Fprintf(w, overview, b.String())
}

// printHelp writes the usage text of a command, its subcommands or flags, and where else a flag's value may stand.
func printHelp(w io.Writer, cmd command, name string) {
	fmt.Fprint(w, cmd.usage)
	if len(cmd.subcommands) > 0 {
		fmt.Fprintln(w, "\nCommands:")
		for _, sub := range cmd.subcommands {
			fmt.Fprintf(w, "  %-12s %s\n", name+" "+sub.name, sub.summary)
		}
		return
	}
	flags := flagsOf(cmd, name)
	if len(flags) == 0 {
		return
	}
	fmt.Fprintln(w, "\nFlags:")
	settings := false
	for _, f := range flags {
		settings = settings || f.setting
		head := "--" + f.name
		if f.arg != "" {
			head += " " + f.arg
		}
		fmt.Fprintf(w, "  %s\n        %s\n", head, f.help)
	}
	if settings {
		fmt.Fprintf(w, "\nA flag goes over its variable (--log-level: GRAPHWARDEN_LOG_LEVEL), that over a key of %s.\n", config.FileName)
	}
}

// flagInfo is a flag as help and completion show it.
type flagInfo struct {
	name, arg, help string
	choices         []string
	path            bool // the value is a file or folder
	isBool          bool
	setting         bool
}

// flagsOf lists the flags of a command: its own, then the settings it uses.
func flagsOf(cmd command, name string) []flagInfo {
	var flags []flagInfo
	if cmd.local != nil {
		fs := flag.NewFlagSet(name, flag.ContinueOnError)
		cmd.local(fs)
		fs.VisitAll(func(f *flag.Flag) { flags = append(flags, localInfo(f)) })
	}
	used := config.Used(name)
	for i := range used {
		set := &used[i]
		info := flagInfo{name: set.Name, arg: set.Placeholder(), help: set.Help, choices: set.Choices,
			path: set.Kind == config.Path, isBool: set.Kind == config.Bool, setting: true}
		if set.Default != "" {
			info.help += " (default " + set.Default + ")"
		}
		flags = append(flags, info)
	}
	if len(used) > 0 {
		flags = append(flags, flagInfo{name: "config", arg: "FILE", path: true, setting: true,
			help: "the settings file (default: " + config.FileName + " in this folder, if there is one)"})
	}
	return flags
}

// localInfo reads a flag of the standard library; the word in back quotes in its usage stands for the value.
func localInfo(f *flag.Flag) flagInfo {
	arg, help := flag.UnquoteUsage(f)
	info := flagInfo{name: f.Name, arg: arg, help: help, path: arg == "FILE" || arg == "DIR"}
	if c, ok := f.Value.(*choice); ok {
		info.choices, info.arg = c.choices, strings.Join(c.choices, "|")
	}
	if b, ok := f.Value.(interface{ IsBoolFlag() bool }); ok && b.IsBoolFlag() {
		info.isBool, info.arg = true, ""
	}
	if !info.isBool && f.DefValue != "" {
		info.help += " (default " + f.DefValue + ")"
	}
	return info
}
