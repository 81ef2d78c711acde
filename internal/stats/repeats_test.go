package stats_test

import (
	"math"
	"math/rand/v2"
	"testing"

	"tokmeter/internal/stats"
)

// TestRepeatOf: what differs from run to run is told from what requests explain.
// The probabilities are SciPy's chi2.sf.
func TestRepeatOf(t *testing.T) {
	for name, c := range map[string]struct {
		values, errs       []float64
		between, within, p float64
	}{
		"requests explain it":       {[]float64{9, 10, 11}, []float64{1, 1, 1}, 0, 1, 0.36787944117144233},                                          // chi2.sf(2, 2)
		"runs differ":               {[]float64{8, 10, 12, 10}, []float64{0.5, 0.5, 0.5, 0.5}, math.Sqrt(8.0/3 - 0.25), 0.5, 5.233466447749424e-07}, // chi2.sf(32, 3)
		"errors that are not known": {[]float64{8, 12}, []float64{1, math.NaN()}, math.Sqrt(8), math.NaN(), math.NaN()},
	} {
		got := stats.RepeatOf(c.values, c.errs)
		same := func(a, b float64) bool {
			return math.IsNaN(a) && math.IsNaN(b) || math.Abs(a-b) <= 1e-6*max(1e-3, math.Abs(b))
		}
		if !same(got.Between, c.between) || !same(got.Within, c.within) || !same(got.P, c.p) {
			t.Errorf("%s: %+v, want between %v, within %v, P %v", name, got, c.between, c.within, c.p)
		}
	}
	if got := stats.RepeatOf([]float64{5}, []float64{1}); got.Mean.Value != 5 || !math.IsNaN(got.Mean.Low) || !math.IsNaN(got.P) {
		t.Errorf("one run: %+v", got)
	}
	rng := rand.New(rand.NewPCG(1, 1))
	found := 0
	for range 1000 {
		var v, e []float64
		for range 5 {
			v, e = append(v, rng.NormFloat64()), append(e, 1)
		}
		if stats.RepeatOf(v, e).P < 0.05 {
			found++
		}
	}
	if found < 30 || found > 70 {
		t.Errorf("equal runs differ in %d of 1000", found)
	}
}
