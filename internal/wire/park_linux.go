package wire

import (
	"os"
	"syscall"

	"golang.org/x/sys/unix"
)

// A park waits for a descriptor through Go's poller. A thread that waited in the
// kernel instead would keep its share of the scheduler, and have the runtime's
// monitor look after it all the time: for a few streams that costs more than
// their events.
type park struct {
	file *os.File
	raw  syscall.RawConn
}

// newPark is for fd by another name, so that closing the park leaves fd open.
func newPark(fd int) (*park, error) {
	own, err := unix.FcntlInt(uintptr(fd), unix.F_DUPFD_CLOEXEC, 0)
	if err == nil {
		err = unix.SetNonblock(own, true)
	}
	if err != nil {
		return nil, os.NewSyscallError("fcntl", err)
	}
	file := os.NewFile(uintptr(own), "epoll")
	raw, err := file.SyscallConn()
	if err != nil {
		file.Close()
		return nil, err
	}
	return &park{file, raw}, nil
}

// until calls try, again whenever the descriptor has become ready, until it
// reports that something was there.
func (p *park) until(try func() bool) {
	_ = p.raw.Read(func(uintptr) bool { return try() })
}

func (p *park) close() { p.file.Close() }
