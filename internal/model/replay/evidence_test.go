package replay

import (
	"math"
	"testing"

	"tokmeter/internal/model/setup"
)

// TestEvidence replays what was published of other engines and cards in one
// number each, and logs the table of docs/simulator.md. Nothing was fitted to
// these numbers; the bounds are loose ones that say when something broke.
func TestEvidence(t *testing.T) {
	batch := func(n, prompt, output int) []Arrival {
		a := make([]Arrival, n)
		for i := range a {
			a[i] = Arrival{Prompt: prompt, Output: output}
		}
		return a
	}
	// All arrive at once and the last one ends it: no HTTP.
	total := func(b *setup.Built, r *Result) float64 { return (r.Duration - b.Frontend) * 1e3 }
	rate := func(_ *setup.Built, r *Result) float64 { return 1 / r.Timings[0].TPOT() }
	no, one := false, 1.0
	page := newTable(t, "evidence", "| what | card | measured | synchronous, 1 ms of host | asynchronous, as vLLM of 2026 |", "|--|--|--|--|--|")
	for _, c := range []struct {
		what, unit string
		gpu        string
		load       []Arrival
		of         func(*setup.Built, *Result) float64
		measured   float64
		bound      float64 // percent
	}{
		{"batch of 8, 32 → 128, Llama-3.1-8B, vLLM's CI of late 2024", "ms", "h100-sxm", batch(8, 32, 128), total, 997.5, 25},
		{"the same", "ms", "h200", batch(8, 32, 128), total, 833.4, 25},
		{"the same", "ms", "a100-sxm-80", batch(8, 32, 128), total, 1585.4, 25},
		{"one stream, Llama-3.1-8B, vLLM 0.23", "tokens/s", "a100-sxm-40", batch(1, 100, 500), rate, 75, 25},
	} {
		var got [2]float64
		for i, s := range []setup.Setup{{Async: &no, HostMs: &one}, {}} {
			s.Model, s.GPU = "llama-3.1-8b", c.gpu
			b := build(t, s)
			got[i] = c.of(b, replayed(t, b, c.load, Options{}))
		}
		off := func(x float64) float64 { return 100 * (x/c.measured - 1) }
		page.add("| %s | %s | %.1f %s | %.1f (%+.1f %%) | %.1f (%+.1f %%) |", c.what, c.gpu, c.measured, c.unit, got[0], off(got[0]), got[1], off(got[1]))
		if !(math.Abs(off(got[0])) <= c.bound) {
			t.Errorf("%s on %s: %.1f %s, measured %.1f", c.what, c.gpu, got[0], c.unit, c.measured)
		}
	}
	page.check()
}
