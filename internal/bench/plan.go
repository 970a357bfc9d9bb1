package main

import (
	"fmt"
	"slices"
	"strings"
)

// cell is one thing that is measured in each round.
type cell struct {
	Target  string   `json:"target"`
	Kind    string   `json:"kind"` // requests or connections
	Pinned  bool     `json:"pinned"`
	Clients int      `json:"clients"`
	HTTP2   bool     `json:"http2,omitempty"`
	Chunked bool     `json:"chunked,omitempty"`
	UpHTTP2 bool     `json:"up_http2,omitempty"` // the origin speaks HTTP/2
	Cold    bool     `json:"cold,omitempty"`
	Samples []sample `json:"samples"`
}

// group names what a cell is compared within: all but its target.
func (c *cell) group() string {
	where, protocol := "shared", "HTTP/1.1"
	if c.Pinned {
		where = "pinned"
	}
	if c.HTTP2 {
		protocol = "HTTP/2"
	}
	name := fmt.Sprintf("%s, %d clients, %s", where, c.Clients, protocol)
	switch {
	case c.Cold:
		name += ", new connections, cold leaves"
	case c.Kind == "connections":
		name += ", new connections"
	case c.UpHTTP2:
		name += " to an HTTP/2 origin"
	case c.Chunked:
		name += ", chunked answers"
	}
	return name
}

// pinnedCells are what the targets of pinned mode speak of: the proxy alone on a core, 16 clients.
func pinnedCells(large bool) []*cell {
	replays := []string{hashMap, replay1, replay1k, replay10k, replay100k, judgeReplay, vcrReplay}
	if large {
		replays = append(replays, replay1M)
	}
	live := []string{minimal, goproxyMITM, off, judged, judgedAnew, record, judgeRecord, recordAnew, vcrRecord}
	cells := requests(append(live, replays...), 16, false)
	for _, t := range []string{minimal, goproxyMITM, off} {
		cells = append(cells, &cell{Target: t, Kind: "requests", Clients: 16, Chunked: true})
	}
	for _, c := range cells {
		c.Pinned = true
	}
	return cells
}

// sharedCells are measured with all processes on all cores.
func sharedCells() []*cell {
	var cells []*cell
	all := []string{direct, minimal, goproxyMITM, off, judged, record, judgeRecord, replay1k, vcrRecord}
	for _, clients := range []int{1, 16, 64} {
		cells = append(cells, requests(all, clients, false)...)
	}
	for _, clients := range []int{16, 64} {
		cells = append(cells, requests([]string{direct, minimal, goproxyMITM, off, judged, record, replay1k}, clients, true)...)
	}
	for _, t := range []string{minimalUpH2, offUpH2} {
		cells = append(cells, &cell{Target: t, Kind: "requests", Clients: 16, UpHTTP2: true})
	}
	for _, t := range []string{minimal, goproxyMITM, off} {
		cells = append(cells, &cell{Target: t, Kind: "requests", Clients: 64, Chunked: true})
	}
	for _, t := range []string{minimal, goproxyMITM, off} {
		cells = append(cells, &cell{Target: t, Kind: "connections", Clients: 4})
	}
	return cells
}

// coldCells need a proxy that was just started.
func coldCells() []*cell {
	var cells []*cell
	for _, t := range []string{minimal, goproxyMITM, off} {
		cells = append(cells, &cell{Target: t, Kind: "connections", Clients: 4, Cold: true})
	}
	return cells
}

func requests(targets []string, clients int, h2 bool) []*cell {
	var cells []*cell
	for _, t := range targets {
		cells = append(cells, &cell{Target: t, Kind: "requests", Clients: clients, HTTP2: h2})
	}
	return cells
}

// noisy is the share of the cores above which strangers spoil a sample.
const noisy = 0.08

// measure runs the cells of one phase in alternating rounds: each round does all of them, every other one backwards, so that
// neither drift nor order favours one.
func (b *bench) measure(h *house, cells []*cell) error {
	for round := range b.rounds {
		order := slices.Clone(cells)
		if round%2 == 1 {
			slices.Reverse(order)
		}
		for _, c := range order {
			s, err := b.sample(h, c)
			if err != nil {
				return fmt.Errorf("%s: %s: %w", c.group(), c.Target, err)
			}
			c.Samples = append(c.Samples, s)
		}
		b.say("round %d of %d done", round+1, b.rounds)
	}
	return nil
}

// sample measures a cell once, and again while strangers disturb it and patience lasts; the quietest counts.
func (b *bench) sample(h *house, c *cell) (best sample, err error) {
	t := b.targets[c.Target]
	for try := range 1 + b.retries {
		s, err := b.once(h, c, t)
		if err != nil {
			return s, err
		}
		if try == 0 || s.Strangers < best.Strangers {
			best = s
		}
		if best.Strangers <= noisy {
			break
		}
	}
	if best.Failed > 0 {
		b.say("%s: %s: %d failed: %s", c.group(), c.Target, best.Failed, best.Fault)
	}
	return best, nil
}

func (b *bench) once(h *house, c *cell, t *target) (sample, error) {
	if t.fresh || c.Cold {
		h.end(t)
		defer h.end(t)
	}
	j := job{Kind: c.Kind, Clients: c.Clients, HTTP2: c.HTTP2, Chunked: c.Chunked, IDs: t.ids, Warm: b.warm, Time: b.time}
	if t.argv == nil {
		return h.run(j, nil)
	}
	if c.Cold {
		t = b.withHosts(t, h)
		j.Hosts = coldHosts
	}
	p, err := h.proxyFor(t)
	if err != nil {
		return sample{}, err
	}
	return h.run(j, p)
}

// coldHosts are names that no leaf was made for yet.
var coldHosts = func() []string {
	var hosts []string
	for i := range 48 {
		hosts = append(hosts, fmt.Sprintf("g%02d.bench.example", i))
	}
	return hosts
}()

// withHosts is graphwarden told that the cold hosts are Graph too, with a CA of its own for them; others take any host.
func (b *bench) withHosts(t *target, h *house) *target {
	if !strings.HasPrefix(t.name, off) {
		return t
	}
	cold := *t
	cold.argv = func(h *house) ([]string, error) {
		argv, err := t.argv(h)
		for i := range argv {
			if argv[i] == h.file("ca") {
				argv[i] = h.file("ca-cold")
			}
		}
		for _, host := range coldHosts {
			argv = append(argv, "--graph-host", host)
		}
		return argv, err
	}
	return &cold
}
