package schedule

import (
	"fmt"
	"math"
	"time"

	"tokmeter/internal/plan"
	"tokmeter/internal/python/random"
)

// steady fits what no other shape does: one rate from the first request to the
// last.
func steady(plan.Load, []time.Duration) bool { return true }

// constant spreads requests over time by one rate, or lets all go at once where it
// is infinite. The sum of random gaps misses n/rate by a per cent or two: all are
// stretched alike, so that the last request leaves at exactly n/rate.
func constant(l plan.Load, n int, _ []time.Duration, rng *random.RandomState) (func() source, error) {
	return spread(l, n, float64(n)/float64(l.RequestRate), rng)
}

// spread lets n requests go with random gaps around those of their rates. Where
// end is not 0 all gaps are stretched, so that the last request leaves at end
// seconds.
func spread(l plan.Load, n int, end float64, rng *random.RandomState) (func() source, error) {
	burstiness := float64(l.Burstiness)
	if !(burstiness > 0) {
		return nil, fmt.Errorf("burstiness %v: it must be positive: 1 is a Poisson process, inf is even spacing", burstiness)
	}
	for i := range n {
		if _, err := Rate(l, i, n); err != nil {
			return nil, err
		}
	}
	// walk begins to add up the gaps, in seconds.
	walk := func() func() float64 {
		var own random.RandomState
		if rng != nil {
			own = *rng
		}
		at, i := 0.0, 0
		return func() float64 {
			rate, _ := Rate(l, i, n) // each was looked at above
			at += gap(rate, burstiness, &own)
			i++
			return at
		}
	}
	last, next := 0.0, walk()
	for range n {
		last = next()
	}
	factor := 1.0
	if end != 0 && last != 0 {
		factor = end / last
	}
	next = walk()
	for i := range n {
		if _, err := duration(next() * factor); err != nil {
			return nil, fmt.Errorf("request %d: %w: raise the request rate", i, err)
		}
	}
	return func() source {
		next := walk()
		return func() time.Duration {
			d, _ := duration(next() * factor) // each was looked at above
			return d
		}
	}, nil
}

// gap is the time in seconds between a request and the one before it.
func gap(rate, burstiness float64, rng *random.RandomState) float64 {
	switch {
	case math.IsInf(rate, 1):
		return 0
	case math.IsInf(burstiness, 1):
		return 1 / rate
	}
	return rng.Gamma(burstiness, 1/(rate*burstiness))
}
