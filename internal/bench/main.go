// Command bench measures graphwarden beside its limits and its peers, on loopback, in one go: the way to the origin without a
// proxy, the least proxy that net/http can be, goproxy's own interception, go-vcr's recorder behind it, and graphwarden in each
// mode. It prints one table with ratios, the targets with met or missed, and writes all samples as JSON.
//
// Every part is a process of its own: this program starts itself again in the roles of origin, load generator and peers. The
// rounds alternate between the targets, ratios are taken within a round, and what counts is their median. How much of the
// machine others took is measured beside each sample; where it is more than 8 percent the sample is marked and, while there
// are quiet ones, left out.
//
// It is for developers and not part of the product.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"time"
)

func main() {
	if len(os.Args) > 1 {
		if run, ok := roles[os.Args[1]]; ok {
			exit(run(os.Args[2:]))
		}
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	exit(runBench(ctx, os.Args[1:]))
}

func exit(err error) {
	if err != nil && !errors.Is(err, flag.ErrHelp) {
		fmt.Fprintf(os.Stderr, "bench: %v\n", err)
		os.Exit(1)
	}
	os.Exit(0)
}

// bench is one run of the harness.
type bench struct {
	rounds, retries, warm, time int
	large                       bool
	only                        *regexp.Regexp
	skip                        string
	out                         string
	profile                     string
	targets                     map[string]*target
	began                       time.Time
}

func (b *bench) say(format string, args ...any) {
	fmt.Fprintf(os.Stderr, "%6.0fs  "+format+"\n", append([]any{time.Since(b.began).Seconds()}, args...)...)
}

func runBench(ctx context.Context, args []string) error {
	b := &bench{targets: targets(), began: time.Now()}
	f := flag.NewFlagSet("bench", flag.ContinueOnError)
	f.IntVar(&b.rounds, "rounds", 7, "rounds; medians need at least 7 to mean something")
	f.IntVar(&b.retries, "retries", 1, "how often a sample that others disturbed is taken again")
	f.IntVar(&b.time, "time", 1000, "milliseconds of a sample")
	f.IntVar(&b.warm, "warm", 200, "milliseconds before it that do not count")
	f.BoolVar(&b.large, "large", false, "replay a million recordings too")
	f.StringVar(&b.skip, "skip", "", "parts to leave out, with commas: pinned, shared, cold, single, go")
	f.StringVar(&b.out, "out", filepath.Join("dist", "bench"), "folder for the results")
	f.StringVar(&b.profile, "profile", "", "instead, write CPU and allocation profiles of a mode: "+strings.Join(profiles(), ", "))
	extra := f.String("env", "", "environment for graphwarden alone, such as GOGC=400, to try what it is worth")
	only := f.String("only", "", "only the cells whose group and target match this expression (the minimal proxy always is)")
	if err := f.Parse(args); err != nil {
		return err
	}
	var err error
	if b.only, err = regexp.Compile(*only); err != nil {
		return err
	}
	if err := os.MkdirAll(b.out, 0o755); err != nil {
		return err
	}
	if b.out, err = filepath.Abs(b.out); err != nil {
		return err
	}
	dir, err := os.MkdirTemp("", "graphwarden-bench-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	h := house{ctx: ctx, dir: dir, token: token(), extra: strings.Fields(*extra)}
	if h.self, err = os.Executable(); err != nil {
		return err
	}
	if b.profile != "" {
		return b.writeProfile(h)
	}
	return b.all(h)
}

// all measures everything and reports.
func (b *bench) all(h house) error {
	r := &report{Began: b.began.UTC(), Machine: machine()}
	var err error
	if h.warden, r.Singles.Binary, err = build(h.ctx, h.dir); err != nil {
		return err
	}
	b.say("built graphwarden, %.1f MiB stripped", r.Singles.Binary)
	phases := []struct {
		name   string
		pinned bool
		cells  []*cell
	}{
		{"pinned", true, pinnedCells(b.large)},
		{"shared", false, sharedCells()},
		{"cold", false, coldCells()},
	}
	for _, p := range phases {
		cells := b.chosen(p.cells)
		switch {
		case b.skips(p.name) || len(cells) == 0:
			continue
		case p.pinned && !canPin():
			b.say("no taskset or a single core: pinned mode is left out")
			continue
		}
		b.say("%s: %d cells", p.name, len(cells))
		h := h
		h.pinned = p.pinned
		err := h.open()
		if err == nil {
			err = b.measure(&h, cells)
		}
		h.close()
		r.Cells = append(r.Cells, cells...)
		if err != nil {
			return err
		}
	}
	if !b.skips("single") {
		if err := b.singles(h, r); err != nil {
			return err
		}
	}
	if !b.skips("go") {
		if err := b.goBenchmarks(h.ctx, r); err != nil {
			return err
		}
	}
	return r.write(b.out)
}

func (b *bench) skips(part string) bool { return slices.Contains(strings.Split(b.skip, ","), part) }

func (b *bench) chosen(cells []*cell) []*cell {
	groups := map[string]bool{}
	for _, c := range cells {
		if b.only.MatchString(c.group() + ": " + c.Target) {
			groups[c.group()] = true
		}
	}
	return slices.DeleteFunc(cells, func(c *cell) bool {
		base := c.Target == b.targets[c.Target].base && groups[c.group()]
		return !base && !b.only.MatchString(c.group()+": "+c.Target)
	})
}

// build makes the binary as it is shipped and tells its size in MiB.
func build(ctx context.Context, dir string) (path string, size float64, err error) {
	path = filepath.Join(dir, "graphwarden")
	cmd := exec.CommandContext(ctx, "go", "build", "-trimpath", "-ldflags", "-s -w", "-o", path, "github.com/graphwarden/graphwarden/cmd/graphwarden")
	cmd.Env = append(os.Environ(), "CGO_ENABLED=0")
	if out, err := cmd.CombinedOutput(); err != nil {
		return "", 0, fmt.Errorf("build graphwarden: %w\n%s", err, out)
	}
	info, err := os.Stat(path)
	if err != nil {
		return "", 0, err
	}
	return path, float64(info.Size()) / (1 << 20), nil
}
