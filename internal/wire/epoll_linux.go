package wire

import (
	"os"
	"syscall"
	"unsafe"

	"golang.org/x/sys/unix"
)

// An epoll tells which lines are ready, and reads them with recvmsg.
type epoll struct {
	fd     int
	park   *park // nil while the loop reads in rounds: each event would wake Go's poller
	wake   bell
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

func newEpoll() (watcher, error) {
	fd, err := unix.EpollCreate1(unix.EPOLL_CLOEXEC)
	if err != nil {
		return nil, os.NewSyscallError("epoll_create1", err)
	}
	e := &epoll{fd: fd, wake: -1}
	if e.wake, err = newBell(); err != nil {
		e.close()
		return nil, err
	}
	err = unix.EpollCtl(fd, unix.EPOLL_CTL_ADD, int(e.wake), &unix.EpollEvent{Events: unix.EPOLLIN, Fd: int32(e.wake)})
	if err != nil {
		e.close()
		return nil, os.NewSyscallError("epoll_ctl", err)
	}
	return e, nil
}

// add watches a line from then on: each change is told once.
func (e *epoll) add(ln *line) error {
	const all = unix.EPOLLIN | unix.EPOLLOUT | unix.EPOLLRDHUP | unix.EPOLLET&0xffffffff
	return os.NewSyscallError("epoll_ctl", unix.EpollCtl(e.fd, unix.EPOLL_CTL_ADD, ln.fd, &unix.EpollEvent{Events: all, Fd: int32(ln.fd)}))
}

// remove has nothing to do: closing a descriptor ends its watch.
func (e *epoll) remove(*line) {}

// room has nothing to do: that there is room is told with everything else.
func (e *epoll) room(*line) {}

func (e *epoll) turn(l *loop, block bool) {
	if l.every.now > 0 {
		e.leave()
	}
	for i := range e.wait(block) {
		fd, events := int(e.events[i].Fd), e.events[i].Events
		if fd == int(e.wake) {
			e.wake.hush()
		} else if ln := l.lines[fd]; ln != nil {
			e.ready(l, ln, events)
		}
	}
}

// ready looks at a line on which something happened.
func (e *epoll) ready(l *loop, ln *line, events uint32) {
	if events&unix.EPOLLOUT != 0 && ln.blocked.Load() {
		ln.wakeUp()
	}
	if events&^unix.EPOLLOUT == 0 {
		return
	}
	r := ln.reply.Load()
	if r == nil {
		// Nobody asked yet. Who asks next finds either this mark or its answer read.
		ln.unread.Store(true)
		if r = ln.reply.Load(); r == nil {
			return
		}
	}
	e.read(l, ln, r, events&(unix.EPOLLRDHUP|unix.EPOLLHUP|unix.EPOLLERR) != 0)
}

// read reads a line until nothing is left; ends says that its end has come too,
// so that a short read is not the last.
func (e *epoll) read(l *loop, ln *line, r *reply, ends bool) {
	for range maxReads {
		b, wall, errno := e.recv(ln.fd)
		if errno == unix.EAGAIN || l.took(ln, r, b, wall, errno) {
			return
		}
		if len(b) < len(e.in.buf) && !ends {
			return
		}
	}
	l.post(job{what: jobRead, line: ln, reply: r})
}

// again looks at a line, whether it is ready or not.
func (e *epoll) again(l *loop, ln *line, r *reply) { e.read(l, ln, r, true) }

func (e *epoll) wakeUp() { e.wake.ring() }

// wait gives how many events there are: at once, or when there is one.
func (e *epoll) wait(block bool) (n int) {
	if block && e.enter() {
		e.park.until(func() bool {
			n = e.ask()
			return n > 0
		})
		return n
	}
	return e.ask()
}

// enter has Go's poller watch the epoll. It reports whether it does.
func (e *epoll) enter() bool {
	if e.park == nil {
		e.park, _ = newPark(e.fd) // without it the caller comes again
	}
	return e.park != nil
}

func (e *epoll) leave() {
	if e.park != nil {
		e.park.close()
		e.park = nil
	}
}

// ask gives how many events there are.
func (e *epoll) ask() int {
	n, _, errno := unix.RawSyscall6(unix.SYS_EPOLL_PWAIT, uintptr(e.fd), uintptr(unsafe.Pointer(&e.events)), uintptr(len(e.events)), 0, 0, 0)
	if errno != 0 {
		return 0 // EINTR: the caller comes again
	}
	return int(n)
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

func (e *epoll) close() {
	e.wake.close()
	e.leave()
	unix.Close(e.fd)
}
