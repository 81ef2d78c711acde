package wire

import (
	"context"
	"net"
	"os"
	"sync/atomic"
	"syscall"
	"time"

	"golang.org/x/sys/unix"

	"tokmeter/internal/record"
)

// A line is a link that a loop reads. Requests are written by their own
// goroutines.
type line struct {
	loop          *loop
	fd            int
	local, remote net.Addr
	dialed        record.Stamp

	reply    atomic.Pointer[reply] // under way; nil at rest
	unread   atomic.Bool           // something happened at rest
	blocked  atomic.Bool           // the request waits for room
	answered atomic.Bool           // bytes came since begin
	broken   atomic.Bool           // a read found the connection reset
	failed   atomic.Pointer[error] // why the loop cannot read it
	shut     atomic.Bool
	spoke    atomic.Bool   // something came at rest that was taken from the kernel
	signal   chan struct{} // look again: the reply is over, or there is room
	sent     atomic.Int64  // stamp before the first write since begin; 0 before it

	// The request's goroutine's.
	wrote    record.Stamp
	bytesOut int64
	unmet    bool
	lost     losses // by the end of the request before

	// The loop's while a reply is under way, else the goroutine's.
	last     record.Stamp  // stamp of the last read
	lag      time.Duration // worst reader's time − kernel's time − interval since begin
	interval time.Duration // the longest in force since begin
	reads    int64
	plain    int64 // of these, reads that the kernel did not stamp
	bytesIn  int64
	gaps     gapFilter
	timer    *time.Timer // of hurry

	// The loop's.
	number uint32 // see uring
	stash  []arrival
}

func (ln *line) begin() {
	ln.sent.Store(0)
	ln.answered.Store(false)
	ln.wrote, ln.bytesOut = 0, 0
	ln.lag, ln.interval, ln.reads, ln.plain, ln.bytesIn, ln.gaps = 0, 0, 0, 0, 0, gapFilter{}
}

func (ln *line) account(t *record.Timing) {
	t.BytesIn += ln.bytesIn
	t.BytesOut += ln.bytesOut
	t.Lag, t.ReadInterval = max(t.Lag, ln.lag), max(t.ReadInterval, ln.interval)
	t.KernelStamped = ln.reads > 0 && ln.plain == 0
	t.Sent, t.Wrote = record.Stamp(ln.sent.Load()), ln.wrote
	if !ln.shut.Load() { // the number may be another connection's
		now, ok := lossesAt(ln.fd)
		ln.lost.take(t, now, ok)
	}
}

func (ln *line) lastStamp() record.Stamp { return max(ln.last, record.Stamp(ln.sent.Load())) }
func (ln *line) made() record.Stamp      { return ln.dialed }
func (ln *line) rest() bool              { return true }
func (ln *line) missed() bool            { return ln.unmet }

func (ln *line) open() bool {
	readable, _ := peekAt(ln.fd)
	return !readable && !ln.spoke.Load()
}

func (ln *line) unasked(status int, first record.Stamp) bool {
	before := ln.plain == 0 && int64(first) == ln.sent.Load()
	return unasked(status, before, ln.bytesOut, ln.untaken)
}

func (ln *line) untaken(n int64) (none, known bool) { return untakenAt(ln.fd, n) }

// converse writes the request and waits until the loop has read the reply.
func (ln *line) converse(ctx context.Context, request []byte, wrote func(), r *reply) error {
	var ended atomic.Bool
	abort := job{what: jobStop, line: ln, reply: r}
	stop := context.AfterFunc(ctx, func() {
		ended.Store(true)
		ln.loop.post(abort)
	})
	defer stop()
	ln.loop.active.Add(1)
	ln.sent.Store(int64(ln.loop.clock.Now()))
	ln.reply.Store(r)
	if ended.Load() {
		ln.loop.post(abort) // the first one may have come before its reply
	}
	err := ln.write(request)
	ln.wrote = ln.loop.clock.Now()
	wrote()
	ln.blocked.Store(false)
	if ln.unread.Swap(false) || ln.failed.Load() != nil {
		ln.loop.post(job{what: jobRead, line: ln, reply: r})
	}
	for ln.reply.Load() != nil {
		<-ln.signal
	}
	return err
}

// write writes all of p.
func (ln *line) write(p []byte) error {
	for len(p) > 0 {
		n, err := unix.Write(ln.fd, p)
		switch {
		case err == nil:
			ln.bytesOut += int64(n)
			p = p[n:]
		case err == unix.EINTR:
		case err == unix.EAGAIN:
			if !ln.awaitRoom() {
				return errAnswered
			}
		default:
			errno, _ := err.(syscall.Errno)
			return ln.opError("write", "write", errno)
		}
	}
	return nil
}

// awaitRoom waits until something may be written. It returns false when that
// makes no sense any more: the server has answered, or the request was ended.
func (ln *line) awaitRoom() bool {
	if !ln.blocked.Swap(true) {
		ln.loop.post(job{what: jobRoom, line: ln})
		return true // there may be room since, which nobody was told of
	}
	slice := time.NewTimer(writeSlice)
	defer slice.Stop()
	select {
	case <-ln.signal:
		ln.blocked.Store(false)
		return ln.reply.Load() != nil
	case <-slice.C:
		return !ln.answered.Load()
	}
}

// wakeUp has the goroutine of the request look again.
func (ln *line) wakeUp() {
	select {
	case ln.signal <- struct{}{}:
	default:
	}
}

// hurry is called by the loop.
func (ln *line) hurry(d time.Duration) {
	if ln.timer != nil {
		ln.timer.Stop()
	}
	r := ln.reply.Load()
	ln.timer = time.AfterFunc(d, func() { ln.loop.post(job{what: jobStop, line: ln, reply: r}) })
}

func (ln *line) Close() error {
	if !ln.shut.Swap(true) {
		ln.unmet = missed(ln.sent.Load(), ln.bytesOut, ln.broken.Load(), ln.untaken)
		ln.loop.post(job{what: jobClose, line: ln})
	}
	return nil
}

func (ln *line) opError(op, call string, errno syscall.Errno) error {
	return &net.OpError{Op: op, Net: "tcp", Source: ln.local, Addr: ln.remote, Err: os.NewSyscallError(call, errno)}
}
