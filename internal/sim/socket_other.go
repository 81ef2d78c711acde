//go:build !linux

package sim

import (
	"errors"
	"net"
	"os"
	"time"
)

// A socket is a connection whose reads are stamped by the reader, since this
// system's kernel is not asked.
type socket struct {
	net.Conn
	stamp int64
}

func newSocket(nc net.Conn) (*socket, error) { return &socket{Conn: nc}, nil }

// Read reads and remembers when it did.
func (s *socket) Read(p []byte) (int, error) {
	n, err := s.Conn.Read(p)
	s.stamp = time.Now().UnixNano()
	return n, err
}

// arrived is the stamp of the last read, in wall nanoseconds.
func (s *socket) arrived() int64 { return s.stamp }

// retry is how long a write waits for a socket that is full.
const retry = time.Millisecond

// write writes what the kernel takes within a short moment.
func (s *socket) write(p []byte) (int, error) {
	if err := s.SetWriteDeadline(time.Now().Add(retry)); err != nil {
		return 0, err
	}
	n, err := s.Conn.Write(p)
	if errors.Is(err, os.ErrDeadlineExceeded) {
		err = nil
	}
	return n, err
}
