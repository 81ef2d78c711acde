//go:build unix

package lock

import (
	"errors"
	"os"
	"syscall"
)

// Try takes the lock on a file, which ends when the file is closed. It reports
// whether somebody else has it. An error says that the file can't be locked.
func Try(f *os.File) (taken bool, err error) {
	err = syscall.Flock(int(f.Fd()), syscall.LOCK_EX|syscall.LOCK_NB)
	if errors.Is(err, syscall.EWOULDBLOCK) {
		return true, nil
	}
	return false, err
}
