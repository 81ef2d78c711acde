package load

import (
	"slices"
	"sync"
	"time"

	"tokmeter/internal/record"
	"tokmeter/internal/schedule"
)

// A pacer lets requests go as a schedule.Pace says. The dispatcher asks it for
// those that are due at a time to come; a request that is due when another one
// ends is let go at once, by the goroutine of the one that ended.
type pacer struct {
	run   *run
	pace  schedule.Pace
	start record.Stamp
	poke  chan struct{} // has an entry when the dispatcher has reason to look again

	mu    sync.Mutex
	known []time.Duration // given by the pace and not taken, the earliest first
	left  int             // requests that may still be taken
	open  int             // requests taken that have not ended
	sent  int             // requests let go
	over  bool            // none is let go any more

	// idle says that the dispatcher let all go that were known at the moment since.
	idle  bool
	since record.Stamp
	// wake ends the dispatcher's wait for the due time next; nil when it waits for none.
	wake func()
	next record.Stamp
}

func newPacer(r *run) *pacer {
	p := &pacer{run: r, pace: r.Pace, left: r.Requests, poke: make(chan struct{}, 1)}
	if r.MaxConcurrency > 0 {
		p.pace = schedule.Limit(p.pace, r.MaxConcurrency)
	}
	return p
}

// upcoming takes the next request for the dispatcher, which waits for its due
// time with w. Where none is known as long as no other ends, idle is true; nil and
// false mean that there is none any more.
func (p *pacer) upcoming(w waiter) (s *stream, idle bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.wake = nil
	if p.left > 0 && len(p.known) == 0 {
		p.ask()
	}
	if p.left > 0 && len(p.known) > 0 {
		if s = p.take(); s != nil {
			p.idle, p.wake, p.next = false, w.wake, s.rec.Due
			return s, false
		}
	}
	if p.left == 0 || p.open == 0 {
		return nil, false
	}
	if !p.idle {
		p.idle, p.since = true, p.run.Clock.Now()
	}
	return nil, true
}

// ask asks the pace for one more due time.
func (p *pacer) ask() (ok bool) {
	due, ok := p.pace.Next()
	if ok {
		at, _ := slices.BinarySearchFunc(p.known, due, func(a, b time.Duration) int {
			if a <= b {
				return -1
			}
			return 1
		})
		p.known = slices.Insert(p.known, at, due)
	}
	return ok
}

// take takes the earliest request that is known; nil where the source has no more,
// or the run is stopped.
func (p *pacer) take() *stream {
	req, ok := p.run.window.next()
	if !ok {
		if !p.run.window.halted() {
			p.left = 0
		}
		return nil
	}
	s := newStream(p.run.Job, req)
	s.rec.Due = p.start + record.Stamp(p.known[0])
	p.known = p.known[1:]
	p.left--
	p.open++
	p.run.underWay.Add(1)
	return s
}

// letGo lets the request go for which the dispatcher waited.
func (p *pacer) letGo(s *stream, now record.Stamp) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.release(s, now)
}

func (p *pacer) release(s *stream, at record.Stamp) {
	s.rec.Released = at
	p.sent++
	go p.run.follow(s)
	p.run.Progress.Released.Add(1)
	p.run.supply.used()
}

// forget gives up the request for which the dispatcher waited, if any: the run is
// stopped.
func (p *pacer) forget(s *stream) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.over = true
	if s != nil {
		p.open--
		p.run.underWay.Done()
	}
}

// close lets nothing go any more.
func (p *pacer) close() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.over = true
}

// sooner gives the dispatcher's request the due time of one that became known
// meanwhile and is earlier.
func (p *pacer) sooner(s *stream) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if len(p.known) == 0 || p.start+record.Stamp(p.known[0]) >= s.rec.Due {
		return
	}
	p.known[0], s.rec.Due = s.rec.Due.Sub(p.start), p.start+record.Stamp(p.known[0])
	slices.Sort(p.known)
	p.next = s.rec.Due
}

// ended is told that a request is over. It lets those go that are due by now.
func (p *pacer) ended() {
	now := p.run.Clock.Now()
	p.mu.Lock()
	defer p.mu.Unlock()
	p.open--
	p.pace.Ended(schedule.Ended{At: now.Sub(p.start)})
	if p.over || p.left == 0 {
		p.look()
		return
	}
	if !p.idle {
		if p.ask() && p.wake != nil && p.start+record.Stamp(p.known[0]) < p.next {
			p.wake()
		}
		return
	}
	for p.left > 0 && p.ask() {
		due := p.start + record.Stamp(p.known[0])
		if due > now {
			p.idle = false
			break
		}
		s := p.take()
		if s == nil {
			break
		}
		// It waited for its slot, and not for the dispatcher, which had let all
		// others go by then.
		p.release(s, max(due, p.since))
	}
	if !p.idle || p.open == 0 || p.left == 0 {
		p.look()
	}
}

// look has the idle dispatcher look again.
func (p *pacer) look() {
	select {
	case p.poke <- struct{}{}:
	default:
	}
}

// waiting is the record of the next request that was due when the run was stopped
// and waited for a slot; nil when there is none any more.
func (p *pacer) waiting() *record.Record {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.over = true
	if p.run.MaxConcurrency == 0 || p.left == 0 {
		return nil
	}
	now := p.run.Clock.Now()
	p.pace.Ended(schedule.Ended{At: now.Sub(p.start)}) // a slot for it to leave from
	if len(p.known) == 0 && !p.ask() {
		return nil
	}
	due := p.start + record.Stamp(p.known[0])
	if due >= now {
		return nil
	}
	req, ok := p.run.window.rest()
	if !ok {
		return nil
	}
	p.known = p.known[1:]
	p.left--
	p.sent++
	s := newStream(p.run.Job, req)
	s.rec.Due, s.rec.Released = due, max(due, p.since)
	return s.rec
}
