package wire

import (
	"encoding/binary"
	"os"
	"syscall"
	"unsafe"

	"golang.org/x/sys/unix"
)

// An epoll tells which descriptors are ready, and reads them with recvmsg. All
// but wakeUp is for one thread.
type epoll struct {
	fd     int
	wake   int // an eventfd
	events [256]unix.EpollEvent
	in     inbox
}

// An inbox is what one recvmsg after the other needs and brings.
type inbox struct {
	msg     unix.Msghdr
	iov     unix.Iovec
	control [8]uint64 // aligned for a control message with a timespec
	buf     [64 << 10]byte
}

func newEpoll() (*epoll, error) {
	fd, err := unix.EpollCreate1(unix.EPOLL_CLOEXEC)
	if err != nil {
		return nil, os.NewSyscallError("epoll_create1", err)
	}
	wake, err := unix.Eventfd(0, unix.EFD_NONBLOCK|unix.EFD_CLOEXEC)
	if err != nil {
		unix.Close(fd)
		return nil, os.NewSyscallError("eventfd", err)
	}
	e := &epoll{fd: fd, wake: wake}
	err = unix.EpollCtl(fd, unix.EPOLL_CTL_ADD, wake, &unix.EpollEvent{Events: unix.EPOLLIN, Fd: int32(wake)})
	if err != nil {
		e.close()
		return nil, os.NewSyscallError("epoll_ctl", err)
	}
	return e, nil
}

// add watches a descriptor from then on: each change is told once.
func (e *epoll) add(fd int) error {
	const all = unix.EPOLLIN | unix.EPOLLOUT | unix.EPOLLRDHUP | unix.EPOLLET&0xffffffff
	return os.NewSyscallError("epoll_ctl", unix.EpollCtl(e.fd, unix.EPOLL_CTL_ADD, fd, &unix.EpollEvent{Events: all, Fd: int32(fd)}))
}

// wait gives how many events there are: at once, or when there is one.
func (e *epoll) wait(block bool) int {
	var n uintptr
	var errno syscall.Errno
	if block {
		n, _, errno = unix.Syscall6(unix.SYS_EPOLL_PWAIT, uintptr(e.fd), uintptr(unsafe.Pointer(&e.events)), uintptr(len(e.events)), ^uintptr(0), 0, 0)
	} else {
		n, _, errno = unix.RawSyscall6(unix.SYS_EPOLL_PWAIT, uintptr(e.fd), uintptr(unsafe.Pointer(&e.events)), uintptr(len(e.events)), 0, 0, 0)
	}
	if errno != 0 {
		return 0 // EINTR: the caller comes again
	}
	return int(n)
}

func (e *epoll) event(i int) (fd int, events uint32) {
	return int(e.events[i].Fd), e.events[i].Events
}

// recv reads without waiting: the bytes, which the next call overwrites, none
// at the end of the stream, and the wall time at which the kernel received
// them, 0 when it did not say.
func (e *epoll) recv(fd int) (b []byte, wall int64, errno syscall.Errno) {
	in := &e.in
	for {
		in.iov.Base = &in.buf[0]
		in.iov.SetLen(len(in.buf))
		in.msg = unix.Msghdr{Iov: &in.iov, Control: (*byte)(unsafe.Pointer(&in.control))}
		in.msg.SetIovlen(1)
		in.msg.SetControllen(int(unsafe.Sizeof(in.control)))
		// The call never blocks, so the scheduler need not be told of it.
		n, _, errno := unix.RawSyscall(unix.SYS_RECVMSG, uintptr(fd), uintptr(unsafe.Pointer(&in.msg)), unix.MSG_DONTWAIT)
		switch errno {
		case 0:
			return in.buf[:n], stampOf(&in.msg, &in.control), 0
		case unix.EINTR:
		default:
			return nil, 0, errno
		}
	}
}

// room is the most bytes that one recv brings.
func (e *epoll) room() int { return len(e.in.buf) }

// wakeUp ends a wait, from any goroutine.
func (e *epoll) wakeUp() {
	var one [8]byte
	binary.NativeEndian.PutUint64(one[:], 1)
	_, _ = unix.Write(e.wake, one[:])
}

// awake takes the wake-up.
func (e *epoll) awake() {
	var b [8]byte
	_, _ = unix.Read(e.wake, b[:])
}

func (e *epoll) close() {
	unix.Close(e.wake)
	unix.Close(e.fd)
}
