//go:build unix

package tape

import (
	"errors"
	"os"

	"golang.org/x/sys/unix"
)

// lock takes the file for this recorder; the lock ends with the process, however it ends.
func lock(f *os.File) error {
	err := unix.Flock(int(f.Fd()), unix.LOCK_EX|unix.LOCK_NB)
	if errors.Is(err, unix.EWOULDBLOCK) {
		return ErrLocked
	}
	return err
}

// unlock gives the file up. Closing it is not enough: a child process that is just being started shares the lock until
// it runs its own program.
func unlock(f *os.File) error { return unix.Flock(int(f.Fd()), unix.LOCK_UN) }

// syncFolder makes a rename last.
func syncFolder(path string) error {
	d, err := os.Open(path)
	if err != nil {
		return err
	}
	return errors.Join(d.Sync(), d.Close())
}
