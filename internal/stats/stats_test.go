package stats_test

import (
	"encoding/json"
	"math"
	"os"
	"slices"
	"strconv"
	"testing"

	"pgregory.net/rapid"

	"tokmeter/internal/stats"
)

// samples repeats the generator of testdata/record.py.
func samples(n int, seed uint64) []float64 {
	out := make([]float64, n)
	for i := range out {
		seed = seed*6364136223846793005 + 1442695040888963407
		unit := float64(seed>>11) / (1 << 53)
		out[i] = 0.0001 + float64(float64(unit*unit)*3.0)
	}
	return out
}

// TestNumPy compares every function with what NumPy said, to the last bit.
func TestNumPy(t *testing.T) {
	var golden struct {
		P     []float64 `json:"p"`
		Cases []struct {
			N           int      `json:"n"`
			Seed        uint64   `json:"seed"`
			Sum         string   `json:"sum"`
			Mean        string   `json:"mean"`
			Std         string   `json:"std"`
			Median      string   `json:"median"`
			Percentiles []string `json:"percentiles"`
		} `json:"cases"`
	}
	data, err := os.ReadFile("testdata/numpy.json")
	if err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(data, &golden); err != nil {
		t.Fatal(err)
	}
	if len(golden.Cases) == 0 {
		t.Fatal("testdata/numpy.json has no case")
	}
	for _, c := range golden.Cases {
		x := samples(c.N, c.Seed)
		check := func(what string, got float64, want string) {
			t.Helper()
			w, err := strconv.ParseFloat(want, 64)
			if err != nil {
				t.Fatal(err)
			}
			if got != w {
				t.Errorf("n=%d seed=%d: %s: got %v, want %v", c.N, c.Seed, what, got, w)
			}
		}
		check("sum", stats.Sum(x), c.Sum)
		check("mean", stats.Mean(x), c.Mean)
		check("std", stats.Std(x), c.Std)
		slices.Sort(x)
		check("median", stats.Median(x), c.Median)
		for i, p := range golden.P {
			check("percentile "+strconv.FormatFloat(p, 'g', -1, 64), stats.Percentile(x, p), c.Percentiles[i])
		}
	}
}

// TestNothing shows that an empty slice has no number.
func TestNothing(t *testing.T) {
	for name, got := range map[string]float64{
		"mean": stats.Mean(nil), "std": stats.Std(nil), "median": stats.Median(nil),
		"percentile": stats.Percentile(nil, 50), "percentile NaN": stats.Percentile([]float64{1}, math.NaN()),
	} {
		if !math.IsNaN(got) {
			t.Errorf("%s of nothing: got %v, want NaN", name, got)
		}
	}
	if got := stats.Sum(nil); got != 0 {
		t.Errorf("sum of nothing: got %v, want 0", got)
	}
}

func drawSorted(t *rapid.T) []float64 {
	x := rapid.SliceOfN(rapid.Float64Range(-1e6, 1e6), 1, 300).Draw(t, "x")
	slices.Sort(x)
	return x
}

// TestPercentileMonotone: a higher percentile is never a lower value, and all
// lie between the ends.
func TestPercentileMonotone(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		x := drawSorted(t)
		p := rapid.Float64Range(0, 100).Draw(t, "p")
		q := rapid.Float64Range(p, 100).Draw(t, "q")
		a, b := stats.Percentile(x, p), stats.Percentile(x, q)
		slack := 1e-9 * (1 + math.Abs(a)) // rounding of the interpolation itself
		if a > b+slack {
			t.Fatalf("P%v=%v is above P%v=%v", p, a, q, b)
		}
		if a < x[0]-slack || b > x[len(x)-1]+slack {
			t.Fatalf("P%v=%v, P%v=%v leave [%v, %v]", p, a, q, b, x[0], x[len(x)-1])
		}
	})
}

// TestMeanInside: the mean lies between the ends and moves with the values.
func TestMeanInside(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		x := drawSorted(t)
		mean, slack := stats.Mean(x), 1e-6
		if mean < x[0]-slack || mean > x[len(x)-1]+slack {
			t.Fatalf("mean %v leaves [%v, %v]", mean, x[0], x[len(x)-1])
		}
		for i := range x {
			x[i] += 1000
		}
		if got := stats.Mean(x); math.Abs(got-mean-1000) > 1e-6 {
			t.Fatalf("mean of shifted values: got %v, want %v", got, mean+1000)
		}
	})
}

func BenchmarkDescribe(b *testing.B) {
	x := samples(1_000_000, 1)
	sorted := slices.Clone(x)
	slices.Sort(sorted)
	b.ReportAllocs()
	for b.Loop() {
		stats.Std(x)
		stats.Percentile(sorted, 99)
	}
}
