package wire

import "tokmeter/internal/record"

// misses reports whether the server ended the connection before it took the
// request, so that it can go again on another one: its kernel acknowledged no
// byte of it. It asks our kernel, and so before the connection is closed on this
// side too.
//
// A request that was acknowledged may have been read, and so may one that was
// answered by a reset, which overtakes acknowledgements. Where a kernel does not
// tell, every request may have been.
func (s *stampConn) misses() bool {
	if s.sent.Load() == 0 || s.bytesOut.Load() == 0 {
		return true
	}
	if s.broken.Load() {
		return false
	}
	none, known := s.sys.untaken(s.bytesOut.Load())
	return known && none
}

// unasked reports whether an answer is none to the request: it reached this
// side before the request was sent, or while no byte of it was acknowledged.
// Proxies say 408 on a connection on which no request came in their time.
func (s *stampConn) unasked(status int, first record.Stamp) bool {
	const requestTimeout = 408
	if status < 400 {
		return false
	}
	// Stamps are never before the request, so one that was is equal to it.
	if status == requestTimeout && s.plain.Load() == 0 && int64(first) == s.sent.Load() {
		return true
	}
	none, known := s.sys.untaken(s.bytesOut.Load())
	return known && none
}
