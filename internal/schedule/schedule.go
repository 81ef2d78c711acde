// Package schedule says which request goes next and when. A Pace is pure: no
// clock, no goroutine, no sleep; whoever sends asks it for the next due time and
// tells it when a request ended, on the wire as on a virtual clock.
//
// It promises the due times of vLLM's client for the same load, number of
// requests and random state: to the last bit but for the rounding described in
// package random, then rounded to whole nanoseconds. It refuses a load whose rate
// is not positive at every request instead of dividing by it. What it holds in
// memory does not grow with the number of requests.
//
// A shape of load is a file and a line in shapes.
package schedule

import (
	"fmt"
	"iter"
	"math"
	"time"

	"tokmeter/internal/plan"
	"tokmeter/internal/python/random"
)

// A Pace says which request goes next and when. It serves one caller at a time.
type Pace interface {
	// Next gives out the next request: when it is due, counted from the start of
	// the run. Every request is given once, in the order of sending but for those
	// that an Ended makes known. It is not ok where no request is known: one may
	// be after an Ended, and when none is under way the pace is over.
	Next() (due time.Duration, ok bool)
	// Ended says that a request that Next gave is over.
	Ended(Ended)
}

// Ended is what a Pace is told of a request that is over.
type Ended struct {
	At time.Duration // counted from the start of the run
}

// Arrivals yields when requests are due, counted from the start of the run, in
// the order of sending.
type Arrivals = iter.Seq[time.Duration]

// A Schedule is a load made ready for a number of requests. It starts as many
// paces as are needed, all alike.
type Schedule struct {
	n        int
	arrivals func() source
	span     time.Duration
}

// A source gives one due time after the other.
type source func() time.Duration

// New makes a schedule of n requests. times are those of a workload that has its
// own, for a load that is self-timed. It draws one gamma variate a request from a
// copy of rng where the load asks for random gaps, and nothing otherwise; rng may
// be nil then. The formulas are in docs/arrivals.md. The error says which setting
// gives no schedule.
func New(l plan.Load, n int, times []time.Duration, rng *random.RandomState) (*Schedule, error) {
	s := &Schedule{n: n}
	var err error
	for _, shape := range shapes() {
		if !shape.fits(l, times) {
			continue
		}
		if s.arrivals, err = shape.make(l, n, times, rng); err != nil {
			return nil, err
		}
		break
	}
	next := s.arrivals()
	for range n {
		s.span = next()
	}
	return s, nil
}

// Pace starts the pace of requests that go when they are due. What lets only so
// many of them be under way is Limit.
func (s *Schedule) Pace() Pace { return &arriving{left: s.n, next: s.arrivals()} }

// Len is the number of requests.
func (s *Schedule) Len() int { return s.n }

// Span is when the last request is due; 0 where all are due at once.
func (s *Schedule) Span() time.Duration { return s.span }

// Arrivals yields the due times, whatever limit holds requests back.
func (s *Schedule) Arrivals() Arrivals {
	return func(yield func(time.Duration) bool) {
		next := s.arrivals()
		for range s.n {
			if !yield(next()) {
				return
			}
		}
	}
}

// Busiest is how many requests at most are due within window, or most where
// there are more.
func (s *Schedule) Busiest(window time.Duration, most int) int {
	var due []time.Duration // within the window
	n := 0
	for d := range s.Arrivals() {
		due = append(due, d)
		for due[0] < d-window {
			due = due[1:]
		}
		if n = max(n, len(due)); n >= most {
			return most
		}
	}
	return n
}

// arriving is the pace of requests that go by the clock alone.
type arriving struct {
	left int
	next source
}

func (p *arriving) Next() (time.Duration, bool) {
	if p.left == 0 {
		return 0, false
	}
	p.left--
	return p.next(), true
}

func (p *arriving) Ended(Ended) {}

// duration turns seconds into whole nanoseconds.
func duration(seconds float64) (time.Duration, error) {
	ns := math.Round(seconds * 1e9)
	if !(ns >= 0 && ns < math.MaxInt64) {
		return 0, fmt.Errorf("due %v s after the start, which is beyond what a clock can hold", seconds)
	}
	return time.Duration(ns), nil
}
