package schedule

import (
	"fmt"
	"time"

	"tokmeter/internal/plan"
	"tokmeter/internal/python/random"
)

// ramps fits a rate that grows.
func ramps(l plan.Load, _ []time.Duration) bool { return l.RampStrategy != "" }

// ramped spreads requests over time by the rates of a ramp.
func ramped(l plan.Load, n int, _ []time.Duration, rng *random.RandomState) (func() source, error) {
	return spread(l, n, 0, rng)
}

// Rate is the request rate, in requests per second, at request index of n. On a
// ramp it grows with the index, not with time. A rate that is not positive is an
// error.
func Rate(l plan.Load, index, n int) (float64, error) {
	rate := float64(l.RequestRate)
	start, end := float64(l.RampStartRPS), float64(l.RampEndRPS)
	progress := float64(index) / float64(max(n-1, 1))
	switch l.RampStrategy {
	case "":
		if !(rate > 0) {
			return 0, fmt.Errorf("request rate %v: it must be positive: inf sends all requests at once", rate)
		}
		return rate, nil
	case "linear":
		rate = start + float64((end-start)*progress)
	case "exponential":
		rate = start * random.Pow(end/start, progress)
	default:
		return 0, fmt.Errorf("ramp-up strategy %q: want linear or exponential", l.RampStrategy)
	}
	if !(rate > 0) {
		return 0, fmt.Errorf("%s ramp-up from %d to %d requests per second: request %d would never be due: start from 1 or more",
			l.RampStrategy, l.RampStartRPS, l.RampEndRPS, index)
	}
	return rate, nil
}
