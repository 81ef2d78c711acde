//go:build !linux

package wire

import (
	"errors"
	"io"
	"net"
	"syscall"
)

// A socket reads as net does: this system's kernel gives no stamps.
type socket struct{}

func askStamps(_, _ string, _ syscall.RawConn) error { return nil }

// holdStamps has nothing to hold.
func holdStamps(*Clock) (release func()) { return func() {} }

func (s *socket) open(net.Conn) error { return nil }

// read gives the bytes read (0 at the end of the stream) and no wall time.
func (s *socket) read(c net.Conn, p []byte) (n int, wall int64, err error) {
	n, err = c.Read(p)
	if n > 0 || errors.Is(err, io.EOF) {
		err = nil
	}
	return n, 0, err
}

// untaken does not know.
func (s *socket) untaken(int64) (none, known bool) { return false, false }

// peek does not look: a closed connection shows itself at the first read.
func (s *socket) peek() (readable, dead bool) { return false, false }

// poll is for what peek found, which is nothing.
func (s *socket) poll(bool) {}
