package random

import "math"

// The C library under NumPy rounds log and pow correctly in all but a few cases
// of ten thousand; package math is one bit off in one of fourteen. A wait drawn
// through it would differ from NumPy's in the last place, so both functions are
// computed here with twice the precision and rounded once.

// A twofold is the unevaluated sum of two floats, the second below half a unit
// in the last place of the first (Dekker 1971).
type twofold struct{ hi, lo float64 }

func fastSum(a, b float64) twofold {
	s := a + b
	return twofold{s, b - (s - a)}
}

func sum(a, b float64) twofold {
	s := a + b
	t := s - a
	return twofold{s, (a - (s - t)) + (b - t)}
}

func (a twofold) add(b twofold) twofold {
	s := sum(a.hi, b.hi)
	return fastSum(s.hi, s.lo+a.lo+b.lo)
}

func (a twofold) scale(b float64) twofold {
	p := a.hi * b
	return fastSum(p, math.FMA(a.hi, b, -p)+float64(a.lo*b))
}

func (a twofold) mul(b twofold) twofold {
	p := a.hi * b.hi
	e := math.FMA(a.hi, b.hi, -p)
	return fastSum(p, e+(float64(a.hi*b.lo)+float64(a.lo*b.hi)))
}

func (a twofold) div(b twofold) twofold {
	q := a.hi / b.hi
	r := a.add(b.scale(-q))
	return fastSum(q, r.hi/b.hi)
}

// ln2 is the logarithm of 2 to 107 bits.
func ln2() twofold { return twofold{0x1.62e42fefa39efp-1, 0x1.abc9e3b39803fp-56} }

// log is the natural logarithm of x, correctly rounded but for cases too close
// to call.
func log(x float64) float64 {
	if !(x > 0) || math.IsInf(x, 1) {
		return math.Log(x)
	}
	l := logTwofold(x)
	return l.hi + l.lo
}

// logTwofold splits x = m·2^e with m around 1 and sums
// log m = 2·(s + s³/3 + s⁵/5 + …), s = (m−1)/(m+1).
func logTwofold(x float64) twofold {
	m, e := math.Frexp(x)
	if m < math.Sqrt2/2 {
		m, e = 2*m, e-1
	}
	s := twofold{m - 1, 0}.div(sum(m, 1))
	q := s.mul(s)
	series := twofold{}
	for n := 41; n >= 3; n -= 2 {
		series = series.add(twofold{1, 0}.div(twofold{float64(n), 0})).mul(q)
	}
	l := series.mul(s).add(s).scale(2)
	return ln2().scale(float64(e)).add(l)
}

// Pow is x to the power y as Python's ** gives it for floats: correctly rounded
// but for cases too close to call. Zeros, infinities and results that leave the
// normal range are those of math.Pow.
func Pow(x, y float64) float64 {
	if !(x > 0) || math.IsInf(x, 1) || x == 1 {
		return math.Pow(x, y)
	}
	t := logTwofold(x).scale(y)
	if !(math.Abs(t.hi) < 700) {
		return math.Pow(x, y)
	}
	return expTwofold(t)
}

// expTwofold is e to the power t, rounded once: t = k·log 2 + r, and
// e^r = (e^(r/64))^64 with a Taylor series inside.
func expTwofold(t twofold) float64 {
	k := math.RoundToEven(t.hi / math.Ln2)
	r := t.add(ln2().scale(-k)).scale(1.0 / 64)
	series := twofold{1, 0}
	for n := 12; n >= 1; n-- {
		series = series.mul(r).div(twofold{float64(n), 0}).add(twofold{1, 0})
	}
	for range 6 {
		series = series.mul(series)
	}
	return math.Ldexp(series.hi+series.lo, int(k))
}
