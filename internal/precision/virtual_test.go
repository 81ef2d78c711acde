package precision

import (
	"context"
	"math"
	"testing"

	"tokmeter/internal/compare"
	"tokmeter/internal/experiment"
	"tokmeter/internal/model/replay"
	"tokmeter/internal/plan"
	"tokmeter/internal/precision/page"
	"tokmeter/internal/python/random"

	"tokmeter/internal/stats"
)

// shareGPT draws n requests as ShareGPT's filter keeps them: log-normal lengths,
// prompts of 4 to 1,024 tokens, 2,048 in all.
func shareGPT(t testing.TB, n int) []Length {
	t.Helper()
	rs, err := random.NewRandomState(1000)
	if err != nil {
		t.Fatal(err)
	}
	var out []Length
	for len(out) < n {
		p := int(math.Exp(4.75 + 1.35*rs.StandardNormal()))
		o := int(math.Exp(4.85 + 0.95*rs.StandardNormal()))
		if p >= 4 && p <= 1024 && o >= 4 && p+o <= 2048 {
			out = append(out, Length{p, o})
		}
	}
	return out
}

// poisson is vLLM's arrivals with seed 0.
func poisson(rate float64, n int) ([]float64, error) {
	rs, err := random.NewRandomState(0)
	if err != nil {
		return nil, err
	}
	due, now := make([]float64, n), 0.0
	for i := range due {
		due[i] = now
		if rate > 0 {
			now += rs.StandardExponential() / rate
		}
	}
	return due, nil
}

// answer asks the question on the virtual clock, of n requests.
func answer(t testing.TB, s Spec, n int) *page.Page {
	t.Helper()
	_, p := ask(t, s, n)
	return p
}

func ask(t testing.TB, s Spec, n int) (*experiment.Result, *page.Page) {
	t.Helper()
	s.Rounds = 1 // each would be the same
	s.Fill()
	w := &Virtual{Spec: &s, Requests: shareGPT(t, n), Due: poisson, Prompts: "h"}
	d := experiment.Deps{Starter: w, Runner: w, Store: experiment.Folder(t.TempDir())}
	r, err := experiment.Run(context.Background(), s.Experiment(make([]plan.Plan, len(s.Variants))), d)
	if err != nil {
		t.Fatal(err)
	}
	a := Answer{Spec: &s, Result: r, Virtual: true}
	p, err := a.Page()
	if err != nil {
		t.Fatal(err)
	}
	return r, p
}

// means are TTFT and TPOT of a variant's runs at a load, in milliseconds.
func means(r *experiment.Result, variant string, l compare.Load) (ttft, tpot float64) {
	var a, b []float64
	for _, run := range r.Runs {
		if run.Variant != variant || run.Load != l {
			continue
		}
		for _, q := range run.Requests {
			a = append(a, q.TTFT)
			if !math.IsNaN(q.TPOT) {
				b = append(b, q.TPOT)
			}
		}
	}
	return stats.Mean(a), stats.Mean(b)
}

// TestTable is the table that this project exists for, on the virtual clock: near
// what its authors measured, speedups of TPOT of 1.85, 1.61 and 2.75 and mean TTFTs
// of 106, 98, 106 and 73 ms, and ceilings of 1.84 and 3.1.
func TestTable(t *testing.T) {
	spec := Spec{Variants: Stubs("a10g,engine=vllm-v0-2024"), Bench: []Flag{{"request-rate", []string{"1"}}}}
	r, p := ask(t, spec, 100)
	at := compare.Load{Rate: 1}
	ttft0, tpot0 := means(r, "fp16", at)
	base := p.Rows[0].Variant.Limits[at].TPOT
	for i, want := range []struct{ speedup, ceiling float64 }{{1, 1}, {1.85, 1.84}, {1.61, 1.84}, {2.75, 3.1}} {
		v := p.Rows[i].Variant
		ttft, tpot := means(r, v.Name, at)
		speedup, ceiling := tpot0/tpot, base/v.Limits[at].TPOT
		t.Logf("%s %s: TTFT %.1f ms, TPOT %.2f ms, speedup %.2f, ceiling %.2f (alone %.2f)", v.Model, v.Precision, ttft, tpot, speedup, ceiling, p.Rows[0].Variant.Alone.TPOT/v.Alone.TPOT)
		if math.Abs(speedup/want.speedup-1) > 0.1 {
			t.Errorf("%s: speedup %.2f, want about %.2f", v.Name, speedup, want.speedup)
		}
		if math.Abs(ceiling/want.ceiling-1) > 0.03 {
			t.Errorf("%s: ceiling %.2f, want about %.2f", v.Name, ceiling, want.ceiling)
		}
		if math.Abs(ttft/ttft0-1) > 0.35 {
			t.Errorf("%s: TTFT %.1f ms, want near %.1f", v.Name, ttft, ttft0)
		}
		if !v.Simulated || v.Failure != "" || v.Limits[at].TPOT >= tpot || v.WeightBytes == 0 {
			t.Errorf("%s: got %+v, want a simulated variant with limits below what it took", v.Name, v)
		}
	}
}

// TestClosedLoop: as many requests in flight as were asked for, and each but the
// first ones begins when another ends.
func TestClosedLoop(t *testing.T) {
	for _, engine := range []string{"vllm-v0-2024", "vllm-v1"} {
		spec := Spec{
			Variants:    []Variant{{Name: "a", Precision: "fp16", Simulate: "a10g/llama-3-8b/fp16,engine=" + engine}},
			Concurrency: []int{1, 8, 200},
		}
		r, _ := ask(t, spec, 60)
		if len(r.Runs) != 3 {
			t.Fatalf("got %d runs, want 3: %v", len(r.Runs), r.Notes)
		}
		for _, run := range r.Runs {
			if want := min(run.Load.Concurrency, 60); run.PeakOpen != want {
				t.Errorf("%s: %d in flight at most, want %d", engine, run.PeakOpen, want)
			}
			ends := map[float64]int{}
			for _, q := range run.Requests {
				ends[math.Round(q.Sent+q.E2EL)]++
			}
			for i, q := range run.Requests {
				if i >= run.Load.Concurrency && ends[math.Round(q.Sent)] == 0 {
					t.Errorf("%s, %d in flight: request %d begins at %.1f ms, when none ends", engine, run.Load.Concurrency, i, q.Sent)
				}
			}
		}
	}
}

// TestPeakOpen: one that ends when another begins is not in flight beside it.
func TestPeakOpen(t *testing.T) {
	if got := peakOpen([]replay.Timing{{Arrived: 0, Last: 2}, {Arrived: 1, Last: 3}, {Arrived: 2, Last: 4}}); got != 2 {
		t.Errorf("got %d, want 2", got)
	}
}
