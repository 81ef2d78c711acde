package roofline

import (
	"math"
	"testing"

	"pgregory.net/rapid"
)

// drawSetup is a model on a card in a format that it has.
func drawSetup(t *rapid.T) Setup {
	s := Setup{
		Model:     rapid.SampledFrom(Models()).Draw(t, "model"),
		Card:      rapid.SampledFrom(Cards()).Draw(t, "card"),
		Precision: rapid.SampledFrom(Precisions()).Draw(t, "precision"),
		KV:        rapid.SampledFrom([]string{"", "fp8"}).Draw(t, "kv"),
		TP:        rapid.SampledFrom([]int{1, 2}).Draw(t, "tp"),
		Async:     rapid.Bool().Draw(t, "async"),
	}
	return s
}

func drawSeqs(t *rapid.T) []Seq {
	return rapid.SliceOfN(rapid.Custom(func(t *rapid.T) Seq {
		s := Seq{Tokens: 1, Context: rapid.IntRange(0, 20000).Draw(t, "context"), Samples: true}
		if rapid.IntRange(0, 3).Draw(t, "kind") == 0 {
			s.Tokens, s.Samples = rapid.IntRange(1, 2048).Draw(t, "tokens"), rapid.Bool().Draw(t, "samples")
		}
		return s
	}), 1, 40).Draw(t, "seqs")
}

func made(t *rapid.T, s Setup, set Constants) *Machine {
	s.Constants = set
	m, err := New(s)
	if err != nil {
		t.Skip(err)
	}
	return m
}

// noLess fails where b is below a by more than rounding.
func noLess(t *rapid.T, what string, b, a float64) {
	if !(b >= a*(1-1e-9)) {
		t.Fatalf("%s: %v is below %v", what, b, a)
	}
}

// No kernel is faster than light, and every part is a number of its own.
func TestNothingIsFasterThanLight(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		s, seqs := drawSetup(t), drawSeqs(t)
		light := made(t, s, Ideal).Step(seqs)
		for _, set := range []Constants{Measured, Datasheet} {
			c := made(t, s, set).Step(seqs)
			noLess(t, set.String(), c.Total, light.Total)
			noLess(t, set.String()+" on the card", c.GPU, light.GPU)
			if sum := c.Linear + c.Attention + c.Head + c.Other + c.Link; math.Abs(sum/c.GPU-1) > 1e-9 {
				t.Fatalf("parts sum to %v, the whole is %v", sum, c.GPU)
			}
			if math.Abs(c.WeightBytes/light.WeightBytes-1) > 1e-9 || math.Abs(c.KVBytes-light.KVBytes) > 1e-6*light.KVBytes || math.Abs(c.Flops/light.Flops-1) > 1e-9 {
				t.Fatalf("traffic is %v, %v, %v; at the speed of light %v, %v, %v", c.WeightBytes, c.KVBytes, c.Flops, light.WeightBytes, light.KVBytes, light.Flops)
			}
		}
		if light.Host != 0 || light.Other != 0 {
			t.Fatalf("the speed of light has overheads: %+v", light)
		}
	})
}

// One sequence more, or longer, is never faster.
func TestMoreTokensAreNeverFaster(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		s, seqs := drawSetup(t), drawSeqs(t)
		longer := append([]Seq(nil), seqs...)
		i := rapid.IntRange(0, len(seqs)-1).Draw(t, "which")
		longer[i].Context += rapid.IntRange(1, 3000).Draw(t, "more")
		for _, set := range []Constants{Measured, Datasheet, Ideal} {
			m := made(t, s, set)
			base := m.Step(seqs)
			noLess(t, set.String()+", one more", m.Step(append(append([]Seq(nil), seqs...), Seq{1, 500, true})).Total, base.Total)
			prompt := Seq{rapid.IntRange(1, 2048).Draw(t, "prompt"), 0, true}
			noLess(t, set.String()+", a prompt more", m.Step(append(append([]Seq(nil), seqs...), prompt)).Total, base.Total)
			if seqs[i].Context > 0 { // the first chunk of few tokens counts as a prompt, a later one as decoding
				noLess(t, set.String()+", longer", m.Step(longer).Total, base.Total)
			}
		}
	})
}

// A card of more bandwidth and peak is never slower.
func TestMoreBandwidthIsNeverSlower(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		s, seqs := drawSetup(t), drawSeqs(t)
		better := *s.Card
		f := rapid.Float64Range(1, 4).Draw(t, "factor")
		better.Bandwidth.Value *= f
		fast := s
		fast.Card = &better
		if rapid.Bool().Draw(t, "peak too") {
			better.FP16.Value *= f
			better.FP8.Value *= f
		}
		for _, set := range []Constants{Measured, Datasheet, Ideal} {
			noLess(t, set.String(), made(t, s, set).Step(seqs).Total, made(t, fast, set).Step(seqs).Total)
		}
	})
}

// Fewer bits are never more bytes, and more cards never more on each.
func TestBytes(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		s := drawSetup(t)
		tokens := rapid.Float64Range(1, 4096).Draw(t, "tokens")
		s.Precision = "fp16"
		full := made(t, s, Measured)
		for _, p := range []string{"fp8", "int8", "w8a8", "int4", "mxfp4"} {
			s.Precision = p
			m, err := New(s)
			if err != nil {
				continue // the card has no such format
			}
			noLess(t, p+" read", full.ReadBytes(tokens), m.ReadBytes(tokens))
			noLess(t, p+" kept", full.WeightBytes(), m.WeightBytes())
			noLess(t, p+" active", m.ReadBytes(math.Inf(1)), m.ReadBytes(tokens))
		}
		s.TP = 1
		one := made(t, s, Measured)
		s.TP = 2
		two := made(t, s, Measured)
		noLess(t, "weights of a card", one.WeightBytes(), two.WeightBytes()/2)
		noLess(t, "KV of a card", one.KVBytesPerToken(), two.KVBytesPerToken()/2)
	})
}

func TestStepAllocatesNothing(t *testing.T) {
	seqs := []Seq{{512, 0, true}, {1, 900, true}, {1, 30, true}}
	for _, set := range []Constants{Measured, Ideal} {
		m := machine(t, "qwen3-30b-a3b", "h100-sxm", "fp8", set)
		if n := testing.AllocsPerRun(100, func() { m.Step(seqs) }); n != 0 {
			t.Errorf("%s: %v allocations a step", set, n)
		}
	}
}

// Fewer bits are never slower for one sequence where one family of kernels, Marlin,
// multiplies both.
func TestFewerBitsAreNeverSlower(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		s := drawSetup(t)
		one := []Seq{{Tokens: 1, Context: rapid.IntRange(1, 8000).Draw(t, "context"), Samples: true}}
		before := math.Inf(1)
		for _, p := range []string{"int8", "int4"} {
			s.Precision = p
			total := made(t, s, Measured).Step(one).Total
			noLess(t, "the step of more bits than "+p, before, total)
			before = total
		}
	})
}

// A step of more sequences makes more tokens a second, whatever each waits.
func TestMoreSequencesAreMoreTokens(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		s := drawSetup(t)
		n, context := rapid.IntRange(1, 200).Draw(t, "sequences"), rapid.IntRange(1, 4000).Draw(t, "context")
		constants := rapid.SampledFrom([]Constants{Ideal, Datasheet, Measured}).Draw(t, "constants")
		if constants != Ideal {
			s.Precision = "bf16" // kernels of packed weights read them again every 64 rows: a 65th sequence costs a jump
			n += tileRows        // as a second row of tiles does
		}
		m := made(t, s, constants)
		rate := func(n int) float64 {
			seqs := make([]Seq, n)
			for i := range seqs {
				seqs[i] = Seq{Tokens: 1, Context: context, Samples: true}
			}
			return float64(n) / m.Step(seqs).Total
		}
		noLess(t, "tokens a second", rate(n+1), rate(n))
	})
}

// Groups that share experts read no more of them each than one group alone would,
// and more of them together.
func TestSharedExperts(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		s := drawSetup(t)
		s.Model, _, _ = FindModel(rapid.SampledFrom([]string{"qwen3-30b-a3b", "mixtral-8x7b", "gpt-oss-120b"}).Draw(t, "mixture"))
		seqs := drawSeqs(t)
		alone := made(t, s, Ideal).Step(seqs)
		s.DP = rapid.IntRange(2, 8).Draw(t, "groups")
		shared := made(t, s, Ideal).Step(seqs)
		noLess(t, "a card's weight traffic alone", alone.WeightBytes, shared.WeightBytes)
		noLess(t, "all groups' weight traffic", shared.WeightBytes*float64(s.DP), alone.WeightBytes)
	})
}
