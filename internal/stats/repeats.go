package stats

import "math"

// A Repeat is a number that was measured in several runs alike.
type Repeat struct {
	Mean Interval // over the runs, by Student's t; one run has none
	// Between is the deviation from run to run that the runs' own requests do not
	// explain, and Within that which they do: both in the number's unit.
	Between, Within float64
	// P is the probability that runs differ so much by their requests alone (Cochran's
	// Q); NaN where an error is not known, or there is one run.
	P float64
}

// RepeatOf takes the number of each run with its standard error, which is NaN where
// it is not known. Between is by moments (DerSimonian and Laird's idea with equal
// weights): the variance of the numbers less the mean of their errors' squares.
func RepeatOf(values, errs []float64) Repeat {
	r := Repeat{Mean: MeanOf(values), P: math.NaN()}
	if len(values) < 2 || len(errs) != len(values) {
		return r
	}
	total, weight, mean := 0.0, 0.0, 0.0
	for i, e := range errs {
		total += e * e
		weight += 1 / (e * e)
		mean += values[i] / (e * e)
	}
	own := total / float64(len(errs))
	if !finite(own) {
		r.Between, r.Within = math.Sqrt(variance(values)), math.NaN()
		return r
	}
	r.Within = math.Sqrt(own)
	r.Between = math.Sqrt(max(0, variance(values)-own))
	if weight > 0 && finite(weight) {
		q := 0.0
		for i, e := range errs {
			q += square((values[i] - mean/weight) / e)
		}
		r.P = chiSquareTail(q, float64(len(values)-1))
	}
	return r
}

// chiSquareTail is the probability of chi square with df degrees of freedom above x:
// the upper incomplete gamma function (Numerical Recipes §6.2).
func chiSquareTail(x, df float64) float64 {
	a, half := df/2, x/2
	if half <= 0 {
		return 1
	}
	log, _ := math.Lgamma(a)
	front := math.Exp(-half + a*math.Log(half) - log)
	if half < a+1 {
		term, sum := 1/a, 1/a
		for n := a + 1; term > sum*1e-16; n++ {
			term *= half / n
			sum += term
		}
		return max(0, 1-sum*front)
	}
	const tiny = 1e-300
	b := half + 1 - a
	c, d := 1/tiny, 1/b
	h := d
	for i := 1.0; i < 10_000; i++ {
		an := -i * (i - a)
		b += 2
		d = 1 / keepOff(an*d+b, tiny)
		c = keepOff(b+an/c, tiny)
		h *= d * c
		if math.Abs(d*c-1) < 1e-15 {
			break
		}
	}
	return front * h
}

// keepOff keeps a denominator off 0.
func keepOff(v, tiny float64) float64 {
	if math.Abs(v) < tiny {
		return tiny
	}
	return v
}
