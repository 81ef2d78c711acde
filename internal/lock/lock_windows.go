package lock

import (
	"errors"
	"os"

	"golang.org/x/sys/windows"
)

// Try takes the lock on a file, which ends when the file is closed. It reports
// whether somebody else has it. An error says that the file can't be locked.
func Try(f *os.File) (taken bool, err error) {
	const flags = windows.LOCKFILE_EXCLUSIVE_LOCK | windows.LOCKFILE_FAIL_IMMEDIATELY
	err = windows.LockFileEx(windows.Handle(f.Fd()), flags, 0, 1, 0, new(windows.Overlapped))
	if errors.Is(err, windows.ERROR_LOCK_VIOLATION) {
		return true, nil
	}
	return false, err
}
