package wire

import (
	"cmp"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"tokmeter/internal/record"
)

// badStream marks an error of what the server sent: framing, coding, type.
type badStream struct{ error }

func (e badStream) Unwrap() error { return e.error }

// cutShort marks the end of a connection in the middle of a body.
type cutShort struct{ error }

func (e cutShort) Unwrap() error { return e.error }

// errCut ends a body whose connection ended before its framing did.
var errCut = cutShort{errors.New("the connection ended in the middle of the answer")}

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

// An answer is the body of a response on its way to the handler. Whoever reads
// the connection pushes what came into it, piece by piece, so that every reader
// of every client judges alike. One goroutine at a time drives it.
type answer struct {
	head   head
	cutter cutter
	fn     Handler
	hurry  func(time.Duration) // has the body end with an error after a while
	named  string              // the type of an event stream that says another, "none" for no type
	last   record.Stamp        // when the latest piece reached the kernel

	stage   stage
	plain   *inflater // takes the content coding off; nil for none
	start   []byte    // of a body that is not yet known to be a stream
	refusal *Error    // what is said of an answer without events
	drained int

	framed bool  // the body ended as its framing promised
	err    error // nil, an *Error, or what the body met
}

// A stage is what becomes of the next piece of a body.
type stage uint8

const (
	sniffing stage = iota // it tells whether the body is an event stream
	inEvents              // it goes to the cutter
	inText                // it is kept as the words of a refusal
	draining              // nobody looks at it
	over                  // none is wanted
)

// open judges an answer by its head.
func (a *answer) open() {
	switch a.head.encoding {
	case "":
	case "gzip", "x-gzip", "deflate":
		a.plain = newInflater(a.head.encoding, a.take)
	default:
		if a.head.status != http.StatusOK {
			break // its words may be readable nevertheless
		}
		a.fail(badStream{fmt.Errorf("Content-Encoding %.60q is not understood; gzip and deflate are: ask for no other in Accept-Encoding", a.head.encoding)})
		return
	}
	if a.head.status != 200 {
		a.refuse(record.HTTPError, errors.New(statusLine(a.head.status)))
		return
	}
	if isEventStream(a.head.contentType) {
		a.begin()
	}
}

func (a *answer) begin() {
	a.cutter.reset()
	a.stage = inEvents
}

func (a *answer) refuseType() {
	a.refuse(record.BadStream, fmt.Errorf("the answer is no event stream: its Content-Type is %q", a.head.contentType))
}

// refuse keeps the first bytes of a body that holds no events. How the body
// itself fares does not matter: the answer is a failure already.
func (a *answer) refuse(outcome record.Outcome, words error) {
	a.refusal = &Error{Outcome: outcome, Status: a.head.status, Err: words}
	a.stage = inText
	a.hurry(textWait)
	start := a.start
	a.start = nil
	a.text(start)
}

func (a *answer) text(piece []byte) {
	body := append(a.refusal.Body, piece[:min(len(piece), bodyLimit)]...)
	a.refusal.Body = body[:min(len(body), bodyLimit):min(len(body), bodyLimit)]
	if len(body) >= bodyLimit {
		a.err = a.refused()
		a.drain()
	}
}

// refused is what is said of an answer without events. Of words in a coding that
// can't be read the coding is named.
func (a *answer) refused() *Error {
	e := a.refusal
	if coding := a.head.encoding; coding != "" && !isText(e.Body) {
		e.Err = fmt.Errorf("%w: its words can't be read: their Content-Encoding is %.60q", e.Err, coding)
		e.Body = nil
	}
	return e
}

// statusLine names a status, as in HTTP 502 Bad Gateway.
func statusLine(status int) string {
	return strings.TrimSpace(fmt.Sprintf("HTTP %d %s", status, http.StatusText(status)))
}

// isText reports whether b begins with text that a person can read; its last
// character may be cut.
func isText(b []byte) bool {
	for n := 0; n < len(b); {
		r, size := utf8.DecodeRune(b[n:])
		if r == utf8.RuneError && size == 1 {
			return n > 0 && !utf8.FullRune(b[n:])
		}
		if !unicode.IsPrint(r) && !unicode.IsSpace(r) {
			return false
		}
		n += size
	}
	return len(b) > 0
}

// drain lets the rest of the body go by, to keep the connection.
func (a *answer) drain() {
	a.stage = draining
	a.hurry(drainWait)
}

// fail ends the answer.
func (a *answer) fail(err error) {
	a.err, a.stage = err, over
	a.free()
}

// free gives back what the decompressor holds.
func (a *answer) free() {
	if a.plain != nil {
		a.plain.close()
	}
}

// feed takes the next piece of the body, which reached the kernel at the given
// moment.
func (a *answer) feed(piece []byte, at record.Stamp) {
	if a.stage == draining {
		if a.drained += len(piece); a.drained >= drainLimit {
			a.stage = over
			a.free()
		}
		return
	}
	a.last = at
	if a.plain == nil {
		a.take(piece)
		return
	}
	switch err := a.plain.feed(piece); {
	case a.stage == over:
		a.free()
	case err != nil && a.stage == inText:
		a.err = a.refused()
		a.drain()
	case err != nil && a.stage < draining:
		a.fail(err)
	}
}

// take takes a piece without its codings. It reports whether more is wanted.
func (a *answer) take(piece []byte) (more bool) {
	switch a.stage {
	case sniffing:
		a.start = append(a.start, piece...)
		yes, sure := beginsStream(a.start)
		switch {
		case yes && sure:
			a.named = cmp.Or(a.head.contentType, "none")
			a.begin()
			start := a.start
			a.start = nil
			a.events(start)
		case sure || len(a.start) > bodyLimit:
			a.refuseType()
		}
	case inEvents:
		a.events(piece)
	case inText:
		a.text(piece)
	}
	return a.stage < draining
}

func (a *answer) events(piece []byte) {
	switch more, err := a.cutter.feed(piece, a.last, a.fn); {
	case err != nil:
		a.err, a.stage = err, over
	case !more:
		a.drain()
	}
}

// end says that the body is over: as its framing promised, or by err.
func (a *answer) end(err error) {
	a.framed = err == nil
	if a.plain != nil && a.stage < draining {
		err = a.plain.end(err)
	}
	switch {
	case a.stage >= draining:
	case err == nil:
		a.complete()
	case a.stage == inText:
		a.err = a.refused()
	default:
		if a.stage == inEvents && errors.As(err, new(cutShort)) {
			a.cutter.end(a.last, a.fn)
		}
		a.framed = false
		a.err = err
	}
	a.stage = over
	a.free()
}

// complete judges a body that came whole.
func (a *answer) complete() {
	if a.stage == sniffing {
		a.refuseType()
	}
	switch a.stage {
	case inText:
		a.err = a.refused()
	case inEvents:
		a.cutter.end(a.last, a.fn)
	}
}
