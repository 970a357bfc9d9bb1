package main

import (
	"os"
	"runtime"
	"runtime/debug"
)

// headroom is memory that is asked for and never touched, so it costs no RAM, but the collector counts it as in use and
// lets that much more garbage gather before it runs. What a proxy keeps is a few megabytes, and without headroom it would
// collect them anew every few hundred requests. Unlike a higher GOGC it does not grow with a big cassette. With it, 64 clients
// that are judged and recorded bring the process to 58 MiB; each MiB more here is nearly two more there.
const headroom = 10 << 20

// giveHeadroom holds the headroom for as long as the process lives, unless the environment tunes the collector itself.
func giveHeadroom() (keep func()) {
	if os.Getenv("GOGC") != "" || os.Getenv("GOMEMLIMIT") != "" {
		return func() {}
	}
	reserve := make([]byte, headroom)
	return func() { runtime.KeepAlive(reserve) }
}

// settle gives back what only the start needed: compiling the policies leaves several times what they take, and most of the
// binary's code has done its work.
func settle() {
	go func() {
		debug.FreeOSMemory()
		dropStartCode()
	}()
}
