package compare_test

import (
	"math"
	"math/rand/v2"
	"testing"

	"tokmeter/internal/compare"
)

// TestChanges: steps are found where they are, and noise alone has none.
func TestChanges(t *testing.T) {
	noisy := func(seed uint64, levels ...float64) []float64 {
		rng := rand.New(rand.NewPCG(seed, 9))
		var out []float64
		for _, l := range levels {
			for range 12 {
				out = append(out, l*math.Exp(0.02*rng.NormFloat64()))
			}
		}
		return out
	}
	for name, c := range map[string]struct {
		x    []float64
		want []int
	}{
		"a step":                 {noisy(1, 10, 11), []int{12}},
		"up and down again":      {noisy(2, 10, 12, 10), []int{12, 24}},
		"nothing":                {noisy(3, 10, 10, 10), nil},
		"too few":                {[]float64{1, 1, 2, 2}, nil},
		"all equal":              {[]float64{5, 5, 5, 5, 5, 5, 5, 5}, nil},
		"without any noise":      {[]float64{5, 5, 5, 5, 5, 6, 6, 6, 6, 6}, []int{5}},
		"places without a value": {append([]float64{math.NaN()}, noisy(1, 10, 11)...), []int{13}},
	} {
		var got []int
		for _, ch := range compare.Changes(c.x) {
			got = append(got, ch.At)
		}
		if len(got) != len(c.want) {
			t.Errorf("%s: got changes at %v, want %v", name, got, c.want)
			continue
		}
		for i := range got {
			if d := got[i] - c.want[i]; d < -1 || d > 1 {
				t.Errorf("%s: got changes at %v, want %v", name, got, c.want)
			}
		}
	}
}

// TestChangesFalseAlarms: of 200 histories of 30 equal runs at most 6 have a change.
func TestChangesFalseAlarms(t *testing.T) {
	rng := rand.New(rand.NewPCG(5, 5))
	alarms := 0
	for range 200 {
		x := make([]float64, 30)
		for i := range x {
			x[i] = math.Exp(0.03 * rng.NormFloat64())
		}
		if len(compare.Changes(x)) > 0 {
			alarms++
		}
	}
	if alarms > 6 {
		t.Errorf("%d of 200 histories without a change have one", alarms)
	}
}
