package stats

import "math"

const level = 0.95 // of every interval

// PercentileRanks returns the ranks, counted from 1, of the two of n sorted
// values between which the percentile p lies with 95 % whatever the distribution:
// at most 2.5 % are on either side (Hahn and Meeker 1991, §5.2). alike is how many
// values tell as much as one independent value, at least 1; see Alike. It is not
// ok where n is too small for an end (see PercentileNeeds), or tells less than 20
// independent values do.
func PercentileRanks(n int, p, alike float64) (low, high int, ok bool) {
	q, side := p/100, (1-level)/2
	m := float64(n) / max(1, alike)
	if n < 1 || !(q > 0 && q < 1) {
		return 0, 0, false
	}
	// P(at least r of m values lie below the percentile) is I_q(r, m−r+1).
	below := func(r float64) float64 { return incompleteBeta(r, m-r+1, q) }
	if m < 1 || alike > 1 && m < fewestIndependent || below(m) > side || 1-below(1) > side {
		return 0, 0, false
	}
	// The largest low rank with P(B < low) ≤ side, the smallest high one with
	// P(B ≥ high) ≤ side; both are real numbers where values are alike.
	l := bisect(1, m, func(r float64) bool { return 1-below(r) <= side })
	h := bisect(m, 1, func(r float64) bool { return below(r) <= side })
	scale := float64(n) / m
	if scale == 1 {
		return int(math.Floor(l + slack)), int(math.Ceil(h - slack)), true
	}
	low = max(1, int(math.Floor(l*scale)))
	high = min(n, int(math.Ceil(h*scale)))
	return low, high, true
}

// slack is for ranks that are whole numbers but for rounding.
const slack = 1e-6

// bisect returns the number furthest from a, on the way to b, at which ok still
// holds. It holds at a.
func bisect(a, b float64, ok func(float64) bool) float64 {
	if ok(b) {
		return b
	}
	for range 60 {
		middle := (a + b) / 2
		if ok(middle) {
			a = middle
		} else {
			b = middle
		}
	}
	return a
}

// PercentileNeeds returns how many independent values the percentile p needs for
// a 95 % interval of two sides, such as 368 for P99: the smallest n of which
// neither end lies outside with more than 2.5 %. It is 0 outside 0 < p < 100.
func PercentileNeeds(p float64) int {
	q := max(p, 100-p) / 100
	if !(q > 0 && q < 1) {
		return 0
	}
	n := int(math.Ceil(math.Log((1-level)/2)/math.Log(q) - 1e-9))
	return max(n, 1)
}

// earlyConfidence is MLPerf's.
const earlyConfidence = 0.99

// EarlyStopping returns the smallest number of queries of which MLPerf's early
// stopping estimates the percentile p, such as 662 for P99: one query may be above
// it, at a confidence of 99 % (mlcommons/inference_policies, "Early Stopping").
func EarlyStopping(p float64) int { return earlyNeeds(1, p) }

// earlyNeeds is the smallest number of queries of which t may lie above p.
func earlyNeeds(t int, p float64) int {
	q := p / 100
	if !(q > 0 && q < 1) {
		return 0
	}
	enough := func(h int) bool {
		return incompleteBeta(float64(h), float64(t+1), q) <= 1-earlyConfidence
	}
	low, high := 0, 1
	for !enough(high) {
		low, high = high, 2*high
	}
	for high-low > 1 {
		if middle := (low + high) / 2; enough(middle) {
			high = middle
		} else {
			low = middle
		}
	}
	return high + t
}

// EarlyDecision says whether the percentile p of the queries' latencies is below a
// limit, of n queries of which some were over it: met by MLPerf's early stopping
// for servers, missed where so many over it have a probability of 1 % at most.
// Neither means that more queries are needed.
func EarlyDecision(n, over int, p float64) (met, missed bool) {
	if n < 1 || over < 0 || over > n || !(p > 0 && p < 100) {
		return false, false
	}
	met = n >= earlyNeeds(over, p)
	missed = over > 0 && incompleteBeta(float64(over), float64(n-over+1), 1-p/100) <= 1-earlyConfidence
	return met, missed
}

// EarlyEstimate returns MLPerf's early-stopping estimate of the percentile p of
// sorted values: as many of the largest ones are left out as n allows. It is not ok
// under EarlyStopping(p) values.
func EarlyEstimate(sorted []float64, p float64) (value float64, ok bool) {
	n := len(sorted)
	if n == 0 || n < EarlyStopping(p) || EarlyStopping(p) == 0 {
		return math.NaN(), false
	}
	low, high := 1, n
	for high-low > 1 {
		if middle := (low + high) / 2; earlyNeeds(middle, p) <= n {
			low = middle
		} else {
			high = middle
		}
	}
	return sorted[n-low-1], true
}

// Wilson returns a share k of n with its 95 % score interval (Wilson 1927).
// Without any it is NaN.
func Wilson(k, n int) Interval {
	nan := math.NaN()
	out := Interval{Value: nan, Low: nan, High: nan, SE: nan, DF: math.Inf(1), N: n}
	if n < 1 || k < 0 || k > n {
		return out
	}
	z := StudentQuantile((1+level)/2, math.Inf(1))
	size, p := float64(n), float64(k)/float64(n)
	centre := (p + z*z/(2*size)) / (1 + z*z/size)
	half := z / (1 + z*z/size) * math.Sqrt(p*(1-p)/size+z*z/(4*size*size))
	out.Value, out.SE = p, half/z
	out.Low, out.High = max(0, centre-half), min(1, centre+half)
	if k == 0 {
		out.Low = 0
	}
	if k == n {
		out.High = 1
	}
	return out
}
