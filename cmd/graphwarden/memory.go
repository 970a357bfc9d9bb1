package main

import (
	"os"
	"runtime"
	"runtime/debug"
	"sync"
)

const (
	// headroom is memory that is asked for and never touched, so it costs no RAM, but the collector counts it as in use and
	// lets that much more garbage gather before it runs. What a proxy keeps is a few megabytes, and without headroom it would
	// collect them anew every few hundred requests. Unlike a higher GOGC it does not grow with a big cassette. With it, 64
	// clients that are judged and recorded bring the process to 57 MiB; each MiB more here is nearly two more there.
	headroom = 10 << 20
	// patience is GOGC until something was collected for the first time: at 12 MiB, which a usual start does not come to.
	patience = 300
	// mostGarbage bounds what may gather beside a big cassette, which would else be allowed as much again as it takes.
	mostGarbage = 32 << 20
)

// memory is how this process goes about its memory.
type memory struct {
	once    sync.Once
	reserve []byte
}

// startMemory begins with patience, unless the environment tunes the collector itself.
func startMemory() *memory {
	m := &memory{}
	if os.Getenv("GOGC") != "" || os.Getenv("GOMEMLIMIT") != "" {
		m.once.Do(func() {})
		return m
	}
	debug.SetGCPercent(patience)
	// It goes with the first collection.
	runtime.AddCleanup(new([64]byte), func(m *memory) { m.takeHeadroom(runtime.GC) }, m)
	return m
}

// takeHeadroom ends the patience and collects; it reports false where both are done already.
func (m *memory) takeHeadroom(collect func()) (taken bool) {
	m.once.Do(func() {
		taken = true
		debug.SetGCPercent(-1) // the reserve alone would be reason enough to collect
		m.reserve = make([]byte, headroom)
		collect()
		debug.SetGCPercent(100)
	})
	return taken
}

// settle gives back what only the start needed: compiling the policies leaves several times what they take.
func (m *memory) settle() {
	if !m.takeHeadroom(debug.FreeOSMemory) {
		debug.FreeOSMemory()
	}
	if m.reserve != nil {
		var now runtime.MemStats
		runtime.ReadMemStats(&now)
		debug.SetGCPercent(percentFor(now.HeapAlloc))
	}
}

// percentFor is GOGC for a heap of so many bytes in use.
func percentFor(inUse uint64) int {
	return int(min(100, 100*mostGarbage/max(inUse, 1)))
}
