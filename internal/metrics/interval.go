package metrics

import (
	"math"
	"slices"

	"tokmeter/internal/plan"
	"tokmeter/internal/record"
	"tokmeter/internal/stats"
)

// intervalSeed is of the draws of intervals: equal records have equal intervals.
const intervalSeed = 1

// An Estimate is a number with its 95 % interval.
type Estimate struct {
	Value, Low, High float64
	Known            bool // there is an interval; without it, Low and High are 0
	N                int  // values behind it
}

// estimateOf is an interval as a summary has it.
func estimateOf(i stats.Interval) Estimate {
	e := Estimate{Value: i.Value, N: i.N}
	if math.IsNaN(i.Value) {
		e.Value = 0
	}
	if !math.IsNaN(i.Low) && !math.IsNaN(i.High) {
		e.Low, e.High, e.Known = i.Low, i.High, true
	}
	return e
}

// Intervals say how well the numbers of a run are known.
type Intervals struct {
	Latencies []LatencyIntervals
	Success   Estimate // share of requests that succeeded, those that the user stopped left out
	Good      Estimate // share of them that met every goal; none without goals
	// CutOff is how many requests timed out or were stopped after they were sent:
	// their latencies are longer than what was seen of them.
	CutOff int
}

// LatencyIntervals are a latency's numbers in milliseconds with their 95 %
// intervals.
type LatencyIntervals struct {
	ID          ID
	N           int // values
	Mean        Estimate
	Percentiles []PercentileInterval
	// Highest is the highest percentile that has an interval, of those that are
	// asked for and of 50, 75, 90, 95, 99, 99.9; 0 for none.
	Highest PercentileInterval
	// WithCut are the percentiles with the requests that were cut off: at least that
	// much (Kaplan and Meier); nil where there is none, and for TPOT and ITL.
	WithCut []PercentileInterval
}

// A PercentileInterval is the value at P percent.
type PercentileInterval struct {
	P float64
	Estimate
	Alike float64 // values that tell as much as one independent one
}

// Of are the intervals of a latency; not ok where it has none.
func (i *Intervals) Of(id ID) (l LatencyIntervals, ok bool) {
	if i == nil {
		return l, false
	}
	at := slices.IndexFunc(i.Latencies, func(l LatencyIntervals) bool { return l.ID == id })
	if at < 0 {
		return l, false
	}
	return i.Latencies[at], true
}

// ladder are the percentiles of which the highest with an interval is looked for.
func ladder() []float64 { return []float64{50, 75, 90, 95, 99, 99.9} }

// intervals is a look at how well the latencies are known.
type intervals struct {
	spreads []*spreadScan
	cut     []*cutScan
	tally   *tally
}

// newIntervals looks at the latencies that a summary has.
func newIntervals(s *Summary, t *tally, v View, p plan.Plan) *intervals {
	x := &intervals{tally: t}
	if s.Completed == 0 {
		return x
	}
	for _, l := range latencySeries(v, p) {
		d := s.Dists[l.id]
		if slices.Contains([]ID{TTFT, TPOT, ITL, E2EL, TTFTFromDue, E2ELFromDue}, l.id) && d.N > 0 {
			x.spreads = append(x.spreads, newSpread(l, d))
		}
	}
	if t.outcomes[record.Timeout]+t.outcomes[record.Cancelled] > 0 {
		x.cut = []*cutScan{{id: TTFT, view: v}, {id: E2EL, view: v}}
	}
	return x
}

func (x *intervals) scans() []scan {
	var out []scan
	for _, s := range x.spreads {
		out = append(out, s)
	}
	for _, s := range x.cut {
		out = append(out, s)
	}
	return out
}

// describe is what the passes found.
func (x *intervals) describe(s *Summary) *Intervals {
	if len(x.spreads) == 0 {
		return nil
	}
	out := &Intervals{Success: estimateOf(stats.Wilson(s.Completed, s.Requests-s.stopped()))}
	if s.HasGoals {
		out.Good = estimateOf(stats.Wilson(x.tally.good, s.Requests-s.stopped()))
	}
	for _, l := range x.spreads {
		out.Latencies = append(out.Latencies, l.describe(s.Dists[l.series.id]))
	}
	for _, c := range x.cut {
		out.CutOff = max(out.CutOff, c.cut)
		at := slices.IndexFunc(out.Latencies, func(l LatencyIntervals) bool { return l.ID == c.id })
		if at >= 0 && c.cut > 0 {
			out.Latencies[at].WithCut = c.describe(out.Latencies[at].Percentiles)
		}
	}
	return out
}

// A cutScan gathers the lifetimes of requests, those that were cut off included.
type cutScan struct {
	id   ID
	view View
	all  []stats.Lifetime
	cut  int
	step int // of so many requests one is kept
	seen int
}

// mostLifetimes bounds what is kept.
const mostLifetimes = 1 << 16

func (c *cutScan) take(e *entry) {
	cut := e.Outcome == record.Timeout || e.Outcome == record.Cancelled
	if e.Sent == 0 || !e.ok && !cut {
		return
	}
	l := stats.Lifetime{Time: seconds(endOf(e.Record)-e.Sent) * msPerSecond}
	first := c.view.first(e.Record)
	switch {
	case c.id == TTFT && first > 0:
		l = stats.Lifetime{Time: c.view.TTFT(e.Record) * msPerSecond, Ended: true}
	case c.id == E2EL && e.ok:
		l = stats.Lifetime{Time: c.view.Latency(e.Record) * msPerSecond, Ended: true}
	}
	if !l.Ended {
		c.cut++
	}
	c.step = max(c.step, 1)
	if c.seen%c.step == 0 {
		c.all = append(c.all, l)
	}
	c.seen++
	if len(c.all) == mostLifetimes {
		c.step *= 2
		for i := range mostLifetimes / 2 {
			c.all[i] = c.all[2*i]
		}
		c.all = c.all[:mostLifetimes/2]
	}
}

func (c *cutScan) turn() bool { return false }

func (c *cutScan) describe(like []PercentileInterval) []PercentileInterval {
	s := stats.SurvivalOf(c.all)
	var out []PercentileInterval
	for _, p := range like {
		out = append(out, PercentileInterval{P: p.P, Estimate: estimateOf(s.Percentile(p.P, p.Alike)), Alike: p.Alike})
	}
	return out
}
