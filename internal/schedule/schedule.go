// Package schedule says when each request is due. Arrivals are a pure function
// of the plan and of the random state: no clock, no goroutine, no sleep.
package schedule

import (
	"iter"
	"time"
)

// Arrivals yields the offsets from the start of the run at which requests are due.
type Arrivals = iter.Seq[time.Duration]
