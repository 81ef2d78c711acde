package wire

import (
	"errors"
	"io"
	"net"
	"os"
	"sync"
	"sync/atomic"
	"syscall"
	"time"

	"tokmeter/internal/record"
)

// A stampConn is a TCP connection whose reads are stamped: by the kernel where
// it does that (see stamp_linux.go), else by the clock right after the read.
// Its counters are atomic because net/http reads and writes from goroutines of
// its own.
type stampConn struct {
	net.Conn
	clock  *Clock
	sys    socket
	dialed record.Stamp
	gone   func() // called once when the connection is closed

	once     sync.Once
	last     atomic.Int64 // stamp of the last read, never before the last write began
	sent     atomic.Int64 // stamp before the first write since begin; 0 before it
	wrote    atomic.Int64 // stamp after the last write
	lag      atomic.Int64 // worst reader's time − kernel's time since begin
	reads    atomic.Int64 // reads since begin that brought bytes
	plain    atomic.Int64 // of these, reads that the kernel did not stamp
	bytesIn  atomic.Int64
	bytesOut atomic.Int64
	ended    atomic.Bool // a read came to the end of the stream
	stopped  atomic.Bool // abort was called
	broken   atomic.Bool // a read found the connection reset
	unmet    atomic.Bool // once it is closed: the server had not taken the request; see misses
	patient  bool        // a blocked write gives up when an answer is there
	waited   bool        // it was idle before its request, which may meet its end
	idle     idleness
	lost     losses // by the end of the request before
}

func newStampConn(c net.Conn, clock *Clock, dialed record.Stamp) (*stampConn, error) {
	s := &stampConn{Conn: c, clock: clock, dialed: dialed}
	return s, s.sys.open(c)
}

// begin starts counting for a request.
func (s *stampConn) begin() {
	s.sent.Store(0)
	s.lag.Store(0)
	s.reads.Store(0)
	s.plain.Store(0)
	s.bytesIn.Store(0)
	s.bytesOut.Store(0)
}

// account adds what was counted since begin to t.
func (s *stampConn) account(t *record.Timing) {
	t.BytesIn += s.bytesIn.Load()
	t.BytesOut += s.bytesOut.Load()
	t.Lag = max(t.Lag, time.Duration(s.lag.Load()))
	t.KernelStamped = s.reads.Load() > 0 && s.plain.Load() == 0
	now, ok := s.sys.losses()
	s.lost.take(t, now, ok)
}

func (s *stampConn) lastStamp() record.Stamp { return record.Stamp(s.last.Load()) }

// Read reads and keeps the moment at which the kernel received the last of the
// bytes read.
func (s *stampConn) Read(p []byte) (int, error) {
	if len(p) == 0 {
		return 0, nil
	}
	n, wall, err := s.sys.read(s.Conn, p)
	if err != nil {
		if errors.Is(err, syscall.ECONNRESET) {
			s.broken.Store(true)
			s.idle.end(s.clock.Now())
		}
		return 0, err
	}
	if n == 0 {
		s.ended.Store(true)
		s.idle.end(s.clock.Now())
		return 0, io.EOF
	}
	now := s.clock.Now()
	at := now
	if wall != 0 {
		at = s.clock.fromWall(wall, now)
		if lag := int64(now - at); lag > s.lag.Load() {
			s.lag.Store(lag)
		}
	} else {
		s.plain.Add(1)
	}
	// A step of the wall clock must not put an answer before its question, nor
	// the bytes of one connection out of order.
	s.last.Store(max(int64(at), s.last.Load()))
	s.reads.Add(1)
	s.bytesIn.Add(int64(n))
	return n, nil
}

// errAnswered ends a write that the server does not take because it has
// already answered.
var errAnswered = errors.New("the server answered before it took the whole request")

const (
	// atOnce is a write that any idle connection takes without blocking.
	atOnce = 16 << 10
	// writeSlice is how long a write is blocked before it looks for an answer.
	writeSlice = 100 * time.Millisecond
)

// Write writes all of p. The moment before the first byte is kept.
func (s *stampConn) Write(p []byte) (n int, err error) {
	now := int64(s.clock.Now())
	if s.sent.CompareAndSwap(0, now) {
		s.last.Store(max(now, s.last.Load()))
	}
	// Before the write, for net/http may see the end during it: see misses.
	s.bytesOut.Add(int64(len(p)))
	if s.patient && len(p) > atOnce {
		n, err = s.writeWatching(p)
	} else {
		n, err = s.Conn.Write(p)
	}
	s.wrote.Store(int64(s.clock.Now()))
	s.bytesOut.Add(int64(n - len(p)))
	return n, err
}

func (s *stampConn) writeWatching(p []byte) (n int, err error) {
	for {
		if err := s.SetWriteDeadline(time.Now().Add(writeSlice)); err != nil {
			return n, err
		}
		if s.stopped.Load() {
			return n, os.ErrDeadlineExceeded
		}
		m, err := s.Conn.Write(p[n:])
		n += m
		if !errors.Is(err, os.ErrDeadlineExceeded) || s.stopped.Load() {
			if err == nil {
				err = s.SetWriteDeadline(time.Time{})
			}
			return n, err
		}
		if readable, _ := s.sys.peek(); readable {
			return n, errAnswered
		}
	}
}

// limitReads lets reads fail after d.
func (s *stampConn) limitReads(d time.Duration) {
	_ = s.SetReadDeadline(time.Now().Add(d))
	if s.stopped.Load() {
		_ = s.SetReadDeadline(time.Unix(1, 0))
	}
}

// abort ends every read and write, under way and to come.
func (s *stampConn) abort() {
	s.stopped.Store(true)
	_ = s.SetDeadline(time.Unix(1, 0))
}

// Close closes the connection once.
func (s *stampConn) Close() (err error) {
	s.once.Do(func() {
		s.unmet.Store(s.misses())
		s.idle.shut()
		err = s.Conn.Close()
		if s.gone != nil {
			s.gone()
		}
	})
	return err
}

// missed reports, once the connection is closed, whether the server had not
// taken the request.
func (s *stampConn) missed() bool { return s.unmet.Load() }
