package random

import (
	"math"
	"sort"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"
)

func TestSeedsOutOfRange(t *testing.T) {
	for _, c := range []struct {
		why  string
		make func() error
		want string // part of the error, "" for none
	}{
		{"NumPy's legacy generator takes no negative seed", legacySeed(-1), "between 0 and 2**32 - 1"},
		{"nor one of 33 bits", legacySeed(1 << 32), "between 0 and 2**32 - 1"},
		{"the largest", legacySeed(1<<32 - 1), ""},
		{"default_rng takes no negative seed", generatorSeed(-5), "seed -5"},
		{"but any other", generatorSeed(math.MaxInt64), ""},
	} {
		err := c.make()
		if c.want == "" && err != nil || c.want != "" && (err == nil || !strings.Contains(err.Error(), c.want)) {
			t.Errorf("%s: got %v, want %q", c.why, err, c.want)
		}
	}
}

func legacySeed(n int64) func() error {
	return func() error { _, err := NewRandomState(n); return err }
}

func generatorSeed(n int64) func() error {
	return func() error { _, err := NewGenerator(n); return err }
}

func TestFailedSeedChangesNothing(t *testing.T) {
	s := state(t, 3)
	want := state(t, 3).Float64()
	if err := s.Seed(-1); err == nil {
		t.Fatal("got no error for seed -1")
	}
	if got := s.Float64(); got != want {
		t.Fatalf("got %v, want %v", got, want)
	}
}

func TestSeedForgetsTheSpareNormal(t *testing.T) {
	s := state(t, 3)
	want := s.StandardNormal()
	if err := s.Seed(3); err != nil {
		t.Fatal(err)
	}
	if got := s.StandardNormal(); got != want {
		t.Fatalf("got %v, want %v", got, want)
	}
}

func state(t interface{ Fatal(...any) }, seed int64) *RandomState {
	s, err := NewRandomState(seed)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func TestChoiceRefuses(t *testing.T) {
	for _, c := range []struct {
		why     string
		n, size int
		replace bool
		ok      bool
	}{
		{"more than there are", 3, 4, false, false},
		{"more than there are, with repeats", 3, 4, true, true},
		{"all of them", 3, 3, false, true},
		{"nothing of nothing", 0, 0, false, true},
		{"something of nothing", 0, 1, true, false},
		{"a negative number", 3, -1, true, false},
	} {
		if _, err := state(t, 1).Choice(c.n, c.size, c.replace); (err == nil) != c.ok {
			t.Errorf("%s: got error %v, want ok %t", c.why, err, c.ok)
		}
	}
}

func TestPanics(t *testing.T) {
	for _, c := range []struct {
		why  string
		call func()
	}{
		{"nothing is below zero", func() { NewRandom(1).randBelow(0) }},
		{"65 bits do not fit", func() { NewRandom(1).getRandBits(65) }},
		{"a choice from nothing", func() { NewRandom(1).Choices(0, 1) }},
		{"low = high", func() { state(t, 1).RandInts(5, 5, 1) }},
		{"a negative shape", func() { state(t, 1).standardGamma(-1) }},
		{"no number for a shape", func() { state(t, 1).standardGamma(math.NaN()) }},
		{"a negative scale", func() { state(t, 1).Gamma(1, -1) }},
	} {
		func() {
			defer func() {
				if recover() == nil {
					t.Errorf("%s: got no panic", c.why)
				}
			}()
			c.call()
		}()
	}
}

func TestBoundedDrawsStayInRange(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		low := rapid.Int64().Draw(t, "low")
		high := rapid.Int64().Filter(func(h int64) bool { return h != low }).Draw(t, "high")
		if high < low {
			low, high = high, low
		}
		s := state(t, rapid.Int64Range(0, math.MaxUint32).Draw(t, "seed"))
		g, err := NewGenerator(rapid.Int64Min(0).Draw(t, "seed of the generator"))
		if err != nil {
			t.Fatal(err)
		}
		for range 20 {
			for _, v := range append(s.RandInts(low, high, 1), g.Integers(low, high, 1)...) {
				if v < low || v >= high {
					t.Fatalf("got %d, want it in [%d, %d)", v, low, high)
				}
			}
		}
	})
}

func TestShufflesArePermutations(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		n := rapid.IntRange(0, 200).Draw(t, "n")
		seed := rapid.Int64Range(0, math.MaxUint32).Draw(t, "seed")
		want := state(t, seed).Permutation(n)
		sort.Ints(want)
		for i, v := range want {
			if i != v {
				t.Fatalf("got %v, want every number below %d once", want, n)
			}
		}
		got := shuffled(n, NewRandom(seed).Shuffle)
		sort.Ints(got)
		if d := cmp.Diff(want, got); d != "" {
			t.Fatal(d)
		}
	})
}

func TestSeedIgnoresTheSign(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		seed := rapid.Int64().Draw(t, "seed")
		if a, b := NewRandom(seed).Float64(), NewRandom(-seed).Float64(); a != b {
			t.Fatalf("got %v and %v, want the same", a, b)
		}
	})
}

func TestGammaIsNeverNegative(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		s := state(t, rapid.Int64Range(0, math.MaxUint32).Draw(t, "seed"))
		shape := rapid.Float64Range(0, 1e9).Draw(t, "shape")
		if v := s.Gamma(shape, 0.5); !(v >= 0) || math.IsInf(v, 0) {
			t.Fatalf("got %v, want a finite number from 0 up", v)
		}
	})
}

func TestGammaHasItsMeanAndVariance(t *testing.T) {
	const n = 20000
	for _, shape := range []float64{0.3, 1, 2.5, 10} {
		s := state(t, 9)
		var sum, squares float64
		for range n {
			v := s.standardGamma(shape)
			sum += v
			squares += v * v
		}
		mean := sum / n
		variance := squares/n - mean*mean
		if math.Abs(mean/shape-1) > 0.05 || math.Abs(variance/shape-1) > 0.15 {
			t.Errorf("shape %v: got mean %v and variance %v, want both near %v", shape, mean, variance, shape)
		}
	}
}

func BenchmarkRandomState(b *testing.B) {
	s := state(b, 1)
	b.Run("uniform", func(b *testing.B) {
		for b.Loop() {
			s.Float64()
		}
	})
	b.Run("exponential", func(b *testing.B) {
		for b.Loop() {
			s.StandardExponential()
		}
	})
	b.Run("gamma 2.5", func(b *testing.B) {
		for b.Loop() {
			s.standardGamma(2.5)
		}
	})
}
