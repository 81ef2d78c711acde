package precision

import (
	"math"
	"strings"
	"testing"

	"tokmeter/internal/compare"
	"tokmeter/internal/experiment"
	"tokmeter/internal/precision/table"
)

// TestLimits: whose speed of light is known, and from what.
func TestLimits(t *testing.T) {
	tests := []struct {
		reason    string
		v         Variant
		bandwidth float64
		alone     bool
		tpot      float64 // of Alone; 0 leaves it unchecked
		note      string
	}{
		{"a card of the catalogue under a real server", Variant{Model: "llama-3-8b", Precision: "FP16", GPU: "a10g"}, 0, true, 0, ""},
		{"a label that names no format leaves it to the model", Variant{Model: "llama-3-8b", Precision: "Q4_K_M", GPU: "a10g"}, 0, true, 0, ""},
		{"no card", Variant{Model: "llama-3-8b", Precision: "fp16"}, 0, false, 0, ""},
		{"a model that is not known", Variant{Model: "my-own", Precision: "fp16", GPU: "a10g"}, 0, false, 0, "no speed of light: --model"},
		{"the processor, by its memory", Variant{Model: "m", Precision: "F16", GPU: CPU, WeightBytes: 8e8}, 2e10, true, 40, ""},
		{"the processor, whose bandwidth is not known", Variant{Model: "m", Precision: "F16", GPU: CPU, WeightBytes: 8e8}, 0, false, 0, "bandwidth is not known"},
	}
	for _, tt := range tests {
		tt.v.Name, tt.v.Command = "v", []string{"serve", "{port}"}
		q := compare.Request{OK: true, Prompt: 100, Output: 100, TTFT: 50, TPOT: 30, E2EL: 3020}
		a := Answer{
			Spec: &Spec{Variants: []Variant{tt.v}, Baseline: "v"}, Bandwidth: tt.bandwidth,
			Result: &experiment.Result{Variants: []experiment.VariantResult{{Name: "v"}}, Runs: []compare.Run{{Variant: "v", Requests: []compare.Request{q}, Seconds: 4}}},
		}
		p, err := a.Page()
		if err != nil {
			t.Fatal(err)
		}
		v := p.Rows[0].Variant
		if got := v.Alone != (table.Limit{}); got != tt.alone || tt.tpot > 0 && math.Abs(v.Alone.TPOT-tt.tpot) > 1e-9 {
			t.Errorf("%s: got %+v, want a limit: %v, of %v ms", tt.reason, v.Alone, tt.alone, tt.tpot)
		}
		if notes := strings.Join(p.Notes, "\n"); !strings.Contains(notes, tt.note) || tt.note == "" && notes != "" {
			t.Errorf("%s: got notes %q, want %q", tt.reason, notes, tt.note)
		}
	}
}

// TestFixedTimes: a simulated server at set times has no limit, and is no
// engine for the virtual clock.
func TestFixedTimes(t *testing.T) {
	p := answer(t, Spec{Variants: []Variant{{Name: "a", Precision: "fp16", Simulate: "ttft=5ms,itl=1ms"}}}, 3)
	if v := p.Rows[0]; !v.Variant.Simulated || v.Variant.Alone != (table.Limit{}) || !strings.Contains(v.Failure, "set times are no engine") {
		t.Errorf("got %+v, want no limit, and that it is no engine", v)
	}
}

// TestVirtualRefuses: what needs real time says so.
func TestVirtualRefuses(t *testing.T) {
	p := answer(t, Spec{Variants: []Variant{{Name: "a", Precision: "fp16", Model: "m", Command: []string{"serve", "{port}"}}}, Warm: experiment.WarmRule{Most: -1}}, 3)
	if got := p.Rows[0].Failure; !strings.Contains(got, "run without --virtual") {
		t.Errorf("got %q, want that a real engine has no virtual clock", got)
	}
}

// TestVirtualSearch: the virtual clock finds the highest rate too, and int4
// holds more than fp16.
func TestVirtualSearch(t *testing.T) {
	goals, err := experiment.ParseGoals("ttft_p99=500,tpot_p99=50")
	if err != nil {
		t.Fatal(err)
	}
	stubs := Stubs("a10g")
	p := answer(t, Spec{Variants: []Variant{stubs[0], stubs[3]}, Goals: goals, Bench: []Flag{{"request-rate", []string{"1"}}}}, 60)
	if a, b := p.Held[0], p.Held[1]; !a.Complete || !b.Complete || a.Rate <= 0 || b.Rate <= a.Rate {
		t.Errorf("got %.3g (%s) and %.3g (%s) requests a second, want int4 to hold more", a.Rate, a.Text, b.Rate, b.Text)
	}
}
