package load

import (
	"fmt"

	"tokmeter/internal/protocol"
	"tokmeter/internal/record"
)

// What one answer may grow to. A record of that size stays far below what a
// reader of records takes in one line, and a thousand answers without end leave
// the client alive.
const (
	maxText     = 64 << 20 // bytes, where the request names no number of tokens
	maxEvents   = 1 << 22
	leastText   = 1 << 20 // bytes that any answer may have
	leastEvents = 1 << 18
	tokenBytes  = 256 // more than the text of any token but in jest
	tokenEvents = 16  // events that one token may be spread over
)

// endless reports whether the answer is longer than any that was asked for: it
// is then given up.
func (t *tally) endless() bool {
	text, events := maxText, maxEvents
	if want := t.rec.WantOutput; want > 0 {
		want = min(want, maxEvents) * max(len(t.choices), 1)
		text = min(max(want*tokenBytes, leastText), maxText)
		events = min(max(want*tokenEvents, leastEvents), maxEvents)
	}
	switch {
	case len(t.text)+t.beside > text:
		t.fail(record.BadStream, fmt.Sprintf("the answer is longer than %d MiB, the most that is taken for %s", text>>20, t.asked()))
	case t.marks.n > events:
		t.fail(record.BadStream, fmt.Sprintf("the answer has more than %d events, the most that are taken for %s", events, t.asked()))
	default:
		return false
	}
	return true
}

func (t *tally) asked() string {
	if t.rec.WantOutput == 0 {
		return "any request"
	}
	return fmt.Sprintf("%d tokens", t.rec.WantOutput)
}

// refuse takes counts of the server's that can't be for none, and keeps one of
// them in the record.
func (t *tally) refuse() {
	r := t.rec
	most := max(r.MostOutput(t.bytes), r.WantOutput*len(t.choices))
	bad := func(n, most int) bool {
		if n < 0 || n > most {
			r.Refused = n
			return true
		}
		return false
	}
	for _, u := range []*protocol.Usage{&t.alone, &t.attached} {
		if bad(u.Completion, most) {
			u.Completion = 0
		}
		if bad(u.Prompt, r.MostPrompt()) {
			u.Prompt = 0
		}
		if bad(u.Cached, max(u.Prompt, r.WantPrompt)) {
			u.Cached, u.HasCached = 0, false
		}
		for _, n := range []*int{&u.Reasoning, &u.Rejected} {
			if bad(*n, most) {
				*n = 0
			}
		}
		if bad(u.Total, r.MostPrompt()+most) {
			u.Total = 0
		}
	}
	for i := range t.choices {
		if c := &t.choices[i]; bad(c.used, most) {
			c.used, t.noUsage = 0, true
		}
	}
}
