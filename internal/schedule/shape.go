package schedule

import (
	"time"

	"tokmeter/internal/plan"
	"tokmeter/internal/python/random"
)

// A shape makes the arrivals of the loads that it fits.
type shape struct {
	fits func(l plan.Load, times []time.Duration) bool
	make func(l plan.Load, n int, times []time.Duration, rng *random.RandomState) (func() source, error)
}

// shapes lists the shapes. The first that fits a load makes its arrivals.
func shapes() []shape {
	return []shape{
		{ownTimes, fromTimes},
		{ramps, ramped},
		{steady, constant},
	}
}
