package main

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"
	"text/tabwriter"

	"github.com/graphwarden/graphwarden/internal/config"
)

const configUsage = `Usage: graphwarden config [FLAGS]

Prints the settings that serve would start with, and where each came from: a flag, a variable,
a line of the settings file, or the default. Passwords are left out. Faults are reported as serve
would report them, with exit code 2.

Examples:
  graphwarden config
  graphwarden config --config ci/graphwarden.yaml --output json
  GRAPHWARDEN_MODE=replay graphwarden config --cassette cassettes/rollout.yaml
`

func configCommand() command {
	return command{name: "config", summary: "print the settings in force and where each came from", usage: configUsage, run: runConfig}
}

func runConfig(_ context.Context, env *Env, args []string) error {
	s, err := env.parseOnly("config", args, nil)
	entries := s.Entries()
	if len(entries) == 0 {
		return err
	}
	if printErr := printSettings(env, s.Output, entries); printErr != nil {
		return printErr
	}
	return err
}

func printSettings(env *Env, output string, entries []config.Entry) error {
	if output == "json" {
		enc := json.NewEncoder(env.Stdout)
		enc.SetIndent("", "  ")
		enc.SetEscapeHTML(false)
		return enc.Encode(map[string]any{"schema": "graphwarden.config/v1", "settings": entries})
	}
	w := tabwriter.NewWriter(env.Stdout, 0, 8, 2, ' ', 0)
	for _, e := range entries {
		value := fmt.Sprint(e.Value)
		if list, ok := e.Value.([]string); ok {
			value = strings.Join(list, ", ")
		}
		if value == "" {
			value = "-"
		}
		fmt.Fprintf(w, "%s\t%s\t%s\n", e.Name, value, e.Source)
	}
	return w.Flush()
}
