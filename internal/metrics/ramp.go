package metrics

import (
	"time"

	"tokmeter/internal/plan"
	"tokmeter/internal/record"
	"tokmeter/internal/schedule"
)

// A RateChange is the moment at which a ramp's rate reached the next whole
// number of requests per second.
type RateChange struct {
	RPS int
	At  time.Time
}

// RateChanges are the whole rates that a ramp went through and when, as vLLM's
// client notes them: the first at the start of the run, each other one when
// the first request of that rate was let go. Runs without a ramp have none. The
// error is that of a pass, or of a plan whose ramp has no rate.
func RateChanges(recs record.Pass, end record.Ending, p plan.Plan) ([]RateChange, error) {
	s := p.Load
	if s.RampStrategy == "" {
		return nil, nil
	}
	n := 0
	for _, err := range recs {
		if err != nil {
			return nil, err
		}
		n++
	}
	n = max(n, p.Workload.NumPrompts)
	when := func(at record.Stamp) time.Time { return end.Began.Add(at.Sub(0)) }
	changes := []RateChange{{s.RampStartRPS, when(end.Start)}}
	last := s.RampStartRPS
	for r, err := range recs {
		if err != nil {
			return nil, err
		}
		rate, err := schedule.Rate(s, r.Index, n)
		if err != nil {
			return nil, err
		}
		for ; last < int(rate); last++ {
			changes = append(changes, RateChange{last + 1, when(r.Released)})
		}
	}
	return changes, nil
}
