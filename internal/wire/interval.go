package wire

import (
	"math/bits"
	"time"

	"tokmeter/internal/record"
)

// An interval is how long a reader thread lets events gather before it reads
// them all. The kernel has stamped them, so the wait costs no accuracy, and a
// round of many events costs less than a wake-up for each. It is 0 where that
// would gain nothing, or where two events of one stream come so close together
// that the kernel would join them, and one stamp would be lost.
type interval struct {
	now     time.Duration // in force
	fixed   bool          // for tests: it stays as it is
	decided record.Stamp
	events  int // read since decided
	// gaps counts the gaps between two reads of one stream, by their length. Half
	// of them are forgotten with every decision.
	gaps [gapClasses]float64
}

const (
	decideEvery = 50 * time.Millisecond
	// fewStreams gain nothing from rounds: there is rarely a second event.
	fewStreams = 50
	// worthRound is the least number of events a round that makes it worth its
	// wake-up.
	worthRound = 2
	// enoughGaps is how many gaps a decision needs.
	enoughGaps = 64
	// rareGap is the share of gaps that may be too short for an interval.
	rareGap = 1.0 / 500

	// Gaps are classed by powers of two from leastGap on. What is written within
	// leastGap is written at once, and joined by any reader: it is not counted.
	leastGap   = 32 * time.Microsecond
	gapClasses = 7
	// edgeReads is how many reads at the end of an answer, and half as many at its
	// beginning, have no short gaps counted: the head and a role come together, the
	// finish reason, the usage and the end come on the heels of each other, and no
	// token's time is in them.
	edgeReads = 4
)

// intervals are what can be chosen, longest first.
var intervals = [...]time.Duration{300 * time.Microsecond, 200 * time.Microsecond, 100 * time.Microsecond}

// classOf is the class of a gap.
func classOf(gap time.Duration) uint8 {
	return uint8(min(bits.Len64(uint64(max(gap, 0)/leastGap)), gapClasses-1))
}

// shortest is the shortest gap of a class.
func shortest(class int) time.Duration {
	if class == 0 {
		return 0
	}
	return leastGap << (class - 1)
}

// decide chooses the interval from what has been read, for a number of streams
// under way.
func (v *interval) decide(now record.Stamp, streams int) {
	past := now.Sub(v.decided)
	if past < decideEvery || v.fixed {
		return
	}
	rate := float64(v.events) / past.Seconds()
	v.now = v.choose(rate, streams)
	v.decided, v.events = now, 0
	for i := range v.gaps {
		v.gaps[i] /= 2
	}
}

func (v *interval) choose(rate float64, streams int) time.Duration {
	if streams < fewStreams {
		return 0
	}
	all := 0.0
	for _, n := range v.gaps {
		all += n
	}
	if all < enoughGaps {
		return 0
	}
	for _, d := range intervals {
		if rate*d.Seconds() < worthRound {
			return 0
		}
		if v.closer(2*d) <= rareGap*all {
			return d
		}
	}
	return 0
}

// closer estimates how many gaps were shorter than d. A gap shorter than the
// interval in force shows only where a round fell into it, so each that shows
// stands for others.
func (v *interval) closer(d time.Duration) (n float64) {
	for class := 1; class < gapClasses && shortest(class) < d; class++ {
		typical := float64(shortest(class)) * 1.5
		n += v.gaps[class] * max(1, float64(v.now)/typical)
	}
	return n
}

// A gapFilter holds back the short gaps at the end of an answer so far, so that
// those at its very end are never counted. The zero value is for an answer that
// has not begun.
type gapFilter struct {
	reads uint32
	held  [edgeReads]uint8 // classes of short gaps; 0 for none
}

// next takes the gap between a read and the one before it, whatever for the first.
func (f *gapFilter) next(gap time.Duration, v *interval) {
	held := &f.held[f.reads%edgeReads]
	if *held > 0 {
		v.gaps[*held]++
	}
	*held = 0
	switch class := classOf(gap); {
	case f.reads == 0: // nothing was before
	case class == gapClasses-1:
		v.gaps[class]++
	case f.reads >= edgeReads/2:
		*held = class
	}
	f.reads++
}
