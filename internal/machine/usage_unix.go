//go:build unix

package machine

import (
	"math"
	"time"

	"golang.org/x/sys/unix"
)

// ownTime is the CPU time that the process used, in user space and in the kernel.
func ownTime() time.Duration {
	var u unix.Rusage
	if unix.Getrusage(unix.RUSAGE_SELF, &u) != nil {
		return 0
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

// fileLimit is how many files the process may have open; 0 for no limit.
func fileLimit() int64 {
	var l unix.Rlimit
	if unix.Getrlimit(unix.RLIMIT_NOFILE, &l) != nil || uint64(l.Cur) > math.MaxInt64 {
		return 0
	}
	return int64(l.Cur)
}
