package hub

import (
	"context"
	"errors"
	"strings"

	"tokmeter/internal/excerpt"
)

// Why a file could not be had; errors.Is finds them in an *Error.
var (
	errName     = errors.New("is neither a folder nor a name on the hub")
	errPath     = errors.New("is not a file name inside a repository")
	errNotFound = errors.New("does not exist on the hub, or is private")
	errGated    = errors.New("is gated: its owner decides who may read it")
	errToken    = errors.New("can't be asked for: the hub does not know this token")
	errDenied   = errors.New("may not be read")
	errNoFile   = errors.New("has no such file")
	errOffline  = errors.New("is not in the Hugging Face cache, and the network is switched off")
	errNetwork  = errors.New("can't be fetched: the hub can't be reached")
	errAnswer   = errors.New("can't be fetched: the server does not answer as a hub does")
	errCorrupt  = errors.New("came damaged")
	errStopped  = errors.New("was not waited for")
	errCache    = errors.New("can't be kept in the cache")
)

// An Error says which model or dataset could not be had, why, and what to do
// about it, in one line. Unwrap gives Reason, one of the errors above, and the
// cause, such as a *net.OpError or context.Canceled.
type Error struct {
	Name   string // as it was given
	File   string // "" when the whole is meant
	Reason error
	Err    error  // what the system said; nil for none
	Hint   string // the user's next step
}

func (e *Error) Error() string {
	var b strings.Builder
	b.WriteString(e.Name)
	if e.File != "" {
		b.WriteString(": " + e.File)
	}
	b.WriteString(": " + e.Reason.Error())
	if e.Err != nil {
		b.WriteString(": " + foreign(e.Err.Error()))
	}
	if e.Hint != "" {
		b.WriteString(": " + e.Hint)
	}
	return b.String()
}

// Unwrap gives the reason and the cause.
func (e *Error) Unwrap() []error {
	if e.Err == nil {
		return []error{e.Reason}
	}
	return []error{e.Reason, e.Err}
}

// foreign makes words from elsewhere fit a line of ours.
func foreign(s string) string { return excerpt.Cut(excerpt.Squeeze(s), 300) }

// cacheError is the error of a step on the disk; one that is an *Error already,
// or the end of the caller's patience, is not the disk's.
func cacheError(name, file string, err error) error {
	if already := (*Error)(nil); errors.As(err, &already) {
		return err
	}
	if errors.Is(err, context.Canceled) || errors.Is(err, context.DeadlineExceeded) {
		return &Error{Name: name, File: file, Reason: errStopped, Err: err}
	}
	return &Error{Name: name, File: file, Reason: errCache, Err: err, Hint: "set HF_HOME to a folder you can write to"}
}
