package roofline

import (
	"math"
	"testing"
)

// TestSpeedOfLight is the table of limits of Llama-3-8B: milliseconds of a token
// at batch 1 in 16, 8 and 4 bit, of a prompt of 1,000 tokens in 16 bit and in
// 8 bit where the card has such arithmetic, and the batch from which arithmetic
// binds in 16 bit. 0 is not in the table.
func TestSpeedOfLight(t *testing.T) {
	for _, c := range []struct {
		card                                 string
		one16, one8, one4, prompt16, prompt8 float64
		crossover                            float64
	}{
		{"t4", 46.9, 25.1, 14.6, 219, 0, 203},
		{"l4", 50.0, 26.8, 15.6, 117, 59, 403},
		{"a10", 25.0, 13.4, 7.8, 114, 0, 208},
		{"a10g", 25.0, 13.4, 7.8, 203, 0, 117},
		{"a40", 21.6, 11.5, 6.7, 95, 0, 215},
		{"rtx-4090", 14.9, 8.0, 4.6, 86, 43, 164},
		{"l40s", 17.4, 9.3, 5.4, 39, 19.4, 419},
		{"a100-sxm-40", 9.65, 0, 0, 46, 0, 201},
		{"a100-pcie-80", 7.76, 0, 0, 46, 0, 161},
		{"a100-sxm-80", 7.36, 0, 0, 46, 0, 153},
		{"h100-pcie", 7.50, 0, 0, 18.8, 0, 378},
		{"h100-sxm", 4.48, 2.40, 1.40, 14.4, 7.2, 295},
		{"h200", 3.13, 0, 0, 14.4, 0, 206},
		{"b200", 1.95, 0, 0, 6.3, 0, 292},
		{"mi300x", 2.83, 0, 0, 10.9, 0, 247},
	} {
		near := func(what string, got, want, tolerance float64) {
			t.Helper()
			if want > 0 && math.Abs(got/want-1) > tolerance {
				t.Errorf("%s: %s is %.3f, want %v", c.card, what, got, want)
			}
		}
		step := func(precision string, tokens int) float64 {
			return 1e3 * machine(t, "llama-3-8b", c.card, precision, Ideal).Step([]Seq{{tokens, 0, true}}).Total
		}
		near("a token in fp16", step("fp16", 1), c.one16, 0.01)
		near("a token in fp8", step("fp8", 1), c.one8, 0.01)
		near("a token in int4", step("int4", 1), c.one4, 0.012)
		near("a prompt in fp16", step("fp16", 1000), c.prompt16, 0.012)
		near("a prompt in fp8", step("fp8", 1000), c.prompt8, 0.03) // attention and logits stay 16 bit here
		m := machine(t, "llama-3-8b", c.card, "fp16", Ideal)
		peak, unit := m.Peak()
		near("the crossover", peak/m.Bandwidth(), c.crossover, 0.012)
		if unit != "fp16" {
			t.Errorf("%s: peak of %s, want fp16", c.card, unit)
		}
	}
}

// The head stays 16 bit, so that no format gains what its bits promise.
func TestCeilings(t *testing.T) {
	fp16 := machine(t, "llama-3-8b", "a10g", "fp16", Ideal).ReadBytes(1)
	for _, c := range []struct {
		precision string
		gb, want  float64
	}{{"fp16", 15.01, 1}, {"fp8", 8.03, 1.87}, {"int4", 4.68, 3.21}} {
		got := machine(t, "llama-3-8b", "a10g", c.precision, Ideal).ReadBytes(1)
		if math.Abs(got/1e9-c.gb) > 0.01 || math.Abs(fp16/got-c.want) > 0.005 {
			t.Errorf("%s reads %.3f GB, %.3f times less than fp16; want %v and %v", c.precision, got/1e9, fp16/got, c.gb, c.want)
		}
	}
}

// TestModels is the table of models: billions of weights in all, read by a step
// of many tokens and by one of one token, and bytes of KV a token in 16 bit.
func TestModels(t *testing.T) {
	for _, c := range []struct {
		model                string
		params, read, active float64
		kv                   float64
	}{
		{"llama-3-8b", 8.03, 7.50, 7.50, 131072},
		{"llama-3.1-70b", 70.55, 69.50, 69.50, 327680},
		{"llama-3.1-405b", 405.85, 403.75, 403.75, 516096},
		{"qwen3-0.6b", 0.60, 0.60, 0.60, 114688},
		{"qwen3-8b", 8.19, 7.57, 7.57, 147456},
		{"qwen3-32b", 32.76, 31.98, 31.98, 262144},
		{"qwen3-30b-a3b", 30.53, 30.22, 3.04, 98304},
		{"qwen3-235b-a22b", 235.09, 234.47, 21.57, 192512},
		{"mixtral-8x7b", 46.70, 46.57, 12.75, 131072},
		{"llama-3.2-1b", 1.24, 1.24, 1.24, 32768},
		{"llama-3.2-3b", 3.21, 3.21, 3.21, 114688},
		{"llama-2-7b", 6.74, 6.61, 6.61, 524288},
		{"mistral-7b-v0.3", 7.25, 7.11, 7.11, 131072},
		{"qwen2.5-0.5b", 0.49, 0.49, 0.49, 12288},
		{"qwen2.5-7b", 7.62, 7.07, 7.07, 57344},
		{"gpt-oss-20b", 20.91, 20.33, 3.61, 49152},
		{"gpt-oss-120b", 116.79, 116.21, 5.13, 73728},
	} {
		m, _, err := FindModel(c.model)
		if err != nil {
			t.Fatal(err)
		}
		for _, v := range [][2]float64{{m.Params() / 1e9, c.params}, {m.ReadParams() / 1e9, c.read}, {m.ActiveParams() / 1e9, c.active}} {
			if math.Abs(v[0]-v[1]) > 0.0051 {
				t.Errorf("%s: %.4f billion, want %v", c.model, v[0], v[1])
			}
		}
		if m.KVBytesPerToken(2) != c.kv {
			t.Errorf("%s: %v bytes of KV a token, want %v", c.model, m.KVBytesPerToken(2), c.kv)
		}
	}
}

// gpt-oss has 4-bit experts and all else in 16 bit.
func TestBytesOfAClass(t *testing.T) {
	m := machine(t, "gpt-oss-20b", "h100-sxm", "", Ideal)
	if m.Setup().Precision != "mxfp4" {
		t.Fatalf("precision %s, want the checkpoint's mxfp4", m.Setup().Precision)
	}
	mo := m.setup.Model
	experts := mo.mixLayers() * 32 * mo.expertWeights()
	want := 0.53125*experts + 2*(24*mo.attnWeights()+mo.headWeights())
	if got := m.ReadBytes(math.Inf(1)); math.Abs(got/want-1) > 1e-9 {
		t.Errorf("%v bytes read, want %v", got, want)
	}
	if one, all := m.ReadBytes(1), m.ReadBytes(1e6); one >= all/3 {
		t.Errorf("one token reads %v bytes of %v: only 4 of 32 experts are touched", one, all)
	}
}

// Sliding layers read no further back than their window.
func TestWindow(t *testing.T) {
	m := machine(t, "gpt-oss-20b", "h100-sxm", "", Ideal)
	short, long := m.Step([]Seq{{1, 127, true}}), m.Step([]Seq{{1, 10127, true}})
	if got, want := long.KVBytes-short.KVBytes, 10000*m.kvToken*12; got != want {
		t.Errorf("10,000 tokens more read %v bytes more, want %v of the 12 full layers", got, want)
	}
}
