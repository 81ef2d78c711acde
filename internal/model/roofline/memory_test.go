package roofline

import (
	"math"
	"strings"
	"testing"
)

func TestBlocks(t *testing.T) {
	blocks := func(model, card, precision, kv string, tp int) (int, error) {
		t.Helper()
		mo, _, err := FindModel(model)
		if err != nil {
			t.Fatal(err)
		}
		ca, err := FindCard(card)
		if err != nil {
			t.Fatal(err)
		}
		m, err := New(Setup{Model: mo, Card: ca, Precision: precision, KV: kv, TP: tp})
		if err != nil {
			t.Fatal(err)
		}
		return m.Blocks(0.9, 16, 2048)
	}
	for _, c := range []struct {
		reason, model, card, precision, kv string
		tp, low, high                      int
	}{
		{"the engine that the overhead is set by", "llama-3.1-8b", "rtx-4090", "bf16", "", 1, 2588, 2588},
		{"an 8-bit cache has twice the blocks", "llama-3.1-8b", "rtx-4090", "bf16", "fp8", 1, 5176, 5177},
		{"about 2,100 on the A10G", "llama-3-8b", "a10g", "fp16", "", 1, 2050, 2150},
		{"4-bit weights leave 11.4 GB more for blocks", "llama-3-8b", "a10g", "int4", "", 1, 6800, 7100},
		{"two cards share weights and heads", "llama-3.1-8b", "rtx-4090", "bf16", "", 2, 12000, 13500},
		{"fewer bits than cards: 70B on four", "llama-3.1-70b", "h100-sxm", "fp16", "", 4, 20000, 32000},
	} {
		n, err := blocks(c.model, c.card, c.precision, c.kv, c.tp)
		if err != nil || n < c.low || n > c.high {
			t.Errorf("%s: got %d blocks, %v; want %d to %d", c.reason, n, err, c.low, c.high)
		}
	}
	_, err := blocks("llama-3.1-70b", "rtx-4090", "fp16", "", 1)
	if err == nil {
		t.Fatal("70 billion weights fit on 24 GB")
	}
	for _, want := range []string{"does not fit", "141.1 GB of weights", "GB missing", "tp", "precision"} {
		if !strings.Contains(err.Error(), want) {
			t.Errorf("got %q, want %q in it", err, want)
		}
	}
	m := machine(t, "llama-3-8b", "a10g", "fp16", Measured)
	for _, c := range []struct {
		utilization float64
		size        int
		want        string
	}{{0, 16, "utilization 0"}, {1.1, 16, "utilization 1.1"}, {math.NaN(), 16, "NaN"}, {0.9, 0, "block size 0"}} {
		if _, err := m.Blocks(c.utilization, c.size, 2048); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%v, %d: got %v, want %q", c.utilization, c.size, err, c.want)
		}
	}
}

// More tokens a step and more sequences leave less for blocks.
func TestOverhead(t *testing.T) {
	m := machine(t, "llama-3.1-8b", "rtx-4090", "bf16", Measured)
	if a, b := m.Overhead(2048), m.Overhead(8192); b-a != 6144*(2*4096+3*14336)*2 {
		t.Errorf("6,144 tokens more take %v bytes", b-a)
	}
	s := m.Setup()
	s.MaxSeqs = 1024
	wide, err := New(s)
	if err != nil {
		t.Fatal(err)
	}
	if d := wide.Overhead(2048) - m.Overhead(2048); d != 768*128256*rowBytes {
		t.Errorf("768 sequences more take %v bytes", d)
	}
}

func TestHost(t *testing.T) {
	seqs := []Seq{{1, 100, true}}
	with := func(s Setup) *Machine {
		t.Helper()
		mo, _, err := FindModel("llama-3-8b")
		if err != nil {
			t.Fatal(err)
		}
		s.Model = mo
		if s.Card, err = FindCard("a10g"); err != nil {
			t.Fatal(err)
		}
		m, err := New(s)
		if err != nil {
			t.Fatal(err)
		}
		return m
	}
	long := 0.5
	generation := Engines()
	host := func(e Engine) float64 { return e.HostMs*1e-3 + e.HostSeqUs*1e-6*float64(len(seqs)) }
	for _, c := range []struct {
		reason string
		setup  Setup
		host   float64
		bound  string
	}{
		{"V1", Setup{}, host(generation[0]), "weights"},
		{"V0 spends more, and on each sequence", Setup{Engine: "vllm-v0-2024"}, host(generation[1]), "weights"},
		{"a slow host binds", Setup{Host: &long, Async: true}, 0.5, "host"},
	} {
		m := with(c.setup)
		got := m.Step(seqs)
		want := got.GPU + c.host
		if c.setup.Async {
			want = max(got.GPU, c.host)
		}
		if math.Abs(got.Host-c.host) > 1e-12 || math.Abs(got.Total-want) > 1e-12 || got.Bound != c.bound {
			t.Errorf("%s: got %+v, want a host of %v s in %v, bound by %s", c.reason, got, c.host, want, c.bound)
		}
	}
	card, _ := FindCard("a10g")
	mo, _, _ := FindModel("llama-3-8b")
	bad := math.NaN()
	for _, c := range []struct {
		reason string
		setup  Setup
		want   string
	}{
		{"no such engine", Setup{Model: mo, Card: card, Engine: "v9"}, "use vllm-v1 or vllm-v0-2024"},
		{"no number", Setup{Model: mo, Card: card, Host: &bad}, "NaN s is no possible value"},
		{"heads do not divide", Setup{Model: mo, Card: card, TP: 3}, "tp 3"},
		{"no such format", Setup{Model: mo, Card: card, Precision: "fp2"}, `precision "fp2" is not known`},
		{"no such cache", Setup{Model: mo, Card: card, KV: "int2"}, `KV cache format "int2"`},
		{"nothing", Setup{}, "name both"},
	} {
		if _, err := New(c.setup); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: got %v, want %q", c.reason, err, c.want)
		}
	}
	t4, _ := FindCard("t4")
	if _, err := New(Setup{Model: mo, Card: t4, Precision: "bf16"}); err == nil || !strings.Contains(err.Error(), "no bf16") {
		t.Errorf("bf16 on a T4: got %v", err)
	}
}

// The 160 all-reduces of a step of 32 tokens of Llama-70B on eight H100 take
// 2.8 ms, and a card without a table takes a ring over its link.
func TestAllReduce(t *testing.T) {
	mo, _, _ := FindModel("llama-3.1-70b")
	h100, _ := FindCard("h100")
	m, err := New(Setup{Model: mo, Card: h100, TP: 8})
	if err != nil {
		t.Fatal(err)
	}
	if got := 160 * m.allReduce(32*8192*2) * 1e3; math.Abs(got-2.8) > 0.2 {
		t.Errorf("got %.2f ms, want 2.8", got)
	}
	if got := m.allReduce(8192); math.Abs(got-5.2e-6) > 1e-12 {
		t.Errorf("a point of the table is %v s, want 5.2e-6", got)
	}
	a40, _ := FindCard("a40")
	if m, err = New(Setup{Model: mo, Card: a40, TP: 2}); err != nil {
		t.Fatal(err)
	}
	if got, want := m.allReduce(56e6), 1e-3/m.kernel.road.Share+m.latency(); math.Abs(got-want) > 1e-12 {
		t.Errorf("a ring of 56 MB over 56 GB/s takes %v s, want %v", got, want)
	}
}

// Weights alone bind a small batch, arithmetic a long prompt, KV a long context.
func TestBound(t *testing.T) {
	many := make([]Seq, 200)
	for i := range many {
		many[i] = Seq{1, 30000, true}
	}
	for _, set := range []Constants{Measured, Datasheet, Ideal} {
		m := machine(t, "llama-3-8b", "a100", "fp16", set)
		for _, c := range []struct {
			bound string
			seqs  []Seq
		}{{"weights", []Seq{{1, 100, true}}}, {"compute", []Seq{{2048, 0, true}}}, {"kv", many}} {
			if got := m.Step(c.seqs).Bound; got != c.bound {
				t.Errorf("%s: bound by %s, want %s", set, got, c.bound)
			}
		}
		if c := m.Step(nil); c.GPU != 0 || c.WeightBytes != 0 {
			t.Errorf("%s: an empty step costs %+v", set, c)
		}
	}
}

// Pre-Ada cards have no 8-bit floats: weights shrink, prompts gain nothing.
func TestWeightOnly(t *testing.T) {
	one, prompt := []Seq{{1, 100, true}}, []Seq{{2048, 0, true}}
	for _, c := range []struct {
		card   string
		native bool
	}{{"a10g", false}, {"a100", false}, {"rtx-4090", true}, {"h100", true}} {
		fp16, fp8 := machine(t, "llama-3-8b", c.card, "fp16", Ideal), machine(t, "llama-3-8b", c.card, "fp8", Ideal)
		if r := fp16.Step(one).Total / fp8.Step(one).Total; r < 1.8 || r > 1.9 {
			t.Errorf("%s: a token gains %.2f times, want 1.87", c.card, r)
		}
		if r := fp16.Step(prompt).Total / fp8.Step(prompt).Total; (r > 1.5) != c.native {
			t.Errorf("%s: a prompt gains %.2f times", c.card, r)
		}
		if _, unit := fp8.Peak(); (unit == "fp8") != c.native {
			t.Errorf("%s: computes in %s", c.card, unit)
		}
	}
}
