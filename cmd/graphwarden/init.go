package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
)

const initUsage = `Usage: graphwarden init [--ci github|azure|gitlab] [DIR]

Lays out a folder to begin with, offline: graphwarden.yaml with every setting explained, two rules of your own with their tests,
the level of every rule of the library, a folder for cassettes, and a script that makes a first change. With --ci it adds
a workflow that replays the cassettes. A file that is there is left alone.

Examples:
  graphwarden init
  graphwarden init --ci github rollout
`

func initCommand() command {
	return command{name: "init", summary: "lay out a folder to begin with", usage: initUsage,
		local: func(fs *flag.FlagSet) { ciFlag(fs, new(string)) }, run: runInit}
}

func ciFlag(fs *flag.FlagSet, to *string) {
	choiceFlag(fs, to, "ci", "", "add a workflow that replays the cassettes", "github", "azure", "gitlab")
}

// A starter is a file that init writes.
type starter struct{ path, text string }

func runInit(ctx context.Context, env *Env, args []string) error {
	var ci string
	_, rest, err := env.parse("init", args, func(fs *flag.FlagSet) { ciFlag(fs, &ci) })
	if err != nil {
		return err
	}
	if len(rest) > 1 {
		return usageError("graphwarden init --help", "init takes one folder, not %d", len(rest))
	}
	dir := env.Dir
	if len(rest) == 1 {
		if dir = rest[0]; !filepath.IsAbs(dir) {
			dir = filepath.Join(env.Dir, dir)
		}
	}
	files, err := starters(ctx, ci)
	if err != nil {
		return err
	}
	kept := 0
	for _, f := range files {
		made, err := writeNew(filepath.Join(dir, filepath.FromSlash(f.path)), f.text)
		if err != nil {
			return fmt.Errorf("lay out %s: %w", dir, err)
		}
		word := "made"
		if !made {
			word, kept = "kept", kept+1
		}
		fmt.Fprintf(env.Stdout, "%s  %s\n", word, f.path)
	}
	if kept > 0 {
		note(env, "what was there is as it was: %d of %d files", kept, len(files))
	}
	fmt.Fprint(env.Stdout, nextSteps(rest))
	return nil
}

// starters are the files, in the order they are met.
func starters(ctx context.Context, ci string) ([]starter, error) {
	levels, err := levelsFile(ctx)
	if err != nil {
		return nil, err
	}
	files := []starter{
		{"graphwarden.yaml", settingsFile()},
		{"rules.yaml", levels},
		{"policies/local.rego", localRules},
		{"policies/local_test.rego", localTests},
		{"cassettes/.gitignore", cassetteIgnore},
		{"cassettes/.gitattributes", cassetteAttributes},
		{firstChange, firstChangeScript},
	}
	if i := slices.IndexFunc(workflows, func(w workflow) bool { return w.system == ci }); i >= 0 {
		files = append(files, starter{workflows[i].path, workflows[i].text})
	}
	return files, nil
}

// writeNew writes a file unless there is one, and tells which.
func writeNew(path, text string) (bool, error) {
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		return false, err
	}
	f, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o644)
	if errors.Is(err, fs.ErrExist) {
		return false, nil
	}
	if err != nil {
		return false, err
	}
	_, err = f.WriteString(text)
	return true, errors.Join(err, f.Close())
}

// nextSteps are what a person would type next: record a change, replay it, and see one denied.
func nextSteps(dir []string) string {
	var b strings.Builder
	b.WriteString("\nNext, with a Graph on this machine, so that no tenant is touched:\n\n")
	if len(dir) == 1 {
		fmt.Fprintf(&b, "  cd %s\n", posixQuoteIfNeeded(dir[0]))
	}
	cassette := "cassettes/first-change.yaml"
	for _, step := range [][2]string{
		{"graphwarden run --origin standin --mode record --cassette " + cassette + " -- sh " + firstChange, "allowed, and recorded"},
		{"graphwarden run --mode replay --cassette " + cassette + " -- sh " + firstChange, "the same bytes, and no Graph"},
		{"graphwarden run --origin standin -- sh " + firstChange + " " + protectedGroup, "denied by policies/local.rego"},
		{"graphwarden policy test", "the tests beside it"},
	} {
		fmt.Fprintf(&b, "  %s\n      # %s\n", step[0], step[1])
	}
	return b.String()
}

func posixQuoteIfNeeded(s string) string {
	if strings.Trim(s, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._-/") == "" {
		return s
	}
	return posixQuote(s)
}
