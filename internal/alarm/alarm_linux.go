package alarm

import (
	"fmt"
	"time"

	"golang.org/x/sys/unix"
)

// An Alarm waits for a moment or for a call of Wake, whichever comes first.
type Alarm struct {
	fd  int
	fds []unix.PollFd
}

// New makes an Alarm. It takes one file descriptor, which Close gives back.
func New() (*Alarm, error) {
	fd, err := unix.Eventfd(0, unix.EFD_NONBLOCK|unix.EFD_CLOEXEC)
	if err != nil {
		return nil, fmt.Errorf("alarm: eventfd: %w", err)
	}
	return &Alarm{fd: fd, fds: []unix.PollFd{{Fd: int32(fd), Events: unix.POLLIN}}}, nil
}

// Sharpen asks the kernel not to delay the calling thread's wake-ups in order
// to batch them (50 µs by default). The caller is locked to its thread.
func (a *Alarm) Sharpen() {
	// A refusal costs exactness alone.
	_ = unix.Prctl(unix.PR_SET_TIMERSLACK, 1, 0, 0, 0)
}

// Wait returns true at the moment until, or false as soon as Wake is called.
func (a *Alarm) Wait(until time.Time) bool {
	for {
		left := time.Until(until)
		if left < 0 {
			left = 0
		}
		ts := unix.NsecToTimespec(int64(left))
		n, err := unix.Ppoll(a.fds, &ts, nil)
		if n > 0 {
			var b [8]byte
			_, _ = unix.Read(a.fd, b[:])
			return false
		}
		if err == nil && !time.Now().Before(until) {
			return true
		}
	}
}

// Wake ends the Wait that is on, or the next one.
func (a *Alarm) Wake() {
	_, _ = unix.Write(a.fd, []byte{1, 0, 0, 0, 0, 0, 0, 0})
}

// Close gives the descriptor back; no call may follow or be on.
func (a *Alarm) Close() error { return unix.Close(a.fd) }
