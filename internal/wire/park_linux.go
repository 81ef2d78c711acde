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

// newPark takes over fd.
func newPark(fd int, name string) (park, error) {
	if err := unix.SetNonblock(fd, true); err != nil {
		unix.Close(fd)
		return park{}, os.NewSyscallError("fcntl", err)
	}
	file := os.NewFile(uintptr(fd), name)
	raw, err := file.SyscallConn()
	return park{file, raw}, err
}

// until calls try, again whenever the descriptor has become ready, until it
// reports that something was there.
func (p park) until(try func() bool) {
	_ = p.raw.Read(func(uintptr) bool { return try() })
}

func (p park) close() { p.file.Close() }
