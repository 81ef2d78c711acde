package wire

import (
	"errors"
	"fmt"
	"io"
	"time"

	"tokmeter/internal/record"
)

// badStream marks an error of what the server sent: framing, coding, type.
type badStream struct{ error }

func (e badStream) Unwrap() error { return e.error }

// cutShort marks the end of a connection in the middle of a body.
type cutShort struct{ error }

func (e cutShort) Unwrap() error { return e.error }

// errStopped says that the handler wanted no more events.
var errStopped = errors.New("the handler has all it wanted")

const (
	// drainLimit is how much of a body nobody looks at is read to keep the
	// connection, in bytes.
	drainLimit = 256 << 10
	// drainWait is how long the end of such a body is waited for. Servers send
	// the last chunk right behind the last event.
	drainWait = 250 * time.Millisecond
	// textWait is how long the body of an answer without events is waited for.
	textWait = 5 * time.Second
)

// An answer is the body of a response on its way to the handler. Both clients
// hand their bodies through it, so that both judge alike.
type answer struct {
	head   head
	body   segments
	proven bool // the framing proves the end: a length or a last chunk
	cutter cutter
	last   record.Stamp
	hurry  func(time.Duration) // lets reads fail after a while
}

// take hands the events of a 200 answer to fn and gives errStopped when fn
// wanted no more; of any other answer it gives an *Error with the first bytes
// of the body. Errors of the body come back as they are.
func (a *answer) take(fn Handler) error {
	if a.head.status != 200 {
		return a.text(nil, record.HTTPError, fmt.Errorf("HTTP status %d", a.head.status))
	}
	yes, maybe := streamKind(a.head.contentType)
	var start []byte
	if !yes && maybe {
		var err error
		if yes, start, err = a.sniff(); err != nil {
			return err
		}
	}
	if !yes {
		return a.text(start, record.BadStream, fmt.Errorf("the answer is no event stream: its Content-Type is %q", a.head.contentType))
	}
	return a.events(start, fn)
}

// sniff reads until the first bytes tell whether the body is an event stream.
func (a *answer) sniff() (yes bool, start []byte, err error) {
	for {
		piece, at, err := a.body.next()
		if err == io.EOF {
			return false, start, nil
		}
		if err != nil {
			return false, start, err
		}
		a.last = at
		start = append(start, piece...)
		if yes, sure := beginsStream(start); sure {
			return yes, start, nil
		}
		if len(start) > bodyLimit {
			return false, start, nil
		}
	}
}

func (a *answer) events(start []byte, fn Handler) error {
	a.cutter.reset()
	more, err := a.cutter.feed(start, a.last, fn)
	for err == nil {
		if !more {
			return errStopped
		}
		var piece []byte
		if piece, a.last, err = a.next(); err != nil {
			break
		}
		more, err = a.cutter.feed(piece, a.last, fn)
	}
	if err == io.EOF {
		if a.cutter.end(a.proven, a.last, fn) {
			return nil
		}
		return errStopped
	}
	return err
}

// next keeps the last stamp when the body has ended.
func (a *answer) next() ([]byte, record.Stamp, error) {
	piece, at, err := a.body.next()
	if err != nil {
		at = a.last
	}
	return piece, at, err
}

// finish drains what is left where err allows it. It says whether the body
// ended as framed, and passes on what is an error to the caller.
func (a *answer) finish(raw segments, err error) (framed bool, failed error) {
	switch e := (*Error)(nil); {
	case err == nil:
		return true, nil
	case err == errStopped:
		a.hurry(drainWait)
		return drain(raw), nil
	case errors.As(err, &e):
		a.hurry(drainWait)
		return drain(raw), err
	}
	return false, err
}

// text reads the first bytes of a body that holds no events. How the body
// itself fares does not matter: the answer is a failure already.
func (a *answer) text(start []byte, outcome record.Outcome, words error) error {
	a.hurry(textWait)
	e := &Error{Outcome: outcome, Status: a.head.status, Err: words, Body: start}
	for len(e.Body) < bodyLimit {
		piece, _, err := a.body.next()
		if err != nil {
			break
		}
		e.Body = append(e.Body, piece[:min(len(piece), bodyLimit)]...)
	}
	e.Body = e.Body[:min(len(e.Body), bodyLimit):min(len(e.Body), bodyLimit)]
	return e
}

// drain reads a body that nobody looks at up to its end, and says whether it
// came to it as the framing promised.
func drain(body segments) bool {
	for total := 0; total < drainLimit; {
		piece, _, err := body.next()
		if err != nil {
			return err == io.EOF
		}
		total += len(piece)
	}
	return false
}
