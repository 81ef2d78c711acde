package stats

import (
	"math"
	"math/bits"
	"math/rand/v2"
	"slices"
)

// seriesDraws is how many samples are drawn of a series.
const seriesDraws = 2000

// a drawer draws samples of a series in circular blocks.
type drawer struct {
	x      []float64
	sums   []float64 // sums[i] is that of the first i values of x, twice around
	length int
	blocks int
	rng    *rand.PCG
	memory memory
}

func newDrawer(x []float64, seed uint64) *drawer {
	n := len(x)
	m := remember(x)
	length := int(math.Ceil(m.length))
	length = max(1, min(length, n/fewestBlocks))
	const stream = 0x9e3779b97f4a7c15
	d := &drawer{x: x, length: length, blocks: max(1, n/length), rng: rand.NewPCG(seed, stream), memory: m}
	d.sums = make([]float64, 2*n+1)
	for i := range 2 * n {
		d.sums[i+1] = d.sums[i] + x[i%n]
	}
	return d
}

// fewestIndependent is how many independent values a series must be worth to have
// an interval: of less, the memory itself is not known well enough.
const fewestIndependent = 20

// fewestBlocks a sample has: with fewer, their own spread is not known.
const fewestBlocks = 8

// start is where a drawn block begins.
func (d *drawer) start() int {
	at, _ := bits.Mul64(d.rng.Uint64(), uint64(len(d.x)))
	return int(at)
}

// block is the mean of the block that begins at a place.
func (d *drawer) block(at int) float64 {
	return (d.sums[at+d.length] - d.sums[at]) / float64(d.length)
}

// spread is the standard error of the mean of a sample of k blocks.
func (d *drawer) spread() (mean, se float64) {
	n := len(d.x)
	mean = Mean(d.x)
	sum := 0.0
	for i := range n {
		sum += square(d.block(i) - mean)
	}
	k := float64(d.blocks)
	return mean, math.Sqrt(sum / float64(n) / (k - 1))
}

// sample draws a sample and gives its mean and that mean's standard error, which is
// not below a part of the whole's: of a series that hardly varies, many samples do
// not vary at all.
func (d *drawer) sample(room []float64, least float64) (mean, se float64) {
	for i := range room {
		room[i] = d.block(d.start())
	}
	mean = Mean(room)
	return mean, max(least, Std(room)/math.Sqrt(float64(len(room)-1)))
}

// MeanOfSeries returns the mean of a series with its 95 % interval by the
// studentized circular block bootstrap (Götze and Künsch 1996), which respects
// that neighbours are alike and that the values are skewed. SE is by blocks, DF
// their number less one. Values that are not finite are left out; those that tell
// no more than 20 independent ones have no interval.
func MeanOfSeries(x []float64, seed uint64) Interval {
	x = slices.DeleteFunc(slices.Clone(x), func(v float64) bool { return !finite(v) })
	nan := math.NaN()
	out := Interval{Value: Mean(x), Low: nan, High: nan, SE: nan, DF: nan, N: len(x)}
	if len(x) < fewestIndependent {
		return out
	}
	d := newDrawer(x, seed)
	if d.memory.longRun*fewestIndependent > d.memory.variance*float64(len(x)) {
		return out
	}
	mean, se := d.spread()
	se = max(se, math.Sqrt(d.memory.longRun/float64(len(x)))) // blocks are too short to show all of it
	out.Value, out.SE, out.DF = mean, se, float64(d.blocks-1)
	if se <= math.Abs(mean)*1e-15 {
		out.Low, out.High, out.SE = mean, mean, 0
		return out
	}
	room, ts := make([]float64, d.blocks), make([]float64, 0, seriesDraws)
	for range seriesDraws {
		m, s := d.sample(room, se/4)
		ts = append(ts, (m-mean)/s)
	}
	slices.Sort(ts)
	out.Low, out.High = mean-se*Percentile(ts, 97.5), mean-se*Percentile(ts, 2.5)
	return out
}

// PercentileOfSeries returns the percentile p of a series, as Percentile does, with
// the 95 % interval of PercentileRanks for the memory that AlikeAt finds. Values
// that are not finite are left out. Where there are too few for both ends, Low, High
// and SE are NaN.
func PercentileOfSeries(x []float64, p float64) Interval {
	x = slices.DeleteFunc(slices.Clone(x), func(v float64) bool { return !finite(v) })
	alike := AlikeAt(x, p)
	slices.Sort(x)
	nan := math.NaN()
	out := Interval{Value: Percentile(x, p), Low: nan, High: nan, SE: nan, DF: math.Inf(1), N: len(x)}
	if low, high, ok := PercentileRanks(len(x), p, alike); ok {
		out.Low, out.High = x[low-1], x[high-1]
		out.SE = (out.High - out.Low) / (2 * StudentQuantile((1+level)/2, math.Inf(1)))
	}
	return out
}

// RatioOf returns a/b of two numbers that were measured apart, with the interval
// that follows from theirs (the square-and-add of Zou and Donner 2008, on
// logarithms): ends of unequal distance keep theirs. SE is that of the logarithm.
// It has no interval where one of the two has none, or where a number or an end is
// not above 0.
func RatioOf(a, b Interval) Interval {
	nan := math.NaN()
	out := Interval{Value: nan, Low: nan, High: nan, SE: nan, DF: nan, N: min(a.N, b.N)}
	if !positive(a.Value) || !positive(b.Value) {
		return out
	}
	out.Value = a.Value / b.Value
	if !positive(a.Low) || !positive(b.Low) || !positive(a.High) || !positive(b.High) {
		return out
	}
	logs := func(i Interval) Interval {
		return Interval{Value: math.Log(i.Value), Low: math.Log(i.Low), High: math.Log(i.High), SE: i.SE / i.Value, DF: i.DF}
	}
	d := DifferenceOf(logs(a), logs(b))
	out.Low, out.High, out.SE, out.DF = math.Exp(d.Low), math.Exp(d.High), d.SE, d.DF
	return out
}

// DifferenceOf returns a−b of two numbers that were measured apart, with the
// interval that follows from theirs; see RatioOf. The degrees of freedom are Welch
// and Satterthwaite's.
func DifferenceOf(a, b Interval) Interval {
	d := a.Value - b.Value
	out := Interval{Value: d, DF: math.Inf(1), N: min(a.N, b.N)}
	out.Low = d - math.Hypot(a.Value-a.Low, b.High-b.Value)
	out.High = d + math.Hypot(a.High-a.Value, b.Value-b.Low)
	out.SE = math.Hypot(a.SE, b.SE)
	if va, vb := a.SE*a.SE, b.SE*b.SE; va+vb > 0 {
		out.DF = (va + vb) * (va + vb) / (va*va/a.DF + vb*vb/b.DF)
	}
	return out
}
