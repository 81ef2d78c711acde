//go:build !linux

package socket

import (
	"errors"
	"net"
	"os"
	"time"
)

// A Conn is a connection whose reads are stamped by the reader, since this
// system's kernel is not asked.
type Conn struct {
	net.Conn
	under *Conn // that carries the TLS of this one; nil for a plain connection
	stamp int64
}

func New(nc net.Conn) (*Conn, error) { return &Conn{Conn: nc}, nil }

// Read reads and remembers when it did.
func (c *Conn) Read(p []byte) (int, error) {
	if c.under != nil {
		return c.Conn.Read(p)
	}
	n, err := c.Conn.Read(p)
	c.stamp = time.Now().UnixNano()
	return n, err
}

// Arrived is the stamp of the last read, in wall nanoseconds.
func (c *Conn) Arrived() int64 {
	if c.under != nil {
		return c.under.stamp
	}
	return c.stamp
}

// retry is how long a write waits for a socket that is full.
const retry = time.Millisecond

// TryWrite writes what the kernel takes within a short moment.
func (c *Conn) TryWrite(p []byte) (int, error) {
	if c.under != nil {
		return 0, nil // a part of a record can't be taken back
	}
	if err := c.SetWriteDeadline(time.Now().Add(retry)); err != nil {
		return 0, err
	}
	n, err := c.Conn.Write(p)
	if errors.Is(err, os.ErrDeadlineExceeded) {
		err = nil
	}
	return n, err
}
