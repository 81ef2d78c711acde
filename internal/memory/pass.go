package memory

import (
	"context"
	"sync/atomic"
	"time"
)

const (
	unroll = 64      // words of a turn of a loop: eight lines of a cache
	block  = 1 << 18 // words between two looks at the context
)

// read goes through a.
func read(x part) { keep(lines(x.a)) }

// lines adds up one word of every line of 64 bytes. Whole lines come to the
// core; to add up their other words as well takes instructions for which, on
// processors with much bandwidth a core, memory would have to wait. The lines are
// touched in order: what fetches ahead of the loop expects that.
func lines(a []float64) float64 {
	var s0, s1, s2, s3 float64
	for ; len(a) >= unroll; a = a[unroll:] {
		v := (*[unroll]float64)(a)
		s0, s1, s2, s3 = s0+v[0], s1+v[8], s2+v[16], s3+v[24]
		s0, s1, s2, s3 = s0+v[32], s1+v[40], s2+v[48], s3+v[56]
	}
	return s0 + s1 + s2 + s3
}

// keep is a use that the compiler cannot see through.
//
//go:noinline
func keep(float64) {}

// copyOver writes a into c with the runtime's own copy.
func copyOver(x part) { copy(x.c, x.a) }

// scale writes c times a constant into b.
func scale(x part) {
	b, c := x.b, x.c
	for len(b) >= unroll && len(c) >= unroll {
		v, w := (*[unroll]float64)(b), (*[unroll]float64)(c)
		for i := range v {
			v[i] = factor * w[i]
		}
		b, c = b[unroll:], c[unroll:]
	}
}

// triad writes b + constant·c into a.
func triad(x part) {
	a, b, c := x.a, x.b, x.c
	for len(a) >= unroll && len(b) >= unroll && len(c) >= unroll {
		u, v, w := (*[unroll]float64)(a), (*[unroll]float64)(b), (*[unroll]float64)(c)
		for i := range u {
			u[i] = v[i] + factor*w[i]
		}
		a, b, c = a[unroll:], b[unroll:], c[unroll:]
	}
}

// multiplies is how many scalar multiplications of 32 bit all cores do in a
// second: the best of short rounds.
func multiplies(ctx context.Context, cores int) float64 {
	const rounds = 5
	best := 0.0
	parts := make([]part, cores)
	for range rounds {
		if ctx.Err() != nil {
			return best
		}
		var n atomic.Int64
		seconds := together(parts, func(part) {
			numbers := starts()
			for end := time.Now().Add(peakTime / rounds); time.Now().Before(end); {
				keep(float64(chains(numbers, chainTurns)))
				n.Add(chainTurns * chainCount)
			}
		})
		if seconds > 0 {
			best = max(best, float64(n.Load())/seconds)
		}
	}
	return best
}

const (
	chainTurns = 20000
	chainCount = 14
)

// chains multiplies fourteen numbers that do not wait for each other, turns
// times: as many as there are registers, more than any core has under way. The
// unit that multiplies is the one that multiplies and adds. The numbers come from
// outside and differ: equal chains would be made one.
//
//go:noinline
func chains(x *[chainCount]float32, turns int) float32 {
	q := x[0]
	a, b, c, d, e, f, g := x[0], x[1], x[2], x[3], x[4], x[5], x[6]
	h, i, j, k, l, m, n := x[7], x[8], x[9], x[10], x[11], x[12], x[13]
	for range turns {
		a, b, c, d, e, f, g = a*q, b*q, c*q, d*q, e*q, f*q, g*q
		h, i, j, k, l, m, n = h*q, i*q, j*q, k*q, l*q, m*q, n*q
	}
	return a + b + c + d + e + f + g + h + i + j + k + l + m + n
}

// starts are numbers so near to 1 that no chain of chainTurns leaves the range
// of normal numbers.
func starts() *[chainCount]float32 {
	var x [chainCount]float32
	for i := range x {
		x[i] = 1 + float32(i+1)/(1<<23)
	}
	return &x
}
