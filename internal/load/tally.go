package load

import (
	"errors"

	"tokmeter/internal/protocol"
	"tokmeter/internal/record"
	"tokmeter/internal/wire"
)

// A tally turns the events of one stream into its record.
type tally struct {
	rec *record.Record
	d   protocol.Dialect
	ev  protocol.Event
}

func (t *tally) begin(rec *record.Record, d protocol.Dialect) { t.rec, t.d = rec, d }
func (t *tally) event(e wire.Event) bool {
	if t.d.Scan(e.Data, &t.ev) != nil {
		return false
	}
	if t.ev.Kind == protocol.Answer {
		if len(t.rec.Events) == 0 {
			t.rec.FirstToken = e.At
		}
		t.rec.Events = append(t.rec.Events, e.At)
		t.rec.PerEvent = append(t.rec.PerEvent, 1)
		t.rec.LastToken = e.At
	}
	return t.ev.Kind != protocol.Done
}
func (t *tally) finish(tm record.Timing, err error) {
	t.rec.Timing = tm
	t.rec.Outcome = record.OK
	var we *wire.Error
	if errors.As(err, &we) {
		t.rec.Outcome = we.Outcome
		t.rec.Err = we.Error()
	}
	t.rec.OutputTokens = record.Count{N: len(t.rec.Events), From: record.FromEvents}
}
