package stats_test

import (
	"encoding/json"
	"math"
	"math/rand/v2"
	"os"
	"testing"
	"time"

	"pgregory.net/rapid"

	"tokmeter/internal/stats"
)

// near reports whether two numbers are equal but for a share of them.
func near(got, want, share float64) bool {
	return math.Abs(got-want) <= share*max(1e-12, math.Abs(want))
}

// TestSciPy compares quantiles, trends and drawn intervals with SciPy's.
func TestSciPy(t *testing.T) {
	var golden struct {
		Quantiles []struct{ P, DF, T, Tail float64 }
		Trends    []struct {
			N, Seed                   int
			Rise, Step, Tau, Slope, P float64
		}
		Bootstrap []struct {
			N, Seed       int
			Of            string
			Low, High, SE float64
		}
	}
	data, err := os.ReadFile("testdata/scipy.json")
	if err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(data, &golden); err != nil {
		t.Fatal(err)
	}
	if len(golden.Quantiles) == 0 || len(golden.Trends) == 0 || len(golden.Bootstrap) == 0 {
		t.Fatal("testdata/scipy.json lacks cases")
	}
	for _, c := range golden.Quantiles {
		if got := stats.StudentQuantile(c.P, c.DF); !near(got, c.T, 1e-8) {
			t.Errorf("t(%v, %v): got %v, want %v", c.P, c.DF, got, c.T)
		}
		if got := (stats.Interval{SE: 1, DF: c.DF}).P(2.5); !near(got, 2*c.Tail, 1e-8) {
			t.Errorf("tail above 2.5 at %v: got %v, want %v", c.DF, got, 2*c.Tail)
		}
	}
	for _, c := range golden.Trends {
		x := samples(c.N, uint64(c.Seed))
		for i := range x {
			x[i] += c.Rise * float64(i)
			if c.Step > 0 {
				x[i] = math.RoundToEven(x[i]/c.Step) * c.Step
			}
		}
		got := stats.Trend(x)
		if !near(got.Tau, c.Tau, 1e-9) || !near(got.Slope, c.Slope, 1e-9) || !near(got.P, c.P, 1e-7) {
			t.Errorf("trend of %d from %d: got %+v, want tau %v, slope %v, p %v", c.N, c.Seed, got, c.Tau, c.Slope, c.P)
		}
	}
	for _, c := range golden.Bootstrap {
		of := stats.OfMean
		if c.Of == "p90" {
			of = 90
		}
		got := stats.Ratio([][]float64{samples(c.N, uint64(c.Seed))}, [][]float64{samples(c.N, uint64(c.Seed)+100)}, of, 1)
		// SciPy draws single requests and does not correct for n−1; blocks of one
		// sample may lie well or badly for a percentile.
		width, want := math.Log(got.High/got.Low), c.High-c.Low
		if width < 0.7*want || width > 1.45*want || got.SE < 0.7*c.SE || got.SE > 1.45*c.SE {
			t.Errorf("%s of %d: got width %v (error %v), SciPy has %v (%v)", c.Of, c.N, width, got.SE, want, c.SE)
		}
	}
}

// A maker makes experiments whose true ratio is known.
type maker struct {
	n, rounds             int
	request, noise, round float64 // deviations of logarithms
	neighbours            float64 // how much of a request's own effect its neighbour shares
}

const truth = 1.5

func (m maker) make(rng *rand.Rand) (a, b [][]float64) {
	own, other := make([]float64, m.n), make([]float64, m.n)
	for i := range own {
		own[i], other[i] = 0.4*rng.NormFloat64(), m.request*rng.NormFloat64()
		if i > 0 && m.neighbours > 0 {
			other[i] = m.neighbours*other[i-1] + math.Sqrt(1-m.neighbours*m.neighbours)*other[i]
		}
	}
	for range m.rounds {
		ra, rb := m.round*rng.NormFloat64(), m.round*rng.NormFloat64()
		x, y := make([]float64, m.n), make([]float64, m.n)
		for i := range x {
			x[i] = truth * math.Exp(own[i]+other[i]-m.request*m.request/2+ra+m.noise*rng.NormFloat64())
			y[i] = math.Exp(own[i] + rb + m.noise*rng.NormFloat64())
		}
		a, b = append(a, x), append(b, y)
	}
	return a, b
}

// TestCoverage: of 500 experiments with a known ratio, the 95 % interval holds
// it in 92 to 98 of 100.
func TestCoverage(t *testing.T) {
	if testing.Short() || raceEnabled {
		t.Skip("thousands of experiments, of which each runs on one goroutine")
	}
	for name, c := range map[string]struct {
		maker
		of stats.Statistic
	}{
		"requests alone, one round":          {maker{n: 100, rounds: 1, request: 0.2, noise: 0.05}, stats.OfMean},
		"requests and noise":                 {maker{n: 100, rounds: 3, request: 0.1, noise: 0.1}, stats.OfMean},
		"noise alone":                        {maker{n: 100, rounds: 3, noise: 0.1}, stats.OfMean},
		"rounds as much as requests":         {maker{n: 100, rounds: 3, request: 0.1, noise: 0.05, round: 0.01}, stats.OfMean},
		"rounds as much as noise":            {maker{n: 100, rounds: 3, noise: 0.1, round: 0.01}, stats.OfMean},
		"two rounds":                         {maker{n: 100, rounds: 2, request: 0.1, noise: 0.05, round: 0.01}, stats.OfMean},
		"rounds more than all":               {maker{n: 100, rounds: 3, request: 0.05, noise: 0.05, round: 0.05}, stats.OfMean},
		"few requests":                       {maker{n: 20, rounds: 3, request: 0.2, noise: 0.1, round: 0.01}, stats.OfMean},
		"neighbours that are alike":          {maker{n: 200, rounds: 3, request: 0.2, noise: 0.05, neighbours: 0.5}, stats.OfMean},
		"the median":                         {maker{n: 100, rounds: 3, request: 0.2, noise: 0.1}, 50},
		"a high percentile, with own rounds": {maker{n: 200, rounds: 3, request: 0.2, noise: 0.1, round: 0.01}, 90},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			rng := rand.New(rand.NewPCG(42, 1))
			const experiments = 500
			want := truth
			if c.of != stats.OfMean { // both sides are log-normal, about the medians
				z := math.Sqrt2 * math.Erfinv(2*float64(c.of)/100-1)
				sa := math.Sqrt(0.16 + c.request*c.request + c.noise*c.noise)
				sb := math.Sqrt(0.16 + c.noise*c.noise)
				want = truth * math.Exp(-c.request*c.request/2+z*(sa-sb))
			}
			held := 0
			for i := range experiments {
				a, b := c.make(rng)
				got := stats.Ratio(a, b, c.of, uint64(i))
				if got.Low <= want && want <= got.High {
					held++
				}
			}
			share := float64(held) / experiments
			t.Logf("%s: %.1f %%", name, 100*share)
			if share < 0.92 || share > 0.98 {
				t.Errorf("%.1f %% of the intervals hold the truth, want 92 to 98", 100*share)
			}
		})
	}
}

// TestFast: four variants of 100 requests and three rounds are quick.
func TestFast(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 1))
	a, b := maker{n: 100, rounds: 3, request: 0.1, noise: 0.1}.make(rng)
	for _, of := range []stats.Statistic{stats.OfMean, 99} {
		began := time.Now()
		for range 4 {
			stats.Ratio(a, b, of, 1)
		}
		took := time.Since(began)
		t.Logf("%v: %v", of, took)
		if took > 2*time.Second {
			t.Errorf("statistic %v: four variants took %v", of, took)
		}
	}
}

// TestRatioInverts: swapping the sides inverts value and ends, and equal sides
// give 1.
func TestRatioInverts(t *testing.T) {
	value := rapid.OneOf(rapid.Float64Range(0.1, 100), rapid.Just(math.NaN()), rapid.Just(0.0), rapid.Just(math.Inf(1)))
	rapid.Check(t, func(t *rapid.T) {
		rounds, n := rapid.IntRange(1, 3).Draw(t, "rounds"), rapid.IntRange(1, 12).Draw(t, "n")
		draw := func(name string) (x [][]float64) {
			for range rounds {
				x = append(x, rapid.SliceOfN(value, n, n).Draw(t, name))
			}
			return x
		}
		a, b := draw("a"), draw("b")
		of := rapid.SampledFrom([]stats.Statistic{stats.OfMean, 50, 99}).Draw(t, "of")
		p, q := stats.Ratio(a, b, of, 3), stats.Ratio(b, a, of, 3)
		for _, c := range [][2]float64{{p.Value, q.Value}, {p.Low, q.High}, {p.High, q.Low}} {
			if math.IsNaN(c[0]) != math.IsNaN(c[1]) || !math.IsNaN(c[0]) && !near(c[0]*c[1], 1, 1e-6) {
				t.Fatalf("got %+v and swapped %+v", p, q)
			}
		}
		if !math.IsNaN(p.Low) && (p.Low > p.Value*(1+1e-9) || p.High < p.Value*(1-1e-9)) {
			t.Fatalf("the value is outside its interval: %+v", p)
		}
		if one := stats.Ratio(a, a, of, 3); one.N > 0 && one.Value != 1 {
			t.Fatalf("a side against itself: got %v", one.Value)
		}
	})
}

// TestFew says what is known of very little.
func TestFew(t *testing.T) {
	nan := math.NaN()
	for name, c := range map[string]struct {
		a, b     [][]float64
		of       stats.Statistic
		value    float64
		interval bool
	}{
		"nothing":                      {nil, nil, 0, nan, false},
		"one request in one round":     {[][]float64{{3}}, [][]float64{{2}}, 0, 1.5, false},
		"one request in two rounds":    {[][]float64{{3}, {3.3}}, [][]float64{{2}, {2}}, 0, 1.575, true},
		"no pair":                      {[][]float64{{3, nan}}, [][]float64{{nan, 2}}, 0, nan, false},
		"no such percentile":           {[][]float64{{3, 3}}, [][]float64{{2, 2}}, 101, nan, false},
		"the same every time":          {[][]float64{{3, 6}, {3, 6}}, [][]float64{{2, 4}, {2, 4}}, 0, 1.5, true},
		"sides of different lengths":   {[][]float64{{3, 6, 9}, {1}}, [][]float64{{2, 4}}, 0, 1.5, true},
		"a percentile of drawn values": {[][]float64{{3, 6}}, [][]float64{{2, 4}}, 50, 1.5, true},
	} {
		got := stats.Ratio(c.a, c.b, c.of, 1)
		if math.IsNaN(got.Value) != math.IsNaN(c.value) || !math.IsNaN(c.value) && !near(got.Value, c.value, 1e-9) {
			t.Errorf("%s: got %v, want %v", name, got.Value, c.value)
		}
		if has := !math.IsNaN(got.Low) && !math.IsNaN(got.High); has != c.interval {
			t.Errorf("%s: got interval %v to %v", name, got.Low, got.High)
		}
	}
}

// TestOf: the mean of a normal sample has the interval of Student's t.
func TestOf(t *testing.T) {
	rng := rand.New(rand.NewPCG(5, 5))
	x := make([]float64, 400)
	for i := range x {
		x[i] = 10 + rng.NormFloat64()
	}
	got := stats.Of([][]float64{x}, stats.OfMean, 1)
	if !near(got.Value, stats.Mean(x), 1e-12) || !near(got.High-got.Low, 2*1.966*stats.Std(x)/20, 0.15) {
		t.Errorf("got %+v", got)
	}
}

// TestMeanOf: 1, 2, 3 and 4 are 2.5 ± t.975(3)·√(5/12), and one value has no
// interval.
func TestMeanOf(t *testing.T) {
	got := stats.MeanOf([]float64{1, 2, math.NaN(), 3, 4})
	if half := 3.1824463 * math.Sqrt(5.0/12); got.Value != 2.5 || got.N != 4 || !near(got.High-2.5, half, 1e-6) || !near(2.5-got.Low, half, 1e-6) {
		t.Errorf("got %+v", got)
	}
	if one := stats.MeanOf([]float64{7}); one.Value != 7 || !math.IsNaN(one.Low) {
		t.Errorf("one value: got %+v", one)
	}
}

// TestRounds: a number that each round gives once has Student's interval.
func TestRounds(t *testing.T) {
	got := stats.LogRatioOfRounds([]float64{2, 2.2, 2.1}, []float64{1, 1, 1})
	logs := []float64{math.Log(2), math.Log(2.2), math.Log(2.1)}
	mean := stats.Mean(logs)
	half := 4.30265273 * stats.Std(logs) * math.Sqrt(3.0/2) / math.Sqrt(3)
	if !near(got.Value, math.Exp(mean), 1e-9) || !near(got.Low, math.Exp(mean-half), 1e-6) {
		t.Errorf("got %+v", got)
	}
	if one := stats.LogRatioOfRounds([]float64{2}, []float64{1}); one.Value != 2 || !math.IsNaN(one.Low) {
		t.Errorf("one round: got %+v", one)
	}
}

// TestHolm compares with the worked example of the method: 0.01, 0.04, 0.03 and
// 0.005 become 0.03, 0.06, 0.06 and 0.02.
func TestHolm(t *testing.T) {
	got := stats.Holm([]float64{0.01, 0.04, math.NaN(), 0.03, 0.005})
	want := []float64{0.03, 0.06, math.NaN(), 0.06, 0.02}
	for i := range want {
		if math.IsNaN(want[i]) != math.IsNaN(got[i]) || !math.IsNaN(want[i]) && !near(got[i], want[i], 1e-12) {
			t.Errorf("got %v, want %v", got, want)
			break
		}
	}
}

// TestTrend finds a rise, and none where there is none.
func TestTrend(t *testing.T) {
	rng := rand.New(rand.NewPCG(9, 9))
	rising, level := make([]float64, 1000), make([]float64, 1000)
	for i := range rising {
		level[i] = rng.NormFloat64()
		rising[i] = level[i] + float64(i)/500
	}
	if got := stats.Trend(rising); got.P > 1e-6 || got.Slope < 1.7 || got.Slope > 2.3 {
		t.Errorf("rising by 2: got %+v", got)
	}
	if got := stats.Trend(level); got.P < 0.01 {
		t.Errorf("level: got %+v", got)
	}
	if got := stats.Trend([]float64{1, 2, math.NaN(), 3}); !math.IsNaN(got.P) || got.N != 3 {
		t.Errorf("three values: got %+v", got)
	}
	if got := stats.Trend([]float64{1, 1, 1, 1, 1}); got.P != 1 || got.Slope != 0 {
		t.Errorf("all equal: got %+v", got)
	}
}

// TestDetectable: an error of 0.01 with very many degrees shows 2.8 %.
func TestDetectable(t *testing.T) {
	if got := (stats.Interval{SE: 0.01, DF: math.Inf(1)}).Detectable(); !near(got, 0.0280158, 1e-4) {
		t.Errorf("got %v", got)
	}
}
