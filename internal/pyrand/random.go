package pyrand

import (
	"fmt"
	"math"
	"math/bits"
	"sort"
)

// A Random draws as Python's random.Random does. Make one with NewRandom.
type Random struct{ mt mt19937 }

// NewRandom is Python's random.Random(seed).
func NewRandom(seed int64) *Random {
	r := new(Random)
	r.Seed(seed)
	return r
}

// Seed is Python's seed(seed): the generator starts from the absolute value, so
// that seed and −seed draw the same numbers.
func (r *Random) Seed(seed int64) {
	u := uint64(seed)
	if seed < 0 {
		u = -u
	}
	r.mt.seedKey(words32(u))
}

// words32 splits u into 32-bit words, lowest first, with no leading zero word.
func words32(u uint64) []uint32 {
	if u>>32 == 0 {
		return []uint32{uint32(u)}
	}
	return []uint32{uint32(u), uint32(u >> 32)}
}

// Float64 is random(): uniform in [0, 1) with 53 bits.
func (r *Random) Float64() float64 { return r.mt.float64() }

// Uniform is uniform(a, b).
func (r *Random) Uniform(a, b float64) float64 { return a + float64((b-a)*r.Float64()) }

// GetRandBits is getrandbits(k): k random bits. It panics unless 0 ≤ k ≤ 64.
func (r *Random) GetRandBits(k int) uint64 {
	switch {
	case k < 0 || k > 64:
		panic(fmt.Sprintf("pyrand: GetRandBits(%d): want 0 to 64 bits", k))
	case k == 0:
		return 0
	case k <= 32:
		return uint64(r.mt.uint32() >> (32 - k))
	}
	low := uint64(r.mt.uint32())
	return uint64(r.mt.uint32()>>(64-k))<<32 | low
}

// RandBelow is _randbelow(n), which choice, shuffle, sample and randrange draw
// with: a whole number in [0, n). It panics when n < 1.
func (r *Random) RandBelow(n int) int {
	if n < 1 {
		panic(fmt.Sprintf("pyrand: RandBelow(%d): want at least 1", n))
	}
	k := bits.Len(uint(n))
	v := r.GetRandBits(k)
	for v >= uint64(n) {
		v = r.GetRandBits(k)
	}
	return int(v)
}

// RandInt is randint(a, b): a whole number in [a, b], both ends included. It
// panics when b < a or when the range has more than 2⁶³−1 numbers.
func (r *Random) RandInt(a, b int) int { return a + r.RandBelow(b-a+1) }

// Choice is choice(range(n)): the index of one element of n.
func (r *Random) Choice(n int) int { return r.RandBelow(n) }

// Shuffle is shuffle of a sequence of n elements; swap exchanges two of them.
func (r *Random) Shuffle(n int, swap func(i, j int)) {
	for i := n - 1; i > 0; i-- {
		swap(i, r.RandBelow(i+1))
	}
}

// Sample is sample(range(n), k): k different indices in order of drawing. It
// panics unless 0 ≤ k ≤ n.
func (r *Random) Sample(n, k int) []int {
	if k < 0 || k > n {
		panic(fmt.Sprintf("pyrand: Sample(%d, %d): want a sample of 0 to %d", n, k, n))
	}
	out := make([]int, k)
	if n <= sampleSetSize(k) {
		pool := make([]int, n)
		for i := range pool {
			pool[i] = i
		}
		for i := range out {
			j := r.RandBelow(n - i)
			out[i] = pool[j]
			pool[j] = pool[n-i-1]
		}
		return out
	}
	taken := make(map[int]bool, k)
	for i := range out {
		j := r.RandBelow(n)
		for taken[j] {
			j = r.RandBelow(n)
		}
		taken[j] = true
		out[i] = j
	}
	return out
}

// sampleSetSize is the population up to which Python's sample copies it.
func sampleSetSize(k int) int {
	size := 21
	if k > 5 {
		// 4 ** ceil(log(3k, 4)); 3k is no power of 4, so rounding decides nothing.
		size += int(math.Pow(4, math.Ceil(math.Log(float64(3*k))/math.Log(4))))
	}
	return size
}

// Choices is choices(range(n), k=k): k indices, repeats allowed. It panics when
// n < 1.
func (r *Random) Choices(n, k int) []int {
	if n < 1 {
		panic("pyrand: Choices: want at least one element")
	}
	out := make([]int, k)
	for i := range out {
		out[i] = int(r.Float64() * float64(n))
	}
	return out
}

// ChoicesWeighted is choices(range(len(weights)), weights, k=k). It panics when
// there is no weight; weights must be finite, not negative and not all zero.
func (r *Random) ChoicesWeighted(weights []float64, k int) []int {
	if len(weights) == 0 {
		panic("pyrand: ChoicesWeighted: want at least one weight")
	}
	sums := make([]float64, len(weights))
	total := 0.0
	for i, w := range weights {
		total += w
		sums[i] = total
	}
	last := len(sums) - 1
	out := make([]int, k)
	for i := range out {
		x := r.Float64() * total
		out[i] = sort.Search(last, func(j int) bool { return sums[j] > x })
	}
	return out
}
