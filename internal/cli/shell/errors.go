package shell

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"

	"tokmeter/internal/excerpt"
	"tokmeter/internal/run"
)

// An Error ends a command: what happened, what the user can do next, and the
// exit code. Errors of other rooms are wrapped in one where the code or the
// hint is not the usual.
type Error struct {
	Code int    // one of the Exit constants
	Hint string // the next step, printed after the message; "" for none
	Err  error
}

// Error returns the message and the hint on one line.
func (e *Error) Error() string {
	if e.Hint == "" {
		return e.Err.Error()
	}
	return e.Err.Error() + " (" + e.Hint + ")"
}

// Unwrap returns the error without code and hint.
func (e *Error) Unwrap() error { return e.Err }

// Failf is an error with an exit code and a hint.
func Failf(code int, hint, format string, args ...any) error {
	return &Error{Code: code, Hint: hint, Err: fmt.Errorf(format, args...)}
}

// Usagef is a usage error with a hint.
func Usagef(hint, format string, args ...any) error {
	return Failf(ExitUsage, hint, format, args...)
}

// WithCode gives err an exit code, unless it is nil or has one.
func WithCode(code int, err error) error {
	if err == nil {
		return nil
	}
	if _, has := codeOf(err); has {
		return err
	}
	return &Error{Code: code, Err: err}
}

// codeOf is the exit code that an error carries, be it one of ours or a run's.
func codeOf(err error) (code int, has bool) {
	var e *Error
	if errors.As(err, &e) {
		return e.Code, true
	}
	var r *run.Error
	if !errors.As(err, &r) {
		return 0, false
	}
	switch r.Kind {
	case run.Usage:
		return ExitUsage, true
	case run.Unreachable:
		return ExitUnreachable, true
	case run.Interrupted:
		return ExitInterrupted, true
	}
	return ExitFailed, true
}

// ExitCode is the code with which a command that returned err ends.
func ExitCode(err error) int {
	if err == nil {
		return ExitOK
	}
	if code, has := codeOf(err); has {
		return code
	}
	if errors.Is(err, run.ErrInterrupted) || errors.Is(err, context.Canceled) {
		return ExitInterrupted
	}
	return ExitFailed
}

// KeepInterrupt turns what a cancelled command returned into the interrupt that
// cancelled it.
func KeepInterrupt(ctx context.Context, err error) error {
	if err != nil && context.Cause(ctx) == run.ErrInterrupted {
		return &Error{Code: ExitInterrupted, Err: err}
	}
	return err
}

// Usage gives err the code of a usage error, whatever it joins.
func Usage(errs ...error) error { return WithCode(ExitUsage, errors.Join(errs...)) }

// maxErrorLines is how many lines an error may take.
const maxErrorLines = 3

// PrintError writes err on w: one line for each problem, at most three.
func PrintError(w io.Writer, err error) {
	if err == nil {
		return
	}
	lines := errorLines(err)
	if n := len(lines); n > maxErrorLines {
		lines = append(lines[:maxErrorLines-1:maxErrorLines-1],
			fmt.Sprintf("%s (and %d more problems)", lines[maxErrorLines-1], n-maxErrorLines))
	}
	for _, l := range lines {
		fmt.Fprintf(w, "tokmeter: %s\n", l)
	}
}

// errorLines returns one line for each error that was joined into err.
func errorLines(err error) []string {
	switch e := err.(type) {
	case *Error:
		if e.Hint == "" {
			return errorLines(e.Err)
		}
	case *run.Error:
		if e.Hint == "" {
			return errorLines(e.Err)
		}
	}
	if joined, ok := err.(interface{ Unwrap() []error }); ok {
		if parts := joined.Unwrap(); err.Error() == errors.Join(parts...).Error() {
			var lines []string
			for _, part := range parts {
				lines = append(lines, errorLines(part)...)
			}
			return lines
		}
	}
	return []string{excerpt.Lines(err.Error())}
}

// AsLines makes one error for each line of err, with the texts of before, if
// any, in front.
func AsLines(err error, before ...string) error {
	if err == nil {
		return nil
	}
	var all []error
	for line := range strings.Lines(err.Error()) {
		all = append(all, errors.New(strings.Join(before, "")+strings.TrimSpace(line)))
	}
	return errors.Join(all...)
}
