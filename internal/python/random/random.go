package random

import (
	"fmt"
	"math/bits"
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

// getRandBits is getrandbits(k): k random bits. It panics unless 0 ≤ k ≤ 64.
func (r *Random) getRandBits(k int) uint64 {
	switch {
	case k < 0 || k > 64:
		panic(fmt.Sprintf("random: getRandBits(%d): want 0 to 64 bits", k))
	case k == 0:
		return 0
	case k <= 32:
		return uint64(r.mt.uint32() >> (32 - k))
	}
	low := uint64(r.mt.uint32())
	return uint64(r.mt.uint32()>>(64-k))<<32 | low
}

// randBelow is _randbelow(n), which choice, shuffle, sample and randrange draw
// with: a whole number in [0, n). It panics when n < 1.
func (r *Random) randBelow(n int) int {
	if n < 1 {
		panic(fmt.Sprintf("random: randBelow(%d): want at least 1", n))
	}
	k := bits.Len(uint(n))
	v := r.getRandBits(k)
	for v >= uint64(n) {
		v = r.getRandBits(k)
	}
	return int(v)
}

// Choice is choice(range(n)): the index of one element of n.
func (r *Random) Choice(n int) int { return r.randBelow(n) }

// Shuffle is shuffle of a sequence of n elements; swap exchanges two of them.
func (r *Random) Shuffle(n int, swap func(i, j int)) {
	for i := n - 1; i > 0; i-- {
		swap(i, r.randBelow(i+1))
	}
}

// Choices is choices(range(n), k=k): k indices, repeats allowed. It panics when
// n < 1.
func (r *Random) Choices(n, k int) []int {
	if n < 1 {
		panic("random: Choices: want at least one element")
	}
	out := make([]int, k)
	for i := range out {
		out[i] = int(r.Float64() * float64(n))
	}
	return out
}
