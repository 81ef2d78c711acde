package wire

import (
	"context"
	"errors"
	"fmt"
	"os"
	"time"

	"tokmeter/internal/record"
)

// errDeadline is what a read or write gives after its deadline.
var errDeadline = os.ErrDeadlineExceeded

// errClosed is the cause of what Close breaks off.
var errClosed = errors.New("the client was closed")

// resetError marks the end of a connection before the headers were complete.
type resetError struct{ error }

func (e resetError) Unwrap() error { return e.error }

// refusedError marks that no connection came about.
type refusedError struct{ error }

func (e refusedError) Unwrap() error { return e.error }

// failure turns any error of a call into an *Error. What ended the context
// comes first: it is why everything else failed.
func failure(ctx context.Context, err error) error {
	if err == nil {
		return nil
	}
	var e *Error
	if errors.As(err, &e) {
		return e
	}
	switch {
	case ctx.Err() != nil:
		return stopped(ctx)
	case errors.Is(err, context.DeadlineExceeded) && overdue(ctx):
		// Dialling keeps to the context's deadline by a timer of its own, which may
		// ring before the context's.
		<-ctx.Done()
		return stopped(ctx)
	case errors.As(err, new(refusedError)):
		return &Error{Outcome: record.Refused, Err: err}
	case errors.As(err, new(badStream)):
		return &Error{Outcome: record.BadStream, Err: err}
	case errors.As(err, new(cutShort)):
		return &Error{Outcome: record.CutShort, Err: err}
	case errors.As(err, new(resetError)):
		return &Error{Outcome: record.Reset, Err: err}
	}
	return &Error{Outcome: record.CutShort, Err: fmt.Errorf("the connection broke in the middle of the answer: %w", err)}
}

// overdue reports whether the deadline of ctx has passed.
func overdue(ctx context.Context) bool {
	limit, ok := ctx.Deadline()
	return ok && !time.Now().Before(limit)
}

// stopped says how a call ended whose context is over.
func stopped(ctx context.Context) *Error {
	cause := context.Cause(ctx)
	if errors.Is(ctx.Err(), context.DeadlineExceeded) || errors.Is(cause, context.DeadlineExceeded) {
		words := errors.New("the request's time limit ran out")
		if cause != nil && !errors.Is(cause, context.DeadlineExceeded) {
			words = cause
		}
		return &Error{Outcome: record.Timeout, Err: words}
	}
	return &Error{Outcome: record.Cancelled, Err: cause}
}
