package experiment

import (
	"math"
	"strings"
	"testing"

	"tokmeter/internal/compare"
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
		d := newWorld().deps(&memory{})
		d.Bandwidth = tt.bandwidth
		r := mustRun(t, Spec{Variants: []Variant{tt.v}, Warm: WarmRule{Most: -1}}, d)
		v := r.Variants[0]
		if got := v.Alone != (compare.Limit{}); got != tt.alone || tt.tpot > 0 && math.Abs(v.Alone.TPOT-tt.tpot) > 1e-9 {
			t.Errorf("%s: got %+v, want a limit: %v, of %v ms", tt.reason, v.Alone, tt.alone, tt.tpot)
		}
		if notes := strings.Join(r.Notes, "\n"); !strings.Contains(notes, tt.note) || tt.note == "" && notes != "" {
			t.Errorf("%s: got notes %q, want %q", tt.reason, notes, tt.note)
		}
	}
}

// TestFixedTimes: a simulated server at set times has no limit, and is no
// engine for the virtual clock.
func TestFixedTimes(t *testing.T) {
	s := Spec{Variants: []Variant{{Name: "a", Precision: "fp16", Simulate: "ttft=5ms,itl=1ms"}}}
	r := mustRun(t, s, newWorld().deps(&memory{}))
	if v := r.Variants[0]; !v.Simulated || v.Alone != (compare.Limit{}) || len(r.Notes) > 0 {
		t.Errorf("got %+v, %q", v, r.Notes)
	}
	r = mustRun(t, s, virtualDeps(t, 3))
	if got := r.Variants[0].Failure; !strings.Contains(got, "set times are no engine") {
		t.Errorf("got %q, want that it is none", got)
	}
}

// TestVirtualRefuses: what needs real time says so.
func TestVirtualRefuses(t *testing.T) {
	r := mustRun(t, named("a"), virtualDeps(t, 3))
	if got := r.Variants[0].Failure; !strings.Contains(got, "run without --virtual") {
		t.Errorf("got %q, want that a real engine has no virtual clock", got)
	}
}

// TestVirtualSearch: the virtual clock finds the highest rate too, and int4
// holds more than fp16.
func TestVirtualSearch(t *testing.T) {
	goals, err := ParseGoals("ttft_p99=500,tpot_p99=50")
	if err != nil {
		t.Fatal(err)
	}
	stubs := Stubs("a10g")
	r := mustRun(t, Spec{Variants: []Variant{stubs[0], stubs[3]}, Goals: goals, Bench: []Flag{{"request-rate", []string{"1"}}}}, virtualDeps(t, 60))
	if a, b := r.Held[0], r.Held[1]; !a.Complete || !b.Complete || a.Rate <= 0 || b.Rate <= a.Rate {
		t.Errorf("got %.3g (%s) and %.3g (%s) requests a second, want int4 to hold more", a.Rate, a.Stop, b.Rate, b.Stop)
	}
}
