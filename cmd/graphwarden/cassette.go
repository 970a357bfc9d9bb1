package main

import (
	"bytes"
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/graphwarden/graphwarden/internal/tape"
)

const cassetteUsage = `Usage: graphwarden cassette COMMAND [FLAGS] [ARGUMENTS]

Looks at cassettes and edits them. Where several files are taken, they are files, globs, or folders, in which every
cassette is meant. Nothing is sent anywhere.
`

func cassetteCommand() command {
	return command{name: "cassette", summary: "look at recordings and edit them", usage: cassetteUsage, subcommands: []command{
		{name: "list", summary: "print a line for each cassette", usage: cassetteListUsage, run: runCassetteList, local: new(cassetteListFlags).register},
		{name: "show", summary: "print the interactions of a cassette", usage: cassetteShowUsage, run: runCassetteShow, local: new(cassetteShowFlags).register},
		{name: "grep", summary: "find text in cassettes", usage: cassetteGrepUsage, run: runCassetteGrep, local: new(cassetteGrepFlags).register},
		{name: "stats", summary: "count what is on cassettes", usage: cassetteStatsUsage, run: runCassetteStats, local: new(cassetteListFlags).register},
		{name: "verify", summary: "look for secrets on cassettes", usage: cassetteVerifyUsage, run: runCassetteVerify, local: new(cassetteVerifyFlags).register},
		{name: "scrub", summary: "take secrets out of cassettes", usage: cassetteScrubUsage, run: runCassetteScrub, local: new(redactionFlags).register},
		{name: "convert", summary: "write a cassette in another format", usage: cassetteConvertUsage, run: runCassetteConvert, local: new(cassetteConvertFlags).register},
		{name: "merge", summary: "make one cassette of several", usage: cassetteMergeUsage, run: runCassetteMerge, local: new(outFlags).register},
		{name: "split", summary: "make several cassettes of one", usage: cassetteSplitUsage, run: runCassetteSplit, local: new(cassetteSplitFlags).register},
		{name: "trim", summary: "take interactions off a cassette", usage: cassetteTrimUsage, run: runCassetteTrim, local: new(cassetteTrimFlags).register},
		{name: "diff", summary: "compare two cassettes", usage: cassetteDiffUsage, run: runCassetteDiff, local: new(cassetteDiffFlags).register},
		{name: "explain", summary: "tell which recording answers a request", usage: cassetteExplainUsage, run: runCassetteExplain, local: new(cassetteListFlags).register},
		{name: "recover", summary: "finish a recording that was killed", usage: cassetteRecoverUsage, run: runCassetteRecover},
	}}
}

// resultFlag is text or json.
func resultFlag(fs *flag.FlagSet, to *string, more ...string) {
	choiceFlag(fs, to, "output", "text", "form of the results", append([]string{"text", "json"}, more...)...)
}

// under is a path as an argument names it, from the environment's folder.
func (e *Env) under(path string) string {
	if e.Dir == "." || filepath.IsAbs(path) {
		return path
	}
	return filepath.Join(e.Dir, path)
}

// cassetteFiles are the cassettes that the arguments name, sorted, each once.
func cassetteFiles(env *Env, name string, args []string) ([]string, error) {
	if len(args) == 0 {
		return nil, usageError("graphwarden "+name+" FILE...", "%s needs a cassette, a glob or a folder", name)
	}
	var files []string
	for _, arg := range args {
		path := env.under(arg)
		info, err := os.Stat(path)
		switch {
		case err == nil && info.IsDir():
			found, err := cassettesIn(path)
			if err != nil {
				return nil, err
			}
			if len(found) == 0 {
				note(env, "no cassette in %s", arg)
			}
			files = append(files, found...)
		case err == nil:
			files = append(files, path)
		case strings.ContainsAny(arg, "*?["):
			found, globErr := filepath.Glob(path)
			if globErr != nil || len(found) == 0 {
				return nil, fmt.Errorf("find %s: no file has such a name", arg)
			}
			files = append(files, found...)
		default:
			return nil, fmt.Errorf("find a cassette: %w", err)
		}
	}
	slices.Sort(files)
	return slices.Compact(files), nil
}

// cassettesIn are the cassettes of a folder and those below it.
func cassettesIn(dir string) ([]string, error) {
	var files []string
	err := filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case d.IsDir() && path != dir && (strings.HasPrefix(d.Name(), ".") || d.Name() == "node_modules"):
			return filepath.SkipDir
		case d.Type().IsRegular() && slices.Contains([]string{".yaml", ".yml", ".json", ".partial"}, filepath.Ext(path)) && looksRecorded(path):
			files = append(files, path)
		}
		return nil
	})
	return files, err
}

// looksRecorded tells a cassette from the other YAML files of a folder by its head.
func looksRecorded(path string) bool {
	f, err := os.Open(path)
	if err != nil {
		return false
	}
	defer f.Close()
	head := make([]byte, 4096)
	n, err := io.ReadFull(f, head)
	if err != nil && !errors.Is(err, io.ErrUnexpectedEOF) {
		return false
	}
	head = head[:n]
	return bytes.HasPrefix(head, []byte("interactions:")) || bytes.Contains(head, []byte("\ninteractions:")) || bytes.Contains(head, []byte(`"interactions"`))
}

// slowAfter is how long a file may take in silence.
const slowAfter = time.Second

// eachCassette loads the files one by one and calls f for each. A file that does not load is told at once and fails the
// command in the end; the others are still looked at.
func eachCassette(ctx context.Context, env *Env, files []string, f func(*tape.Cassette) error) error {
	failed := 0
	for i, path := range files {
		if err := ctx.Err(); err != nil {
			return err
		}
		stop := env.slow(fmt.Sprintf("%s (%d of %d)", path, i+1, len(files)))
		c, err := tape.Load(path)
		if err == nil {
			err = f(c)
		}
		stop()
		if err != nil {
			if len(files) == 1 {
				return err
			}
			failed++
			printError(env, err, "")
		}
	}
	if failed > 0 {
		return fmt.Errorf("%d of %d files could not be read", failed, len(files))
	}
	return nil
}

// slow tells a person at a terminal what takes so long, and takes that back when it is stopped.
func (e *Env) slow(what string) (stop func()) {
	if !e.TTY {
		return func() {}
	}
	done, gone := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(gone)
		start := time.Now()
		tick := time.NewTicker(slowAfter)
		defer tick.Stop()
		shown := false
		for {
			select {
			case <-tick.C:
				shown = true
				fmt.Fprintf(e.Stderr, "\r\x1b[Kreading %s, %s", what, time.Since(start).Round(time.Second))
			case <-done:
				if shown {
					fmt.Fprint(e.Stderr, "\r\x1b[K")
				}
				return
			}
		}
	}()
	return func() { close(done); <-gone }
}

// oneCassette loads the only file a command takes.
func oneCassette(env *Env, name string, args []string) (*tape.Cassette, error) {
	if len(args) != 1 {
		return nil, usageError("graphwarden "+name+" --help", "%s takes one cassette, not %d", name, len(args))
	}
	path := env.under(args[0])
	defer env.slow(path)()
	c, err := tape.Load(path)
	if err == nil {
		tellNotices(env, c)
	}
	return c, err
}

func tellNotices(env *Env, c *tape.Cassette) {
	for _, n := range c.Notices {
		note(env, "%s: %s", c.Path, n)
	}
}
