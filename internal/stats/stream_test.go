package stats

import (
	"math"
	"slices"
	"testing"

	"pgregory.net/rapid"
)

// TestStream holds a Stream that may keep a handful of values to the functions
// that are given all of them: every bit is the same.
func TestStream(t *testing.T) {
	ps := []float64{0, 1, 25, 50, 99, 99.9, 100}
	rapid.Check(t, func(t *rapid.T) {
		value := rapid.OneOf(
			rapid.Float64Range(-1e3, 1e3),
			rapid.Float64(),
			rapid.SampledFrom([]float64{0, 0, 0, 0.02, 0.02, math.Copysign(0, -1), 5e-324}), // ties
		)
		x := rapid.SliceOfN(value, 0, 700).Draw(t, "values")
		s := NewStream(ps...)
		s.limit = rapid.SampledFrom([]int{0, 1, 40, 1 << 20}).Draw(t, "limit")
		for passes := 0; ; passes++ {
			for _, v := range x {
				s.Add(v)
			}
			if !s.Turn() {
				break
			}
			if passes > 8 {
				t.Fatal("it never has enough")
			}
		}
		same := func(what string, got, want float64) {
			if math.Float64bits(got) != math.Float64bits(want) && !(math.IsNaN(got) && math.IsNaN(want)) && got != want {
				t.Fatalf("%s of %d values is %v, want %v", what, len(x), got, want)
			}
		}
		sorted := slices.Sorted(slices.Values(x))
		same("mean", s.Mean(), Mean(x))
		same("deviation", s.Std(), Std(x))
		same("median", s.Median(), Median(sorted))
		for _, p := range ps {
			same("percentile", s.Percentile(p), Percentile(sorted, p))
		}
		if s.N() != len(x) || len(x) > 0 && (s.Min() != sorted[0] || s.Max() != sorted[len(x)-1]) {
			t.Fatalf("%d values from %v to %v", s.N(), s.Min(), s.Max())
		}
	})
}

// BenchmarkStream is one value of a pass that counts and adds.
func BenchmarkStream(b *testing.B) {
	s := NewStream(50, 99)
	s.limit = 10
	x := make([]float64, 1<<16)
	for i := range x {
		x[i] = 0.02 + float64(i*7919%65521)*1e-7
	}
	for _, v := range x {
		s.Add(v)
	}
	s.Turn()
	s.sum.begin(1 << 40)
	b.ReportAllocs()
	for i := 0; b.Loop(); i++ {
		s.Add(x[i&(1<<16-1)])
	}
}
