package stats

import (
	"math"
	"math/bits"
	"math/rand/v2"
	"slices"
)

// A Statistic is what stands for many values: their mean, or a percentile.
type Statistic float64

// OfMean is the mean. Every other Statistic is a percentile, 0 < p ≤ 100.
const OfMean Statistic = 0

// An Interval is a value with its 95 % interval. Low and High are NaN where
// there are too few values to tell, and Value too where there is none.
type Interval struct {
	Value, Low, High float64
	// SE is the standard error, of the logarithm where the value is a ratio; DF
	// are its degrees of freedom. Both are NaN where Low is.
	SE, DF float64
	N      int // cells that went in
}

// P returns the two-sided probability of a value at least as far from 0 by
// chance, by Student's t; of a ratio the value is the logarithm. NaN where the
// error is not known.
func (i Interval) P(value float64) float64 {
	switch {
	case math.IsNaN(i.SE) || math.IsNaN(value):
		return math.NaN()
	case i.SE == 0 && value == 0:
		return 1
	case i.SE == 0:
		return 0
	}
	return 2 * studentTail(math.Abs(value)/i.SE, i.DF)
}

// Detectable returns the smallest difference, in the unit of SE, that a
// two-sided test at 5 % finds four times in five: (t.975 + t.8)·SE.
func (i Interval) Detectable() float64 {
	if math.IsNaN(i.SE) {
		return math.NaN()
	}
	return (StudentQuantile(0.975, i.DF) + StudentQuantile(0.8, i.DF)) * i.SE
}

// Of returns a statistic of x with its interval. x has one slice for each
// round, with the value of request i at place i; values that are not finite are
// left out. See Ratio for how the interval is made.
func Of(x [][]float64, s Statistic, seed uint64) Interval {
	t := newTable(s, x)
	return t.interval(seed, func(v []float64) float64 { return v[0] }, func(v float64) float64 { return v })
}

// Ratio returns a statistic of a divided by that of b with its interval. Both
// have one slice for each round, with the value of request i at place i; only
// places where both are finite and above 0 count.
//
// Requests are drawn with their places in every round and on both sides at once
// (a paired bootstrap), in circular blocks of 1.5·n^⅓ neighbours, because those that
// were in flight together are alike. The ends are percentiles of the drawn
// logarithms. Percentiles rather than BCa: of a logarithm of a ratio they are
// nearly symmetric, and swapping the sides inverts the interval exactly. Where
// rounds differ by more than the requests explain, the ends move apart by the
// rounds' own variance, with Student's t: the mean of the lengths by Cochran and
// by Satterthwaite.
func Ratio(a, b [][]float64, s Statistic, seed uint64) Interval {
	a, b = positivePairs(a, b)
	t := newTable(s, a, b)
	return t.interval(seed, func(v []float64) float64 { return math.Log(v[0]) - math.Log(v[1]) }, math.Exp)
}

// positivePairs leaves NaN where one of the two is not a positive number.
func positivePairs(a, b [][]float64) (x, y [][]float64) {
	for k := range min(len(a), len(b)) {
		n := min(len(a[k]), len(b[k]))
		p, q := slices.Clone(a[k][:n]), slices.Clone(b[k][:n])
		for i := range n {
			if !positive(p[i]) || !positive(q[i]) {
				p[i], q[i] = math.NaN(), math.NaN()
			}
		}
		x, y = append(x, p), append(y, q)
	}
	return x, y
}

func positive(v float64) bool { return v > 0 && !math.IsInf(v, 1) }
func finite(v float64) bool   { return !math.IsNaN(v) && !math.IsInf(v, 0) }

// LogRatioOfRounds returns the ratio of two numbers that each round gives once,
// such as a throughput: the exponential of the mean logarithm, with Student's t
// over the rounds. One round has no interval.
func LogRatioOfRounds(a, b []float64) Interval {
	var logs []float64
	for k := range min(len(a), len(b)) {
		if positive(a[k]) && positive(b[k]) {
			logs = append(logs, math.Log(a[k])-math.Log(b[k]))
		}
	}
	out := MeanOf(logs)
	out.Value, out.Low, out.High = math.Exp(out.Value), math.Exp(out.Low), math.Exp(out.High)
	return out
}

// MeanOf returns the mean of independent values with Student's t interval; one
// value has no interval, and values that are not finite are left out.
func MeanOf(x []float64) Interval {
	x = slices.DeleteFunc(slices.Clone(x), func(v float64) bool { return !finite(v) })
	nan := math.NaN()
	out := Interval{Value: Mean(x), Low: nan, High: nan, SE: nan, DF: nan, N: len(x)}
	if len(x) < 2 {
		return out
	}
	out.SE, out.DF = math.Sqrt(variance(x)/float64(len(x))), float64(len(x)-1)
	half := StudentQuantile(0.975, out.DF) * out.SE
	out.Low, out.High = out.Value-half, out.Value+half
	return out
}

// variance is the unbiased one.
func variance(x []float64) float64 {
	s := Std(x)
	return s * s * float64(len(x)) / float64(len(x)-1)
}

// draws are how many times the requests are drawn: enough for the ends to be
// still, fewer where there are very many requests.
func draws(cells int) int { return min(2000, max(400, 40_000_000/max(cells, 1))) }

// interval draws and puts together. theta makes one number of the statistics of
// the sides, back turns it into the value's own unit.
func (t *table) interval(seed uint64, theta func([]float64) float64, back func(float64) float64) Interval {
	nan := math.NaN()
	out := Interval{Value: nan, Low: nan, High: nan, SE: nan, DF: nan, N: t.cells}
	if t.cells == 0 {
		return out
	}
	n, rounds := len(t.places), len(t.rounds)
	weight := slices.Repeat([]int32{1}, n)
	values := make([]float64, len(t.sides))
	whole := theta(t.all(weight, values))
	out.Value = back(whole)
	if n < 2 && rounds < 2 || !finite(whole) {
		return out
	}
	each := make([]float64, rounds)
	for k := range each {
		each[k] = theta(t.round(k, weight, values))
	}
	drawn, noise := t.draw(seed, weight, values, theta, each)
	slices.Sort(drawn)
	a := 0.0
	if len(drawn) > 1 {
		a = variance(drawn)
	}
	b := 0.0
	if rounds > 1 {
		if l := blockOf(n); t.statistic == OfMean && n > l {
			noise *= float64(n) / float64(n-l) // as in spread
		}
		b = max(0, variance(each)-noise) / float64(rounds)
	}
	out.spread(spread{a, b, n, rounds, whole, drawn, t.statistic == OfMean}, back)
	return out
}

// A spread is what is known of how far a value may be off.
type spread struct {
	requests float64 // variance from the choice of requests
	rounds   float64 // variance from the rounds
	n, k     int
	whole    float64
	drawn    []float64 // sorted
	mean     bool
}

// spread sets the ends.
func (i *Interval) spread(s spread, back func(float64) float64) {
	const still = 1e-24   // rounding alone
	blocks := math.Inf(1) // the variance of a drawn percentile errs upward by itself
	if n, l := float64(s.n), float64(blockOf(s.n)); s.mean && n > l {
		s.requests *= n / (n - l) // a drawn sample varies about itself, not about the truth
		blocks = n / l
	}
	v := s.requests + s.rounds
	if v < still {
		i.Low, i.High, i.SE, i.DF = i.Value, i.Value, 0, math.Inf(1)
		return
	}
	below := 0.0
	if s.n > 1 {
		below += s.requests * s.requests / (blocks - 1)
	}
	if s.k > 1 {
		below += s.rounds * s.rounds / float64(s.k-1)
	}
	i.DF = v * v / below // infinite without rounds and for percentiles
	t := StudentQuantile(0.975, i.DF)
	half := (s.half(blocks-1) + t*math.Sqrt(v)) / 2
	i.SE = half / t // so that P agrees with the interval
	if s.requests < still {
		i.Low, i.High = back(s.whole-half), back(s.whole+half)
		return
	}
	grow := half / (StudentQuantile(0.975, math.Inf(1)) * math.Sqrt(variance(s.drawn)))
	i.Low = back(s.whole - max(0, s.whole-Percentile(s.drawn, 2.5))*grow)
	i.High = back(s.whole + max(0, Percentile(s.drawn, 97.5)-s.whole)*grow)
}

// half is half the interval's length by Cochran: each part with Student's t of
// its own degrees of freedom, of which df are the requests'. Where rounds matter
// little it is too long (98 of 100 hold the truth), as the length by
// Satterthwaite's degrees is too short where rounds matter most (92 of 100, for
// rounds that are alike by luck count as many): the mean of both is taken.
func (s *spread) half(df float64) float64 {
	v := 0.0
	if s.requests > 0 {
		t := StudentQuantile(0.975, df)
		v += t * t * s.requests
	}
	if s.rounds > 0 {
		t := StudentQuantile(0.975, float64(s.k-1))
		v += t * t * s.rounds
	}
	return math.Sqrt(v)
}

// draw returns the drawn values, and the variance between rounds that the
// choice of requests alone would make.
func (t *table) draw(seed uint64, weight []int32, values []float64, theta func([]float64) float64, each []float64) (drawn []float64, noise float64) {
	n := len(t.places)
	if n < 2 {
		return nil, 0
	}
	const stream = 0x9e3779b97f4a7c15
	rng := rand.NewPCG(seed, stream)
	off, counted := make([]float64, len(each)), 0
	length := blockOf(n)
	for range draws(t.cells) {
		clear(weight)
		for left := n; left > 0; {
			start, _ := bits.Mul64(rng.Uint64(), uint64(n))
			for j := range min(length, left) {
				weight[(int(start)+j)%n]++
			}
			left -= min(length, left)
		}
		v := theta(t.all(weight, values))
		if !finite(v) {
			continue
		}
		drawn = append(drawn, v)
		if len(each) < 2 {
			continue
		}
		for k := range off {
			off[k] = theta(t.round(k, weight, values)) - each[k]
		}
		if w := variance(off); finite(w) {
			noise, counted = noise+w, counted+1
		}
	}
	return drawn, noise / float64(max(counted, 1))
}

// blockOf is the length of a block of n requests. With n^⅓ alone, intervals of
// requests that share half of their neighbours' effect hold the truth in 91 of
// 100; see TestCoverage.
func blockOf(n int) int {
	if n < 8 {
		return 1
	}
	return int(math.Round(1.5 * math.Cbrt(float64(n))))
}
