package random

const (
	mtSize  = 624
	mtShift = 397
)

// mt19937 is the Mersenne Twister of Matsumoto and Nishimura with 32-bit words,
// the engine under both Python's random and NumPy's legacy generator.
type mt19937 struct {
	key [mtSize]uint32
	pos int
}

// seedWord starts the twister from one word, as the reference init_genrand.
func (m *mt19937) seedWord(s uint32) {
	for i := range m.key {
		m.key[i] = s
		s = 1812433253*(s^s>>30) + uint32(i) + 1
	}
	m.pos = mtSize
}

// seedKey starts the twister from several words, as the reference init_by_array.
func (m *mt19937) seedKey(words []uint32) {
	m.seedWord(19650218)
	k := &m.key
	i, j := 1, 0
	for range max(mtSize, len(words)) {
		k[i] = (k[i] ^ (k[i-1]^k[i-1]>>30)*1664525) + words[j] + uint32(j)
		i, j = i+1, j+1
		if i == mtSize {
			k[0], i = k[mtSize-1], 1
		}
		if j == len(words) {
			j = 0
		}
	}
	for range mtSize - 1 {
		k[i] = (k[i] ^ (k[i-1]^k[i-1]>>30)*1566083941) - uint32(i)
		i++
		if i == mtSize {
			k[0], i = k[mtSize-1], 1
		}
	}
	k[0] = 0x80000000
}

// uint32 draws the next word.
func (m *mt19937) uint32() uint32 {
	if m.pos == mtSize {
		m.refill()
	}
	y := m.key[m.pos]
	m.pos++
	y ^= y >> 11
	y ^= y << 7 & 0x9d2c5680
	y ^= y << 15 & 0xefc60000
	return y ^ y>>18
}

func (m *mt19937) refill() {
	k := &m.key
	twist := func(u, v uint32) uint32 {
		return (u&0x80000000|v&0x7fffffff)>>1 ^ -(v&1)&0x9908b0df
	}
	for i := range mtSize - mtShift {
		k[i] = k[i+mtShift] ^ twist(k[i], k[i+1])
	}
	for i := mtSize - mtShift; i < mtSize-1; i++ {
		k[i] = k[i+mtShift-mtSize] ^ twist(k[i], k[i+1])
	}
	k[mtSize-1] = k[mtShift-1] ^ twist(k[mtSize-1], k[0])
	m.pos = 0
}

// float64 draws from [0, 1) with 53 bits, as genrand_res53.
func (m *mt19937) float64() float64 {
	a, b := m.uint32()>>5, m.uint32()>>6
	return (float64(a)*67108864 + float64(b)) / 9007199254740992
}
