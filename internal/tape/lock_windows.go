package tape

import (
	"errors"
	"os"

	"golang.org/x/sys/windows"
)

// lock takes the file for this recorder; the lock ends with the process, however it ends. The locked byte lies far
// behind any content, because a Windows lock also keeps readers out.
func lock(f *os.File) error {
	at := &windows.Overlapped{OffsetHigh: 1 << 30}
	err := windows.LockFileEx(windows.Handle(f.Fd()), windows.LOCKFILE_EXCLUSIVE_LOCK|windows.LOCKFILE_FAIL_IMMEDIATELY, 0, 1, 0, at)
	if errors.Is(err, windows.ERROR_LOCK_VIOLATION) {
		return ErrLocked
	}
	return err
}

// unlock does nothing: the lock ends with the handle, which no child inherits.
func unlock(*os.File) error { return nil }

// syncFolder does nothing: Windows has no way to sync a folder, and its renames are journalled.
func syncFolder(string) error { return nil }
