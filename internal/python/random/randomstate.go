package random

import (
	"fmt"
	"math"
)

// A RandomState draws as numpy.random.RandomState, NumPy's legacy generator,
// and as the functions of numpy.random after numpy.random.seed. Make one with
// NewRandomState.
type RandomState struct {
	mt    mt19937
	gauss float64 // the second normal of the last pair
	spare bool
}

// NewRandomState is numpy.random.RandomState(seed). The error says which seeds
// are allowed: 0 to 2³²−1.
func NewRandomState(seed int64) (*RandomState, error) {
	s := new(RandomState)
	if err := s.Seed(seed); err != nil {
		return nil, err
	}
	return s, nil
}

// Seed is numpy.random.seed(seed): it starts again from seed and forgets the
// normal kept from the last pair. A seed outside 0 to 2³²−1 is an error and
// changes nothing.
func (s *RandomState) Seed(seed int64) error {
	if seed < 0 || seed > math.MaxUint32 {
		return fmt.Errorf("seed %d: NumPy's legacy generator takes a seed between 0 and 2**32 - 1: choose one in that range", seed)
	}
	s.mt.seedWord(uint32(seed))
	s.gauss, s.spare = 0, false
	return nil
}

func (s *RandomState) uint32() uint32 { return s.mt.uint32() }

func (s *RandomState) uint64() uint64 {
	high := uint64(s.mt.uint32())
	return high<<32 | uint64(s.mt.uint32())
}

// Float64 is random_sample(): uniform in [0, 1) with 53 bits.
func (s *RandomState) Float64() float64 { return s.mt.float64() }

// RandInts is randint(low, high, size=n) with the default dtype int64: whole
// numbers in [low, high). It panics when low ≥ high.
func (s *RandomState) RandInts(low, high int64, n int) []int64 {
	d := span(low, high)
	out := make([]int64, n)
	for i := range out {
		out[i] = low + int64(masked(s, d))
	}
	return out
}

// span is high − 1 − low, the largest offset of a half-open range.
func span(low, high int64) uint64 {
	if low >= high {
		panic(fmt.Sprintf("random: empty range: low %d >= high %d", low, high))
	}
	return uint64(high) - 1 - uint64(low)
}

// Shuffle is shuffle of an array of n elements; swap exchanges two of them.
func (s *RandomState) Shuffle(n int, swap func(i, j int)) {
	for i := n - 1; i > 0; i-- {
		swap(i, int(masked(s, uint64(i))))
	}
}

// Permutation is permutation(n): the numbers 0 to n−1, shuffled.
func (s *RandomState) Permutation(n int) []int {
	p := make([]int, n)
	for i := range p {
		p[i] = i
	}
	s.Shuffle(n, func(i, j int) { p[i], p[j] = p[j], p[i] })
	return p
}

// Choice is choice(n, size, replace): size indices below n. Without replace no
// index comes twice. pandas' DataFrame.sample(size, replace=replace,
// random_state=seed) takes the rows that Choice of NewRandomState(seed) names.
// Asking for more than there are is an error.
func (s *RandomState) Choice(n, size int, replace bool) ([]int, error) {
	switch {
	case size < 0:
		return nil, fmt.Errorf("sample of %d: a sample has at least 0 elements", size)
	case n < 1 && size > 0:
		return nil, fmt.Errorf("sample of %d from nothing: the population must not be empty", size)
	case replace:
		out := make([]int, size)
		for i := range out {
			out[i] = int(masked(s, uint64(n-1)))
		}
		return out, nil
	case size > n:
		return nil, fmt.Errorf("sample of %d from %d: without replacement a sample is not larger than the population", size, n)
	}
	return s.Permutation(n)[:size:size], nil
}

// StandardExponential is standard_exponential(): −log(1−U).
func (s *RandomState) StandardExponential() float64 {
	return -log(1 - s.Float64())
}

// StandardNormal is standard_normal(): Marsaglia's polar method, which draws
// pairs and keeps the second for the next call.
func (s *RandomState) StandardNormal() float64 {
	if s.spare {
		s.spare = false
		return s.gauss
	}
	for {
		x := 2*s.Float64() - 1
		y := 2*s.Float64() - 1
		r := float64(x*x) + float64(y*y)
		if r >= 1 || r == 0 {
			continue
		}
		f := math.Sqrt(-2 * log(r) / r)
		s.gauss, s.spare = f*x, true
		return f * y
	}
}

// Gamma is gamma(shape, scale). It panics when either is negative or not a
// number.
func (s *RandomState) Gamma(shape, scale float64) float64 {
	if !(scale >= 0) {
		panic(fmt.Sprintf("random: Gamma: scale %v: want at least 0", scale))
	}
	return float64(scale * s.standardGamma(shape))
}

// standardGamma is standard_gamma(shape): an exponential for shape 1, Ahrens and
// Dieter's rejection (1974) below it, Marsaglia and Tsang's (2000) above it. It
// panics when shape is negative or not a number.
func (s *RandomState) standardGamma(shape float64) float64 {
	switch {
	case !(shape >= 0):
		panic(fmt.Sprintf("random: standardGamma: shape %v: want at least 0", shape))
	case shape == 1:
		return s.StandardExponential()
	case shape == 0:
		return 0
	case shape < 1:
		return s.gammaBelowOne(shape)
	}
	return s.gammaAboveOne(shape)
}

func (s *RandomState) gammaBelowOne(shape float64) float64 {
	for {
		u := s.Float64()
		v := s.StandardExponential()
		if u <= 1-shape {
			if x := Pow(u, 1/shape); x <= v {
				return x
			}
			continue
		}
		y := -log((1 - u) / shape)
		if x := Pow(1-shape+float64(shape*y), 1/shape); x <= v+y {
			return x
		}
	}
}

// gammaAboveOne rounds each product by itself, as C compiled without fused
// multiplication does.
func (s *RandomState) gammaAboveOne(shape float64) float64 {
	b := shape - 1./3
	c := 1 / math.Sqrt(9*b)
	for {
		x := s.StandardNormal()
		v := 1 + float64(c*x)
		for v <= 0 {
			x = s.StandardNormal()
			v = 1 + float64(c*x)
		}
		v = v * v * v
		u := s.Float64()
		if u < 1-float64(0.0331*float64(x*x)*float64(x*x)) {
			return b * v
		}
		if log(u) < float64(0.5*x*x)+float64(b*(1-v+log(v))) {
			return b * v
		}
	}
}
