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
		return errNoDescriptor(c)
	}
	s.raw, err = sc.SyscallConn()
	s.recv, s.look = s.recvmsg, s.peekByte
	return err
}

func errNoDescriptor(c net.Conn) error {
	return fmt.Errorf("connection to %s has no file descriptor", c.RemoteAddr())
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
	return s.got, stampOf(&s.msg, &s.control), nil
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

// stampOf finds the kernel's time, in nanoseconds since 1970, in the control
// message of a recvmsg; 0 when there is none.
func stampOf(msg *unix.Msghdr, control *[8]uint64) int64 {
	h := (*unix.Cmsghdr)(unsafe.Pointer(control))
	if msg.Controllen < unix.SizeofCmsghdr || h.Level != unix.SOL_SOCKET ||
		h.Type != unix.SO_TIMESTAMPNS && h.Type != unix.SO_TIMESTAMPNS_NEW {
		return 0
	}
	at := (*[unsafe.Sizeof(*control)]byte)(unsafe.Pointer(control))[unix.CmsgLen(0):]
	sec, nsec := binary.NativeEndian.Uint64(at), binary.NativeEndian.Uint64(at[8:])
	return int64(sec)*1e9 + int64(nsec)
}

// untaken reports whether the other side has acknowledged none of the last n
// bytes written.
func (s *socket) untaken(n int64) (none, known bool) {
	_ = s.raw.Control(func(fd uintptr) { none, known = untakenAt(int(fd), n) })
	return none, known
}

func untakenAt(fd int, n int64) (none, known bool) {
	queued, err := unix.IoctlGetInt(fd, unix.SIOCOUTQ)
	return int64(queued) >= n, err == nil
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
	s.readable, s.dead = peekAt(int(fd))
	return true
}

func peekAt(fd int) (readable, dead bool) {
	var b [1]byte
	for {
		n, _, err := unix.Recvfrom(fd, b[:], unix.MSG_PEEK|unix.MSG_DONTWAIT)
		switch err {
		case nil:
			return true, n == 0
		case unix.EINTR:
		case unix.EAGAIN:
			return false, false
		default:
			return true, true
		}
	}
}
