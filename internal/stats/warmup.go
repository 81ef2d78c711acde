package stats

import "math"

// WarmUp returns how many values at the beginning of a series are warm-up: those
// without which the standard error of the mean of the rest is least (the marginal
// standard error rule, White 1997), of the first half at most. It is 0 where the
// mean before that point is not another level than the one behind it: not more than
// part of it away, or not more than three standard errors. Values must be finite.
func WarmUp(x []float64, part float64) int {
	n := len(x)
	best, at := math.Inf(1), 0
	for k := range n/2 + 1 {
		if rest := x[k:]; len(rest) > 1 {
			s := Std(rest)
			if e := s * s / float64(len(rest)); e < best*(1-1e-12) {
				best, at = e, k
			}
		}
	}
	if at == 0 {
		return 0
	}
	before, after := Mean(x[:at]), Mean(x[at:])
	shift := math.Abs(before - after)
	if shift <= part*math.Abs(after) || shift <= 3*math.Sqrt(remember(x[at:]).longRun/float64(at)) {
		return 0
	}
	return at
}
