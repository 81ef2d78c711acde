package wire

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"time"

	"tokmeter/internal/record"
)

const (
	smallBuffer = 4 << 10  // read buffer of a connection: 5,000 of them are 20 MB
	largeBuffer = 32 << 10 // to which it grows when reads fill it
)

// A conn is one connection of the native client. It is driven by one goroutine
// at a time.
type conn struct {
	raw       *stampConn
	rw        net.Conn // raw, or TLS over it
	pool      *pool
	buf       []byte
	r, w      int // buf[r:w] is read and not yet taken
	filled    bool
	cutter    cutter
	connected record.Stamp
	used      bool         // carried a request before
	rested    record.Stamp // its last answer ended then
	expires   record.Stamp // not to be used again after this; 0 for no limit
}

// errStale tells that the server had closed a reused connection before it took
// the request.
var errStale = errors.New("the kept connection was closed by the server")

// fill reads more bytes behind those not yet taken. The buffer grows when the
// read before filled it, or when a head does not fit.
func (k *conn) fill() error {
	if k.r == k.w {
		k.r, k.w = 0, 0
	}
	if k.w == len(k.buf) || k.filled && k.w == 0 && len(k.buf) < largeBuffer {
		grown := make([]byte, max(2*len(k.buf), smallBuffer))
		k.w = copy(grown, k.buf[k.r:k.w])
		k.r, k.buf = 0, grown
	}
	n, err := k.rw.Read(k.buf[k.w:])
	k.w += n
	k.filled = k.w == len(k.buf)
	if n > 0 {
		return nil
	}
	return err
}

// readHead reads a response's head, skipping informational ones.
func (k *conn) readHead(t *record.Timing) (head, error) {
	seen := k.r
	for {
		if k.r < k.w {
			if t.FirstByte == 0 {
				t.FirstByte = k.raw.lastStamp()
			}
			end := headEnd(k.buf[k.r:k.w], max(seen-k.r-2, 0))
			if seen = k.w; end < 0 && k.w-k.r > maxHead || end > maxHead {
				return head{}, badStream{fmt.Errorf("the headers of the answer are longer than %d kB", maxHead>>10)}
			}
			if end >= 0 {
				h, err := parseHead(k.buf[k.r : k.r+end])
				k.r += end
				t.Status = h.status
				if err != nil || h.status >= 200 || h.status == 101 {
					return h, err
				}
				seen, t.FirstByte = k.r, 0
				continue
			}
		}
		taken := k.r
		if err := k.fill(); err != nil {
			return head{}, err
		}
		seen -= taken - k.r // fill may have moved the bytes
	}
}

// A body takes the framing off what follows a head.
type body struct {
	k     *conn
	chunk chunked
	left  int64 // of a Content-Length; -1 for none
	head  *head
	over  bool
}

func (b *body) next() ([]byte, record.Stamp, error) {
	k := b.k
	for {
		at := k.raw.lastStamp()
		if b.left == 0 {
			b.over = true
		}
		if b.over {
			return nil, at, io.EOF
		}
		if k.r < k.w {
			piece, err := b.piece()
			if err != nil || len(piece) > 0 {
				return piece, at, err
			}
			continue
		}
		err := k.fill()
		switch {
		case err == nil:
		case err == io.EOF && b.left < 0 && !b.head.chunked:
			b.over = true
		case err == io.EOF:
			return nil, at, cutShort{errors.New("the connection ended in the middle of the answer")}
		default:
			return nil, at, err
		}
	}
}

// piece takes what it can of the bytes read.
func (b *body) piece() (piece []byte, err error) {
	k := b.k
	piece = k.buf[k.r:k.w]
	switch {
	case b.head.chunked:
		var used int
		piece, used, b.over, err = b.chunk.next(piece)
		k.r += used
		return piece, err
	case b.left >= 0:
		piece = piece[:min(int64(len(piece)), b.left)]
		b.left -= int64(len(piece))
	}
	k.r += len(piece)
	return piece, nil
}

// exchange sends one request over k and hands the answer on. It returns where
// a redirect leads, and whether k can carry another request.
func (k *conn) exchange(ctx context.Context, to *target, c Call, fn Handler, t *record.Timing) (location string, reuse bool, err error) {
	k.raw.begin()
	t.Reused, t.Framed, t.Status, t.FirstByte, t.Wrote = k.used, false, 0, 0, 0
	t.Dialed, t.Connected = 0, 0
	if !k.used {
		t.Dialed, t.Connected = k.raw.dialed, k.connected
	}
	aborted := make(chan struct{})
	stop := context.AfterFunc(ctx, func() {
		k.raw.abort()
		close(aborted)
	})
	location, reuse, err = k.converse(to, c, fn, t)
	if !stop() {
		<-aborted
		reuse = false
	}
	k.raw.account(t)
	if t.Redirects == 0 {
		// An answer by way of another address still answers this question.
		t.Sent = record.Stamp(k.raw.sent.Load())
	}
	t.Done = k.raw.lastStamp()
	if err != nil {
		t.Done = k.raw.clock.Now()
	}
	k.used = true
	return location, reuse, err
}

func (k *conn) converse(to *target, c Call, fn Handler, t *record.Timing) (location string, reuse bool, err error) {
	request := to.pool.client.scratch.Get().(*[]byte)
	*request = to.appendRequest((*request)[:0], c)
	_, writeErr := k.rw.Write(*request)
	if cap(*request) <= keepRequest {
		to.pool.client.scratch.Put(request)
	}
	if writeErr == nil {
		t.Wrote = record.Stamp(k.raw.wrote.Load())
	}
	// A server that refuses a request may answer before it has read it all, and
	// close: the answer counts, not the write.
	h, err := k.readHead(t)
	if err != nil {
		return "", false, k.headError(err, writeErr, t.Status)
	}
	b := &body{k: k, left: h.length, head: &h}
	if location = h.redirect(); location != "" {
		k.raw.limitReads(drainWait)
		t.Framed = drain(b)
		return location, k.keep(&h, t.Framed && writeErr == nil), nil
	}
	err = k.receive(b, fn, t)
	return "", k.keep(&h, t.Framed && writeErr == nil), err
}

// receive takes the body and says in t whether it ended as framed.
func (k *conn) receive(b *body, fn Handler, t *record.Timing) error {
	var read segments = b
	if k.pool.client.cfg.Reader != ReadEvents {
		read = &wholeReads{body: b}
	}
	src, err := decoded(read, b.head.encoding)
	if err != nil {
		return err
	}
	a := answer{head: *b.head, body: src, proven: b.left >= 0 || b.head.chunked, cutter: k.cutter, last: k.raw.lastStamp(), hurry: k.raw.limitReads}
	t.Framed, err = a.finish(read, a.take(fn))
	return err
}

// headError says what became of a request without an answer.
func (k *conn) headError(err, writeErr error, status int) error {
	if errors.As(err, new(badStream)) || errors.Is(err, errDeadline) {
		return err
	}
	silent := k.r == k.w && status == 0
	if silent {
		k.pool.noteEnd(k)
	}
	k.raw.Close()
	if k.used && silent && k.raw.missed.Load() {
		return errStale
	}
	if writeErr != nil {
		err = writeErr
	}
	if err == io.EOF || err == io.ErrUnexpectedEOF {
		err = errors.New("the server closed the connection without an answer")
		if !silent {
			err = errors.New("the connection ended in the middle of the headers")
		}
	}
	return resetError{err}
}

// keep readies k for another request where the server allows one.
func (k *conn) keep(h *head, framed bool) bool {
	if !framed || h.close || h.status == 101 || k.r != k.w {
		return false
	}
	if k.raw.SetDeadline(time.Time{}) != nil {
		return false
	}
	idle := k.pool.client.cfg.IdleTimeout
	if h.idle > 0 {
		idle = min(idle, h.idle)
	}
	k.rested = k.raw.clock.Now()
	k.expires = k.rested + record.Stamp(idle)
	if len(k.buf) > smallBuffer {
		k.buf = nil
	}
	k.r, k.w, k.filled = 0, 0, false
	k.cutter.reset()
	return true
}
