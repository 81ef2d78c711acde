package wire

import (
	"encoding/binary"
	"os"

	"golang.org/x/sys/unix"
)

// A bell is an eventfd that wakes the one who waits for it.
type bell int

func newBell() (bell, error) {
	fd, err := unix.Eventfd(0, unix.EFD_NONBLOCK|unix.EFD_CLOEXEC)
	return bell(fd), os.NewSyscallError("eventfd", err)
}

// ring may be called by any goroutine.
func (b bell) ring() {
	var one [8]byte
	binary.NativeEndian.PutUint64(one[:], 1)
	_, _ = unix.Write(int(b), one[:])
}

// hush makes the bell ready to ring again.
func (b bell) hush() {
	var n [8]byte
	_, _ = unix.Read(int(b), n[:])
}

func (b bell) close() {
	if b >= 0 {
		unix.Close(int(b))
	}
}
