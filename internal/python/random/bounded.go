package random

import "math/bits"

// words is what NumPy's bounded integers draw from.
type words interface {
	uint32() uint32
	uint64() uint64
}

// masked draws from [0, span] as NumPy's legacy generator: it masks the word to
// the bits of span and rejects what is larger. A span that fits 32 bits takes
// 32-bit words.
func masked(w words, span uint64) uint64 {
	if span == 0 {
		return 0
	}
	mask := uint64(1)<<bits.Len64(span) - 1
	for {
		var v uint64
		if span <= 0xffffffff {
			v = uint64(w.uint32()) & mask
		} else {
			v = w.uint64() & mask
		}
		if v <= span {
			return v
		}
	}
}

// lemire draws from [0, span] as NumPy's Generator, by Lemire's multiplication.
// A span that fits 32 bits takes 32-bit words.
func lemire(w words, span uint64) uint64 {
	switch {
	case span == 0:
		return 0
	case span == 0xffffffff:
		return uint64(w.uint32())
	case span < 0xffffffff:
		return uint64(lemire32(w, uint32(span)))
	case span == 0xffffffffffffffff:
		return w.uint64()
	}
	n := span + 1
	high, low := bits.Mul64(w.uint64(), n)
	if low < n {
		for least := -n % n; low < least; {
			high, low = bits.Mul64(w.uint64(), n)
		}
	}
	return high
}

func lemire32(w words, span uint32) uint32 {
	n := span + 1
	m := uint64(w.uint32()) * uint64(n)
	if uint32(m) < n {
		for least := -n % n; uint32(m) < least; {
			m = uint64(w.uint32()) * uint64(n)
		}
	}
	return uint32(m >> 32)
}
