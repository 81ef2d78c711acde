package metrics

import (
	"math"
	"time"

	"tokmeter/internal/plan"
	"tokmeter/internal/record"
)

// A RateChange is the moment at which a ramp's rate reached the next whole
// number of requests per second.
type RateChange struct {
	RPS int
	At  time.Time
}

// RateChanges are the whole rates that a ramp went through and when, as vLLM's
// client notes them: the first at the start of the run, each other one when
// the first request of that rate was let go. Runs without a ramp have none.
func RateChanges(recs []*record.Record, end record.Ending, p plan.Plan) []RateChange {
	s := &p.Schedule
	if s.RampStrategy == "" {
		return nil
	}
	when := func(at record.Stamp) time.Time { return end.Began.Add(at.Sub(0)).Local() }
	changes := []RateChange{{s.RampStartRPS, when(end.Start)}}
	total := max(len(recs), p.Workload.NumPrompts)
	last := s.RampStartRPS
	for _, r := range InOrder(recs) {
		rate := rampRate(s, r.Index, total)
		for ; last < int(rate); last++ {
			changes = append(changes, RateChange{last + 1, when(r.Released)})
		}
	}
	return changes
}

// rampRate is the rate at which request i of n is sent.
func rampRate(s *plan.Schedule, i, n int) float64 {
	start, end := float64(s.RampStartRPS), float64(s.RampEndRPS)
	progress := float64(i) / float64(max(n-1, 1))
	if s.RampStrategy == "exponential" {
		return start * math.Pow(end/start, progress)
	}
	return start + float64((end-start)*progress)
}
