// Package schedule says when each request is due. Arrivals are a pure function
// of the plan and of the random state: no clock, no goroutine, no sleep.
//
// It promises the due times of vLLM's client for the same plan, number of
// requests and random state: to the last bit but for the rounding described in
// package random, then rounded to whole nanoseconds. It refuses a plan whose
// rate is not positive at every request instead of dividing by it.
//
// A closed loop (a limit on requests in flight) is no matter of the schedule:
// it says when a request is due, and whoever sends waits for a free place.
package schedule

import (
	"fmt"
	"iter"
	"math"
	"slices"
	"time"

	"tokmeter/internal/plan"
	"tokmeter/internal/python/random"
)

// Arrivals yields the offsets from the start of the run at which requests are due.
type Arrivals = iter.Seq[time.Duration]

// Offsets says when each of n requests is due, counted from the start of the
// run, in the order of sending. It draws one gamma variate a request from rng
// where the plan asks for random gaps, and nothing otherwise; rng may be nil
// then. The formulas are in docs/arrivals.md. The error says which setting gives
// no schedule.
func Offsets(s plan.Schedule, n int, rng *random.RandomState) ([]time.Duration, error) {
	seconds, err := delays(s, n, rng)
	if err != nil {
		return nil, err
	}
	out := make([]time.Duration, n)
	for i, d := range seconds {
		if out[i], err = duration(d); err != nil {
			return nil, fmt.Errorf("request %d: %w: raise the request rate", i, err)
		}
	}
	return out, nil
}

// delays is Offsets in seconds.
func delays(s plan.Schedule, n int, rng *random.RandomState) ([]float64, error) {
	if !(s.Burstiness > 0) {
		return nil, fmt.Errorf("burstiness %v: it must be positive: 1 is a Poisson process, inf is even spacing", s.Burstiness)
	}
	out := make([]float64, n)
	at := 0.0
	for i := range out {
		rate, err := Rate(s, i, n)
		if err != nil {
			return nil, err
		}
		at += gap(rate, float64(s.Burstiness), rng)
		out[i] = at
	}
	if s.RampStrategy == "" && at != 0 {
		// The sum of random gaps misses n/rate by a per cent or two: all are
		// stretched alike, so that the last request leaves at exactly n/rate.
		factor := float64(n) / float64(s.RequestRate) / at
		for i := range out {
			out[i] *= factor
		}
	}
	return out, nil
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

// Rate is the request rate, in requests per second, at request index of n. On a
// ramp it grows with the index, not with time. A rate that is not positive is an
// error.
func Rate(s plan.Schedule, index, n int) (float64, error) {
	rate := float64(s.RequestRate)
	start, end := float64(s.RampStartRPS), float64(s.RampEndRPS)
	progress := float64(index) / float64(max(n-1, 1))
	switch s.RampStrategy {
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
		return 0, fmt.Errorf("ramp-up strategy %q: want linear or exponential", s.RampStrategy)
	}
	if !(rate > 0) {
		return 0, fmt.Errorf("%s ramp-up from %d to %d requests per second: request %d would never be due: start from 1 or more",
			s.RampStrategy, s.RampStartRPS, s.RampEndRPS, index)
	}
	return rate, nil
}

// duration turns seconds into whole nanoseconds.
func duration(seconds float64) (time.Duration, error) {
	ns := math.Round(seconds * 1e9)
	if !(ns >= 0 && ns < math.MaxInt64) {
		return 0, fmt.Errorf("due %v s after the start, which is beyond what a clock can hold", seconds)
	}
	return time.Duration(ns), nil
}

// A RateChange is the moment at which a ramp passes the next whole rate.
type RateChange struct {
	RPS   int           // requests per second from here on
	Index int           // the request at which it happens
	At    time.Duration // when that request is due; 0 for the start
}

// RateChanges lists the start of a ramp and every whole rate that it passes, in
// order; a request that passes several gives one entry each. offsets are what
// Offsets returned for the same plan. A plan without a ramp has none.
func RateChanges(s plan.Schedule, offsets []time.Duration) []RateChange {
	if s.RampStrategy == "" {
		return nil
	}
	last := s.RampStartRPS
	changes := []RateChange{{RPS: last}}
	for i, at := range offsets {
		rate, err := Rate(s, i, len(offsets))
		if err != nil {
			return changes
		}
		for last < int(rate) {
			last++
			changes = append(changes, RateChange{RPS: last, Index: i, At: at})
		}
	}
	return changes
}

// FromTimes is the schedule of requests that carry their own due times, such as
// those of a trace. With rebase the earliest is due at 0; without it times are
// offsets from the start as they stand, and one before the start is due at 0.
// Requests leave in their order, so a time earlier than the one before it is
// raised to that.
func FromTimes(times []time.Duration, rebase bool) []time.Duration {
	out := slices.Clone(times)
	if len(out) == 0 {
		return out
	}
	var base, last time.Duration
	if rebase {
		base = slices.Min(out)
	}
	for i, t := range out {
		last = max(last, t-base)
		out[i] = last
	}
	return out
}

// Stride yields what falls to one of several machines: the offsets whose index
// is worker, worker+of, worker+2·of and so on. All machines together replay
// exactly the schedule of one. It panics unless 0 ≤ worker < of.
func Stride(a Arrivals, worker, of int) Arrivals {
	if worker < 0 || worker >= of {
		panic(fmt.Sprintf("schedule: worker %d of %d: want 0 to %d", worker, of, of-1))
	}
	return func(yield func(time.Duration) bool) {
		i := 0
		for at := range a {
			if i%of == worker && !yield(at) {
				return
			}
			i++
		}
	}
}
