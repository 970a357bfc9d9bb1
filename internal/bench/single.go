package main

import (
	"bufio"
	"bytes"
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"
)

// singles are figures that are no rate.
type singles struct {
	Binary    float64   `json:"binary_mib"`
	Idle      float64   `json:"idle_rss_mib"`
	Start     []float64 `json:"start_ms"` // judge and catalogue loaded, to listening
	MinStart  []float64 `json:"minimal_start_ms"`
	Crowd     sample    `json:"crowd"`
	Recording []sample  `json:"recording"` // one stretch of new recordings after another, in one process
	Load100k  float64   `json:"load_100k_ms"`
	RSS100k   float64   `json:"rss_100k_mib"`
}

const (
	starts  = 9
	crowded = 1000
	// rest is how long after its start a process is idle: what the start needed is given back beside the first requests.
	rest = time.Second
	// stretches of recording show whether memory grows with what was recorded.
	stretches = 6
)

// singles measures starts, memory and crowds.
func (b *bench) singles(h house, r *report) error {
	b.say("starts, memory, crowds")
	if err := h.open(); err != nil {
		return err
	}
	defer h.close()
	t := b.targets
	for range starts {
		for _, s := range []struct {
			target *target
			into   *[]float64
		}{{t[judged], &r.Singles.Start}, {t[minimal], &r.Singles.MinStart}} {
			p, err := h.proxyFor(s.target)
			if err != nil {
				return err
			}
			*s.into = append(*s.into, float64(p.took)/float64(time.Millisecond))
			if s.target == t[judged] {
				time.Sleep(rest)
				r.Singles.Idle, _ = memoryOf(p.pid())
			}
			h.end(s.target)
		}
	}
	p, err := h.proxyFor(t[off])
	if err != nil {
		return err
	}
	if r.Singles.Crowd, err = h.run(job{Kind: "crowd", Clients: crowded}, p); err != nil {
		return err
	}
	if p, err = h.proxyFor(t[record]); err != nil {
		return err
	}
	next := 0
	for range stretches {
		s, err := h.run(job{Kind: "requests", Clients: 16, First: next, Time: 2 * b.time}, p)
		if err != nil {
			return err
		}
		next = s.Next
		r.Singles.Recording = append(r.Singles.Recording, s)
	}
	h.end(t[record])
	if p, err = h.proxyFor(t[replay100k]); err != nil {
		return err
	}
	r.Singles.Load100k = float64(p.took) / float64(time.Millisecond)
	r.Singles.RSS100k, _ = memoryOf(p.pid())
	return nil
}

// goResult is one Go benchmark's medians, by unit.
type goResult map[string]float64

// goBenchmarks runs the Go benchmarks of the hot paths and keeps their output for benchstat.
func (b *bench) goBenchmarks(ctx context.Context, r *report) error {
	b.say("Go benchmarks of the hot paths")
	cmd := exec.CommandContext(ctx, "go", "test", "-run", "^$", "-bench", "Judge|Exchange|Classify|ParsePath|Input|Append|Lookup|Key|Redact|ReadToken|Read$",
		"-benchmem", "-benchtime", "300ms", "-count", "5", "./proxy", "./internal/policy", "./internal/tape", "./internal/graph", "./internal/ledger")
	out, err := cmd.CombinedOutput()
	if err != nil {
		return fmt.Errorf("run Go benchmarks: %w\n%s", err, out)
	}
	if err := os.WriteFile(filepath.Join(b.out, "go.txt"), out, 0o644); err != nil {
		return err
	}
	r.Go = parseGo(out)
	return nil
}

func parseGo(out []byte) map[string]goResult {
	all := map[string]map[string][]float64{}
	for scanner := bufio.NewScanner(bytes.NewReader(out)); scanner.Scan(); {
		fields := strings.Fields(scanner.Text())
		if len(fields) < 4 || !strings.HasPrefix(fields[0], "Benchmark") {
			continue
		}
		name, _, _ := strings.Cut(fields[0], "-")
		if all[name] == nil {
			all[name] = map[string][]float64{}
		}
		for i := 2; i+1 < len(fields); i += 2 {
			v, err := strconv.ParseFloat(fields[i], 64)
			if err == nil {
				all[name][fields[i+1]] = append(all[name][fields[i+1]], v)
			}
		}
	}
	results := map[string]goResult{}
	for name, units := range all {
		results[name] = goResult{}
		for unit, values := range units {
			results[name][unit] = median(values)
		}
	}
	return results
}

func median(values []float64) float64 {
	if len(values) == 0 {
		return 0
	}
	sorted := slices.Sorted(slices.Values(values))
	n := len(sorted)
	return (sorted[(n-1)/2] + sorted[n/2]) / 2
}
