package compare

import (
	"fmt"
	"math"

	"tokmeter/internal/stats"
)

// A Verdict says what a difference comes to.
type Verdict string

// The verdicts.
const (
	Better  Verdict = "better"
	Worse   Verdict = "worse"
	Same    Verdict = "same"        // within the margin, surely
	Unclear Verdict = "can't tell"  // the interval holds both no difference and one beyond the margin
	Bare    Verdict = "no interval" // only statistics are told: the difference may be chance
	Unlike  Verdict = "unlike"      // the two did not do the same work
	Missing Verdict = "missing"     // one of the two has no such number
)

// A Basis says what an interval rests on.
type Basis string

// The bases, best first.
const (
	OfRounds   Basis = "rounds"   // several runs a side
	OfPairs    Basis = "pairs"    // the same requests on both sides
	OfRequests Basis = "requests" // the requests of each side
	OfMoments  Basis = "moments"  // mean, deviation and number, which do not tell whether neighbours are alike
	OfNothing  Basis = "none"
)

// A Row is one quantity of a side beside the baseline's.
type Row struct {
	Quantity
	A, B   stats.Interval // the baseline's and the side's; of a share, from 0 to 1
	Change stats.Interval // B ÷ A; of a share B − A
	P      float64        // of no difference, by Holm over the rows of a side; NaN without an interval
	// Detectable is the smallest change, as a share of the baseline (of a share: of
	// the requests), that such a comparison finds four times in five; NaN without an
	// interval.
	Detectable float64
	Basis      Basis
	Rounds     int // runs of the side that has fewer
	Verdict    Verdict
	// More is how many times as many requests, or runs where Basis is OfRounds, would
	// decide what can't be told; 0 where none is needed, infinite where none would.
	More float64
	Why  string // there is no verdict; "" where there is one
}

// none is the change of equal sides.
func (r *Row) none() float64 {
	if r.Metric == Success {
		return 0
	}
	return 1
}

// Delta is the change as a share of the baseline: 0.05 for 5 % more.
func (r *Row) Delta() float64 { return r.Change.Value - r.none() }

// worsening is the change as a share, positive where the side is worse.
func (r *Row) worsening() float64 {
	if r.Metric.higherBetter() {
		return -r.Delta()
	}
	return r.Delta()
}

// known reports whether there is an interval.
func (r *Row) known() bool { return !math.IsNaN(r.Change.Low) && !math.IsNaN(r.Change.High) }

// level of every interval and test.
const level = 0.05

// raw is the probability of no difference, by the end of the interval that lies
// towards it: intervals of percentiles are not symmetric.
func (r *Row) raw() float64 {
	if !r.known() {
		return math.NaN()
	}
	value, end := r.distance(r.none())
	if end == 0 {
		if value == 0 {
			return 1
		}
		return 0
	}
	i := stats.Interval{SE: end / stats.StudentQuantile(1-level/2, r.df()), DF: r.df()}
	return i.P(value)
}

// distance is how far the change is from a value, and how long its interval is
// towards it, on the scale of the interval.
func (r *Row) distance(from float64) (value, end float64) {
	scale := math.Log
	if r.Metric == Success {
		scale = func(x float64) float64 { return x }
	}
	value = scale(r.Change.Value) - scale(from)
	if value >= 0 {
		return value, scale(r.Change.Value) - scale(r.Change.Low)
	}
	return -value, scale(r.Change.High) - scale(r.Change.Value)
}

func (r *Row) df() float64 {
	if math.IsNaN(r.Change.DF) || r.Change.DF <= 0 {
		return math.Inf(1)
	}
	return r.Change.DF
}

// judge gives a row its verdict by the margin within which two are the same.
func (r *Row) judge(margin float64) {
	switch {
	case math.IsNaN(r.Change.Value):
		r.Verdict = Missing
		return
	case !r.known() && r.Basis == OfNothing:
		r.Verdict = Bare
		return
	case !r.known():
		r.Verdict, r.More = Unclear, r.enough()
		return
	}
	low, high := r.Change.Low-r.none(), r.Change.High-r.none()
	switch sure := r.P < level; {
	case low >= -margin && high <= margin:
		r.Verdict = Same
	case sure && r.worsening() > 0:
		r.Verdict = Worse
	case sure:
		r.Verdict = Better
	default:
		r.Verdict = Unclear
		r.More = r.more(margin)
	}
}

// more is how many times as many requests decide, should the difference stay what
// it is: either to leave no difference out, or to lie within the margin.
func (r *Row) more(margin float64) float64 {
	value, end := r.distance(r.none())
	tests := math.Max(1, r.P/r.raw()) // by which Holm asks for more
	if math.IsNaN(tests) || math.IsInf(tests, 0) {
		tests = 1
	}
	unit := end / stats.StudentQuantile(1-level/2, r.df())
	apart := math.Pow(stats.StudentQuantile(1-level/2/tests, math.Inf(1))*unit/value, 2)
	half, room := (r.Change.High-r.Change.Low)/2, margin-math.Abs(r.Delta())
	within := math.Inf(1)
	if room > 0 {
		within = half * half / (room * room)
	}
	if math.IsNaN(apart) {
		apart = math.Inf(1)
	}
	return math.Max(1, math.Min(apart, within))
}

// enough is how many times as many requests give a percentile an interval.
func (r *Row) enough() float64 {
	n := min(r.A.N, r.B.N)
	if needs := r.needs(); n > 0 && needs > n {
		return float64(needs) / float64(n)
	}
	return math.Inf(1)
}

// needs is how many independent requests the quantity needs for an interval.
func (r *Row) needs() int {
	if !r.Metric.Latency() || r.Stat == stats.OfMean {
		return 0
	}
	return stats.PercentileNeeds(float64(r.Stat))
}

// widen makes room for how runs differ among themselves, where one run a side
// does not show it: spread is the standard deviation of the logarithm of a run's
// number (of a share, nothing is added).
func (r *Row) widen(spread float64) {
	if !r.known() || !(spread > 0) || r.Metric == Success {
		return
	}
	more := math.Sqrt2 * spread
	half := stats.StudentQuantile(1-level/2, math.Inf(1)) * more
	value := math.Log(r.Change.Value)
	r.Change.Low = math.Exp(value - math.Hypot(value-math.Log(r.Change.Low), half))
	r.Change.High = math.Exp(value + math.Hypot(math.Log(r.Change.High)-value, half))
	r.Change.SE = math.Hypot(r.Change.SE, more)
}

// detect fills in the smallest change that is found.
func (r *Row) detect() {
	r.Detectable = math.NaN()
	if !r.known() {
		return
	}
	lower, upper := r.Change.Value, r.Change.Value
	if r.Metric == Success {
		r.Detectable = (r.Change.High - r.Change.Low) / 2 * r.power()
		return
	}
	lower, upper = math.Log(lower/r.Change.Low), math.Log(r.Change.High/upper)
	r.Detectable = math.Expm1(math.Max(lower, upper) * r.power())
}

// power is the smallest difference that is found four times in five, as a multiple
// of half an interval.
func (r *Row) power() float64 {
	t := stats.StudentQuantile(1-level/2, r.df())
	return (t + stats.StudentQuantile(0.8, r.df())) / t
}

// percentText is a share of one in percent.
func percentText(share float64) string {
	switch a := math.Abs(share); {
	case math.IsNaN(share):
		return "not known"
	case a < 0.0995:
		return fmt.Sprintf("%.1f %%", 100*a)
	default:
		return fmt.Sprintf("%.0f %%", 100*a)
	}
}
