package main

import (
	"fmt"
	"os"
	"strconv"
)

// target is one way from the load generator to the origin.
type target struct {
	name string
	// ids is below what number the requests are taken; 0 means that each is new.
	ids int
	// fresh targets are started anew for each sample: they keep what they are told.
	fresh bool
	// base names the target that ratios are taken to; empty means minimal.
	base string
	argv func(h *house) ([]string, error)
}

// The names that the verdicts speak of.
const (
	direct      = "direct"
	minimal     = "minimal"
	minimalUpH2 = "minimal to h2"
	hashMap     = "hash map behind minimal"
	goproxyMITM = "goproxy"
	vcrRecord   = "go-vcr record"
	vcrReplay   = "go-vcr replay 1k"
	off         = "graphwarden"
	offUpH2     = "graphwarden to h2"
	judged      = "graphwarden judged"
	judgedAnew  = "graphwarden judged anew"
	record      = "graphwarden record"
	judgeRecord = "graphwarden judged+record"
	recordAnew  = "graphwarden judged anew+record"
	replay1     = "graphwarden replay 1"
	replay1k    = "graphwarden replay 1k"
	replay10k   = "graphwarden replay 10k"
	replay100k  = "graphwarden replay 100k"
	replay1M    = "graphwarden replay 1M"
	judgeReplay = "graphwarden judged replay 1k"
)

const usual = 1000 // how many different requests a target is asked for, unless it matters

func targets() map[string]*target {
	all := []*target{
		{name: direct, ids: usual},
		{name: minimal, ids: usual, argv: self("minimal")},
		{name: minimalUpH2, ids: usual, base: minimalUpH2, argv: selfH2("minimal")},
		{name: hashMap, ids: 100_000, base: hashMap, argv: self("minimal", "-replay", "100000")},
		{name: goproxyMITM, ids: usual, argv: self("goproxy")},
		{name: vcrRecord, ids: usual, fresh: true, argv: func(h *house) ([]string, error) {
			return self("goproxy", "-vcr", "record", "-cassette", h.newCassette())(h)
		}},
		{name: vcrReplay, ids: usual, base: hashMap, argv: func(h *house) ([]string, error) {
			path, err := h.cassette(usual)
			if err != nil {
				return nil, err
			}
			return self("goproxy", "-vcr", "replay", "-cassette", path)(h)
		}},
		{name: off, ids: usual, argv: warden("--enforce", "off")},
		{name: offUpH2, ids: usual, base: minimalUpH2, argv: wardenH2("--enforce", "off")},
		{name: judged, ids: usual, argv: warden("--enforce", "deny")},
		{name: judgedAnew, ids: usual, argv: anew(warden("--enforce", "deny"))},
		{name: record, fresh: true, argv: recording("off")},
		{name: judgeRecord, fresh: true, argv: recording("deny")},
		{name: recordAnew, fresh: true, argv: anew(recording("deny"))},
		replaying(replay1, 1, "off"), replaying(replay1k, usual, "off"), replaying(replay10k, 10_000, "off"),
		replaying(replay100k, 100_000, "off"), replaying(replay1M, 1_000_000, "off"), replaying(judgeReplay, usual, "deny"),
	}
	byName := map[string]*target{}
	for _, t := range all {
		if t.base == "" {
			t.base = minimal
		}
		byName[t.name] = t
	}
	return byName
}

// self is this program in a role, before the HTTP/1.1 origin.
func self(role string, more ...string) func(*house) ([]string, error) {
	return func(h *house) ([]string, error) {
		return append([]string{h.self, role, "-origin", h.origin.addr, "-origin-ca", h.file("origin.pem")}, more...), nil
	}
}

func selfH2(role string) func(*house) ([]string, error) {
	return func(h *house) ([]string, error) {
		return []string{h.self, role, "-origin", h.originH2.addr, "-origin-ca", h.file("origin-h2.pem")}, nil
	}
}

// common are the flags of graphwarden that all its targets have.
func (h *house) common() []string {
	return []string{h.warden, "serve", "--listen", "127.0.0.1:0", "--ca-dir", h.file("ca"), "--log-level", "error", "--quiet"}
}

// before are the flags of those with an origin behind them.
func (h *house) before(origin *process, ca string) []string {
	return append(h.common(), "--upstream-proxy", "none", "--origin", "https://"+origin.addr, "--origin-ca", h.file(ca))
}

func warden(more ...string) func(*house) ([]string, error) {
	return func(h *house) ([]string, error) { return append(h.before(h.origin, "origin.pem"), more...), nil }
}

func wardenH2(more ...string) func(*house) ([]string, error) {
	return func(h *house) ([]string, error) { return append(h.before(h.originH2, "origin-h2.pem"), more...), nil }
}

func recording(enforce string) func(*house) ([]string, error) {
	return func(h *house) ([]string, error) {
		return append(h.before(h.origin, "origin.pem"), "--enforce", enforce, "--mode", "record", "--cassette", h.newCassette()+".yaml"), nil
	}
}

// anew has graphwarden work each verdict out: with a rule that asks for what no two requests have in common, none is
// remembered.
func anew(argv func(*house) ([]string, error)) func(*house) ([]string, error) {
	const rule = `package graphwarden.rules.bench

# METADATA
# title: reads the id of each request
# custom:
#   id: bench.id
audit contains {"id": "bench.id", "msg": "an id of this kind does not exist"} if input.id == "none"
`
	return func(h *house) ([]string, error) {
		dir := h.file("anew")
		if err := os.MkdirAll(dir, 0o755); err != nil {
			return nil, err
		}
		if err := os.WriteFile(dir+"/bench.rego", []byte(rule), 0o644); err != nil {
			return nil, err
		}
		args, err := argv(h)
		return append(args, "--policy", dir), err
	}
}

func replaying(name string, n int, enforce string) *target {
	return &target{name: name, ids: n, base: hashMap, argv: func(h *house) ([]string, error) {
		path, err := h.cassette(n)
		if err != nil {
			return nil, err
		}
		return append(h.common(), "--enforce", enforce, "--mode", "replay", "--repeat", "cycle", "--cassette", path+".yaml"), nil
	}}
}

// newCassette is a name that was not used before; the one before it is no longer needed.
func (h *house) newCassette() string {
	_ = os.Remove(h.file(fmt.Sprintf("recorded-%d.yaml", h.made)))
	h.made++
	return h.file(fmt.Sprintf("recorded-%d", h.made))
}

// cassette is the path, without its ending, of a cassette with n recordings.
func (h *house) cassette(n int) (string, error) {
	path := h.file("replay-" + strconv.Itoa(n))
	if _, err := os.Stat(path + ".yaml"); err == nil {
		return path, nil
	}
	return path, writeCassette(path+".yaml", h.token, n)
}
