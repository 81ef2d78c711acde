package load

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"tokmeter/internal/excerpt"
	"tokmeter/internal/record"
	"tokmeter/internal/wire"
)

// outcome decides how the request ended, from what the stream said and from
// the client's error, in this order:
//
//  1. An error inside the stream, a finish reason that gives the request up, or
//     an event that is no JSON, whichever came first: nothing that follows mends
//     it. An event that the end of the body cut is none of these.
//  2. [DONE]: what follows it is ignored, a broken connection too.
//  3. The client's error; but a connection that breaks after every choice had
//     its finish reason has lost no token, and Timing.Framed keeps the fact.
//  4. A finish reason of every choice, or the terminal event.
//  5. Else the stream was cut short, however well its HTTP framing ended.
//
// After 2, 3 and 4 an answer without a token is empty.
func (t *tally) outcome(err error) (record.Outcome, string) {
	if t.failed != "" {
		return t.failed, t.words
	}
	if t.done {
		return t.well()
	}
	if err != nil {
		o, words := outcomeOf(err, t.rec.Timing)
		if o == record.CutShort {
			if t.complete() {
				return t.well()
			}
			words = t.stray.after(words)
		}
		return o, words
	}
	if t.complete() {
		return t.well()
	}
	switch words := t.stray.words(); {
	case words != "":
		return record.BadStream, "the stream has lines that are no events: " + words
	case t.cut:
		return record.CutShort, "the answer ended in the middle of an event"
	}
	if t.marks.n == 0 {
		return record.CutShort, t.known("the stream ended without a token, a finish reason or [DONE]")
	}
	return record.CutShort, "the stream ended without a finish reason or [DONE]"
}

// well is the outcome of an answer that ended as it should. A line that is not
// even a field in it is a failure of whoever wrote it.
func (t *tally) well() (record.Outcome, string) {
	if words := t.stray.words(); t.stray.odd && words != "" {
		return record.BadStream, "the stream has lines that are no events: " + words
	}
	if len(t.rec.Events) > 0 {
		return record.OK, ""
	}
	words := "the answer ended without a token"
	if n := t.usage().Completion; n > 0 {
		words += fmt.Sprintf("; the server counted %d that it never streamed", n)
	}
	return record.Empty, t.known(words)
}

// known adds to words what the stream said that is nothing known.
func (t *tally) known(words string) string {
	if len(t.unknown) == 0 || t.marks.n > 0 {
		return words
	}
	return words + "; it said: " + excerpt.Bytes(excerpt.Squeeze(string(t.unknown)), maxShown)
}

// complete reports whether every choice that was seen had its finish reason.
func (t *tally) complete() bool {
	if t.ended {
		return true
	}
	any := false
	for i := range t.choices {
		c := &t.choices[i]
		if c.seen && !c.finished {
			return false
		}
		any = any || c.finished
	}
	return any
}

// outcomeOf maps the client's error and finds the words for it. For an answer
// with another status than 200 these are the status and the server's own.
func outcomeOf(err error, timing record.Timing) (record.Outcome, string) {
	var we *wire.Error
	switch {
	case errors.As(err, &we):
		return we.Outcome, clean(err.Error())
	case errors.Is(err, errTimeout), errors.Is(err, context.DeadlineExceeded):
		return record.Timeout, err.Error()
	case errors.Is(err, errStopped), errors.Is(err, context.Canceled):
		return record.Cancelled, err.Error()
	case timing.Status == 0:
		return record.Reset, err.Error()
	}
	return record.CutShort, err.Error()
}

// clean makes foreign words valid UTF-8: a body may be cut inside a character.
func clean(s string) string {
	return strings.TrimSpace(strings.ToValidUTF8(s, "\uFFFD"))
}
