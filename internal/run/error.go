package run

import (
	"context"
	"errors"
	"fmt"
)

// A Kind says what an error means for whoever started the run.
type Kind uint8

// The kinds of errors. The zero Kind is Failed.
const (
	Failed      Kind = iota // no request succeeded, more failed than succeeded, or something broke on the way
	Usage                   // the plan, a file or a setting is wrong; no server was asked
	Unreachable             // the server could not be reached
	Interrupted             // the context was cancelled by the user
)

// An Error ends a run: what happened, what kind of end that is, and what the
// user can do next.
type Error struct {
	Kind Kind
	Hint string // the next step; "" for none
	Err  error
}

// Error returns the message and the hint on one line.
func (e *Error) Error() string {
	if e.Hint == "" {
		return e.Err.Error()
	}
	return e.Err.Error() + " (" + e.Hint + ")"
}

// Unwrap returns the error without kind and hint.
func (e *Error) Unwrap() error { return e.Err }

// ErrInterrupted is the cause with which a caller cancels the context of a run
// on the user's behalf.
var ErrInterrupted = errors.New("interrupted")

// failf is an error of a kind, with a hint.
func failf(kind Kind, hint, format string, args ...any) error {
	return &Error{Kind: kind, Hint: hint, Err: fmt.Errorf(format, args...)}
}

// usage makes err a usage error, unless it is nil or has a kind.
func usage(err error) error {
	var e *Error
	if err == nil || errors.As(err, &e) {
		return err
	}
	return &Error{Kind: Usage, Err: err}
}

// interrupted reports whether the user cancelled ctx.
func interrupted(ctx context.Context) bool {
	cause := context.Cause(ctx)
	return errors.Is(cause, ErrInterrupted) || errors.Is(cause, context.Canceled)
}
