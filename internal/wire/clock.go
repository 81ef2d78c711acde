package wire

import (
	"sync/atomic"
	"time"

	"tokmeter/internal/record"
)

// A Clock is the run's clock: monotonic, started once, shared by all streams.
// It turns the wall-clock stamps of the kernel into the run's time by an
// offset that is measured again and again, so a step of the wall clock is
// followed within measureEvery and counted. It takes no lock.
type Clock struct {
	base    time.Time     // with a monotonic reading
	offset  atomic.Int64  // wall nanoseconds − run nanoseconds
	measure atomic.Int64  // run time after which the offset is measured again
	steps   atomic.Int64  // steps noticed
	read    func() sample // both clocks, read together
}

// A sample is one reading of the wall clock between two of the run's.
type sample struct{ before, wall, after int64 }

const (
	// measureEvery bounds how long stamps may be wrong after a step; a
	// measurement costs less than a microsecond.
	measureEvery = 10 * time.Millisecond
	// stepSize is the change of the offset that counts as a step. Both clocks
	// are slewed alike, so what is smaller is noise and is followed silently.
	stepSize = time.Millisecond
	// sharpEnough is a gap between two readings without a pause of the thread.
	sharpEnough = 2 * time.Microsecond
	readings    = 3
)

// NewClock starts a clock. Its stamps are at least 1, because zero means that
// a moment never came.
func NewClock() *Clock {
	c := &Clock{base: time.Now().Add(-1)}
	c.read = c.readBoth
	s := c.sharpest()
	c.offset.Store(s.wall - s.middle())
	c.measure.Store(s.after + int64(measureEvery))
	return c
}

// Now is the run's time.
func (c *Clock) Now() record.Stamp { return record.Stamp(time.Since(c.base)) }

// Began is the wall time of stamp 0.
func (c *Clock) Began() time.Time { return c.base.Round(0) }

// Steps is how many steps of the wall clock (1 ms or more) were noticed.
func (c *Clock) Steps() int { return int(c.steps.Load()) }

// fromWall turns a wall-clock stamp of the kernel, in nanoseconds since 1970,
// into the run's time, for a reader that has just read the clock. No stamp is
// later than its reader: one that would be tells of a step and has the offset
// measured at once.
func (c *Clock) fromWall(wall int64, now record.Stamp) record.Stamp {
	if next := c.measure.Load(); int64(now) >= next {
		// The reader that moves the time on is the one that measures.
		if c.measure.CompareAndSwap(next, int64(now)+int64(measureEvery)) {
			c.remeasure()
		}
	}
	at := record.Stamp(wall - c.offset.Load())
	if at > now {
		if at-now > record.Stamp(stepSize) {
			c.remeasure()
			at = record.Stamp(wall - c.offset.Load())
		}
		at = min(at, now)
	}
	return at
}

func (c *Clock) remeasure() {
	s := c.sharpest()
	fresh, old := s.wall-s.middle(), c.offset.Load()
	gap := s.after - s.before
	moved := fresh - old
	if moved < 0 {
		moved = -moved
	}
	if gap > int64(sharpEnough) && moved <= gap {
		return // too blunt to correct an offset that it does not contradict
	}
	if c.offset.CompareAndSwap(old, fresh) && moved >= int64(stepSize)+gap {
		c.steps.Add(1)
	}
}

// sharpest takes several readings and keeps the one with the smallest gap.
func (c *Clock) sharpest() sample {
	best := c.read()
	for range readings - 1 {
		if s := c.read(); s.after-s.before < best.after-best.before {
			best = s
		}
	}
	return best
}

func (c *Clock) readBoth() sample {
	before := int64(time.Since(c.base))
	wall := time.Now().UnixNano()
	return sample{before: before, wall: wall, after: int64(time.Since(c.base))}
}

func (s sample) middle() int64 { return s.before + (s.after-s.before)/2 }
