package random

import (
	"math"
	"math/big"
	"testing"

	"pgregory.net/rapid"
)

const precision = 256

func wide(x float64) *big.Float { return new(big.Float).SetPrec(precision).SetFloat64(x) }

// wideLog is log x to far more bits than a float64 has: the square root of x is
// taken until it is near 1, where the series of atanh needs few terms.
func wideLog(x float64) *big.Float {
	v := wide(x)
	roots := 0
	for one := wide(1); ; roots++ {
		d := new(big.Float).Sub(v, one)
		if d.Sign() == 0 || d.MantExp(nil) < -12 {
			break
		}
		v.Sqrt(v)
	}
	s := new(big.Float).Quo(new(big.Float).Sub(v, wide(1)), new(big.Float).Add(v, wide(1)))
	q := new(big.Float).Mul(s, s)
	sum, term := wide(0), new(big.Float).Set(s)
	for n := 1; n < 30; n += 2 {
		sum.Add(sum, new(big.Float).Quo(term, wide(float64(n))))
		term.Mul(term, q)
	}
	return sum.SetMantExp(sum, roots+1)
}

// wideExp is e to the power t.
func wideExp(t *big.Float) *big.Float {
	r := new(big.Float).SetMantExp(t, -20)
	sum, term := wide(1), wide(1)
	for n := 1; n < 40; n++ {
		term.Mul(term, r).Quo(term, wide(float64(n)))
		sum.Add(sum, term)
	}
	for range 20 {
		sum.Mul(sum, sum)
	}
	return sum
}

func TestLogIsCorrectlyRounded(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		x := rapid.OneOf(rapid.Float64Range(0x1p-53, 1), rapid.Float64Range(0.9, 1.1), rapid.Float64Range(1, 1e300)).Draw(t, "x")
		want, _ := wideLog(x).Float64()
		if got := log(x); got != want {
			t.Fatalf("log(%v): got %v, want %v", x, got, want)
		}
	})
}

func TestPowIsCorrectlyRounded(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		x := rapid.Float64Range(0x1p-53, 1).Draw(t, "x")
		y := rapid.Float64Range(1, 18).Draw(t, "y")
		want, _ := wideExp(new(big.Float).Mul(wideLog(x), wide(y))).Float64()
		if got := Pow(x, y); got != want {
			t.Fatalf("Pow(%v, %v): got %v, want %v", x, y, got, want)
		}
	})
}

func TestLogAndPowAtTheEdges(t *testing.T) {
	inf := math.Inf(1)
	for _, c := range []struct {
		why       string
		got, want float64
	}{
		{"log of one is exactly zero", log(1), 0},
		{"a uniform draw may be zero", log(0), -inf},
		{"no logarithm below zero", log(-1), math.NaN()},
		{"infinity", log(inf), inf},
		{"the smallest float", log(math.SmallestNonzeroFloat64), -744.4400719213812},
		{"zero to a power", Pow(0, 2), 0},
		{"a tiny shape makes an infinite power", Pow(0.5, inf), 0},
		{"one to any power", Pow(1, inf), 1},
		{"a result too small to be a float", Pow(0x1p-53, 100), 0},
		{"a result below the normal range", Pow(0.5, 1070), math.Ldexp(1, -1070)},
	} {
		if c.got != c.want && !(math.IsNaN(c.got) && math.IsNaN(c.want)) {
			t.Errorf("%s: got %v, want %v", c.why, c.got, c.want)
		}
	}
}
