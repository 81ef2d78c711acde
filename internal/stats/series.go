package stats

import (
	"cmp"
	"math"
	"slices"
)

// A series is values in the order in which they came about, such as the TTFT of
// requests in order of sending: neighbours may be alike, for they shared a queue.

// A memory is how much of a series its neighbours share.
type memory struct {
	variance float64 // of single values (divided by n)
	longRun  float64 // n times the variance of the mean; never below variance
	length   float64 // of the blocks that the circular block bootstrap should draw
	// correlation is that of values k apart, at place k, as far as it is not noise.
	correlation []float64
}

// remember looks at the autocovariances of x up to the lag behind which they are
// noise, under Politis' trapezoidal window.
func remember(x []float64) memory {
	n := len(x)
	if n < 8 {
		v := 0.0
		if n > 0 {
			s := Std(x)
			v = s * s
		}
		return memory{v, v, 1, nil}
	}
	const (
		significant = 2.0 // times √(log₁₀n / n): Politis and White's band about 0
		quiet       = 5   // lags within the band that end the search
	)
	mean, centred := Mean(x), make([]float64, n)
	for i, v := range x {
		centred[i] = v - mean
	}
	run := max(quiet, int(math.Log10(float64(n))))
	most := min(int(math.Ceil(math.Sqrt(float64(n))))+run, n-2)
	band := significant * math.Sqrt(math.Log10(float64(n))/float64(n))
	covariance, last, within := make([]float64, most+1), -1, 0
	for k := range covariance {
		sum := dot(centred[k:], centred[:n-k])
		covariance[k] = sum / float64(n)
		if last >= 0 {
			continue
		}
		if within >= run {
			last = k - run
			continue
		}
		norm := math.Sqrt(dot(centred[k+1:], centred[k+1:]) * dot(centred[:n-k-1], centred[:n-k-1]))
		if math.Abs(sum) < band*norm {
			within++
		} else {
			within = 0
		}
	}
	m := most
	if last >= 0 {
		m = min(2*max(last, 1), most)
	}
	g, long, correlation := 0.0, covariance[0], make([]float64, m+1)
	for k := 1; k <= m; k++ {
		weight := min(1, 2*(1-float64(k)/float64(m)))
		g += 2 * weight * float64(k) * covariance[k]
		long += 2 * weight * covariance[k]
		if covariance[0] > 0 {
			correlation[k] = weight * covariance[k] / covariance[0]
		}
	}
	length := 1.0
	if long > 0 {
		size := float64(n)
		length = math.Cbrt(2*g*g/(4.0/3*long*long)) * math.Cbrt(size)
		length = min(length, math.Ceil(min(3*math.Sqrt(size), size/3)))
	}
	long = max(long, covariance[0])
	if covariance[0] > 0 {
		if next := fading(covariance[1]/covariance[0], n); next > 0 && covariance[0]*(1+next)/(1-next) > long {
			long = covariance[0] * (1 + next) / (1 - next)
			correlation = correlation[:1]
			for r := next; r > 0.01; r *= next {
				correlation = append(correlation, r)
			}
		}
	}
	return memory{covariance[0], long, length, correlation}
}

// fading is the correlation of neighbours in an autoregression of the first order,
// without Kendall's bias of short series; 0 where it may be chance. A short series
// shows too little of a long memory: this extends what it shows.
func fading(r float64, n int) float64 {
	if r <= 2/math.Sqrt(float64(n)) {
		return 0
	}
	return min(r+(1+3*r)/float64(n), 0.98)
}

func dot(a, b []float64) float64 {
	sum := 0.0
	for i, v := range a {
		sum += v * b[i]
	}
	return sum
}

// BlockLength returns how many neighbours of the series x the circular block
// bootstrap of its mean draws together: the length of least mean squared error by
// Politis and White (2004), with the correction of Patton, Politis and White
// (2009). It is below 1 where neighbours are not alike.
func BlockLength(x []float64) float64 { return remember(x).length }

// Alike returns how many values of the series x tell as much as one independent
// value does: the long-run variance over the variance, at least 1.
func Alike(x []float64) float64 {
	m := remember(x)
	if m.variance == 0 {
		return 1
	}
	return m.longRun / m.variance
}

// AlikeAt is Alike of whether a value is below the percentile p, by the memory of
// the values' normal scores: few values are beyond a high percentile, and what
// their own order shows is mostly chance (the indicator's correlation under a
// Gaussian copula).
func AlikeAt(x []float64, p float64) float64 {
	q := p / 100
	if len(x) < 8 || !(q > 0 && q < 1) {
		return 1
	}
	z := StudentQuantile(q, math.Inf(1))
	sum := 1.0
	for k, r := range remember(normalScores(x)).correlation {
		if k > 0 {
			sum += 2 * exceedTogether(z, r) / (q * (1 - q))
		}
	}
	return max(1, sum)
}

// normalScores are the places of values in their order, as quantiles of the
// normal distribution.
func normalScores(x []float64) []float64 {
	order := make([]int, len(x))
	for i := range order {
		order[i] = i
	}
	slices.SortFunc(order, func(a, b int) int { return cmp.Or(cmp.Compare(x[a], x[b]), cmp.Compare(a, b)) })
	out := make([]float64, len(x))
	for i := 0; i < len(order); {
		j := i
		for j < len(order) && x[order[j]] == x[order[i]] {
			j++
		}
		score := math.Sqrt2 * math.Erfinv(float64(i+j)/float64(len(x))-1)
		for ; i < j; i++ {
			out[order[i]] = score
		}
	}
	return out
}

// exceedTogether is the covariance of whether two normal variables of correlation r
// are below z: the integral of their density at (z, z) from 0 to r (Plackett 1954).
func exceedTogether(z, r float64) float64 {
	r = max(-0.99, min(r, 0.99))
	const parts = 32 // of Simpson's rule
	sum, h := 0.0, math.Asin(r)/parts
	for i := range parts + 1 {
		weight := 2.0
		switch {
		case i == 0 || i == parts:
			weight = 1
		case i%2 == 1:
			weight = 4
		}
		sum += weight * math.Exp(-z*z/(1+math.Sin(h*float64(i))))
	}
	return sum * h / 3 / (2 * math.Pi)
}
