package metrics

import (
	"fmt"
	"math"

	"tokmeter/internal/plan"
	"tokmeter/internal/record"
	"tokmeter/internal/stats"
)

// A Course is how a run went over its time.
type Course struct {
	// WarmUp is until when, and DrainFrom since when, the run was not steady, in
	// seconds since the run's stamp 0. Without a steady part both are 0.
	WarmUp, DrainFrom float64
	// Saturated says that the server did not keep up with an open loop.
	Saturated bool
	// InFlight and TTFT are means of the first, the middle and the last third of the
	// sending: requests under way, and milliseconds (from due times in an open loop).
	InFlight, TTFT [3]float64
	// DriftTTFT and DriftTPOT are how much they rose over the steady part, of their
	// median as a part of one; 0 where they did not, but for chance.
	DriftTTFT, DriftTPOT float64
	// Requests, Output and Total are throughputs of the steady part, or else of the
	// time of sending, with their intervals: requests and tokens per second.
	Requests, Output Estimate
}

const (
	saturatedGrowth = 1.5  // of requests under way and TTFT, from the first third to the last
	stillGrowing    = 1.2  // from the middle third to the last
	saturatedSlope  = 0.01 // of TTFT, in seconds a second
	trendP          = 0.001
	driftLimit      = 0.10
	driftParts      = 20 // means that a drift is seen in, long enough to be independent
)

// courseOf looks at the slots of a run. steady is its steady part; nil for none.
func courseOf(t *timeline, p plan.Plan, first, last int, steady bool) *Course {
	c := &Course{}
	c.InFlight = thirds(levels(t.slots, underWayOf))
	c.TTFT = thirds(levels(t.slots, ttftOf))
	for k := range c.TTFT {
		c.TTFT[k] *= msPerSecond
	}
	c.Saturated = p.Load.OpenLoop() && p.Load.RampStrategy == "" &&
		Saturated(levels(t.slots, underWayOf), levels(t.slots, ttftOf), seconds(t.to-t.from))
	rated := t.slots
	if steady {
		c.WarmUp, c.DrainFrom = seconds(t.begins(first)), seconds(t.begins(last))
		rated = t.slots[first:last]
		if !c.Saturated {
			c.DriftTTFT, c.DriftTPOT = drift(levels(rated, ttftOf)), drift(levels(rated, tpotOf))
		}
	}
	c.Requests = ratePerSlot(rated, t.width(), func(s slot) int { return s.ended })
	c.Output = ratePerSlot(rated, t.width(), func(s slot) int { return s.tokens })
	return c
}

// Saturated says of equal parts of a time in seconds, in which an open loop sent
// requests, that the server did not keep up: both the requests under way and TTFT
// (in seconds, from due times) rose from the first third to the last, from the
// middle one too, and all the time.
func Saturated(underWay, ttft []float64, span float64) bool {
	if len(underWay) < fewestSlots/2 || len(ttft) < fewestSlots/2 {
		return false
	}
	under, first := thirds(underWay), thirds(ttft)
	return grows(under) && grows(first) && first[2]-first[0] > saturatedSlope*span*2/3 && rising(underWay) && rising(ttft)
}

// thirds are the means of the thirds of a series; 0 where it is shorter.
func thirds(x []float64) (means [3]float64) {
	for k := range means {
		if part := x[k*len(x)/3 : (k+1)*len(x)/3]; len(part) > 0 {
			means[k] = stats.Mean(part)
		}
	}
	return means
}

func grows(x [3]float64) bool {
	return x[2] > saturatedGrowth*x[0] && x[2] > stillGrowing*x[1]
}

func rising(x []float64) bool {
	r := stats.Trend(x)
	return r.P < trendP && r.Tau > 0
}

// ratePerSlot is a throughput by the counts of slots, which are alike with their
// neighbours.
func ratePerSlot(slots []slot, width float64, of func(slot) int) Estimate {
	x := make([]float64, len(slots))
	for i, s := range slots {
		x[i] = float64(of(s)) / width
	}
	return estimateOf(stats.MeanOfSeries(x, intervalSeed))
}

// drift is how much a series rises over its length, of its median; 0 where that may
// be chance or is little.
func drift(x []float64) float64 {
	if len(x) < driftParts {
		return 0
	}
	means := make([]float64, driftParts)
	for i := range means {
		means[i] = stats.Mean(x[i*len(x)/driftParts : (i+1)*len(x)/driftParts])
	}
	r := stats.Trend(means)
	whole := stats.Mean(means)
	if !(r.P < trendP) || whole == 0 || math.Abs(r.Slope) <= driftLimit*math.Abs(whole) {
		return 0
	}
	return r.Slope / whole
}

func (e *evidence) findSaturated() *Finding {
	c := e.Course
	if c == nil || !c.Saturated {
		return nil
	}
	return &Finding{Grade: Doubtful, Numbers: []string{latenciesNumber},
		Text: fmt.Sprintf("the server is saturated: from the first third of the run to the last, requests in flight rose from %.0f to %.0f and TTFT from %.0f to %.0f ms; latencies are those of a queue that grows as long as the run lasts",
			c.InFlight[0], c.InFlight[2], c.TTFT[0], c.TTFT[2])}
}

func (e *evidence) findDrift() *Finding {
	c := e.Course
	if c == nil {
		return nil
	}
	name, by := "TTFT", c.DriftTTFT
	if math.Abs(c.DriftTPOT) > math.Abs(by) {
		name, by = "TPOT", c.DriftTPOT
	}
	if by == 0 {
		return nil
	}
	verb := "rose"
	if by < 0 {
		verb = "fell"
	}
	number := string(TTFT)
	if name == "TPOT" {
		number = string(TPOT)
	}
	return &Finding{Grade: Doubtful, Numbers: []string{number}, UpTo: math.Abs(by), Share: true,
		Text: fmt.Sprintf("%s %s by %.0f %% over the steady part: its mean depends on how long the run was", name, verb, 100*math.Abs(by))}
}

// lookAt makes the course of a run and its steady part: of a closed loop the time
// of full load that under found, of an open one the time of sending, both without
// the warm-up that a change of level ends.
func (s *Summary) lookAt(t *timeline, under *concurrency, p plan.Plan) (from, to record.Stamp) {
	from, to = under.from, under.to
	if t == nil {
		return from, to
	}
	open := p.Load.OpenLoop()
	if open {
		from, to = t.from, t.to
	}
	if to <= from {
		s.Course = courseOf(t, p, 0, 0, false)
		return 0, 0
	}
	first, last, ok := t.steadyPart(from, min(to, t.to))
	s.Course = courseOf(t, p, first, last, ok)
	switch {
	case !ok && open, s.Course.Saturated:
		s.Course.WarmUp, s.Course.DrainFrom = 0, 0
		return 0, 0
	case ok:
		from = max(from, t.begins(first))
	}
	if open {
		to = t.to
	}
	return from, to
}

// steadyScan looks at the steady part; nil where there is none.
func (s *Summary) steadyScan(t *timeline, under *concurrency, p plan.Plan) *steadyScan {
	from, to := s.lookAt(t, under, p)
	return newSteady(from, to, p)
}
