package engine

import (
	"math/bits"
	"sync"
	"time"
)

// A tally counts times in buckets of an eighth of their size: quantiles are
// within 13 %, the maximum is exact.
type tally struct {
	counts [512]int64
	n      int64
	max    time.Duration
}

func (t *tally) add(d time.Duration) {
	d = max(d, 0)
	t.counts[slot(uint64(d))]++
	t.n++
	t.max = max(t.max, d)
}

// slot is the bucket of v: exact below 8, then eight to each power of two.
func slot(v uint64) int {
	if v < 8 {
		return int(v)
	}
	shift := bits.Len64(v) - 4
	return shift*8 + int(v>>shift)
}

// upper is the greatest value of a bucket.
func upper(slot int) uint64 {
	if slot < 16 {
		return uint64(slot)
	}
	shift := slot/8 - 1
	return (uint64(slot%8)+9)<<shift - 1
}

func (t *tally) quantile(q float64) float64 {
	if t.n == 0 {
		return 0
	}
	rank := int64(q * float64(t.n-1))
	var seen int64
	for i, c := range t.counts {
		seen += c
		if seen > rank {
			return min(time.Duration(upper(i)), t.max).Seconds()
		}
	}
	return t.max.Seconds()
}

func (t *tally) quantiles() Quantiles {
	return Quantiles{P50: t.quantile(0.5), P99: t.quantile(0.99), Max: t.max.Seconds()}
}

// lateness collects what Lateness tells.
type lateness struct {
	mu      sync.Mutex
	first   tally
	last    tally
	overrun tally
	slips   int64
	slipped time.Duration
}

// step notes one step's first and last write after its deadline.
func (l *lateness) step(first, last time.Duration) {
	l.mu.Lock()
	l.first.add(first)
	l.last.add(last)
	l.mu.Unlock()
}

// over notes by how much a step's work went past its own deadline, 0 where it
// did not.
func (l *lateness) over(d time.Duration) {
	l.mu.Lock()
	l.overrun.add(d)
	l.mu.Unlock()
}

// slip notes a deadline that was given up.
func (l *lateness) slip(d time.Duration) {
	l.mu.Lock()
	l.slips++
	l.slipped += d
	l.mu.Unlock()
}

func (l *lateness) report() Lateness {
	l.mu.Lock()
	defer l.mu.Unlock()
	return Lateness{
		Steps: l.first.n, First: l.first.quantiles(), Last: l.last.quantiles(), Overrun: l.overrun.quantiles(),
		Slipped: l.slips, SlippedSeconds: l.slipped.Seconds(),
	}
}
