package tape

import (
	"os"

	"golang.org/x/sys/unix"
)

// largePages asks the system for large pages under a long buffer, before it is written to. Answers are read at random places of
// a cassette, and with small pages nearly each would first wait for its address to be worked out.
func largePages(b []byte) {
	const worth = 16 << 20
	if len(b) >= worth {
		// Where pages are larger than Go's own, or of one size only, this fails and all is as before.
		_ = unix.Madvise(b[:len(b)&^(os.Getpagesize()-1)], unix.MADV_HUGEPAGE)
	}
}
