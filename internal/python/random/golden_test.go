package random

import (
	"encoding/json"
	"fmt"
	"math"
	"os"
	"strconv"
	"testing"
)

// goldenCase is one generator and a chain of calls on it, recorded by
// testdata/record.py from the original.
type goldenCase struct {
	Kind  string
	Seed  int64
	Calls []goldenCall
}

type goldenCall struct {
	Op   string
	Args []json.RawMessage
	Out  []json.RawMessage
}

func (c *goldenCall) int(t *testing.T, i int) int64 {
	t.Helper()
	n, err := strconv.ParseInt(string(c.Args[i]), 10, 64)
	if err != nil {
		t.Fatal(err)
	}
	return n
}

func (c *goldenCall) float(t *testing.T, i int) float64 {
	t.Helper()
	var f float64
	if err := json.Unmarshal(c.Args[i], &f); err != nil {
		t.Fatal(err)
	}
	return f
}

func (c *goldenCall) n(t *testing.T) int { return int(c.int(t, 0)) }

// times makes a list of n draws, each written as text.
func times[T any](n int, draw func() T) []string {
	out := make([]string, n)
	for i := range out {
		out[i] = text(draw())
	}
	return out
}

// list writes each value as the recording does.
func list[T any](v []T) []string {
	out := make([]string, len(v))
	for i, x := range v {
		out[i] = text(x)
	}
	return out
}

func text(v any) string {
	switch v := v.(type) {
	case float64:
		return fmt.Sprintf("%016x", math.Float64bits(v))
	default:
		return fmt.Sprint(v)
	}
}

// shuffled is 0 to n−1 after a shuffle.
func shuffled(n int, shuffle func(int, func(i, j int))) []int {
	p := make([]int, n)
	for i := range p {
		p[i] = i
	}
	shuffle(n, func(i, j int) { p[i], p[j] = p[j], p[i] })
	return p
}

func pythonCall(t *testing.T, r *Random, c *goldenCall) []string {
	switch c.Op {
	case "random":
		return times(c.n(t), r.Float64)
	case "getrandbits":
		return times(c.n(t), func() uint64 { return r.getRandBits(int(c.int(t, 1))) })
	case "choice":
		return times(c.n(t), func() int { return r.Choice(int(c.int(t, 1))) })
	case "shuffle":
		return list(shuffled(c.n(t), r.Shuffle))
	case "choices":
		return list(r.Choices(c.n(t), int(c.int(t, 1))))
	}
	t.Fatalf("unknown call %s", c.Op)
	return nil
}

func legacyCall(t *testing.T, s *RandomState, c *goldenCall) []string {
	switch c.Op {
	case "random":
		return times(c.n(t), s.Float64)
	case "randint":
		return list(s.RandInts(c.int(t, 1), c.int(t, 2), c.n(t)))
	case "randint1":
		return times(c.n(t), func() int64 { return s.RandInts(c.int(t, 1), c.int(t, 2), 1)[0] })
	case "shuffle":
		return list(shuffled(c.n(t), s.Shuffle))
	case "permutation":
		return list(s.Permutation(c.n(t)))
	case "choice", "sample":
		p, err := s.Choice(c.n(t), int(c.int(t, 1)), c.int(t, 2) != 0)
		if err != nil {
			t.Fatal(err)
		}
		return list(p)
	case "exponential":
		return times(c.n(t), s.StandardExponential)
	case "normal":
		return times(c.n(t), s.StandardNormal)
	case "gamma":
		return times(c.n(t), func() float64 { return s.Gamma(c.float(t, 1), c.float(t, 2)) })
	}
	t.Fatalf("unknown call %s", c.Op)
	return nil
}

func generatorCall(t *testing.T, g *Generator, c *goldenCall) []string {
	switch c.Op {
	case "random":
		return times(c.n(t), g.Float64)
	case "integers":
		return list(g.Integers(c.int(t, 1), c.int(t, 2), c.n(t)))
	case "integer":
		return times(c.n(t), func() int64 { return g.Integers(c.int(t, 1), c.int(t, 2), 1)[0] })
	}
	t.Fatalf("unknown call %s", c.Op)
	return nil
}

func TestDrawsAsRecorded(t *testing.T) {
	raw, err := os.ReadFile("testdata/golden.json")
	if err != nil {
		t.Fatal(err)
	}
	var golden struct{ Cases []goldenCase }
	if err := json.Unmarshal(raw, &golden); err != nil {
		t.Fatal(err)
	}
	if len(golden.Cases) == 0 {
		t.Fatal("no case in the recording")
	}
	for _, c := range golden.Cases {
		t.Run(fmt.Sprintf("%s/%d", c.Kind, c.Seed), func(t *testing.T) {
			call := caller(t, c.Kind, c.Seed)
			for i := range c.Calls {
				checkCall(t, &c.Calls[i], call(&c.Calls[i]))
			}
		})
	}
}

// caller is what answers the calls of one case.
func caller(t *testing.T, kind string, seed int64) func(*goldenCall) []string {
	switch kind {
	case "python":
		r := NewRandom(seed)
		return func(c *goldenCall) []string { return pythonCall(t, r, c) }
	case "default":
		g, err := NewGenerator(seed)
		if err != nil {
			t.Fatal(err)
		}
		return func(c *goldenCall) []string { return generatorCall(t, g, c) }
	}
	s, err := NewRandomState(seed)
	if err != nil {
		t.Fatal(err)
	}
	return func(c *goldenCall) []string {
		if kind == "pandas" { // every sample starts from the seed
			s, _ = NewRandomState(seed)
		}
		return legacyCall(t, s, c)
	}
}

func checkCall(t *testing.T, c *goldenCall, got []string) {
	t.Helper()
	if len(got) != len(c.Out) {
		t.Fatalf("%s(%s): got %d values, want %d", c.Op, c.Args, len(got), len(c.Out))
	}
	inexact := c.Op == "gamma" || c.Op == "normal" || c.Op == "exponential"
	for i, raw := range c.Out {
		want := string(raw)
		if raw[0] == '"' {
			want = want[1 : len(want)-1]
		}
		if got[i] == want || inexact && apart(t, got[i], want) <= 6 {
			continue
		}
		t.Fatalf("%s(%s), draw %d: got %s, want %s", c.Op, c.Args, i, got[i], want)
	}
}

// apart is how many floats lie between two, given as the hexadecimal of bits.
func apart(t *testing.T, a, b string) int64 {
	t.Helper()
	x, err := strconv.ParseUint(a, 16, 64)
	if err != nil {
		t.Fatal(err)
	}
	y, err := strconv.ParseUint(b, 16, 64)
	if err != nil {
		t.Fatal(err)
	}
	if d := int64(x - y); d >= 0 {
		return d
	}
	return int64(y - x)
}
