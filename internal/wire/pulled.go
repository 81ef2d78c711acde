package wire

import (
	"context"
	"errors"
	"net"
	"syscall"
	"time"

	"tokmeter/internal/record"
)

const (
	smallBuffer = 4 << 10  // read buffer of a connection: 5,000 of them are 20 MB
	largeBuffer = 32 << 10 // to which it grows when reads fill it
)

// A pulled is a link that is read by the goroutine of the request, through Go's
// own poller: on every system, and with TLS over it.
type pulled struct {
	*stampConn
	rw  net.Conn // the stampConn, or TLS over it
	buf []byte
}

func (p *pulled) made() record.Stamp { return p.dialed }

func (p *pulled) hurry(d time.Duration) { p.limitReads(d) }

func (p *pulled) account(t *record.Timing) {
	p.stampConn.account(t)
	t.Sent, t.Wrote = record.Stamp(p.sent.Load()), record.Stamp(p.wrote.Load())
}

func (p *pulled) converse(ctx context.Context, request []byte, wrote func(), r *reply) error {
	aborted := make(chan struct{})
	stop := context.AfterFunc(ctx, func() {
		p.abort()
		close(aborted)
	})
	_, err := p.rw.Write(request)
	wrote()
	for !r.isOver() {
		p.read(r)
	}
	if !stop() {
		<-aborted
	}
	return err
}

func (p *pulled) read(r *reply) {
	if p.buf == nil {
		p.buf = make([]byte, smallBuffer)
	}
	n, err := p.rw.Read(p.buf)
	if n > 0 && r.whole {
		n = p.readOn(n)
	}
	if n == 0 && err != nil {
		r.stop(err)
		return
	}
	r.push(p.buf[:n], p.lastStamp())
	if n == len(p.buf) && n < largeBuffer {
		p.buf = make([]byte, 2*n)
	}
}

// wholeRead is the most bytes that are one read to a reply that is cut by reads:
// what Python's asyncio takes from a socket at once.
const wholeRead = 256 << 10

// readOn adds what has come to the n bytes read, without waiting for more.
func (p *pulled) readOn(n int) int {
	p.sys.poll(true)
	defer p.sys.poll(false)
	for {
		if n == len(p.buf) {
			if n >= wholeRead {
				return n
			}
			p.buf = append(p.buf, make([]byte, n)...)
		}
		// An end that comes here comes again at the next read.
		m, err := p.rw.Read(p.buf[n:])
		if n += m; err != nil {
			return n
		}
	}
}

func (p *pulled) rest() bool {
	if len(p.buf) > smallBuffer {
		p.buf = nil
	}
	return p.SetDeadline(time.Time{}) == nil
}

func (p *pulled) open() bool {
	readable, dead := p.sys.peek()
	if dead || readable && p.rw == net.Conn(p.stampConn) {
		return false
	}
	if !readable {
		return true
	}
	// TLS has records of its own, which reading takes off: tickets, or an end.
	p.sys.poll(true)
	defer p.sys.poll(false)
	var spoken [1]byte
	n, err := p.rw.Read(spoken[:])
	return n == 0 && errors.Is(err, syscall.EAGAIN)
}
