package main

import "fmt"

// verdict is one target and how it came out.
type verdict struct {
	What   string `json:"what"`
	Is     string `json:"is"`
	Wanted string `json:"wanted"`
	Met    bool   `json:"met"`
	Known  bool   `json:"known"` // measured at all
}

func (v verdict) word() string {
	switch {
	case !v.Known:
		return "?"
	case v.Met:
		return "met"
	}
	return "MISSED"
}

// judge holds what was measured against what was promised.
func (r *report) judge() []verdict {
	pinned := func(target string, chunked bool) *cell { return r.cell(target, true, 16, chunked, "requests", false) }
	shared := func(target string, chunked bool) *cell { return r.cell(target, false, 64, chunked, "requests", false) }
	conns := func(target string, cold bool) *cell { return r.cell(target, false, 4, false, "connections", cold) }
	vs := []verdict{
		r.ratio("interception, judge off, pinned: rate", pinned(off, false), pinned(minimal, false), sample.rate, 1.05, true),
		r.ratio("  its CPU per request", pinned(off, false), pinned(minimal, false), cpuPer, 0.95, false),
		r.ratio("  its p99", pinned(off, false), pinned(minimal, false), p99, 1.0, false),
		r.ratio("  with chunked answers", pinned(off, true), pinned(minimal, true), sample.rate, 1.05, true),
		r.ratio("  64 clients, shared cores", shared(off, false), shared(minimal, false), sample.rate, 1.0, true),
		r.ratio("  64 clients, shared cores, chunked answers", shared(off, true), shared(minimal, true), sample.rate, 1.0, true),
		r.ratio("  64 clients, shared cores: p99", shared(off, false), shared(minimal, false), p99, 1.0, false),
		r.ratio("recording, judge off, pinned", pinned(record, false), pinned(minimal, false), sample.rate, 0.90, true),
		r.flat(),
		r.number("judge: microseconds for a typical change that is unlike all before it", "BenchmarkJudge/patch", "ns/op", 1e-3, 60),
		r.number("  for one like an earlier one", "BenchmarkJudge/remembered", "ns/op", 1e-3, 5),
		r.quotient("  with 10,000 groups in the data, to 10", "BenchmarkJudge/groups10000", "BenchmarkJudge/groups10", 1.10),
		r.quotient("  on all cores at once, time per change", "BenchmarkJudge/parallel", "BenchmarkJudge/patch", 0.70),
		r.ratio("judged and recorded, pinned", pinned(judgeRecord, false), pinned(minimal, false), sample.rate, 0.50, true),
		r.ratio("replay of 1k, judge off, to the hash map", pinned(replay1k, false), pinned(hashMap, false), sample.rate, 0.95, true),
		r.ratio("replay of 100k to replay of 1", pinned(replay100k, false), pinned(replay1, false), sample.rate, 0.95, true),
		r.ratio("replay of 1M to replay of 1 (make bench-large)", pinned(replay1M, false), pinned(replay1, false), sample.rate, 0.90, true),
		r.ratio("judged replay to the minimal proxy live", pinned(judgeReplay, false), pinned(minimal, false), sample.rate, 1.0, true),
		r.ratio("new connections, warm leaves", conns(off, false), conns(minimal, false), sample.rate, 1.0, true),
		r.ratio("new connections, cold leaves", conns(off, true), conns(minimal, true), sample.rate, 0.90, true),
		r.number("allocations per request passing through", "BenchmarkExchange/live", "allocs/request", 1, 105),
		r.number("allocations per replayed request", "BenchmarkExchange/replay", "allocs/request", 1, 60),
	}
	s := r.Singles
	measured := len(s.Start) > 0
	vs = append(vs,
		atMost("idle RSS, MiB", s.Idle, 30, measured),
		atMost("RSS with 64 clients, MiB", r.loaded(), 60, r.loaded() > 0),
		atMost("start to listening, ms", median(s.Start), 40, measured),
		atMost("stripped binary, MiB", s.Binary, 35, true),
	)
	crowd := verdict{What: "clients connecting at once that are served", Known: measured, Wanted: fmt.Sprint(crowded), Is: fmt.Sprint(s.Crowd.Done)}
	crowd.Met = s.Crowd.Done == crowded
	return append(vs, crowd)
}

func (r *report) cell(target string, pinned bool, clients int, chunked bool, kind string, cold bool) *cell {
	for _, c := range r.Cells {
		if c.Target == target && c.Pinned == pinned && c.Clients == clients && c.Chunked == chunked && c.Kind == kind && c.Cold == cold &&
			!c.HTTP2 && len(c.Samples) > 0 {
			return c
		}
	}
	return nil
}

// ratio compares two cells with a bound, from below or above.
func (r *report) ratio(what string, c, base *cell, f func(sample) float64, bound float64, atLeast bool) verdict {
	v := verdict{What: what, Wanted: fmt.Sprintf("at most %.2f", bound)}
	if atLeast {
		v.Wanted = fmt.Sprintf("at least %.2f", bound)
	}
	if c == nil || base == nil {
		return v
	}
	found := ratioOf(c, base, f)
	v.Known = found.all > 0
	v.Is = fmt.Sprintf("%.2f%s", found.value, found.mark())
	// Held to the precision that is shown.
	v.Met = found.value <= bound+0.005
	if atLeast {
		v.Met = found.value >= bound-0.005
	}
	return v
}

func atMost(what string, is, bound float64, known bool) verdict {
	return verdict{What: what, Is: fmt.Sprintf("%.1f", is), Wanted: fmt.Sprintf("at most %g", bound), Known: known, Met: is <= bound}
}

func (r *report) number(what, benchmark, unit string, scale, bound float64) verdict {
	value, ok := r.Go[benchmark][unit]
	return atMost(what, value*scale, bound, ok)
}

func (r *report) quotient(what, benchmark, base string, bound float64) verdict {
	a, okA := r.Go[benchmark]["ns/op"]
	b, okB := r.Go[base]["ns/op"]
	if !okA || !okB {
		return verdict{What: what}
	}
	return verdict{What: what, Is: fmt.Sprintf("%.2f", a/b), Wanted: fmt.Sprintf("at most %.2f", bound), Known: true, Met: a/b <= bound}
}

// flat compares the memory of a recorder early and late. What Go's collector leaves lying between two cycles is no growth.
func (r *report) flat() verdict {
	v := verdict{What: "recording: MiB of memory per 100,000 new recordings", Wanted: "at most 1.0"}
	all := r.Singles.Recording
	if len(all) < 2 {
		return v
	}
	early, late := all[1], all[len(all)-1]
	growth := (late.RSS - early.RSS) / (float64(late.Next-early.Next) / 100_000)
	v.Known, v.Is, v.Met = true, fmt.Sprintf("%.1f", growth), growth <= 1
	return v
}

// loaded is the most memory that a live or recording graphwarden took with 64 clients.
func (r *report) loaded() float64 {
	most := 0.0
	for _, c := range r.Cells {
		if c.Clients != 64 || c.Pinned || c.Kind != "requests" {
			continue
		}
		switch c.Target {
		case off, judged, record, judgeRecord:
			for _, s := range c.Samples {
				most = max(most, s.Peak)
			}
		}
	}
	return most
}
