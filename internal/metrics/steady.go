package metrics

import (
	"math"

	"tokmeter/internal/plan"
	"tokmeter/internal/record"
	"tokmeter/internal/stats"
)

// A Steady describes the part of a run without warm-up and drain. In a closed loop
// the load was full: from the first moment at which Threshold requests were under
// way until the last moment at which fewer were. In an open loop it is the time of
// sending. Both begin later where a change of level ends a warm-up: see Course.
// Outside of it the load rises or drains, and whole-run rates are lower than what
// the server sustains.
type Steady struct {
	Threshold int // requests under way: 95 % of the concurrency limit, rounded up; 0 in an open loop
	// Start and End are seconds since the run's stamp 0.
	Start, End float64
	Completed  int // successful requests that ended inside

	RequestThroughput float64 // those per second
	InputThroughput   float64 // prompt tokens of successful requests sent inside, per second
	OutputThroughput  float64 // output tokens of successful requests that came inside, per second
	TTFT, TPOT        Dist    // of successful requests sent inside
}

// steadyShare is the part of the concurrency limit that counts as full load.
const steadyShare = 0.95

// fullLoadOf is how many requests under way are full load; a number that is never
// reached where the plan is no closed loop.
func fullLoadOf(p plan.Plan) int {
	if p.Load.MaxConcurrency == 0 || p.Load.OpenLoop() {
		return math.MaxInt
	}
	return max(1, int(math.Ceil(steadyShare*float64(p.Load.MaxConcurrency))))
}

// A steadyScan describes the requests within the stretch of full load.
type steadyScan struct {
	from, to      record.Stamp
	s             Steady
	input, output int
	first         bool // the pass that counts is over
	percentiles   []float64
	ttft, tpot    *stats.Stream
	more          [2]bool // which of them needs the current pass
}

// newSteady looks at a stretch; nil where there is none.
func newSteady(from, to record.Stamp, p plan.Plan) *steadyScan {
	if to <= from {
		return nil
	}
	ps, full := percentilesOf(p), fullLoadOf(p)
	if full == math.MaxInt {
		full = 0
	}
	return &steadyScan{
		from: from, to: to, percentiles: ps,
		s:    Steady{Threshold: full, Start: seconds(from), End: seconds(to)},
		ttft: newStream(ps), tpot: newStream(ps), more: [2]bool{true, true},
	}
}

func (x *steadyScan) take(e *entry) {
	if !e.ok {
		return
	}
	v := View{}
	if !x.first {
		for i, n := range e.counts {
			if x.inside(e.Events[i]) {
				x.output += n
			}
		}
		if x.inside(endOf(e.Record)) {
			x.s.Completed++
		}
	}
	if !x.inside(e.Sent) {
		return
	}
	if !x.first {
		x.input += v.Prompt(e.Record).N
	}
	if x.more[0] {
		x.ttft.Add(v.TTFT(e.Record))
	}
	if n := v.paced(e.Record); n > 1 && x.more[1] {
		x.tpot.Add(v.tpot(e.Record, n))
	}
}

func (x *steadyScan) inside(at record.Stamp) bool { return at >= x.from && at <= x.to }

func (x *steadyScan) turn() bool {
	x.first = true
	x.more = [2]bool{x.more[0] && x.ttft.Turn(), x.more[1] && x.tpot.Turn()}
	return x.more[0] || x.more[1]
}

func (x *steadyScan) describe() *Steady {
	took := seconds(x.to - x.from)
	x.s.RequestThroughput = float64(x.s.Completed) / took
	x.s.InputThroughput = float64(x.input) / took
	x.s.OutputThroughput = float64(x.output) / took
	x.s.TTFT = distribution(x.ttft, x.percentiles)
	x.s.TPOT = distribution(x.tpot, x.percentiles)
	return &x.s
}
