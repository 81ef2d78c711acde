package plan

import (
	"encoding/json"
	"math"
	"time"
)

// Load says how a run is driven: when requests are due, how many may be under
// way at once, and how the run ends. Package schedule makes a pace of it.
type Load struct {
	RequestRate    Float  `json:"request_rate"` // requests per second; +Inf sends all at once
	Burstiness     Float  `json:"burstiness"`   // gamma shape; +Inf means even spacing
	RampStrategy   string `json:"ramp_up_strategy,omitempty"`
	RampStartRPS   int    `json:"ramp_up_start_rps,omitempty"`
	RampEndRPS     int    `json:"ramp_up_end_rps,omitempty"`
	SelfTimed      bool   `json:"self_timed,omitempty"`      // due times come from the workload
	MaxConcurrency int    `json:"max_concurrency,omitempty"` // 0 means unlimited

	Grace time.Duration `json:"grace_ns"` // how long an interrupted run drains
	Stop  Stop          `json:"stop,omitzero"`
}

// OpenLoop reports whether requests have due times of their own: they go by the
// clock, whatever becomes of the others, as far as MaxConcurrency lets them.
func (l Load) OpenLoop() bool {
	return l.SelfTimed || l.RampStrategy != "" || l.FiniteRate()
}

// FiniteRate reports whether RequestRate spreads requests over time.
func (l Load) FiniteRate() bool {
	rate := float64(l.RequestRate)
	return rate > 0 && !math.IsInf(rate, 1)
}

// UnmarshalJSON also reads plans that have their load under the two names
// schedule and stop, as run directories of the first versions do.
func (p *Plan) UnmarshalJSON(b []byte) error {
	type plain Plan
	if err := json.Unmarshal(b, (*plain)(p)); err != nil {
		return err
	}
	var first struct {
		Load     json.RawMessage
		Schedule *Load
		Stop     struct {
			Grace time.Duration `json:"grace_ns"`
		}
	}
	if err := json.Unmarshal(b, &first); err != nil {
		return err
	}
	if first.Schedule != nil && first.Load == nil {
		p.Load = *first.Schedule
		p.Load.Grace = first.Stop.Grace
	}
	return nil
}
