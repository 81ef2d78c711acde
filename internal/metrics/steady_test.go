package metrics_test

import (
	"math"
	"testing"

	"tokmeter/internal/plan"
	"tokmeter/internal/record"
)

// TestSteady: two slots, the second filled at 100 ms, the last full moment at
// 400 ms; what lies outside does not count.
func TestSteady(t *testing.T) {
	recs := []*record.Record{
		answer(0, 0, 1, 50, 199),   // 1 … 200, sent before
		answer(1, 0, 100, 20, 300), // 100 … 400
		answer(2, 0, 200, 40, 900), // 200 … 1100, ends after
		answer(3, 0, 500, 10, 20),  // 500 … 520: full again
		answer(4, 0, 700, 10, 50),  // 700 … 750: and again
	}
	recs[2].PerEvent[0], recs[2].OutputTokens.N = 3, 4
	var p plan.Plan
	p.Load.MaxConcurrency = 2
	p.Load.RequestRate = plan.Float(math.Inf(1))
	end := record.Ending{End: 1100 * ms}
	s := summarize(recs, end, p).Steady
	if s == nil {
		t.Fatal("no steady part found")
	}
	near := func(what string, got, want float64) {
		t.Helper()
		if math.Abs(got-want) > 1e-9 {
			t.Errorf("%s: got %v, want %v", what, got, want)
		}
	}
	near("threshold", float64(s.Threshold), 2)
	near("start", s.Start, 0.1)
	near("end", s.End, 0.75)
	near("completed", float64(s.Completed), 4)
	near("request throughput", s.RequestThroughput, 4/0.65)
	near("input throughput", s.InputThroughput, 4*12/0.65)
	near("output throughput", s.OutputThroughput, (1+2+3+2+2)/0.65)
	near("mean TTFT", s.TTFT.Mean, (20+40+10+10)/4.0)
	near("TPOT of all with two tokens", float64(s.TPOT.N), 4)

	for why, stir := range map[string]func(*plan.Plan){
		"a finite rate is no closed loop": func(p *plan.Plan) { p.Load.RequestRate = 5 },
		"no limit, no full load":          func(p *plan.Plan) { p.Load.MaxConcurrency = 0 },
		"the load was never full":         func(p *plan.Plan) { p.Load.MaxConcurrency = 9 },
		"vLLM's client has none":          func(p *plan.Plan) { p.Compat = "vllm" },
	} {
		q := p
		stir(&q)
		if s := summarize(recs, end, q).Steady; s != nil {
			t.Errorf("%s: got %+v", why, s)
		}
	}
}
