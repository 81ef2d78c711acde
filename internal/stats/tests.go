package stats

import (
	"cmp"
	"math"
	"slices"
)

// Holm corrects probabilities of several tests made at once, so that the chance
// of one false finding among all stays what it was for one (Holm 1979, step
// down). It returns them in the order given; NaN stays NaN and does not count
// as a test.
func Holm(p []float64) []float64 {
	out := slices.Clone(p)
	var order []int
	for i, v := range p {
		if !math.IsNaN(v) {
			order = append(order, i)
		}
	}
	slices.SortStableFunc(order, func(a, b int) int { return cmp.Compare(p[a], p[b]) })
	most := 0.0
	for rank, i := range order {
		most = max(most, min(1, p[i]*float64(len(order)-rank)))
		out[i] = most
	}
	return out
}

// A Rise says whether values grow in their order.
type Rise struct {
	Tau   float64 // Kendall's, from −1 to 1; NaN under four values
	P     float64 // two-sided, of no trend
	Slope float64 // Sen's: the median slope of all pairs, in the unit of the values over the whole length
	N     int     // values that were compared
}

// bins bounds the pairs of a trend.
const bins = 200

// Trend tests by Mann and Kendall whether x grows or falls in its order, and
// gives Sen's slope over the whole of it. Values that are not finite are left
// out; of more than 200, medians of as many stretches are compared.
func Trend(x []float64) Rise {
	x = slices.DeleteFunc(slices.Clone(x), func(v float64) bool { return !finite(v) })
	if len(x) > bins {
		x = stretches(x)
	}
	n := len(x)
	r := Rise{Tau: math.NaN(), P: math.NaN(), Slope: math.NaN(), N: n}
	if n < 4 {
		return r
	}
	score := 0
	slopes := make([]float64, 0, n*(n-1)/2)
	for i := range x {
		for j := i + 1; j < n; j++ {
			score += cmp.Compare(x[j], x[i])
			slopes = append(slopes, (x[j]-x[i])/float64(j-i))
		}
	}
	slices.Sort(slopes)
	r.Slope = Median(slopes) * float64(n-1)
	pairs := float64(n*(n-1)) / 2
	tied, v := ties(x)
	if pairs == tied {
		r.Tau, r.P = 0, 1
		return r
	}
	r.Tau = float64(score) / math.Sqrt(pairs*(pairs-tied))
	z := max(0, math.Abs(float64(score))-1) / math.Sqrt(v)
	r.P = math.Erfc(z / math.Sqrt2)
	return r
}

// ties returns the pairs of equal values and the variance of Kendall's score
// with them.
func ties(x []float64) (pairs, v float64) {
	sorted := slices.Sorted(slices.Values(x))
	n := float64(len(x))
	v = n * (n - 1) * (2*n + 5)
	for i := 0; i < len(sorted); {
		j := i
		for j < len(sorted) && sorted[j] == sorted[i] {
			j++
		}
		t := float64(j - i)
		pairs += t * (t - 1) / 2
		v -= t * (t - 1) * (2*t + 5)
		i = j
	}
	return pairs, v / 18
}

func stretches(x []float64) []float64 {
	out := make([]float64, bins)
	for i := range out {
		part := slices.Sorted(slices.Values(x[i*len(x)/bins : (i+1)*len(x)/bins]))
		out[i] = Median(part)
	}
	return out
}

// StudentQuantile returns the value below which Student's t with df degrees of
// freedom lies with probability p; infinite df give the normal distribution. It
// is NaN outside 0 < p < 1 and df > 0.
func StudentQuantile(p, df float64) float64 {
	switch {
	case math.IsNaN(p) || math.IsNaN(df) || p <= 0 || p >= 1 || df <= 0:
		return math.NaN()
	case p < 0.5:
		return -StudentQuantile(1-p, df)
	case p == 0.5:
		return 0
	case df > 1e7:
		return math.Sqrt2 * math.Erfinv(2*p-1)
	}
	low, high := 0.0, 1.0
	for studentTail(high, df) > 1-p && high < 1e300 {
		low, high = high, high*2
	}
	for range 200 {
		middle := (low + high) / 2
		if middle == low || middle == high {
			break
		}
		if studentTail(middle, df) > 1-p {
			low = middle
		} else {
			high = middle
		}
	}
	return (low + high) / 2
}

// studentTail is the probability of Student's t above t ≥ 0.
func studentTail(t, df float64) float64 {
	if df > 1e7 || math.IsInf(t, 1) {
		return math.Erfc(t/math.Sqrt2) / 2
	}
	return incompleteBeta(df/2, 0.5, df/(df+t*t)) / 2
}

// incompleteBeta is the regularized one, by Lentz's continued fraction
// (Numerical Recipes §6.4).
func incompleteBeta(a, b, x float64) float64 {
	if x <= 0 {
		return 0
	}
	if x >= 1 {
		return 1
	}
	la, _ := math.Lgamma(a)
	lb, _ := math.Lgamma(b)
	lab, _ := math.Lgamma(a + b)
	front := math.Exp(lab - la - lb + a*math.Log(x) + b*math.Log1p(-x))
	if x < (a+1)/(a+b+2) {
		return front * betaFraction(a, b, x) / a
	}
	return 1 - front*betaFraction(b, a, 1-x)/b
}

func betaFraction(a, b, x float64) float64 {
	const tiny = 1e-300
	keep := func(v float64) float64 {
		if math.Abs(v) < tiny {
			return tiny
		}
		return v
	}
	c, d := 1.0, 1/keep(1-(a+b)*x/(a+1))
	h := d
	for m := 1.0; m < 10_000; m++ {
		up := m * (b - m) * x / ((a + 2*m - 1) * (a + 2*m))
		d = 1 / keep(1+up*d)
		c = keep(1 + up/c)
		h *= d * c
		down := -(a + m) * (a + b + m) * x / ((a + 2*m) * (a + 2*m + 1))
		d = 1 / keep(1+down*d)
		c = keep(1 + down/c)
		h *= d * c
		if math.Abs(d*c-1) < 1e-15 {
			break
		}
	}
	return h
}
