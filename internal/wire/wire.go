// Package wire speaks HTTP/1.1 to a server and says when each event of the
// answer reached the kernel.
//
// It is for measuring: a connection is made before it is needed, Sent is taken
// right before the first byte of a request is handed to the kernel, and every
// event carries the moment at which the kernel received its last byte, however
// late the reader was. On Linux few threads read many streams, in rounds (see
// Method); elsewhere a goroutine reads each. Nothing is allocated for an event. Where the kernel gives no stamp the reader's clock
// is used and Timing.KernelStamped says so. The std client is the same on top
// of net/http, for proxies, HTTP/2 and cross-checks.
//
// It promises that a request is sent once. The only thing that is ever sent
// again is a request on a stale keep-alive connection: one that had carried a
// request before and that the server closed before it took this one.
// Timing.Replaced counts these.
//
// It knows nothing of JSON, tokens or metrics, and neither prints nor logs.
package wire

import (
	"context"

	"tokmeter/internal/record"
)

// A Call is one request ready to be written.
type Call struct {
	ID   string // value of x-request-id; "" sends none
	Body []byte
	// Punctual says that the call has a moment at which it is due: it makes a
	// connection of its own where another call would wait until the server is known
	// to keep one.
	Punctual bool
}

// An Event is one server-sent event. Name and Data point into a buffer that is
// overwritten after the handler returns.
type Event struct {
	Name []byte       // the event: field; empty when there was none
	Data []byte       // the data: lines, joined by LF
	At   record.Stamp // when the kernel received the last byte of it
	// Cut says that the body ended before the empty line that ends an event: the
	// data may be the beginning of it.
	Cut bool
	// Stray says that Data is a line that is no field of an event stream.
	Stray bool
}

// A Handler takes the events of one answer in order. Returning false ends the
// reading: what follows is drained or dropped without being looked at.
type Handler func(Event) (more bool)

// A Client sends calls. Do may be called by many goroutines.
type Client interface {
	// Connect makes n connections ahead, so that no request waits for one. It
	// keeps those that came about when others fail; the error is an *Error.
	Connect(ctx context.Context, n int) error
	// Do sends one call and hands the events of a 200 answer to event. The
	// error, if any, is an *Error. Timing is as complete as the request got.
	Do(ctx context.Context, c Call, event Handler) (record.Timing, error)
	// Close closes every connection, ends calls under way as cancelled and
	// returns when no goroutine is left.
	Close() error
}

// An Error says how a call failed.
type Error struct {
	Outcome record.Outcome // refused, reset, timeout, http_error, cut_short, bad_stream, cancelled
	Status  int            // of http_error, and of an answer that is no event stream
	Body    []byte         // first 500 bytes of an answer that is no event stream
	Err     error          // the system's or our own words
}

// Error gives the system's or our own words; for an answer that is no event
// stream also the status and what the server said.
func (e *Error) Error() string {
	words := string(e.Outcome)
	if e.Err != nil {
		words = e.Err.Error()
	}
	if len(e.Body) > 0 {
		words += ": " + string(e.Body)
	}
	return words
}

// Unwrap gives Err.
func (e *Error) Unwrap() error { return e.Err }

// bodyLimit is how much of a body that is no event stream is kept.
const bodyLimit = 500
