package wire

import (
	"io"
	"net"
	"os"
	"runtime"
	"sync"
	"sync/atomic"
	"syscall"
	"time"

	"golang.org/x/sys/unix"

	"tokmeter/internal/record"
)

// A loop is one thread that reads many lines. It reads what is ready, round by
// round, and runs everything that an answer needs up to its handler, so that no
// goroutine wakes for an event. See interval for the time between two rounds.
type loop struct {
	clock *Clock
	in    watcher
	lines []*line // by descriptor; nil for those that are not read here
	every interval
	began time.Time // the round

	active atomic.Int64 // replies under way

	mu     sync.Mutex
	jobs   []job // posted and not yet taken
	spare  []job
	asleep bool // only an event or a wake-up ends the wait
	closed bool // no job is taken any more
	gone   chan struct{}
}

// A job is what others ask of a loop.
type job struct {
	what  jobKind
	line  *line
	reply *reply // that the job is for: another one is left alone
}

type jobKind uint8

const (
	jobAdd   jobKind = iota // read the line from then on
	jobRead                 // look at the line, whether it is ready or not
	jobRoom                 // have the line's goroutine look again when there is room to write
	jobStop                 // end the reply with errDeadline
	jobClose                // close the line
	jobEnd                  // end the loop, and close all lines
)

// maxReads is how often one line is read in a row, so that a fast server does
// not make the others wait.
const maxReads = 4

// A watcher is how a loop learns of its lines. All but wakeUp is for the loop's
// thread, which made it.
type watcher interface {
	// add watches a line from then on.
	add(ln *line) error
	// remove ends that, before the line is closed.
	remove(ln *line)
	// room wakes a line's goroutine once it may write again.
	room(ln *line)
	// turn hands what came to the loop; block waits for it.
	turn(l *loop, block bool)
	// again looks at a line of which something was told before its reply was under
	// way.
	again(l *loop, ln *line, r *reply)
	// wakeUp ends a turn that waits.
	wakeUp()
	close()
}

// newLoop starts a loop whose thread makes its watcher.
func newLoop(clock *Clock, rounds time.Duration, watch func() (watcher, error)) (*loop, error) {
	l := &loop{clock: clock, every: interval{now: rounds, fixed: rounds > 0}, gone: make(chan struct{})}
	ready := make(chan error)
	go l.run(watch, ready)
	return l, <-ready
}

// adopt takes over a connection: c itself is closed.
func (l *loop) adopt(c net.Conn, dialed record.Stamp) (*line, error) {
	defer c.Close()
	sc, ok := c.(syscall.Conn)
	if !ok {
		return nil, errNoDescriptor(c)
	}
	raw, err := sc.SyscallConn()
	if err != nil {
		return nil, err
	}
	// A descriptor of its own is one that Go's poller does not watch.
	fd, dup := -1, error(nil)
	err = raw.Control(func(theirs uintptr) { fd, dup = unix.FcntlInt(theirs, unix.F_DUPFD_CLOEXEC, 0) })
	if err == nil {
		err = os.NewSyscallError("fcntl", dup)
	}
	if err != nil {
		return nil, err
	}
	ln := &line{loop: l, fd: fd, local: c.LocalAddr(), remote: c.RemoteAddr(), dialed: dialed, signal: make(chan struct{}, 1)}
	if !l.post(job{what: jobAdd, line: ln}) {
		return nil, errClosed
	}
	return ln, nil
}

// post asks for a job. It reports whether the loop is there to do it; what
// cannot be done any more is done to a line at once: it is closed.
func (l *loop) post(j job) bool {
	l.mu.Lock()
	if l.closed {
		l.mu.Unlock()
		if j.what == jobAdd {
			_ = unix.Close(j.line.fd)
		}
		return false
	}
	l.jobs = append(l.jobs, j)
	wake := l.asleep
	l.asleep = false
	l.mu.Unlock()
	if wake {
		l.in.wakeUp()
	}
	return true
}

// close ends the loop and closes its lines. No reply is under way.
func (l *loop) close() {
	l.post(job{what: jobEnd})
	<-l.gone
}

// run is the loop's goroutine.
func (l *loop) run(watch func() (watcher, error), ready chan<- error) {
	defer close(l.gone)
	var err error
	l.in, err = watch()
	if ready <- err; err != nil {
		return
	}
	l.settle(0)
	for {
		l.rest()
		l.in.turn(l, l.mayBlock())
		if !l.work() {
			return
		}
		before := l.every.now
		l.every.decide(l.clock.Now(), int(l.active.Load()))
		l.settle(before)
	}
}

// settle keeps the loop on a thread of its own while it reads in rounds, which
// wakes at its time and not up to 50 µs later as others do.
func (l *loop) settle(before time.Duration) {
	switch rounds := l.every.now > 0; {
	case rounds == (before > 0):
	case rounds:
		runtime.LockOSThread()
		_ = unix.Prctl(unix.PR_SET_TIMERSLACK, 1, 0, 0, 0) // a refusal costs exactness alone
	default:
		_ = unix.Prctl(unix.PR_SET_TIMERSLACK, 0, 0, 0, 0) // the usual one
		runtime.UnlockOSThread()
	}
}

// rest lets events gather until the next round.
func (l *loop) rest() {
	if every := l.every.now; every > 0 {
		if left := every - time.Since(l.began); left > 0 {
			ts := unix.NsecToTimespec(int64(left))
			_ = unix.Nanosleep(&ts, nil) // a signal only makes the round shorter
		}
		l.began = time.Now()
	}
}

// mayBlock reports whether the loop may wait for events, and says so to those
// who post.
func (l *loop) mayBlock() bool {
	if l.every.now > 0 {
		return false
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	l.asleep = len(l.jobs) == 0
	return l.asleep
}

// took pushes what a read of a line brought into its reply: no bytes are the
// end. It reports whether the reply is over.
func (l *loop) took(ln *line, r *reply, b []byte, wall int64, errno syscall.Errno) bool {
	switch {
	case errno != 0:
		ln.broken.Store(ln.broken.Load() || errno == unix.ECONNRESET)
		r.stop(ln.opError("read", "recvmsg", errno))
	case len(b) == 0:
		r.stop(io.EOF)
	default:
		r.push(b, l.stamp(ln, len(b), wall))
	}
	if r.isOver() {
		l.finish(ln)
		return true
	}
	return false
}

// stamp accounts for a read of n bytes and gives the moment at which the kernel
// had the last of them.
func (l *loop) stamp(ln *line, n int, wall int64) record.Stamp {
	now := l.clock.Now()
	at := now
	if wall != 0 {
		at = l.clock.fromWall(wall, now)
		ln.lag = max(ln.lag, now.Sub(at)-l.every.now)
	} else {
		ln.plain++
	}
	// A step of the wall clock must not put an answer before its question, nor
	// the bytes of one connection out of order.
	at = max(at, ln.last, record.Stamp(ln.sent.Load()))
	ln.gaps.next(at.Sub(ln.last), &l.every)
	ln.interval = max(ln.interval, l.every.now)
	ln.last = at
	ln.reads++
	ln.bytesIn += int64(n)
	if ln.reads == 1 {
		ln.answered.Store(true)
	}
	l.every.events++
	return at
}

// finish gives a line back to the goroutine of its request.
func (l *loop) finish(ln *line) {
	if ln.timer != nil {
		ln.timer.Stop()
		ln.timer = nil
	}
	l.active.Add(-1)
	ln.reply.Store(nil)
	ln.wakeUp()
}

// work does what was posted. It returns false when the loop is to end.
func (l *loop) work() bool {
	l.mu.Lock()
	l.asleep = false
	l.jobs, l.spare = l.spare[:0], l.jobs
	l.mu.Unlock()
	for i, j := range l.spare {
		l.spare[i] = job{}
		switch j.what {
		case jobAdd:
			l.add(j.line)
		case jobRead:
			l.reread(j.line, j.reply)
		case jobStop:
			if j.line.reply.Load() == j.reply {
				j.reply.stop(errDeadline)
				l.finish(j.line)
			}
		case jobRoom:
			l.in.room(j.line)
		case jobClose:
			l.in.remove(j.line)
			l.lines[j.line.fd] = nil
			_ = unix.Close(j.line.fd)
		case jobEnd:
			l.end()
			return false
		}
	}
	return true
}

// reread looks at a line that has told of something before its reply was
// under way.
func (l *loop) reread(ln *line, r *reply) {
	if ln.reply.Load() != r {
		return
	}
	if err := ln.failed.Load(); err != nil {
		r.stop(*err)
		l.finish(ln)
		return
	}
	l.in.again(l, ln, r)
}

// lineAt is the line that has a descriptor, nil for none.
func (l *loop) lineAt(fd int) *line {
	if fd >= len(l.lines) {
		return nil
	}
	return l.lines[fd]
}

func (l *loop) add(ln *line) {
	for len(l.lines) <= ln.fd {
		l.lines = append(l.lines, nil)
	}
	l.lines[ln.fd] = ln
	if err := l.in.add(ln); err != nil {
		ln.failed.Store(&err)
		if r := ln.reply.Load(); r != nil {
			l.reread(ln, r)
		}
	}
}

func (l *loop) end() {
	l.mu.Lock()
	l.closed = true
	rest := l.jobs
	l.jobs = nil
	l.mu.Unlock()
	for _, j := range rest {
		if j.what == jobAdd {
			_ = unix.Close(j.line.fd)
		}
	}
	for _, ln := range l.lines {
		if ln != nil {
			// The watcher may hold the connection for a moment longer.
			_ = unix.Shutdown(ln.fd, unix.SHUT_RDWR)
			_ = unix.Close(ln.fd)
		}
	}
	l.in.close()
}
