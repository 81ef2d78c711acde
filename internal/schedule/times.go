package schedule

import (
	"time"

	"tokmeter/internal/plan"
	"tokmeter/internal/python/random"
)

// ownTimes fits the requests that carry their own due times, such as those of a
// trace.
func ownTimes(l plan.Load, times []time.Duration) bool { return l.SelfTimed && times != nil }

// fromTimes takes times as they stand, as offsets from the start. One before the
// start is due at 0. Requests leave in their order, so a time earlier than the
// one before it is raised to that.
func fromTimes(_ plan.Load, _ int, times []time.Duration, _ *random.RandomState) (func() source, error) {
	return func() source {
		var last time.Duration
		i := 0
		return func() time.Duration {
			last = max(last, times[i])
			i++
			return last
		}
	}, nil
}
