package main

import (
	"runtime"
	"strings"
	"testing"
	"time"
)

func rates(strangers float64, done ...int) []sample {
	var out []sample
	for _, n := range done {
		out = append(out, sample{Done: n, Seconds: 1, Strangers: strangers})
	}
	return out
}

func TestRatio(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name    string
		c, base []sample
		want    float64
		quiet   int
	}{
		{"median of the rounds", rates(0, 110, 300, 120), rates(0, 100, 100, 100), 1.2, 3},
		{"round by round", rates(0, 50, 200), rates(0, 100, 400), 0.5, 2},
		{"noisy rounds are left out", append(rates(0, 110), rates(0.5, 900, 900)...), rates(0, 100, 100, 100), 1.1, 1},
		{"noisy bases too", rates(0, 110, 900), append(rates(0, 100), rates(0.5, 100)...), 1.1, 1},
		{"all noisy: all count", rates(0.5, 110, 130), rates(0.5, 100, 100), 1.2, 0},
	} {
		got := ratioOf(&cell{Samples: tt.c}, &cell{Samples: tt.base}, sample.rate)
		if diff := got.value - tt.want; diff > 1e-9 || diff < -1e-9 || got.quiet != tt.quiet {
			t.Errorf("%s: got %v of %d quiet rounds, want %v of %d", tt.name, got.value, got.quiet, tt.want, tt.quiet)
		}
	}
}

func TestVerdicts(t *testing.T) {
	t.Parallel()
	r := &report{Cells: []*cell{
		{Target: minimal, Kind: "requests", Pinned: true, Clients: 16, Samples: rates(0, 100)},
		{Target: off, Kind: "requests", Pinned: true, Clients: 16, Samples: rates(0, 105)},
		{Target: record, Kind: "requests", Pinned: true, Clients: 16, Samples: rates(0, 80)},
	}, Singles: singles{Binary: 36, Recording: []sample{{}, {RSS: 20, Next: 1e5}, {RSS: 21, Next: 2e5}}}}
	got := map[string]string{}
	for _, v := range r.judge() {
		got[v.What] = v.word()
	}
	for what, want := range map[string]string{
		"interception, judge off, pinned: rate":               "met",
		"recording, judge off, pinned":                        "MISSED",
		"judged and recorded, pinned":                         "?",
		"stripped binary, MiB":                                "MISSED",
		"recording: MiB of memory per 100,000 new recordings": "met",
		"start to listening, ms":                              "?",
	} {
		if got[what] != want {
			t.Errorf("%s: %q, want %q", what, got[what], want)
		}
	}
}

func TestParseGo(t *testing.T) {
	t.Parallel()
	out := "goos: linux\nBenchmarkJudge/patch-2   \t 100\t 52000 ns/op\t 300 B/op\t 7 allocs/op\nBenchmarkJudge/patch-2 100 54000 ns/op 300 B/op 9 allocs/op\nPASS\n"
	got := parseGo([]byte(out))["BenchmarkJudge/patch"]
	if got["ns/op"] != 53000 || got["allocs/op"] != 8 {
		t.Errorf("got %v", got)
	}
}

// TestCells holds that every cell names a target, no two are the same, and its base is beside it where it has one.
func TestCells(t *testing.T) {
	t.Parallel()
	all := targets()
	r := &report{Cells: append(append(pinnedCells(true), sharedCells()...), coldCells()...)}
	seen := map[string]bool{}
	for _, c := range r.Cells {
		c.Samples = rates(0, 1)
		name := c.group() + ": " + c.Target
		if seen[name] || all[c.Target] == nil {
			t.Errorf("%s: twice, or of no target", name)
		}
		seen[name] = true
	}
	for _, c := range r.Cells {
		if r.base(c) == nil {
			t.Errorf("%s: %s has nothing to be compared with", c.group(), c.Target)
		}
	}
	for _, v := range r.judge() {
		if !v.Known && !strings.Contains(v.What, "judge") && !strings.Contains(v.What, "allocations") && v.Is != "0.0" && v.Wanted != "1000" &&
			!strings.HasPrefix(v.What, "  ") && !strings.HasPrefix(v.What, "recording:") {
			t.Errorf("%s: no cell measures it", v.What)
		}
	}
}

func TestProcfs(t *testing.T) {
	t.Parallel()
	j := job{Core: -1}
	before := look(j)
	if !before.exists {
		t.Skip("no /proc here")
	}
	// Work until the system has counted some, however little of the machine this test is given.
	var s sample
	for start := time.Now(); s.LoadCPU < 3*tick && time.Since(start) < time.Minute; {
		look(j).since(before, j, &s)
	}
	if s.LoadCPU < 3*tick || s.LoadCPU > 60*float64(runtime.NumCPU()) || s.Strangers < 0 {
		t.Errorf("a minute of work counts as %v s of CPU, strangers %v", s.LoadCPU, s.Strangers)
	}
}
