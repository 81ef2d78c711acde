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
	return missed(s.sent.Load(), s.bytesOut.Load(), s.broken.Load(), s.sys.untaken)
}

func missed(sent, bytesOut int64, broken bool, untaken func(int64) (none, known bool)) bool {
	if sent == 0 || bytesOut == 0 {
		return true
	}
	if broken {
		return false
	}
	none, known := untaken(bytesOut)
	return known && none
}

// unasked reports whether an answer is none to the request: it reached this
// side before the request was sent, or while no byte of it was acknowledged.
// Proxies say 408 on a connection on which no request came in their time.
func (s *stampConn) unasked(status int, first record.Stamp) bool {
	before := s.plain.Load() == 0 && int64(first) == s.sent.Load()
	return unasked(status, before, s.bytesOut.Load(), s.sys.untaken)
}

func unasked(status int, before bool, bytesOut int64, untaken func(int64) (none, known bool)) bool {
	const requestTimeout = 408
	if status < 400 {
		return false
	}
	// Stamps are never before the request, so one that was is equal to it.
	if status == requestTimeout && before {
		return true
	}
	none, known := untaken(bytesOut)
	return known && none
}
