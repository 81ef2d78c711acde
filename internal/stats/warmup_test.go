package stats_test

import (
	"math/rand/v2"
	"testing"

	"tokmeter/internal/stats"
)

// TestWarmUp: a level that is reached is found, and noise alone is none.
func TestWarmUp(t *testing.T) {
	noise := func(seed uint64, n int, level func(i int) float64) []float64 {
		rng := rand.New(rand.NewPCG(seed, 1))
		x := make([]float64, n)
		for i := range x {
			x[i] = level(i) + rng.NormFloat64()
		}
		return x
	}
	ramp := func(i int) float64 { return 20 * min(1, float64(i)/30) }
	flat := func(int) float64 { return 20 }
	found := 0
	for seed := range uint64(100) {
		if got := stats.WarmUp(noise(seed, 200, ramp), 0.05); got < 15 || got > 60 {
			t.Errorf("a ramp over 30 values, seed %d: warm-up of %d", seed, got)
		}
		if stats.WarmUp(noise(seed, 200, flat), 0.05) > 0 {
			found++
		}
	}
	if found > 10 {
		t.Errorf("noise about a level has a warm-up in %d of 100", found)
	}
	for _, x := range [][]float64{nil, {1}, {1, 2}, {5, 5, 5, 5}} {
		if got := stats.WarmUp(x, 0.05); got != 0 {
			t.Errorf("WarmUp(%v) = %d", x, got)
		}
	}
}
