package python

import (
	"encoding/binary"
	"math/bits"
)

// A Hash is hash() of strings: SipHash-1-3 with a key that comes from
// PYTHONHASHSEED. It holds for ASCII text, whose bytes Python hashes as they are.
type Hash struct{ k0, k1 uint64 }

// NewHash is the hash of a Python that was started with PYTHONHASHSEED=seed. Its
// key is made by Python's own small congruence (bootstrap_hash.c).
func NewHash(seed uint32) Hash {
	var key [16]byte
	if seed != 0 {
		x := seed
		for i := range key {
			x = x*214013 + 2531011
			key[i] = byte(x >> 16)
		}
	}
	return Hash{binary.LittleEndian.Uint64(key[:8]), binary.LittleEndian.Uint64(key[8:])}
}

// Sum is hash(s).
func (h Hash) Sum(s string) int64 {
	if s == "" {
		return 0
	}
	v0, v1 := h.k0^0x736f6d6570736575, h.k1^0x646f72616e646f6d
	v2, v3 := h.k0^0x6c7967656e657261, h.k1^0x7465646279746573
	round := func() {
		v0 += v1
		v1 = bits.RotateLeft64(v1, 13) ^ v0
		v0 = bits.RotateLeft64(v0, 32)
		v2 += v3
		v3 = bits.RotateLeft64(v3, 16) ^ v2
		v0 += v3
		v3 = bits.RotateLeft64(v3, 21) ^ v0
		v2 += v1
		v1 = bits.RotateLeft64(v1, 17) ^ v2
		v2 = bits.RotateLeft64(v2, 32)
	}
	mix := func(m uint64) {
		v3 ^= m
		round()
		v0 ^= m
	}
	last := uint64(len(s)) << 56
	b := []byte(s)
	for ; len(b) >= 8; b = b[8:] {
		mix(binary.LittleEndian.Uint64(b))
	}
	for i, c := range b {
		last |= uint64(c) << (8 * i)
	}
	mix(last)
	v2 ^= 0xff
	round()
	round()
	round()
	sum := int64(v0 ^ v1 ^ v2 ^ v3)
	if sum == -1 {
		return -2
	}
	return sum
}
