package wire

import (
	"runtime"
	"syscall"

	"golang.org/x/sys/unix"
)

// A uring has the kernel receive on all lines by itself, into buffers that it
// was given: one call a round brings everything, and no line is read by a call
// of its own.
type uring struct {
	*ring
	count uint32 // lines added
}

func newUring() (watcher, error) {
	// The kernel takes submissions from the thread alone that made the ring. The
	// goroutine ends locked, so its thread ends with it.
	runtime.LockOSThread()
	g, err := newRing()
	if err != nil {
		return nil, err
	}
	return &uring{ring: g}, nil
}

// An arrival is what came on a line at rest.
type arrival struct {
	b     []byte
	wall  int64
	errno syscall.Errno
}

// mostAtRest bounds what is kept of a line at rest, in arrivals: it is not used
// again anyway.
const mostAtRest = 16

// A line's data in the ring tells it from others that had its descriptor.
func dataOf(ln *line) uint64 { return uint64(ln.number)<<32 | uint64(uint32(ln.fd)) }

func (u *uring) add(ln *line) error {
	u.count = (u.count + 1) & (1<<30 - 1)
	ln.number = u.count
	u.receive(ln.fd, dataOf(ln))
	return nil
}

// remove has the kernel let go of the connection, which else stayed open.
func (u *uring) remove(ln *line) {
	u.cancel(dataOf(ln))
	u.cancel(dataOf(ln) | dataRoom)
	u.enter(false)
}

func (u *uring) room(ln *line) { u.awaitRoom(ln.fd, dataOf(ln)|dataRoom) }

func (u *uring) turn(l *loop, block bool) {
	u.enter(block)
	u.each(func(data uint64, b []byte, wall int64, errno syscall.Errno, again bool) {
		switch data {
		case dataNothing:
			return
		case dataWake:
			if u.wake.hush(); again {
				u.watchWake()
			}
			return
		}
		ln := l.lineAt(int(uint32(data)))
		switch {
		case ln == nil || dataOf(ln) != data&^dataRoom:
		case data&dataRoom != 0:
			ln.wakeUp()
		case errno == unix.ENOBUFS:
			u.receive(ln.fd, data)
		case errno == unix.ECANCELED:
		default:
			if u.came(l, ln, b, wall, errno); again && len(b) > 0 {
				u.receive(ln.fd, data)
			}
		}
	})
}

// came hands what came on a line to its reply, or keeps it where there is none.
func (u *uring) came(l *loop, ln *line, b []byte, wall int64, errno syscall.Errno) {
	r := ln.reply.Load()
	if r != nil && len(ln.stash) == 0 {
		l.took(ln, r, b, wall, errno)
		return
	}
	if len(ln.stash) < mostAtRest {
		ln.stash = append(ln.stash, arrival{append([]byte(nil), b...), wall, errno})
	}
	ln.spoke.Store(true)
	ln.unread.Store(true)
	if r = ln.reply.Load(); r != nil {
		u.again(l, ln, r)
	}
}

// again hands on what came while the line was at rest.
func (u *uring) again(l *loop, ln *line, r *reply) {
	for len(ln.stash) > 0 {
		a := ln.stash[0]
		ln.stash = ln.stash[1:]
		if l.took(ln, r, a.b, a.wall, a.errno) {
			return
		}
	}
}

func (u *uring) wakeUp() { u.wake.ring() }
