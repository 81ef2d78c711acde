//go:build unix

package hub

import (
	"errors"
	"os"
	"syscall"
)

// tryLock takes the lock on a file, which ends when the file is closed. It
// reports whether somebody else has it.
func tryLock(f *os.File) (taken bool, err error) {
	err = syscall.Flock(int(f.Fd()), syscall.LOCK_EX|syscall.LOCK_NB)
	if errors.Is(err, syscall.EWOULDBLOCK) {
		return true, nil
	}
	return false, err
}
