//go:build darwin || dragonfly || freebsd || illumos || linux || netbsd || openbsd

package ledger

import (
	"errors"
	"fmt"
	"os"
	"syscall"
)

// openFlags append in the kernel's sense, so that a ledger may be kept in a file marked append-only (chattr +a).
const openFlags = os.O_RDWR | os.O_APPEND | os.O_CREATE

// lock makes this open file the only writer. The lock ends with the process, however it ends.
func lock(f *os.File) error {
	for {
		err := syscall.Flock(int(f.Fd()), syscall.LOCK_EX|syscall.LOCK_NB)
		switch {
		case err == nil:
			return nil
		case errors.Is(err, syscall.EINTR):
		case errors.Is(err, syscall.EWOULDBLOCK):
			return ErrLocked
		default:
			return fmt.Errorf("lock it: %w", err)
		}
	}
}

// syncDir makes a new file's name outlive a loss of power.
func syncDir(dir string) error {
	d, err := os.Open(dir)
	if err != nil {
		return err
	}
	defer d.Close()
	return d.Sync()
}
