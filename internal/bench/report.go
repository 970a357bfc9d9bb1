package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"text/tabwriter"
	"time"
)

// report is what a run found.
type report struct {
	Began   time.Time           `json:"began"`
	Machine string              `json:"machine"`
	Cells   []*cell             `json:"cells"`
	Singles singles             `json:"singles"`
	Go      map[string]goResult `json:"go_benchmarks"`
	Targets []verdict           `json:"targets"`
}

func machine() string {
	name := runtime.GOARCH
	if b, err := os.ReadFile("/proc/cpuinfo"); err == nil {
		for line := range strings.Lines(string(b)) {
			if key, value, _ := strings.Cut(line, ":"); strings.TrimSpace(key) == "model name" {
				name = strings.TrimSpace(value)
				break
			}
		}
	}
	return fmt.Sprintf("%s, %d cores, %s, %s", name, runtime.NumCPU(), runtime.GOOS, runtime.Version())
}

// write prints the table and the targets and keeps everything as JSON.
func (r *report) write(dir string) error {
	r.Targets = r.judge()
	r.print(os.Stdout)
	b, err := json.MarshalIndent(r, "", " ")
	if err != nil {
		return err
	}
	stamp := filepath.Join(dir, "bench-"+r.Began.Format("20060102-150405")+".json")
	if err := errors.Join(os.WriteFile(stamp, b, 0o644), os.WriteFile(filepath.Join(dir, "latest.json"), b, 0o644)); err != nil {
		return err
	}
	fmt.Printf("\nall samples: %s\n", stamp)
	return nil
}

func (r *report) print(w io.Writer) {
	fmt.Fprintln(w, r.Machine)
	fmt.Fprintln(w, "x is the median, over the rounds, of the ratio to the minimal proxy (to the hash map for replays) in the same round.")
	fmt.Fprintln(w, "quiet counts the rounds in which strangers took at most 8 % of the cores; others count only where no pair of rounds was quiet (*).")
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', tabwriter.AlignRight)
	group := ""
	for _, c := range r.Cells {
		if c.group() != group {
			group = c.group()
			fmt.Fprintf(t, "\t\t\t\t\t\t\t\t\t\t\t\n%s\t/s\tx\tCPU us\tx\tp50 us\tp99 us\tp99.9 us\tRSS MiB\tload busy\tstrangers\tquiet\t\n", group)
		}
		r.row(t, c)
	}
	_ = t.Flush()
	r.printSingles(w)
	fmt.Fprintln(w)
	t = tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	for _, v := range r.Targets {
		fmt.Fprintf(t, "%s\t%s\t%s\t%s\n", v.word(), v.What, v.Is, v.Wanted)
	}
	_ = t.Flush()
}

func (r *report) row(w io.Writer, c *cell) {
	samples, mark := c.counted()
	if len(samples) == 0 {
		return
	}
	of := func(f func(sample) float64) float64 { return medianOf(samples, f) }
	ratio := func(f func(sample) float64) string {
		base := r.base(c)
		if base == nil || base == c {
			return "-"
		}
		return fmt.Sprintf("%.2f%s", ratioOf(c, base, f).value, ratioOf(c, base, f).mark())
	}
	cpu, cpuRatio := "-", "-"
	if of(cpuPer) > 0 {
		cpu, cpuRatio = fmt.Sprintf("%.0f", of(cpuPer)), ratio(cpuPer)
	}
	quiet := 0
	for _, s := range c.Samples {
		if s.Strangers <= noisy {
			quiet++
		}
	}
	fmt.Fprintf(w, "%s\t%.0f%s\t%s\t%s\t%s\t%.0f\t%.0f\t%.0f\t%.0f\t%.0f %%\t%.0f %%\t%d/%d\t\n", c.Target, of(sample.rate), mark, ratio(sample.rate), cpu, cpuRatio,
		of(microseconds(func(s sample) time.Duration { return s.P50 })), of(microseconds(func(s sample) time.Duration { return s.P99 })),
		of(microseconds(func(s sample) time.Duration { return s.P999 })), of(func(s sample) float64 { return s.RSS }),
		100*of(func(s sample) float64 { return s.LoadCPU / s.Seconds }), 100*of(func(s sample) float64 { return s.Strangers }), quiet, len(c.Samples))
}

func microseconds(f func(sample) time.Duration) func(sample) float64 {
	return func(s sample) float64 { return float64(f(s)) / 1000 }
}

func cpuPer(s sample) float64 {
	if s.Done == 0 {
		return 0
	}
	return 1e6 * s.CPU / float64(s.Done)
}

func p99(s sample) float64 { return float64(s.P99) }

func medianOf(samples []sample, f func(sample) float64) float64 {
	values := make([]float64, len(samples))
	for i, s := range samples {
		values[i] = f(s)
	}
	return median(values)
}

// counted are the samples that count: the quiet ones, or all, marked, if there are none.
func (c *cell) counted() (samples []sample, mark string) {
	for _, s := range c.Samples {
		if s.Strangers <= noisy {
			samples = append(samples, s)
		}
	}
	if len(samples) == 0 {
		return c.Samples, "*"
	}
	return samples, ""
}

// compared is a ratio of two cells.
type compared struct {
	value float64
	quiet int // rounds in which both were quiet
	all   int
}

func (c compared) mark() string {
	if c.quiet == 0 {
		return "*"
	}
	return ""
}

// ratioOf is the median of the ratios round by round, over those in which both cells were quiet if there are any.
func ratioOf(c, base *cell, f func(sample) float64) compared {
	var quiet, all []float64
	for i := range min(len(c.Samples), len(base.Samples)) {
		a, b := c.Samples[i], base.Samples[i]
		if f(b) == 0 {
			continue
		}
		all = append(all, f(a)/f(b))
		if a.Strangers <= noisy && b.Strangers <= noisy {
			quiet = append(quiet, f(a)/f(b))
		}
	}
	if len(quiet) > 0 {
		return compared{median(quiet), len(quiet), len(all)}
	}
	return compared{median(all), 0, len(all)}
}

func (r *report) base(c *cell) *cell {
	t := targets()[c.Target]
	return r.find(c, t.base)
}

// find is the cell of a target in the group of another.
func (r *report) find(like *cell, target string) *cell {
	for _, c := range r.Cells {
		if c.Target == target && c.group() == like.group() && len(c.Samples) > 0 {
			return c
		}
	}
	// A replay outside pinned mode has no hash map beside it.
	if target == hashMap {
		return r.find(like, minimal)
	}
	return nil
}

func (r *report) printSingles(w io.Writer) {
	s := r.Singles
	fmt.Fprintf(w, "\nbinary %.1f MiB stripped", s.Binary)
	if len(s.Start) > 0 {
		fmt.Fprintf(w, "; start to listening %.0f ms (minimal %.0f ms); idle RSS %.0f MiB\n", median(s.Start), median(s.MinStart), s.Idle)
		fmt.Fprintf(w, "%d clients at once: %d served, %d failed, in %.1f s\n", crowded, s.Crowd.Done, s.Crowd.Failed, s.Crowd.Seconds)
		fmt.Fprintf(w, "100,000 recordings: %.0f ms to listening, RSS %.0f MiB\n", s.Load100k, s.RSS100k)
		fmt.Fprint(w, "recording, all requests new: ")
		for _, x := range s.Recording {
			fmt.Fprintf(w, " RSS %.0f MiB at %d;", x.RSS, x.Next)
		}
		fmt.Fprintln(w)
	}
}
