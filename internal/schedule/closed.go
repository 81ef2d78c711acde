package schedule

import "time"

// Closed is the pace of a closed loop without end: so many requests at the start,
// and the next one is due at the moment when one ends.
func Closed(open int) Pace { return &closed{first: open} }

type closed struct {
	first int // requests at the start that are still to go
	due   []time.Duration
}

func (p *closed) Next() (time.Duration, bool) {
	if p.first > 0 {
		p.first--
		return 0, true
	}
	if len(p.due) == 0 {
		return 0, false
	}
	due := p.due[0]
	p.due = p.due[1:]
	return due, true
}

func (p *closed) Ended(e Ended) { p.due = append(p.due, e.At) }
