package socket

import (
	"errors"
	"io"
	"net"
	"syscall"
	"time"
	"unsafe"

	"golang.org/x/sys/unix"
)

// A Conn is a connection whose reads are stamped by the kernel and whose
// streamed writes never block.
type Conn struct {
	net.Conn
	under *Conn // that carries the TLS of this one; nil for a plain connection
	raw   syscall.RawConn
	oob   [64]byte
	stamp int64
}

func New(nc net.Conn) (*Conn, error) {
	tc, ok := nc.(*net.TCPConn)
	if !ok {
		return nil, errors.New("simulator: not a TCP connection")
	}
	raw, err := tc.SyscallConn()
	if err != nil {
		return nil, err
	}
	var serr error
	err = raw.Control(func(fd uintptr) {
		serr = unix.SetsockoptInt(int(fd), unix.SOL_SOCKET, unix.SO_TIMESTAMPNS, 1)
	})
	return &Conn{Conn: nc, raw: raw}, errors.Join(err, serr)
}

// Read reads and remembers the kernel's stamp of what it read.
func (c *Conn) Read(p []byte) (int, error) {
	if c.under != nil {
		return c.Conn.Read(p)
	}
	var n, oobn int
	var rerr error
	err := c.raw.Read(func(fd uintptr) bool {
		n, oobn, _, _, rerr = unix.Recvmsg(int(fd), p, c.oob[:], unix.MSG_DONTWAIT)
		return rerr != unix.EAGAIN && rerr != unix.EINTR
	})
	if err == nil {
		err = rerr
	}
	if err != nil {
		return 0, err
	}
	if n == 0 {
		return 0, io.EOF
	}
	c.stamp = time.Now().UnixNano()
	if oobn >= unix.CmsgLen(int(unsafe.Sizeof(unix.Timespec{}))) {
		h := (*unix.Cmsghdr)(unsafe.Pointer(&c.oob[0]))
		if h.Level == unix.SOL_SOCKET && h.Type == unix.SCM_TIMESTAMPNS {
			ts := *(*unix.Timespec)(unsafe.Pointer(&c.oob[unix.CmsgLen(0)]))
			c.stamp = ts.Nano()
		}
	}
	return n, nil
}

// Arrived is the stamp of the last read, in wall nanoseconds.
func (c *Conn) Arrived() int64 {
	if c.under != nil {
		return c.under.stamp
	}
	return c.stamp
}

// TryWrite writes what the kernel takes now.
func (c *Conn) TryWrite(p []byte) (int, error) {
	if c.under != nil {
		return 0, nil // a part of a record can't be taken back
	}
	var n int
	var werr error
	err := c.raw.Write(func(fd uintptr) bool {
		n, werr = unix.Write(int(fd), p)
		return true
	})
	if err != nil {
		return 0, err
	}
	if werr == unix.EAGAIN || werr == unix.EINTR {
		return 0, nil
	}
	return max(n, 0), werr
}
