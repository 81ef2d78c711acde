package metrics

import (
	"math"
	"slices"

	"tokmeter/internal/stats"
)

// A spreadScan finds out how well a latency's mean and percentiles are known. Its
// first pass gathers, for each request or for stretches of them, what the values
// sum up to and how many lie below each percentile; the later ones look for the
// values at the ends of the intervals. What it keeps does not grow with the run.
type spreadScan struct {
	series *series
	ps     []float64 // percentiles, ascending
	values []float64 // at them, in milliseconds

	stretches []stretch
	size      int       // requests of a stretch
	open      int       // requests of the last one
	single    []float64 // the first values in order, while every request has one
	several   bool      // some request has several values

	ends  *stats.Stream // of the intervals
	ranks []rankPair    // by percentile
	n     int
}

// A stretch is what some requests that follow each other have.
type stretch struct {
	sum   float64
	n     int
	below []int // by percentile: values up to it
}

type rankPair struct {
	low, high int
	ok        bool
	alike     float64
}

// mostStretches bounds what is kept of a latency.
const mostStretches = 1 << 13

func newSpread(s *series, d Dist) *spreadScan {
	x := &spreadScan{series: s, size: 1}
	known := slices.Concat(d.Ladder, d.Percentiles)
	slices.SortFunc(known, func(a, b Percentile) int { return int(math.Copysign(1, a.P-b.P)) })
	for _, p := range known {
		if p.P > 0 && p.P < 100 && !slices.Contains(x.ps, p.P) {
			x.ps, x.values = append(x.ps, p.P), append(x.values, p.Value)
		}
	}
	return x
}

func (x *spreadScan) take(e *entry) {
	s := x.series
	s.room = s.append(s.room[:0], e)
	if len(s.room) == 0 {
		return
	}
	if x.ends != nil {
		for _, v := range s.room {
			x.ends.Add(v)
		}
		return
	}
	if x.several = x.several || len(s.room) > 1; !x.several && len(x.single) < mostStretches {
		x.single = append(x.single, s.room[0])
	}
	x.into()
	last := &x.stretches[len(x.stretches)-1]
	for _, v := range s.room {
		v *= msPerSecond
		last.sum += v
		last.n++
		for i, at := range x.values {
			if v <= at {
				last.below[i]++
			}
		}
	}
	x.n += len(s.room)
}

// into makes sure that the last stretch takes one more request.
func (x *spreadScan) into() {
	if x.open == x.size || len(x.stretches) == 0 {
		if len(x.stretches) == mostStretches {
			x.halve()
		} else {
			x.stretches = append(x.stretches, stretch{below: make([]int, len(x.ps))})
			x.open = 0
		}
	}
	x.open++
}

// halve makes one stretch of two, and room for a last one.
func (x *spreadScan) halve() {
	half := len(x.stretches) / 2
	for i := range half {
		a, b := x.stretches[2*i], x.stretches[2*i+1]
		for k := range a.below {
			a.below[k] += b.below[k]
		}
		x.stretches[i] = stretch{a.sum + b.sum, a.n + b.n, a.below}
	}
	x.stretches = append(x.stretches[:half], stretch{below: make([]int, len(x.ps))})
	x.size *= 2
	x.open = 0
}

func (x *spreadScan) turn() bool {
	if x.ends != nil {
		return x.ends.Turn()
	}
	var ends []float64
	for i, p := range x.ps {
		r := rankPair{alike: x.alike(i)}
		r.low, r.high, r.ok = stats.PercentileRanks(x.n, p, r.alike)
		x.ranks = append(x.ranks, r)
		if r.ok {
			ends = append(ends, x.percentOf(r.low), x.percentOf(r.high))
		}
	}
	if len(ends) == 0 {
		return false
	}
	x.ends = stats.NewStream(ends...)
	return true
}

// percentOf is the percentile at which the value of a rank lies.
func (x *spreadScan) percentOf(rank int) float64 {
	if x.n < 2 {
		return 0
	}
	return 100 * float64(rank-1) / float64(x.n-1)
}

// alike is how many values tell as much as one independent one does of whether a
// value lies below percentile i. The gaps of one request are alike, whatever their
// order.
func (x *spreadScan) alike(i int) float64 {
	if !x.several {
		return stats.AlikeAt(x.single, x.ps[i])
	}
	below := 0
	for _, s := range x.stretches {
		below += s.below[i]
	}
	share := float64(below) / float64(x.n)
	if share <= 0 || share >= 1 {
		return 1
	}
	off := make([]float64, len(x.stretches))
	for k, s := range x.stretches {
		off[k] = float64(s.below[i]) - share*float64(s.n)
	}
	dev := stats.Std(off)
	// The variance of the share, over that of independent values.
	return max(1, stats.Alike(off)*dev*dev*float64(len(off))/(float64(x.n)*share*(1-share)))
}

// mean has the interval of the mean: of a ratio of sums, where requests have several
// values.
func (x *spreadScan) mean(d Dist) Estimate {
	perStretch := float64(x.n) / float64(len(x.stretches))
	off := make([]float64, len(x.stretches))
	for i, s := range x.stretches {
		off[i] = d.Mean + (s.sum-d.Mean*float64(s.n))/perStretch
	}
	if x.open < x.size && len(off) > 1 { // the last one is not whole
		off = off[:len(off)-1]
	}
	iv := stats.MeanOfSeries(off, intervalSeed)
	shift := d.Mean - iv.Value
	iv.Value, iv.Low, iv.High, iv.N = d.Mean, iv.Low+shift, iv.High+shift, x.n
	return estimateOf(iv)
}

func (x *spreadScan) describe(d Dist) LatencyIntervals {
	out := LatencyIntervals{ID: x.series.id, N: x.n, Mean: x.mean(d)}
	asked := []float64{50}
	for _, p := range d.Percentiles {
		asked = append(asked, p.P)
	}
	for i, p := range x.ps {
		r := x.ranks[i]
		v := PercentileInterval{P: p, Estimate: Estimate{Value: x.values[i], Known: r.ok, N: x.n}, Alike: r.alike}
		if r.ok {
			v.Low, v.High = x.ends.Percentile(x.percentOf(r.low))*msPerSecond, x.ends.Percentile(x.percentOf(r.high))*msPerSecond
			out.Highest = v
		}
		if slices.Contains(asked, p) {
			out.Percentiles = append(out.Percentiles, v)
		}
	}
	return out
}
