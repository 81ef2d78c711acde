package wire

import (
	"context"
	"errors"
	"io"
	"time"

	"tokmeter/internal/record"
)

// A conn is one connection of the native client. It is driven by one goroutine
// at a time.
type conn struct {
	raw       link
	pool      *pool
	cutter    cutter
	connected record.Stamp
	used      bool         // carried a request before
	waited    bool         // was idle before its request, which may meet its end
	rested    record.Stamp // its last answer ended then
	expires   record.Stamp // not to be used again after this; 0 for no limit
}

// A link is a connection as a conn sees it: what writes, reads and stamps.
type link interface {
	// begin starts counting for a request.
	begin()
	// converse writes a request and pushes what comes back into r until that is
	// over, which the end of ctx brings about. It calls wrote once it needs the
	// request no more, long before the answer is over. The error is of the write.
	converse(ctx context.Context, request []byte, wrote func(), r *reply) error
	// hurry has the reply under way end with errDeadline after d.
	hurry(d time.Duration)
	// rest readies the link for another request. It reports whether it can be.
	rest() bool
	// account adds what was counted since begin to t: bytes, lag, the moments of
	// writing.
	account(t *record.Timing)
	// last is the stamp of the latest read, never before the last write began.
	lastStamp() record.Stamp
	// made is when dialling began.
	made() record.Stamp
	// open reports, of a link at rest, that the server has neither ended it nor
	// said anything that nobody asked for. It does not wait.
	open() bool
	// unasked reports whether an answer with a status, whose first byte came at the
	// given moment, is none to the request; see stampConn.
	unasked(status int, first record.Stamp) bool
	// missed reports, once the link is closed, whether the server had not taken
	// the request; see misses.
	missed() bool
	Close() error
}

// errStale tells that the server had ended an idle connection before it took the
// request.
var errStale = errors.New("the idle connection was closed by the server")

// exchange sends one request over k and hands the answer on. It returns where
// a redirect leads, and whether k can carry another request.
func (k *conn) exchange(ctx context.Context, to *target, c Call, fn Handler, t *record.Timing) (location string, reuse bool, err error) {
	k.raw.begin()
	t.Reused, t.Wrote = k.used, 0
	t.Dialed, t.Connected = 0, 0
	if !k.used {
		t.Dialed, t.Connected = k.raw.made(), k.connected
	}
	client := k.pool.client
	request := client.scratch.Get().(*[]byte)
	*request = to.appendRequest((*request)[:0], c)
	r := newReply(k.cutter, client.cfg.Reader != ReadEvents, fn, k.raw.hurry)
	writeErr := k.raw.converse(ctx, *request, func() {
		if cap(*request) <= keepRequest {
			client.scratch.Put(request)
		}
		request = nil
	}, r)
	sent := t.Sent
	k.raw.account(t)
	if t.Redirects > 0 {
		// An answer by way of another address still answers this question.
		t.Sent = sent
	}
	if writeErr != nil {
		t.Wrote = 0
	}
	t.Framed, t.Status, t.FirstByte, t.Done = r.framed, r.status, r.firstByte, k.raw.lastStamp()
	// A server that refuses a request may answer before it has read it all, and
	// close: the answer counts, not the write.
	err = r.err
	switch {
	case r.headErr != nil:
		err = k.headError(r, writeErr)
	case k.waited && k.raw.unasked(r.status, r.firstByte):
		k.raw.Close()
		err = errStale
	}
	t.ContentType = r.named
	if err != nil {
		t.Done = client.cfg.Clock.Now()
	}
	reuse = !errors.Is(err, errStale) && k.keep(r, writeErr) && ctx.Err() == nil
	k.used = true
	return r.location, reuse, err
}

// headError says what became of a request without an answer.
func (k *conn) headError(r *reply, writeErr error) error {
	err := r.headErr
	if errors.As(err, new(badStream)) || errors.Is(err, errDeadline) {
		return err
	}
	if r.silent() {
		k.pool.noteEnd(k)
	}
	k.raw.Close()
	if k.waited && r.silent() && k.raw.missed() {
		return errStale
	}
	if writeErr != nil {
		err = writeErr
	}
	if err == io.EOF || err == io.ErrUnexpectedEOF {
		err = errors.New("the server closed the connection without an answer")
		if !r.silent() {
			err = errors.New("the connection ended in the middle of the headers")
		}
	}
	return resetError{err}
}

// keep readies k for another request where the server allows one.
func (k *conn) keep(r *reply, writeErr error) bool {
	h := &r.head
	if !r.framed || writeErr != nil || h.close || h.status == 101 || r.surplus || !k.raw.rest() {
		return false
	}
	idle := k.pool.client.cfg.IdleTimeout
	if h.idle > 0 {
		idle = min(idle, h.idle)
	}
	k.rested = k.pool.client.cfg.Clock.Now()
	k.expires = k.rested + record.Stamp(idle)
	k.cutter.reset()
	return true
}
