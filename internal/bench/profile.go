package main

import (
	"errors"
	"fmt"
	"maps"
	"os"
	"os/signal"
	"path/filepath"
	"runtime/pprof"
	"slices"
	"time"
)

// profiled are the modes that can be profiled, by their target.
var profiled = map[string]string{
	"minimal": minimal, "hash-map": hashMap, "goproxy": goproxyMITM,
	"off": off, "judge": judged, "record": record, "judge-record": judgeRecord, "replay": replay1k, "replay-1": replay1, "replay-100k": replay100k, "judge-replay": judgeReplay,
	"judge-anew": judgedAnew, "judge-anew-record": recordAnew,
}

func profiles() []string { return slices.Sorted(maps.Keys(profiled)) }

// writeProfile runs graphwarden's chain inside this program under load and keeps its profiles.
func (b *bench) writeProfile(h house) error {
	t := b.targets[profiled[b.profile]]
	if t == nil {
		return fmt.Errorf("no mode %q to profile: one of %v", b.profile, profiles())
	}
	h.pinned, h.warden = canPin(), h.self
	if err := h.open(); err != nil {
		return err
	}
	defer h.close()
	argv, err := t.argv(&h)
	if err != nil {
		return err
	}
	// The product's flags, less those that its command alone knows.
	if argv[1] == "serve" {
		argv[1] = "warden"
	}
	for _, name := range []string{"--listen", "--upstream-proxy", "--log-level"} {
		if i := slices.Index(argv, name); i > 0 {
			argv = slices.Delete(argv, i, i+2)
		}
	}
	argv = slices.DeleteFunc(argv, func(a string) bool { return a == "--quiet" })
	prefix := filepath.Join(b.out, b.profile)
	p, err := h.start(true, append(argv, "-profile", prefix)...)
	if err != nil {
		return err
	}
	j := job{Kind: "requests", Clients: 16, IDs: t.ids, Warm: 500, Time: 500}
	if _, err := h.run(j, p); err != nil {
		return err
	}
	if err := p.cmd.Process.Signal(os.Interrupt); err != nil {
		return err
	}
	j.Time, j.First = 5*b.time, 1_000_000
	s, err := h.run(j, p)
	if err != nil {
		return err
	}
	if err := p.cmd.Process.Signal(os.Interrupt); err != nil {
		return err
	}
	time.Sleep(time.Second)
	fmt.Printf("%.0f requests per second, %.0f us of CPU each, strangers took %.0f %%\n%s.cpu.prof\n%s.allocs.prof\n",
		s.rate(), cpuPer(s), 100*s.Strangers, prefix, prefix)
	return nil
}

func profileIfAsked(prefix string) {
	if prefix == "" {
		return
	}
	if err := writeProfiles(prefix); err != nil {
		fmt.Fprintln(os.Stderr, err)
	}
}

// writeProfiles profiles this process from the first interrupt to the second.
func writeProfiles(prefix string) error {
	interrupts := make(chan os.Signal, 2)
	signal.Notify(interrupts, os.Interrupt)
	<-interrupts
	cpu, err := os.Create(prefix + ".cpu.prof")
	if err != nil {
		return err
	}
	if err := pprof.StartCPUProfile(cpu); err != nil {
		return err
	}
	<-interrupts
	pprof.StopCPUProfile()
	allocs, err := os.Create(prefix + ".allocs.prof")
	if err != nil {
		return err
	}
	return errors.Join(cpu.Close(), pprof.Lookup("allocs").WriteTo(allocs, 0), allocs.Close())
}
