package load

import (
	"bytes"
	"fmt"
	"math"

	"tokmeter/internal/protocol"
	"tokmeter/internal/record"
	"tokmeter/internal/wire"
)

// A tally follows one answer from its events to its record. It opens nothing,
// waits for nothing and allocates nothing for an event but what its slices grow.
//
// What an event without text means is known only when the server has told how
// many tokens there were, so events are noted as they come and judged in finish.
type tally struct {
	rec     *record.Record
	dialect protocol.Dialect
	ev      protocol.Event

	marks   marks
	choices []choice
	text    []byte // the answer of choice 0
	texts   int    // events with text so far, for displays
	beside  int    // bytes of texts that are not in text
	shapes  shapes // of the texts
	apart   int    // sum of the usages of events with text
	bytes   int64  // of the events' data

	alone     protocol.Usage // of an event without choices
	stray     stray          // lines that are no events
	unknown   []byte         // of the last event before any choice that says nothing known
	promptIDs int            // token ids of the prompt that the server sent
	attached  protocol.Usage // of the last event with a choice
	noUsage   bool           // an event with text came without a running count
	noIDs     bool           // an event with text came without token ids
	thought   bool           // reasoning came

	finished string         // the finish reason of choice 0, else of any
	ended    bool           // the terminal event of the responses API came
	done     bool           // [DONE] came
	cut      bool           // the end of the body cut an event
	broken   bool           // the words for failed are JSON that goes on in the lines that follow
	gaveUp   string         // the finish reason of a request that the server gave up
	failed   record.Outcome // stream_error or bad_stream, whichever came first
	words    string         // the server's or our own words for failed
}

// A choice is what is known of one of the answers in a stream.
type choice struct {
	used     int    // completion tokens by the last usage that came with it
	fell     bool   // a usage was less than the one before: none is a total
	seen     bool   // an event of it came
	finished bool   // its finish reason came
	beside   []byte // what it wrote that is not the answer of choice 0
}

// begin makes the tally ready for the answer whose outcome goes into rec,
// which has WantPrompt and WantOutput. Inlined it would take room for a whole tally
// on the stack of every stream that waits, which then keeps 8 KiB in place of 4.
//
//go:noinline
func (t *tally) begin(rec *record.Record, d protocol.Dialect) {
	want := min(max(rec.WantOutput, 8), maxMarks)
	*t = tally{
		rec:     rec,
		dialect: d,
		marks:   newMarks(want + 4),
		choices: make([]choice, 0, 1),
		text:    make([]byte, 0, 4*want),
	}
}

// event takes one event as it came from the wire. It returns false when
// nothing that follows matters: after [DONE], or when the stream is broken.
func (t *tally) event(e wire.Event) (more bool) {
	if t.done || t.failed == record.BadStream {
		return false
	}
	if t.bytes += int64(len(e.Data)); t.endless() {
		return false
	}
	switch {
	case e.Stray:
		return t.line(e)
	case len(e.Name) > 0 && namesError(e.Name):
		t.fail(record.StreamError, t.dialect.ErrorText(e.Data))
		return true
	}
	err := t.dialect.Scan(e.Data, &t.ev)
	if err != nil {
		if data, ok := unprefixed(e.Data); ok && t.dialect.Scan(data, &t.ev) == nil {
			t.rec.Unprefixed++
			err = nil
		}
	}
	if err != nil {
		return t.unread(e, err)
	}
	if t.ev.Kind == protocol.Ignore && t.marks.n == 0 {
		t.unknown = append(t.unknown[:0], e.Data[:min(len(e.Data), maxShown)]...)
	}
	return t.note(&t.ev, e.At)
}

// unread takes an event that the dialect can't read.
func (t *tally) unread(e wire.Event, err error) (more bool) {
	words := t.dialect.ErrorText(e.Data)
	first, _, several := bytes.Cut(e.Data, []byte("\n"))
	switch {
	case several && t.dialect.Scan(first, &t.ev) == nil:
		t.fail(record.BadStream, "no empty line stands between the events, of which the first is: "+words)
	case e.Cut:
		t.cut = true
	case beatOf(e.Name):
		return true
	case spokenError(e.Data):
		t.fail(record.StreamError, t.stray.after(words))
	default:
		t.fail(record.BadStream, t.stray.after(err.Error()))
	}
	return false
}

// fail keeps the first thing that went wrong inside the stream. What the server
// says after it gave up are the words for that.
func (t *tally) fail(o record.Outcome, words string) {
	switch {
	case words == "":
		words = "the server sent an error event without a word"
	case t.gaveUp != "" && o == record.StreamError:
		words = t.gaveUp + ": " + words
		t.gaveUp, t.failed = "", ""
	}
	if t.failed == "" {
		t.failed, t.words = o, words
	}
}

// giveUp notes a finish reason that is no end of an answer.
func (t *tally) giveUp(reason string) {
	if t.failed == "" {
		t.fail(record.StreamError, fmt.Sprintf("the server gave the request up: finish_reason %q", reason))
		t.gaveUp = t.words
	}
}

// note takes one scanned event.
func (t *tally) note(ev *protocol.Event, at record.Stamp) (more bool) {
	switch ev.Kind {
	case protocol.Done:
		t.done = true
		return false
	case protocol.Error:
		t.fail(record.StreamError, string(ev.Text))
		return true
	}
	t.promptIDs += ev.PromptIDs
	if !ev.HasChoice {
		if ev.Usage.Present {
			t.alone = newer(t.alone, ev.Usage)
		}
		if ev.Finish != "" {
			t.ended, t.finished = true, ev.Finish
		}
		return true
	}
	if ev.Usage.Present {
		t.attached = newer(t.attached, ev.Usage)
	}
	m := mark{at: at}
	var role, texts, blanks uint16
	for i := -1; i < len(ev.More); i++ {
		d := &ev.Delta
		if i >= 0 {
			d = &ev.More[i]
		}
		kind := t.delta(d, &m)
		switch {
		case kind.HasText():
			texts++
		case kind == protocol.Role:
			role++
		default:
			blanks++
		}
	}
	switch {
	case texts > 0:
		m.units, m.is = texts, m.is|isText
		t.texts++
		t.apart += min(max(ev.Usage.Completion, 0), math.MaxUint16)
		t.noIDs = t.noIDs || !ev.HasIDs
	case blanks > 0:
		m.units, m.is = blanks, m.is|isBlank
	}
	if len(ev.More) > 0 {
		t.noUsage = true
	}
	t.running(ev, &m)
	t.marks.add(m)
	return true
}

// newer returns the later usage, but never lets zeros replace a count: some
// servers attach zeros to every event but the last.
func newer(old, next protocol.Usage) protocol.Usage {
	if next.Completion <= 0 && old.Completion > 0 {
		return old
	}
	return next
}

// delta takes what an event says of one choice and returns its kind. A role
// without text is that only at the beginning of a choice: servers that repeat
// the role in every event would otherwise have no blanks.
func (t *tally) delta(d *protocol.Delta, m *mark) protocol.Kind {
	for d.Choice >= len(t.choices) {
		t.choices = append(t.choices, choice{})
	}
	c := &t.choices[d.Choice]
	kind := d.Kind
	if kind == protocol.Role && c.seen {
		kind = protocol.Blank
	}
	c.seen = true
	if kind.HasText() {
		t.shapes.add(d.Text)
	}
	switch {
	case kind == protocol.Answer && d.Choice == 0:
		t.text = append(t.text, d.Text...)
	case kind.HasText():
		c.beside = append(c.beside, d.Text...)
		t.beside += len(d.Text)
	}
	c.beside = append(c.beside, d.Beside...)
	t.beside += len(d.Beside)
	if kind == protocol.Answer || kind == protocol.Tool {
		m.is |= isAnswer
	}
	t.thought = t.thought || kind == protocol.Reasoning || len(d.Beside) > 0
	if d.Finish != "" {
		c.finished = true
		m.is |= isFinal
		if d.Choice == 0 || t.finished == "" {
			t.finished = d.Finish
		}
		if protocol.GivesUp(d.Finish) {
			t.giveUp(d.Finish)
		}
	}
	m.ids = saturate(int(m.ids) + d.TokenIDs)
	return kind
}

// running notes how far the server's running count of the choice went up. Zeros
// are no count, and neither is one that falls or that text does not raise.
func (t *tally) running(ev *protocol.Event, m *mark) {
	if m.is&(isText|isBlank) == 0 {
		return
	}
	c := &t.choices[ev.Choice]
	switch n := ev.Usage.Completion; {
	case n >= c.used && n > 0:
		m.counted = saturate(n - c.used)
		t.noUsage = t.noUsage || m.is&isText != 0 && n == c.used
		c.used = n
	case n < 0:
		c.used, t.noUsage = n, true
	case n > 0 || m.is&isText != 0:
		t.noUsage = true
		c.fell = c.fell || n > 0
	}
}

func saturate(n int) uint16 { return uint16(min(n, math.MaxUint16)) }

// finish completes the record: counts, moments, text and outcome.
func (t *tally) finish(timing *record.Timing, err error) {
	r := t.rec
	r.Timing = *timing
	t.settle()
	r.Finish = t.finished
	r.Text = string(t.text)
	if r.OutputTokens.From == record.FromEvents {
		for i := range t.choices {
			if b := t.choices[i].beside; len(b) > 0 {
				r.Beside = append(r.Beside, string(b))
			}
		}
	}
	r.Outcome, r.Err = t.outcome(err)
	t.marks, t.text, t.choices = marks{}, nil, nil // the record has what matters
}
