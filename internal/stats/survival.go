package stats

import (
	"cmp"
	"math"
	"slices"
)

// A Lifetime is a time that something took, or that it had taken when one stopped
// looking: a request that timed out took longer.
type Lifetime struct {
	Time  float64
	Ended bool // false where it went on beyond Time
}

// A Survival is Kaplan and Meier's estimate of the share that takes longer than a
// time, of lifetimes of which some were cut off (Kaplan and Meier 1958).
type Survival struct {
	steps []survivalStep
	n     int
}

// A survivalStep is a time at which lifetimes ended.
type survivalStep struct {
	time     float64
	left     float64 // share that takes longer
	variance float64 // of log(−log(left)): Greenwood's on that scale
}

// SurvivalOf is the estimate for lifetimes, which stay as they are.
func SurvivalOf(all []Lifetime) Survival {
	sorted := slices.Clone(all)
	slices.SortFunc(sorted, func(a, b Lifetime) int { return cmp.Compare(a.Time, b.Time) })
	s := Survival{n: len(sorted)}
	left, greenwood := 1.0, 0.0
	for i := 0; i < len(sorted); {
		at, ended, same := sorted[i].Time, 0, 0
		for ; i+same < len(sorted) && sorted[i+same].Time == at; same++ {
			if sorted[i+same].Ended {
				ended++
			}
		}
		if ended > 0 {
			risk, died := float64(len(sorted)-i), float64(ended)
			left *= 1 - died/risk
			greenwood += died / (risk * (risk - died)) // infinite at the last one
			l := math.Log(left)
			s.steps = append(s.steps, survivalStep{at, left, greenwood / (l * l)})
		}
		i += same
	}
	return s
}

// Percentile returns the time within which p percent end, the first at which so
// many have, with its 95 % interval by Brookmeyer and Crowley (1982) on the scale
// log(−log), as R's survfit has it. What is not reached within the times that were
// looked at is +Inf: it is longer than all of them. alike is how many lifetimes
// tell as much as one independent one does.
func (s Survival) Percentile(p, alike float64) Interval {
	nan := math.NaN()
	out := Interval{Value: nan, Low: nan, High: nan, SE: nan, DF: math.Inf(1), N: s.n}
	q := 1 - p/100
	if s.n == 0 || !(q > 0 && q < 1) {
		return out
	}
	z := StudentQuantile((1+level)/2, math.Inf(1)) * math.Sqrt(max(1, alike))
	const slack = 1e-12
	first := func(crossed func(survivalStep) bool) float64 {
		for _, step := range s.steps {
			if crossed(step) {
				return step.time
			}
		}
		return math.Inf(1)
	}
	bound := func(step survivalStep, side float64) float64 {
		if step.left <= 0 {
			return 0
		}
		return math.Pow(step.left, math.Exp(side*z*math.Sqrt(step.variance)))
	}
	out.Value = first(func(x survivalStep) bool { return x.left <= q+slack })
	out.Low = first(func(x survivalStep) bool { return bound(x, 1) <= q+slack })
	out.High = first(func(x survivalStep) bool { return x.left > 0 && bound(x, -1) <= q+slack })
	return out
}
