package random

import (
	"fmt"
	"math/bits"
)

// A Generator draws as numpy.random.default_rng: a SeedSequence feeds PCG64
// (the XSL-RR output of a 128-bit linear congruence). Make one with
// NewGenerator.
type Generator struct {
	high, low       uint64 // state
	incHigh, incLow uint64
	half            uint32 // the upper half of the last word drawn for 32 bits
	spare           bool
}

// NewGenerator is numpy.random.default_rng(seed). The error says that a seed
// must not be negative.
func NewGenerator(seed int64) (*Generator, error) {
	if seed < 0 {
		return nil, fmt.Errorf("seed %d: NumPy's default_rng takes a seed that is not negative: choose one from 0 up", seed)
	}
	w := seedSequence(words32(uint64(seed)))
	g := new(Generator)
	g.incHigh = w[2]<<1 | w[3]>>63
	g.incLow = w[3]<<1 | 1
	g.step()
	var carry uint64
	g.low, carry = bits.Add64(g.low, w[1], 0)
	g.high, _ = bits.Add64(g.high, w[0], carry)
	g.step()
	return g, nil
}

// seedSequence is SeedSequence(entropy).generate_state(4, uint64) for at most
// four words of entropy.
func seedSequence(entropy []uint32) [4]uint64 {
	const (
		initA, multA = 0x43b0d7e5, 0x931e8875
		initB, multB = 0x8b51f9dd, 0x58f38ded
		mixL, mixR   = 0xca01f9dd, 0x4973f715
	)
	constant := uint32(initA)
	hash := func(v uint32) uint32 {
		v ^= constant
		constant *= multA
		v *= constant
		return v ^ v>>16
	}
	var pool [4]uint32
	copy(pool[:], entropy)
	for i, v := range pool {
		pool[i] = hash(v)
	}
	for from := range pool {
		for to := range pool {
			if from != to {
				v := mixL*pool[to] - mixR*hash(pool[from])
				pool[to] = v ^ v>>16
			}
		}
	}
	var state [4]uint64
	constant = initB
	for i := range 8 {
		v := pool[i%4] ^ constant
		constant *= multB
		v *= constant
		v ^= v >> 16
		state[i/2] |= uint64(v) << (i % 2 * 32)
	}
	return state
}

func (g *Generator) step() {
	const multHigh, multLow = 0x2360ed051fc65da4, 0x4385df649fccf645
	high, low := bits.Mul64(g.low, multLow)
	high += g.high*multLow + g.low*multHigh
	var carry uint64
	g.low, carry = bits.Add64(low, g.incLow, 0)
	g.high, _ = bits.Add64(high, g.incHigh, carry)
}

func (g *Generator) uint64() uint64 {
	g.step()
	return bits.RotateLeft64(g.high^g.low, -int(g.high>>58))
}

func (g *Generator) uint32() uint32 {
	if g.spare {
		g.spare = false
		return g.half
	}
	v := g.uint64()
	g.half, g.spare = uint32(v>>32), true
	return uint32(v)
}

// Float64 is random(): uniform in [0, 1) with 53 bits.
func (g *Generator) Float64() float64 {
	return float64(g.uint64()>>11) * (1.0 / 9007199254740992)
}

// Integers is integers(low, high, size=n) with the default dtype int64: whole
// numbers in [low, high). A range of up to 2³² numbers takes half a word a draw;
// the other half serves the next such draw, also one of another call. It panics
// when low ≥ high.
func (g *Generator) Integers(low, high int64, n int) []int64 {
	d := span(low, high)
	out := make([]int64, n)
	for i := range out {
		out[i] = low + int64(lemire(g, d))
	}
	return out
}
