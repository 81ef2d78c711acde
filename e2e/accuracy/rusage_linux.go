package main

import (
	"os"
	"syscall"
)

// peakBytes is the largest resident memory of a process that ended.
func peakBytes(s *os.ProcessState) int64 {
	if ru, ok := s.SysUsage().(*syscall.Rusage); ok {
		return ru.Maxrss * 1024
	}
	return 0
}
