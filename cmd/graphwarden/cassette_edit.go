package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/graphwarden/graphwarden/internal/tape"
)

const cassetteMergeUsage = `Usage: graphwarden cassette merge [--out FILE] FILE FILE...

Makes one cassette of several: the interactions of the first, then of each other those that none before it has. Ids and
sequence are made anew. Without --out the result goes to standard output. An existing file is only written over when it is one
of those merged, or with --force.

Two branches that both added recordings merge without hand work, also as git's own merge driver:
  git config merge.cassette.driver 'graphwarden cassette merge --out %A %O %A %B'
  echo 'cassettes/*.yaml merge=cassette' >> .gitattributes

Examples:
  graphwarden cassette merge --out all.yaml mine.yaml theirs.yaml
`

const cassetteSplitUsage = `Usage: graphwarden cassette split [FLAGS] --dir DIR FILE

Makes several cassettes of one, in a folder: one for each host, method, status or area of Graph, or one for every so many
interactions.

Examples:
  graphwarden cassette split --by area --dir cassettes/ all.yaml
  graphwarden cassette split --every 1000 --dir parts/ all.yaml
`

const cassetteTrimUsage = `Usage: graphwarden cassette trim [FLAGS] FILE

Takes off a cassette the interactions that all of the given marks fit, or with --keep all others. The file is rewritten in its
place unless --out names another.

Examples:
  graphwarden cassette trim --method GET --url '/v1.0/me$' cassettes/rollout.yaml
  graphwarden cassette trim --keep --url /assignments/ --out small.yaml cassettes/rollout.yaml
  graphwarden cassette trim --id 8d2f6f0c5b6c4f1e --id 77a0 cassettes/rollout.yaml
`

type outFlags struct {
	out   string
	force bool
}

func (f *outFlags) register(fs *flag.FlagSet) {
	fs.StringVar(&f.out, "out", "", "the `FILE` to write")
	fs.BoolVar(&f.force, "force", false, "write over a file that exists")
}

// write writes a cassette to the file that was named, or to standard output.
func (f *outFlags) write(env *Env, c *tape.Cassette, from []string) error {
	if f.out == "" {
		_, err := env.Stdout.Write(c.Bytes())
		return err
	}
	out := env.under(f.out)
	if err := f.mayWrite(out, from); err != nil {
		return err
	}
	if err := c.Save(out); err != nil {
		return err
	}
	note(env, "%s written, %s", out, counted(c.Len(), "interaction"))
	return nil
}

func (f *outFlags) mayWrite(out string, from []string) error {
	if f.force || slices.ContainsFunc(from, func(p string) bool { return sameFile(p, out) }) {
		return nil
	}
	if _, err := os.Lstat(out); err == nil {
		return usageError("say --force to write over it", "%s exists", out)
	}
	return nil
}

func sameFile(a, b string) bool {
	x, errA := os.Stat(a)
	y, errB := os.Stat(b)
	return errA == nil && errB == nil && os.SameFile(x, y)
}

func runCassetteMerge(ctx context.Context, env *Env, args []string) error {
	var f outFlags
	_, rest, err := env.parse("cassette merge", args, f.register)
	if err != nil {
		return err
	}
	if len(rest) < 2 {
		return usageError("graphwarden cassette merge --help", "cassette merge needs two cassettes or more")
	}
	var all []*tape.Cassette
	var from []string
	for _, arg := range rest { // in the order in which they are named
		files, err := cassetteFiles(env, "cassette merge", []string{arg})
		if err != nil {
			return err
		}
		from = append(from, files...)
	}
	for _, path := range from {
		if err := ctx.Err(); err != nil {
			return err
		}
		// git's driver has an empty file for a base that was not there.
		if info, err := os.Stat(path); err == nil && info.Size() == 0 {
			continue
		}
		c, err := oneCassette(env, "cassette merge", []string{path})
		if err != nil {
			return err
		}
		all = append(all, c)
	}
	merged, err := tape.Merge(all...)
	if err != nil {
		return err
	}
	for _, c := range all {
		merged.KeepVariables(c)
	}
	return f.write(env, merged, from)
}

type cassetteSplitFlags struct {
	by, dir string
	every   int
}

func (f *cassetteSplitFlags) register(fs *flag.FlagSet) {
	choiceFlag(fs, &f.by, "by", "", "what goes together", "host", "method", "status", "area")
	fs.IntVar(&f.every, "every", 0, "begin a new file after `N` interactions")
	fs.StringVar(&f.dir, "dir", "", "the folder to write to, `DIR`")
}

func runCassetteSplit(_ context.Context, env *Env, args []string) error {
	var f cassetteSplitFlags
	_, rest, err := env.parse("cassette split", args, f.register)
	if err != nil {
		return err
	}
	switch {
	case (f.by == "") == (f.every == 0):
		return usageError("graphwarden cassette split --help", "cassette split needs either --by or --every")
	case f.every < 0:
		return usageError("graphwarden cassette split --help", "--every %d is no number of interactions", f.every)
	case f.dir == "":
		return usageError("graphwarden cassette split --help", "cassette split needs a folder: --dir DIR")
	}
	c, err := oneCassette(env, "cassette split", rest)
	if err != nil {
		return err
	}
	parts, order := map[string][]int{}, []string{}
	for i, x := range c.Interactions() {
		if x == nil {
			return fmt.Errorf("split %s: interaction %d does not decode", c.Path, i+1)
		}
		key := f.part(i, x)
		if parts[key] == nil {
			order = append(order, key)
		}
		parts[key] = append(parts[key], i)
	}
	dir := env.under(f.dir)
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return fmt.Errorf("split: %w", err)
	}
	base := strings.TrimSuffix(filepath.Base(c.Path), filepath.Ext(c.Path))
	names := map[string]string{}
	for _, key := range order { // all are checked before one is written
		names[key] = filepath.Join(dir, base+"-"+plainFileName(key)+".yaml")
		if err := new(outFlags).mayWrite(names[key], nil); err != nil {
			return err
		}
	}
	for _, key := range order {
		part, err := tape.Select(c, func(i int, _ *tape.Interaction) bool {
			_, found := slices.BinarySearch(parts[key], i)
			return found
		})
		if err != nil {
			return err
		}
		part.KeepVariables(c)
		if err := part.Save(names[key]); err != nil {
			return err
		}
		fmt.Fprintf(env.Stdout, "%s: %s\n", printable(names[key]), counted(part.Len(), "interaction"))
	}
	return nil
}

func (f *cassetteSplitFlags) part(i int, x *tape.Interaction) string {
	switch f.by {
	case "host":
		if u, err := url.Parse(x.Request.URL); err == nil {
			return strings.ToLower(u.Host)
		}
		return "unknown"
	case "method":
		return strings.ToLower(x.Request.Method)
	case "status":
		return strconv.Itoa(x.Response.Code)
	case "area":
		return areaOf(x.Request.URL)
	}
	return fmt.Sprintf("%04d", i/f.every+1)
}

// plainFileName keeps of a name what every system takes in a file's.
func plainFileName(s string) string {
	return strings.Trim(strings.Map(func(r rune) rune {
		if r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9' || r == '.' || r == '-' || r == '_' {
			return r
		}
		return '_'
	}, s), ".")
}

type cassetteTrimFlags struct {
	outFlags
	methods, ids words
	url, status  string
	keep         bool
}

func (f *cassetteTrimFlags) register(fs *flag.FlagSet) {
	f.outFlags.register(fs)
	fs.Var(&f.methods, "method", "requests of this `METHOD` (repeatable)")
	fs.Var(&f.ids, "id", "the interaction with this `ID` (repeatable)")
	fs.StringVar(&f.url, "url", "", "requests whose URL this `PATTERN`, a regular expression, fits")
	fs.StringVar(&f.status, "status", "", "answers of this status, or of a class: `404` or 5xx")
	fs.BoolVar(&f.keep, "keep", false, "keep what fits and take off all else")
}

// fits makes the test that the marks describe.
func (f *cassetteTrimFlags) fits() (func(*tape.Interaction) bool, error) {
	if len(f.methods) == 0 && len(f.ids) == 0 && f.url == "" && f.status == "" {
		return nil, errors.New("cassette trim needs a mark: --method, --url, --status or --id")
	}
	pattern, err := regexp.Compile(f.url)
	if err != nil {
		return nil, fmt.Errorf("read --url: %w", err)
	}
	if f.status != "" && (len(f.status) != 3 || f.status[0] < '1' || f.status[0] > '5' || f.status[1:] != "xx" && strings.Trim(f.status[1:], "0123456789") != "") {
		return nil, fmt.Errorf("--status %s is neither a status such as 404 nor a class such as 5xx", f.status)
	}
	return func(x *tape.Interaction) bool {
		code := strconv.Itoa(x.Response.Code)
		return (len(f.methods) == 0 || slices.ContainsFunc(f.methods, func(m string) bool { return strings.EqualFold(m, x.Request.Method) })) &&
			(len(f.ids) == 0 || slices.Contains(f.ids, x.ID)) &&
			(f.url == "" || pattern.MatchString(x.Request.URL)) &&
			(f.status == "" || code == f.status || strings.HasSuffix(f.status, "xx") && code[:1] == f.status[:1])
	}, nil
}

func runCassetteTrim(_ context.Context, env *Env, args []string) error {
	var f cassetteTrimFlags
	_, rest, err := env.parse("cassette trim", args, f.register)
	if err != nil {
		return err
	}
	fits, err := f.fits()
	if err != nil {
		return usageError("graphwarden cassette trim --help", "%w", err)
	}
	if len(rest) != 1 {
		return usageError("graphwarden cassette trim --help", "cassette trim takes one cassette, not %d", len(rest))
	}
	trim := func(c *tape.Cassette) (*tape.Cassette, error) {
		out, err := tape.Select(c, func(_ int, x *tape.Interaction) bool { return fits(x) == f.keep })
		if err != nil {
			return nil, err
		}
		out.KeepVariables(c)
		note(env, "%d of %s taken off", c.Len()-out.Len(), counted(c.Len(), "interaction"))
		return out, nil
	}
	if f.out == "" {
		return tape.Rewrite(env.under(rest[0]), trim)
	}
	c, err := oneCassette(env, "cassette trim", rest)
	if err != nil {
		return err
	}
	out, err := trim(c)
	if err != nil {
		return err
	}
	return f.write(env, out, rest)
}
