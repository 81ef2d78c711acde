package stats_test

import (
	"encoding/json"
	"math"
	"math/rand/v2"
	"os"
	"slices"
	"testing"

	"tokmeter/internal/stats"
)

// recorded makes the series of testdata/record_series.py: an autoregression over a
// linear congruential generator, with a skewed marginal.
func recorded(n int, state uint64, phi float64) []float64 {
	x, last := make([]float64, n), 0.0
	for i := range x {
		u := 0.0
		for range 4 {
			state = state*6364136223846793005 + 1442695040888963407
			u += float64(state>>11) / (1 << 53)
		}
		last = phi*last + (u - 2)
		x[i] = math.Exp(last)
	}
	return x
}

// A bound of lifetimes is a list of one number, or empty where it is infinite.
type bound []float64

func (b bound) value() float64 {
	if len(b) == 0 {
		return math.Inf(1)
	}
	return b[0]
}

// TestReferences compares with what arch, SciPy, statsmodels and lifelines say.
func TestReferences(t *testing.T) {
	var golden struct {
		Blocks []struct {
			N, Seed     int
			Phi, Length float64
		}
		Wilson []struct {
			K, N      int
			Low, High float64
		}
		Ranks []struct {
			N, Low, High int
			P            float64
		}
		Early []struct {
			P float64
			N int
		}
		Survival []struct {
			N, Seed     int
			Cut         float64
			Percentiles []struct {
				P                float64
				Value, Low, High bound
			}
		}
	}
	data, err := os.ReadFile("testdata/series.json")
	if err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(data, &golden); err != nil {
		t.Fatal(err)
	}
	if len(golden.Blocks)*len(golden.Wilson)*len(golden.Ranks)*len(golden.Early)*len(golden.Survival) == 0 {
		t.Fatal("testdata/series.json lacks cases")
	}
	for _, c := range golden.Blocks {
		if got := stats.BlockLength(recorded(c.N, uint64(c.Seed), c.Phi)); !near(got, c.Length, 1e-9) {
			t.Errorf("block length of %d from %d at %v: got %v, arch has %v", c.N, c.Seed, c.Phi, got, c.Length)
		}
	}
	for _, c := range golden.Wilson {
		if got := stats.Wilson(c.K, c.N); math.Abs(got.Low-c.Low) > 1e-12 || math.Abs(got.High-c.High) > 1e-12 {
			t.Errorf("Wilson(%d, %d): got %v to %v, statsmodels has %v to %v", c.K, c.N, got.Low, got.High, c.Low, c.High)
		}
	}
	for _, c := range golden.Ranks {
		low, high, ok := stats.PercentileRanks(c.N, c.P, 1)
		want := c.Low > 0 && c.High > 0
		if ok != want || ok && (low != c.Low || high != c.High) {
			t.Errorf("ranks of P%v of %d: got %d, %d, %v; SciPy's binomial has %d, %d", c.P, c.N, low, high, ok, c.Low, c.High)
		}
	}
	for _, c := range golden.Early {
		if got := stats.EarlyStopping(c.P); got != c.N {
			t.Errorf("EarlyStopping(%v): got %d, SciPy's beta has %d", c.P, got, c.N)
		}
	}
	for _, c := range golden.Survival {
		var all []stats.Lifetime
		for i, v := range recorded(c.N, uint64(c.Seed), 0) {
			l := stats.Lifetime{Time: v, Ended: v < c.Cut || i%3 == 0}
			if i%3 != 0 {
				l.Time = min(v, c.Cut)
			}
			all = append(all, l)
		}
		s := stats.SurvivalOf(all)
		for _, p := range c.Percentiles {
			got := s.Percentile(p.P, 1)
			same := func(a, b float64) bool { return a == b || near(a, b, 1e-9) }
			if !same(got.Value, p.Value.value()) || !same(got.Low, p.Low.value()) || !same(got.High, p.High.value()) {
				t.Errorf("P%v of %d lifetimes: got %v (%v to %v), lifelines has %v (%v to %v)", p.P, c.N, got.Value, got.Low, got.High, p.Value.value(), p.Low.value(), p.High.value())
			}
		}
	}
}

// TestPublishedSizes has the numbers that GuideLLM and MLPerf publish.
func TestPublishedSizes(t *testing.T) {
	for p, want := range map[float64]int{50: 6, 90: 36, 95: 72, 99: 368, 99.9: 3688, 0: 0, 100: 0} {
		if got := stats.PercentileNeeds(p); got != want {
			t.Errorf("PercentileNeeds(%v): got %d, want %d", p, got, want)
		}
	}
	for p, want := range map[float64]int{90: 64, 95: 130, 97: 219, 99: 662, 0: 0, 100: 0} {
		if got := stats.EarlyStopping(p); got != want {
			t.Errorf("EarlyStopping(%v): got %d, want %d", p, got, want)
		}
	}
	for n := range 400 {
		_, _, ok := stats.PercentileRanks(n, 99, 1)
		if want := n >= 368; ok != want {
			t.Errorf("P99 of %d values has an interval: %v", n, ok)
		}
	}
}

// TestEarlyEstimate holds the estimate against the table of MLPerf's rule: of 662
// queries the second largest latency, of 661 none.
func TestEarlyEstimate(t *testing.T) {
	x := make([]float64, 2000)
	for i := range x {
		x[i] = float64(i + 1)
	}
	for _, c := range []struct {
		n    int
		want float64 // 0 for none
	}{{0, 0}, {661, 0}, {662, 661}, {2000, 1991}} {
		got, ok := stats.EarlyEstimate(x[:c.n], 99)
		if ok != (c.want > 0) || ok && got != c.want {
			t.Errorf("P99 of %d: got %v, %v, want %v", c.n, got, ok, c.want)
		}
	}
}

// skewed is an autoregression with a lognormal marginal; its mean is e^0.32.
func skewed(n int, phi float64, rng *rand.Rand) []float64 {
	x, z := make([]float64, n), rng.NormFloat64()
	for i := range x {
		x[i] = math.Exp(0.8 * z)
		z = phi*z + math.Sqrt(1-phi*phi)*rng.NormFloat64()
	}
	return x
}

// TestSeriesCoverage: of 1,000 skewed series whose neighbours are alike, the 95 %
// interval holds the true mean and percentile in 93 to 97 of 100, give or take
// what 1,000 tell.
func TestSeriesCoverage(t *testing.T) {
	if testing.Short() || raceEnabled {
		t.Skip("thousands of experiments, of which each runs on one goroutine")
	}
	const chance = 1.4 // two standard errors of 1,000 draws, in percent
	at := func(p float64) float64 { return math.Exp(0.8 * math.Sqrt2 * math.Erfinv(2*p/100-1)) }
	for _, c := range []struct {
		name string
		n    int
		phi  float64
		p    float64 // 0 for the mean
	}{
		{"mean, independent", 200, 0, 0},
		{"mean, alike by half", 500, 0.5, 0},
		{"mean, alike by 0.8", 1000, 0.8, 0},
		{"median, independent", 200, 0, 50},
		{"P90, alike by half", 500, 0.5, 90},
		{"P95, alike by 0.8", 1000, 0.8, 95},
		{"P99, independent", 500, 0, 99},
		{"P99, alike by half", 2000, 0.5, 99},
		{"P99, alike by 0.8", 4000, 0.8, 99},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			rng := rand.New(rand.NewPCG(7, uint64(c.n)))
			held, told, truth := 0, 0, math.Exp(0.32)
			if c.p > 0 {
				truth = at(c.p)
			}
			for range 1000 {
				x := skewed(c.n, c.phi, rng)
				got := stats.MeanOfSeries(x, 1)
				if c.p > 0 {
					got = stats.PercentileOfSeries(x, c.p)
				}
				if math.IsNaN(got.Low) {
					continue
				}
				told++
				if got.Low <= truth && truth <= got.High {
					held++
				}
			}
			share := 100 * float64(held) / float64(told)
			t.Logf("%.1f %% of %d", share, told)
			if told < 900 || share < 93-chance || share > 97+chance {
				t.Errorf("%d intervals hold the truth in %.1f of 100", told, share)
			}
		})
	}
}

// TestRatioOfCoverage: the ratio of two runs of equal systems is held by its
// interval, and P finds a difference in 5 of 100.
func TestRatioOfCoverage(t *testing.T) {
	if testing.Short() || raceEnabled {
		t.Skip("thousands of experiments, of which each runs on one goroutine")
	}
	for _, p := range []float64{0, 50, 90} {
		rng := rand.New(rand.NewPCG(11, 1))
		held, found := 0, 0
		const all = 1000
		for range all {
			one := func() stats.Interval {
				x := skewed(600, 0.5, rng)
				if p > 0 {
					return stats.PercentileOfSeries(x, p)
				}
				return stats.MeanOfSeries(x, 1)
			}
			got := stats.RatioOf(one(), one())
			if got.Low <= 1 && 1 <= got.High {
				held++
			}
			if got.P(math.Log(got.Value)) < 0.05 {
				found++
			}
		}
		t.Logf("P%v: held in %d of %d, found in %d", p, held, all, found)
		if held < 930 || held > 985 || found > 65 {
			t.Errorf("P%v: held in %d of %d, a difference is found in %d", p, held, all, found)
		}
	}
}

// TestSeriesWithheld: what too few independent values tell is not told.
func TestSeriesWithheld(t *testing.T) {
	rng := rand.New(rand.NewPCG(3, 1))
	for name, x := range map[string][]float64{
		"none":         nil,
		"not a number": slices.Repeat([]float64{math.NaN()}, 100),
		"nineteen":     skewed(19, 0, rng),
		"a hundred all but equal to the one before": skewed(100, 0.995, rng),
	} {
		if got := stats.MeanOfSeries(x, 1); !math.IsNaN(got.Low) || !math.IsNaN(got.SE) {
			t.Errorf("%s: the mean has the interval %+v", name, got)
		}
		if got := stats.PercentileOfSeries(x, 99); !math.IsNaN(got.Low) {
			t.Errorf("%s: P99 has the interval %+v", name, got)
		}
	}
	same := stats.MeanOfSeries(slices.Repeat([]float64{3}, 100), 1)
	if same.Low != 3 || same.High != 3 || same.SE != 0 {
		t.Errorf("equal values: %+v", same)
	}
	if got := stats.PercentileOfSeries(slices.Repeat([]float64{3}, 400), 99); got.Low != 3 || got.High != 3 {
		t.Errorf("P99 of equal values: %+v", got)
	}
	if got := stats.RatioOf(stats.Interval{Value: 1, Low: math.NaN(), High: 2}, same); !math.IsNaN(got.Low) || got.Value != 1.0/3 {
		t.Errorf("a ratio without an interval: %+v", got)
	}
}
