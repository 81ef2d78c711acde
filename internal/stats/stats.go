// Package stats is mathematics alone: sums, means, deviations and percentiles
// of plain float64 slices, intervals of them and of their ratios over rounds of
// paired requests and over series of requests that are alike with their neighbours,
// shares (Wilson), lifetimes that were cut off (Kaplan and Meier), and tests
// (Student, Holm, Mann and Kendall).
//
// Sums, means, deviations and percentiles have the same bits as NumPy 2 for the
// same input: np.sum adds in pairs of blocks, np.percentile interpolates from the
// nearer end, and both orders are kept here, so that two tools that agree on the
// samples print the same last digit; there is no histogram and no digest.
// Intervals are drawn from a seed: equal input and seed give equal ends. The
// package knows no units and no plans.
//
// A slice with no value has no mean: every function then returns NaN, as NumPy
// does. Callers that want a zero in its place say so themselves.
package stats

import "math"

// block is how many values NumPy adds before it starts to split in halves.
const block = 128

// Sum returns the sum of x, added in NumPy's pairwise order.
func Sum(x []float64) float64 {
	n := len(x)
	switch {
	case n < 8:
		sum := 0.0
		for _, v := range x {
			sum += v
		}
		return sum
	case n <= block:
		return sumBlock(x)
	}
	half := n / 2
	half -= half % 8
	return Sum(x[:half]) + Sum(x[half:])
}

// sumBlock adds 8 to 128 values over eight running sums.
func sumBlock(x []float64) float64 {
	var r [8]float64
	copy(r[:], x[:8])
	n := len(x) - len(x)%8
	for i := 8; i < n; i += 8 {
		c := x[i : i+8 : i+8]
		for j := range r {
			r[j] += c[j]
		}
	}
	sum := ((r[0] + r[1]) + (r[2] + r[3])) + ((r[4] + r[5]) + (r[6] + r[7]))
	for _, v := range x[n:] {
		sum += v
	}
	return sum
}

// Mean returns the arithmetic mean of x, in the unit of x, as np.mean does.
// The order of x decides the last bits, so average before sorting.
func Mean(x []float64) float64 { return Sum(x) / float64(len(x)) }

// Std returns the standard deviation of the population x (ddof 0), in the unit
// of x, as np.std does: the root of the mean squared distance from the mean.
func Std(x []float64) float64 {
	mean := Mean(x)
	return math.Sqrt(sumSquares(x, mean) / float64(len(x)))
}

// sumSquares is Sum over the squared distances from mean without a slice of
// them: it splits and adds exactly as Sum does.
func sumSquares(x []float64, mean float64) float64 {
	n := len(x)
	switch {
	case n < 8:
		sum := 0.0
		for _, v := range x {
			sum += square(v - mean)
		}
		return sum
	case n <= block:
		var sq [block]float64
		for i, v := range x {
			sq[i] = square(v - mean)
		}
		return sumBlock(sq[:n])
	}
	half := n / 2
	half -= half % 8
	return sumSquares(x[:half], mean) + sumSquares(x[half:], mean)
}

// square rounds before the caller adds: a conversion keeps the compiler from
// fusing the multiplication with an addition, which would change the last bit.
func square(d float64) float64 { return float64(d * d) }

// Percentile returns the value at p percent of sorted, 0 ≤ p ≤ 100, by linear
// interpolation between the two nearest ranks, as np.percentile does. The
// slice must be in ascending order.
func Percentile(sorted []float64, p float64) float64 {
	n := len(sorted)
	if n == 0 || math.IsNaN(p) {
		return math.NaN()
	}
	low, t := rankOf(n, p)
	if low == n-1 {
		return sorted[low]
	}
	return lerp(sorted[low], sorted[low+1], t)
}

// rankOf returns where the value at p percent lies in n sorted ones: at a place,
// or behind it by a part t of the way to the next.
func rankOf(n int, p float64) (low int, t float64) {
	at := float64(float64(n-1) * (p / 100))
	if at >= float64(n-1) {
		return n - 1, 0
	}
	if at < 0 {
		return 0, 0
	}
	floor := math.Floor(at)
	return int(floor), at - floor
}

// lerp goes from the nearer end, so that t=1 gives b exactly.
func lerp(a, b, t float64) float64 {
	d := b - a
	if t >= 0.5 {
		return b - float64(d*(1-t))
	}
	return a + float64(d*t)
}

// Median returns the middle of sorted, or the mean of the two middle values,
// as np.median does. The slice must be in ascending order.
func Median(sorted []float64) float64 {
	n := len(sorted)
	if n == 0 {
		return math.NaN()
	}
	if n%2 == 1 {
		return sorted[n/2]
	}
	return (sorted[n/2-1] + sorted[n/2]) / 2
}
