package main

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// TestDocs runs the command blocks of README and docs, those of one file in order and in one folder: a block marked sh
// must succeed; in one marked console each line behind "$ " is run, and what it prints must be what follows, times and
// durations aside. Blocks that are not run bear another mark: bash for what needs a network, a tenant, another system
// or this very test suite, and the name of its language for what is no command.
func TestDocs(t *testing.T) {
	t.Parallel()
	for _, need := range []string{"sh", "curl", "git"} {
		if why := lacks(need); why != "" {
			t.Skipf("SKIPPED: %s, so the commands of the docs are not run", why)
		}
	}
	files, err := filepath.Glob("../../docs/*.md")
	if err != nil {
		t.Fatal(err)
	}
	for _, file := range append(files, "../../README.md") {
		t.Run(filepath.Base(file), func(t *testing.T) {
			t.Parallel()
			dir := t.TempDir()
			if err := os.CopyFS(dir, os.DirFS("testdata/docs")); err != nil {
				t.Fatal(err)
			}
			for _, b := range commandBlocks(t, file) {
				b.run(t, dir)
			}
		})
	}
}

// A commandBlock is a fenced block of commands.
type commandBlock struct{ place, mark, text string }

func commandBlocks(t *testing.T, file string) (blocks []commandBlock) {
	t.Helper()
	data, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	open, n := false, 0
	for line := range strings.Lines(string(data)) {
		n++
		mark, fence := strings.CutPrefix(strings.TrimRight(line, "\n"), "```")
		switch {
		case fence && !open:
			blocks = append(blocks, commandBlock{place: fmt.Sprintf("%s:%d", filepath.Base(file), n), mark: mark})
			if mark == "" {
				t.Errorf("%s:%d: a block without a mark: is it to be run?", file, n)
			}
			open = true
		case fence:
			open = false
		case open:
			blocks[len(blocks)-1].text += line
		}
	}
	return blocks
}

func (b commandBlock) run(t *testing.T, dir string) {
	t.Helper()
	switch b.mark {
	case "sh":
		if out, err := shell(dir, b.text); err != nil {
			t.Errorf("%s: %v\n%s", b.place, err, out)
		}
	case "console":
		want, got := "", ""
		for line := range strings.Lines(b.text) {
			want += line
			command, ok := strings.CutPrefix(line, "$ ")
			if !ok {
				continue
			}
			out, err := shell(dir, command)
			if exit, isExit := errors.AsType[*exec.ExitError](err); err != nil && (!isExit || exit.ExitCode() > codeSecret) {
				t.Errorf("%s: %s: %v\n%s", b.place, command, err, out)
			}
			got += line + out
		}
		if diff := cmp.Diff(timeless(want), timeless(got)); diff != "" {
			t.Errorf("%s (-docs +run):\n%s", b.place, diff)
		}
	}
}

func shell(dir, text string) (string, error) {
	cmd := exec.Command("sh", "-euc", text)
	cmd.Dir = dir
	cmd.Env = append(cleanEnviron(), "HOME="+dir, "GIT_CONFIG_NOSYSTEM=1")
	out, err := cmd.CombinedOutput()
	return string(out), err
}

// timeless is text with every time of day and every duration the same.
func timeless(s string) string {
	lines := strings.Split(s, "\n")
	for i, line := range lines {
		words := strings.Split(line, " ")
		for j, w := range words {
			bare := strings.TrimSuffix(w, ",")
			unit := strings.TrimLeft(bare, "0123456789.")
			switch {
			case len(w) == 8 && w[2] == ':' && w[5] == ':':
				words[j] = "12:00:01"
			case bare != unit && (unit == "ms" || unit == "µs" || unit == "s"):
				words[j] = strings.Replace(w, bare, "1ms", 1)
			}
		}
		lines[i] = strings.Join(words, " ")
	}
	return strings.Join(lines, "\n")
}
