package wire

import (
	"encoding/binary"
	"fmt"
	"net"
	"os"
	"syscall"
	"unsafe"

	"golang.org/x/sys/unix"
)

// A socket reads with recvmsg, so that the kernel's stamp comes with the
// bytes. What the calls need lives here: nothing is allocated for a read.
type socket struct {
	raw     syscall.RawConn
	msg     unix.Msghdr
	iov     unix.Iovec
	control [8]uint64 // aligned for a control message with a timespec
	recv    func(fd uintptr) bool
	got     int
	errno   syscall.Errno
	polling bool // read gives EAGAIN instead of waiting

	look     func(fd uintptr) bool
	lookByte [1]byte
	readable bool
	dead     bool
}

// askStamps is a net.Dialer's Control. A kernel that knows no stamps gives
// none, and every read then says so.
func askStamps(_, _ string, c syscall.RawConn) error {
	option := unix.SO_TIMESTAMPNS_NEW // 64-bit seconds on 32-bit systems too
	if unsafe.Sizeof(uintptr(0)) == 8 {
		option = unix.SO_TIMESTAMPNS
	}
	return c.Control(func(fd uintptr) {
		_ = unix.SetsockoptInt(int(fd), unix.SOL_SOCKET, option, 1)
	})
}

func (s *socket) open(c net.Conn) (err error) {
	sc, ok := c.(syscall.Conn)
	if !ok {
		return fmt.Errorf("connection to %s has no file descriptor", c.RemoteAddr())
	}
	s.raw, err = sc.SyscallConn()
	s.recv, s.look = s.recvmsg, s.peekByte
	return err
}

// read gives the bytes read (0 at the end of the stream) and the wall time in
// nanoseconds at which the kernel received them, 0 when it did not say.
func (s *socket) read(c net.Conn, p []byte) (n int, wall int64, err error) {
	s.iov.Base = &p[0]
	s.iov.SetLen(len(p))
	s.msg = unix.Msghdr{Iov: &s.iov, Control: (*byte)(unsafe.Pointer(&s.control))}
	s.msg.SetIovlen(1)
	s.msg.SetControllen(int(unsafe.Sizeof(s.control)))
	err = s.raw.Read(s.recv)
	s.iov.Base = nil
	if err != nil {
		return 0, 0, err
	}
	if s.errno != 0 {
		return 0, 0, &net.OpError{Op: "read", Net: "tcp", Source: c.LocalAddr(), Addr: c.RemoteAddr(), Err: os.NewSyscallError("recvmsg", s.errno)}
	}
	return s.got, s.stamp(), nil
}

// recvmsg returns false when the poller must wait for bytes.
func (s *socket) recvmsg(fd uintptr) bool {
	for {
		// The call never blocks, so the scheduler need not be told of it: telling
		// it costs a fifth of the client's CPU time.
		n, _, errno := unix.RawSyscall(unix.SYS_RECVMSG, fd, uintptr(unsafe.Pointer(&s.msg)), unix.MSG_DONTWAIT)
		if errno == unix.EINTR {
			continue
		}
		s.got, s.errno = int(n), errno
		return errno != unix.EAGAIN || s.polling
	}
}

// stamp finds the time in the control message of the last recvmsg.
func (s *socket) stamp() int64 {
	h := (*unix.Cmsghdr)(unsafe.Pointer(&s.control))
	if s.msg.Controllen < unix.SizeofCmsghdr || h.Level != unix.SOL_SOCKET ||
		h.Type != unix.SO_TIMESTAMPNS && h.Type != unix.SO_TIMESTAMPNS_NEW {
		return 0
	}
	control := (*[unsafe.Sizeof(s.control)]byte)(unsafe.Pointer(&s.control))
	at := control[unix.CmsgLen(0):]
	sec, nsec := binary.NativeEndian.Uint64(at), binary.NativeEndian.Uint64(at[8:])
	return int64(sec)*1e9 + int64(nsec)
}

// untaken reports whether the other side has acknowledged none of the last n
// bytes written.
func (s *socket) untaken(n int64) (none, known bool) {
	_ = s.raw.Control(func(fd uintptr) {
		queued, err := unix.IoctlGetInt(int(fd), unix.SIOCOUTQ)
		none, known = int64(queued) >= n, err == nil
	})
	return none, known
}

// poll lets reads give EAGAIN where they would wait, while it is on.
func (s *socket) poll(on bool) { s.polling = on }

// peek looks without waiting: are there bytes to read, has the server closed?
func (s *socket) peek() (readable, dead bool) {
	if err := s.raw.Read(s.look); err != nil {
		return false, true
	}
	return s.readable, s.dead
}

func (s *socket) peekByte(fd uintptr) bool {
	for {
		n, _, errno := unix.Syscall6(unix.SYS_RECVFROM, fd, uintptr(unsafe.Pointer(&s.lookByte)), 1, unix.MSG_PEEK|unix.MSG_DONTWAIT, 0, 0)
		switch {
		case errno == unix.EINTR:
			continue
		case errno == unix.EAGAIN:
			s.readable, s.dead = false, false
		case errno != 0:
			s.readable, s.dead = true, true
		default:
			s.readable, s.dead = true, n == 0
		}
		return true
	}
}
