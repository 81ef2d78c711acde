package roofline

import (
	"math"
	"testing"
)

func machine(t testing.TB, model, card, precision string, set Constants) *Machine {
	t.Helper()
	mo, _, err := FindModel(model)
	if err != nil {
		t.Fatal(err)
	}
	ca, err := FindCard(card)
	if err != nil {
		t.Fatal(err)
	}
	m, err := New(Setup{Model: mo, Card: ca, Precision: precision, Constants: set})
	if err != nil {
		t.Fatal(err)
	}
	return m
}

func TestCatalogueLoads(t *testing.T) {
	if _, err := load(); err != nil {
		t.Fatal(err)
	}
}

func TestBlocksOfAMeasuredEngine(t *testing.T) {
	n, err := machine(t, "llama-3.1-8b", "NVIDIA GeForce RTX 4090", "bf16", Measured).Blocks(0.9, 16, 2048)
	if err != nil || n != 2588 {
		t.Fatalf("got %d blocks, %v; want 2588", n, err)
	}
}

func TestStepOfOneDecode(t *testing.T) {
	c := machine(t, "llama-3-8b", "a10g", "fp16", Ideal).Step([]Seq{{1, 1, true}})
	if math.Abs(c.Total*1e3-25.0) > 0.1 {
		t.Fatalf("got %.3f ms a token, want 25.0", c.Total*1e3)
	}
}

func BenchmarkStep256(b *testing.B) {
	m := machine(b, "llama-3-8b", "a10g", "fp16", Measured)
	seqs := make([]Seq, 256)
	for i := range seqs {
		seqs[i] = Seq{1, 100 + 7*i, true}
	}
	b.ReportAllocs()
	for b.Loop() {
		m.Step(seqs)
	}
}
