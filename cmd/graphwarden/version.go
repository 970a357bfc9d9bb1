package main

import (
	"context"
	"encoding/json"
	"flag"
	"fmt"
	"runtime"
	"runtime/debug"
)

const versionUsage = `Usage: graphwarden version [--output text|json]

Prints the version of the module, the commit it was built from, and the Go version.

Examples:
  graphwarden version
  graphwarden version --output json
`

// build is what a binary knows of its making.
type build struct {
	Version  string `json:"version"`
	Commit   string `json:"commit,omitempty"`
	Time     string `json:"time,omitempty"`
	Modified bool   `json:"modified"`
	Go       string `json:"go"`
	Platform string `json:"platform"`
}

func versionCommand() command {
	return command{name: "version", summary: "print the version", usage: versionUsage,
		local: func(fs *flag.FlagSet) { outputFlag(fs, new(string)) }, run: runVersion}
}

// outputFlag is for commands that must work whatever the settings file holds, and so use no settings.
func outputFlag(fs *flag.FlagSet, to *string) {
	choiceFlag(fs, to, "output", "text", "form of the result", "text", "json")
}

func runVersion(_ context.Context, env *Env, args []string) error {
	var output string
	if _, err := env.parseOnly("version", args, func(fs *flag.FlagSet) { outputFlag(fs, &output) }); err != nil {
		return err
	}
	b := readBuild()
	if output == "json" {
		return json.NewEncoder(env.Stdout).Encode(b)
	}
	line := "graphwarden " + b.Version
	if b.Commit != "" {
		line += " (commit " + b.Commit[:min(12, len(b.Commit))]
		if b.Modified {
			line += ", modified"
		}
		line += ")"
	}
	_, err := fmt.Fprintf(env.Stdout, "%s %s %s\n", line, b.Go, b.Platform)
	return err
}

// readBuild reads what the linker noted. A build outside version control knows no commit, and says so by silence.
func readBuild() build {
	b := build{Version: "(devel)", Go: runtime.Version(), Platform: runtime.GOOS + "/" + runtime.GOARCH}
	info, ok := debug.ReadBuildInfo()
	if !ok {
		return b
	}
	if info.Main.Version != "" {
		b.Version = info.Main.Version
	}
	for _, s := range info.Settings {
		switch s.Key {
		case "vcs.revision":
			b.Commit = s.Value
		case "vcs.time":
			b.Time = s.Value
		case "vcs.modified":
			b.Modified = s.Value == "true"
		}
	}
	return b
}
