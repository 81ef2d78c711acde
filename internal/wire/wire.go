// Package wire speaks HTTP/1.1 to a server and says when each event of the
// answer reached the kernel. It knows nothing of JSON or metrics.
package wire

import (
	"context"

	"tokmeter/internal/record"
)

// A Call is one request ready to be written.
type Call struct {
	ID   string // value of x-request-id; "" sends none
	Body []byte
}

// An Event is one server-sent event. Name and Data point into a buffer that is
// overwritten after the handler returns.
type Event struct {
	Name []byte       // the event: field; empty when there was none
	Data []byte       // the data: lines, joined by LF
	At   record.Stamp // when the kernel received the last byte of it
}

// A Handler takes the events of one answer in order. Returning false ends the
// reading: what follows is drained or dropped without being looked at.
type Handler func(Event) (more bool)

// A Client sends calls. Do may be called by many goroutines.
type Client interface {
	// Connect makes n connections ahead, so that no request waits for one.
	Connect(ctx context.Context, n int) error
	// Do sends one call and hands the events of a 200 answer to event. The
	// error, if any, is an *Error. Timing is as complete as the request got.
	Do(ctx context.Context, c Call, event Handler) (record.Timing, error)
	// Close closes every connection and returns when no goroutine is left.
	Close() error
}

// An Error says how a call failed.
type Error struct {
	Outcome record.Outcome // refused, reset, timeout, http_error, cut_short, bad_stream, cancelled
	Status  int            // of http_error
	Body    []byte         // first 500 bytes of an answer that is no event stream
	Err     error          // the system's or our own words
}
