package roofline

import (
	"math"
	"strings"
	"testing"
)

// TestBytesRead compares with counts by hand: 26 layers of 15,204,352 weights and
// a head of 8,192,000.
func TestBytesRead(t *testing.T) {
	m := &Model{
		Name: "random-0.4b", Layers: 26, Hidden: 1024, Heads: 16, KVHeads: 4, HeadDim: 64, Inner: 4096, Vocab: 8000, Tied: true,
	}
	card := &Card{Name: "cpu", Memory: Quantity{Value: 16}, Bandwidth: Quantity{Value: 50}, FP16: Quantity{Value: 0.5}, Int8: Quantity{Value: 2}}
	const weights = 403_505_152
	for _, c := range []struct {
		precision string
		bytes     float64
		unit      string
	}{
		{"float32", 4 * weights, "fp16"},
		{"F16", 2 * weights, "fp16"},
		{"bf16", 2 * weights, "fp16"},
		{"Q8_0", 428_724_224, "int8"},
		{"Q6_K", weights * 210.0 / 256, "int8"},
		{"Q5_K_M", weights * 5.5 / 8, "int8"},
		{"Q4_K_M", weights * 4.5 / 8, "int8"},
		{"Q4_0", 226_971_648, "int8"},
	} {
		mach, err := New(Setup{Model: m, Card: card, Precision: c.precision, Constants: Ideal})
		if err != nil {
			t.Errorf("%s: %v", c.precision, err)
			continue
		}
		if got := mach.ReadBytes(1); math.Abs(got-c.bytes) > 1 {
			t.Errorf("%s: got %.0f bytes a step, want %.0f", c.precision, got, c.bytes)
		}
		if _, unit := mach.Peak(); unit != c.unit {
			t.Errorf("%s: got the peak of %s, want %s", c.precision, unit, c.unit)
		}
		// The step of one token waits for memory alone.
		if got, want := mach.Step([]Seq{{Tokens: 1, Samples: true}}).GPU, c.bytes/50e9; got < want || got > 1.01*want {
			t.Errorf("%s: got %v s a step, want %v", c.precision, got, want)
		}
	}
	if _, err := New(Setup{Model: m, Card: card, Precision: "q3_k"}); err == nil || !strings.Contains(err.Error(), "q4_0") {
		t.Errorf("got %v, want an error that names q4_0", err)
	}
}
