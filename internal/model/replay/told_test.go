package replay

import (
	"math"
	"testing"

	"tokmeter/internal/model/setup"
)

// vLLM 0.6 and 0.7 process a step's output while the next step runs and return it
// with that one: every time of a request is a step longer than in 0.5, and the
// time between tokens is the same.
func TestToldLate(t *testing.T) {
	timing := func(engine string) Timing {
		t.Helper()
		b, err := setup.Setup{Model: "llama-3-8b", GPU: "a10g", Engine: engine, MaxModelLen: 4096}.Build()
		if err != nil {
			t.Fatal(err)
		}
		tokens := 0
		res, err := Run(b, []Arrival{{ID: "a", Prompt: 200, Output: 20}, {ID: "b", Prompt: 200, Output: 20}}, Options{Open: 1, Token: func(_ int, _ float64, n int) { tokens += n }})
		if err != nil {
			t.Fatal(err)
		}
		if tokens != 40 || res.Timings[1].Arrived < res.Timings[0].Last {
			t.Errorf("%s: %d tokens told, the second request sent at %v s, the first one's end at %v s", engine, tokens, res.Timings[1].Arrived, res.Timings[0].Last)
		}
		return res.Timings[1]
	}
	before, after := timing("vllm-0.5"), timing("vllm-0.7")
	step := before.TPOT()
	for _, c := range []struct {
		name           string
		got, want, off float64
	}{
		{"TTFT", after.TTFT(), before.TTFT() + step, 0.02},
		{"E2EL", after.E2EL(), before.E2EL() + step, 0.02},
		{"TPOT", after.TPOT(), before.TPOT(), 0.02},
	} {
		if math.Abs(c.got/c.want-1) > c.off {
			t.Errorf("%s: %v s, want %v", c.name, c.got, c.want)
		}
	}
}
