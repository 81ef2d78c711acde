package stats_test

import (
	"math"
	"testing"

	"tokmeter/internal/stats"
)

func TestTPOT(t *testing.T) {
	for _, c := range []struct {
		why                string
		ttft, e2el, tokens float64
		want               float64
	}{
		{"the first token has no gap before it", 100, 400, 4, 100},
		{"all tokens at once", 100, 100, 5, 0},
		{"from another moment than the sending", 1100, 1400, 4, 100},
		{"the mean of several answers' tokens", 100, 400, 2.5, 200},
		{"one token has nothing after it", 100, 100, 1, math.NaN()},
		{"no token", 0, 400, 0, math.NaN()},
		{"an unknown number of tokens", 100, 400, math.NaN(), math.NaN()},
		{"an unknown first token", math.NaN(), 400, 4, math.NaN()},
	} {
		if got := stats.TPOT(c.ttft, c.e2el, c.tokens); got != c.want && !(math.IsNaN(got) && math.IsNaN(c.want)) {
			t.Errorf("%s: %v, want %v", c.why, got, c.want)
		}
	}
}
