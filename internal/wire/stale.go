package wire

import (
	"errors"
	"syscall"
	"time"

	"tokmeter/internal/record"
)

// staleWithin bounds how long after sending a reused connection may break
// without an answer and still count as stale. A close that crossed the request
// on its way arrives within one round trip.
const staleWithin = time.Second

// noteBroken keeps that the connection was reset.
func (s *stampConn) noteBroken(err error) {
	if errors.Is(err, syscall.ECONNRESET) || errors.Is(err, syscall.EPIPE) {
		s.broken.Store(true)
	}
}

// misses reports whether the server closed the connection before it took the
// request, so that it can go again on another one. It asks the kernel, and so
// before the connection is closed on this side too.
//
// A server that closed before the request came acknowledged no byte of it; one
// that closed while it lay unread sent a reset. An orderly end after the
// request was acknowledged is that of a server that took it and failed.
func (s *stampConn) misses() bool {
	if !s.broken.Load() {
		if none, known := s.sys.untaken(s.bytesOut.Load()); known {
			return none
		}
	}
	sent := record.Stamp(s.sent.Load())
	return sent == 0 || s.clock.Now().Sub(sent) < staleWithin
}
