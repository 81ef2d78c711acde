package wire

import (
	"context"
	"net/http"
	"sync"
	"time"

	"tokmeter/internal/record"
)

// An idleness follows a connection of net/http between its calls. net/http
// reads idle connections, and so meets their end by itself.
type idleness struct {
	told func(rested record.Stamp) // of an end that long after an answer; nil for nobody

	mu     sync.Mutex
	turn   int          // the call that has the connection, or had it last
	rested record.Stamp // the last answer ended then; 0 while a call is under way
	before record.Stamp // what rested was when the call under way began
	over   bool         // the server ended the connection
	closed bool         // it was closed on this side
}

// begin notes that a call has the connection, and returns which one.
func (i *idleness) begin() (turn int) {
	i.mu.Lock()
	defer i.mu.Unlock()
	i.turn++
	i.before, i.rested = i.rested, 0
	return i.turn
}

// lost notes that the server ended the connection instead of answering the call
// that had just begun on it.
func (i *idleness) lost(now record.Stamp) {
	i.mu.Lock()
	before := i.before
	i.mu.Unlock()
	if before != 0 && i.told != nil {
		i.told(now - before)
	}
}

// rest notes that the answer of a call ended and the connection may carry
// another; it may already do so.
func (i *idleness) rest(turn int, now record.Stamp) {
	i.mu.Lock()
	mine, over := turn == i.turn, i.over
	if mine {
		i.rested = now
	}
	i.mu.Unlock()
	if mine && over && i.told != nil {
		i.told(0)
	}
}

// end notes that the server ended the connection.
func (i *idleness) end(now record.Stamp) {
	i.mu.Lock()
	rested := i.rested
	i.over = true
	i.mu.Unlock()
	if rested != 0 && i.told != nil {
		i.told(now - rested)
	}
}

// shut notes that the connection was closed on this side.
func (i *idleness) shut() {
	i.mu.Lock()
	defer i.mu.Unlock()
	i.closed = true
}

// open reports since when the connection has been idle and open.
func (i *idleness) open() (since record.Stamp, open bool) {
	i.mu.Lock()
	defer i.mu.Unlock()
	return i.rested, i.rested != 0 && !i.over && !i.closed
}

// through gives the transport for a call, and whether the call's connection is
// to be the witness.
func (c *std) through(ctx context.Context, to *target, punctual bool) (tr *http.Transport, watched bool) {
	if to.url.Scheme == "https" && c.unknown() {
		// HTTP/2 has one connection for all calls.
		return c.keep, false
	}
	if !punctual || c.rested() {
		c.learn(ctx, restFor)
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	switch {
	case c.hasty():
		return c.once, false
	case !c.unknown():
		return c.keep, false
	case c.watching || c.witness != nil:
		return c.once, false
	}
	c.watching = true
	return c.keep, true
}

// rested reports whether there is a witness that has rested, or ended.
func (c *std) rested() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.witness == nil {
		return false
	}
	since, open := c.witness.idle.open()
	return !open || c.cfg.Clock.Now().Sub(since) >= restFor
}

// rest notes the end of a call: kept says that its connection may carry another.
func (c *std) rest(w *watch, watched, kept bool) {
	w.mu.Lock()
	conn, turn := w.conn, w.turn
	w.mu.Unlock()
	kept = kept && conn != nil
	if kept {
		conn.idle.rest(turn, c.cfg.Clock.Now())
	}
	if !watched {
		return
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.watching = false
	if kept {
		c.witness = conn
	}
}

// learn finds out whether the server keeps connections, where one has had an
// answer and when it has rested for so long.
func (c *std) learn(ctx context.Context, rest time.Duration) {
	if !c.unknown() {
		return
	}
	c.mu.Lock()
	conn := c.witness
	c.witness = nil
	c.mu.Unlock()
	if conn == nil {
		return
	}
	if since, open := conn.idle.open(); open {
		pause(ctx, rest-c.cfg.Clock.Now().Sub(since))
	}
	if since, open := conn.idle.open(); open {
		c.sawOpen(c.cfg.Clock.Now() - since)
	}
}
