package ledger

import (
	"errors"
	"fmt"
	"os"

	"golang.org/x/sys/windows"
)

// openFlags leave appending to the file's position: a handle opened to append may not truncate on Windows.
const openFlags = os.O_RDWR | os.O_CREATE

// lock makes this open file the only writer. Locks bind readers too on Windows, so it takes a byte no ledger reaches.
func lock(f *os.File) error {
	beyond := &windows.Overlapped{OffsetHigh: 1 << 30}
	err := windows.LockFileEx(windows.Handle(f.Fd()), windows.LOCKFILE_EXCLUSIVE_LOCK|windows.LOCKFILE_FAIL_IMMEDIATELY, 0, 1, 0, beyond)
	if errors.Is(err, windows.ERROR_LOCK_VIOLATION) {
		return ErrLocked
	}
	if err != nil {
		return fmt.Errorf("lock it: %w", err)
	}
	return nil
}

// syncDir has nothing to do: NTFS journals names, and folders cannot be flushed.
func syncDir(string) error { return nil }
