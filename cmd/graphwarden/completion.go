package main

import (
	"context"
	"io"
	"slices"
	"strings"
)

const completionUsage = `Usage: graphwarden completion bash|zsh|fish|pwsh

Prints a script that completes commands, flags and their values in a shell. It needs nothing
but the shell itself.

Examples:
  source <(graphwarden completion bash)                             # in ~/.bashrc
  source <(graphwarden completion zsh)                              # in ~/.zshrc, after compinit
  graphwarden completion fish > ~/.config/fish/completions/graphwarden.fish
  graphwarden completion pwsh | Out-String | Invoke-Expression      # in $PROFILE
`

func completionCommand() command {
	return command{name: "completion", summary: "print a completion script for a shell", usage: completionUsage,
		words: []string{"bash", "zsh", "fish", "pwsh"}, run: runCompletion}
}

func runCompletion(_ context.Context, env *Env, args []string) error {
	_, rest, err := env.parse("completion", args, nil)
	if err != nil {
		return err
	}
	writers := map[string]func(io.Writer, []completed) error{
		"bash": bashCompletion, "zsh": zshCompletion, "fish": fishCompletion, "pwsh": pwshCompletion,
	}
	if len(rest) != 1 || writers[rest[0]] == nil {
		return usageError("graphwarden completion --help", "completion needs one shell: bash, zsh, fish or pwsh")
	}
	return writers[rest[0]](env.Stdout, completions("", commands()))
}

// completed is what may follow one command: further words and flags.
type completed struct {
	name  string // the full name, empty for graphwarden itself
	words []described
	flags []flagInfo
}

type described struct{ word, text string }

// completions lists the commands below and including the named one, parents first.
func completions(name string, below []command) []completed {
	here := completed{name: name}
	for _, c := range below {
		here.words = append(here.words, described{c.name, c.summary})
	}
	all := []completed{here}
	for _, c := range below {
		full := strings.TrimSpace(name + " " + c.name)
		if len(c.subcommands) > 0 {
			all = append(all, completions(full, c.subcommands)...)
			continue
		}
		leaf := completed{name: full, flags: flagsOf(c, full)}
		for _, w := range c.words {
			leaf.words = append(leaf.words, described{w, ""})
		}
		all = append(all, leaf)
	}
	if name == "" {
		help := slices.IndexFunc(all, func(c completed) bool { return c.name == "help" })
		all[help].words = here.words
	}
	return all
}
