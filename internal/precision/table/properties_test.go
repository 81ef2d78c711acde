package table_test

import (
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"pgregory.net/rapid"

	"tokmeter/internal/compare"
	"tokmeter/internal/precision/table"
	"tokmeter/internal/stats"
)

// drawRuns makes runs of variants v0, v1, … that meet everywhere.
func drawRuns(t *rapid.T, variants int) []compare.Run {
	rng := rand.New(rand.NewPCG(rapid.Uint64().Draw(t, "seed"), 1))
	n, rounds := rapid.IntRange(8, 40).Draw(t, "requests"), rapid.IntRange(1, 3).Draw(t, "rounds")
	loads := rapid.SampledFrom([][]compare.Load{{{Rate: 1}}, {{Concurrency: 1}, {Concurrency: 8}}, {{}}}).Draw(t, "loads")
	var out []compare.Run
	for v := range variants {
		speed := 1 / (1 + float64(v)*rapid.Float64Range(0, 1).Draw(t, "speed"))
		for k := range rounds {
			for _, l := range loads {
				r := compare.Run{Variant: fmt.Sprint("v", v), Round: k, Load: l, Offered: l.Rate, Seconds: float64(n) + 5}
				for i := range n {
					ttft, tpot := 50*math.Exp(0.2*rng.NormFloat64()), 30*speed*math.Exp(0.1*rng.NormFloat64())
					r.Requests = append(r.Requests, compare.Request{
						Index: i, OK: rng.Float64() < 0.99, Prompt: 100, Output: 50,
						TTFT: ttft, TPOT: tpot, E2EL: ttft + 49*tpot, Sent: float64(i) * 1000,
					})
				}
				out = append(out, r)
			}
		}
	}
	return out
}

func variants(n int) []table.Variant {
	out := make([]table.Variant, n)
	for i := range out {
		out[i] = table.Variant{Name: fmt.Sprint("v", i), Precision: "fp16", Prompts: "h", Card: "c", Version: "1"}
	}
	return out
}

// TestOrderOfRuns: the table is the same whatever order runs and requests come
// in.
func TestOrderOfRuns(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		runs := drawRuns(t, 3)
		want, err := table.Build(variants(3), runs, table.Options{})
		if err != nil {
			t.Fatal(err)
		}
		other := rapid.Permutation(runs).Draw(t, "runs")
		for i := range other {
			other[i].Requests = slices.Clone(other[i].Requests)
			slices.Reverse(other[i].Requests)
		}
		got, err := table.Build(variants(3), other, table.Options{})
		if err != nil {
			t.Fatal(err)
		}
		if d := cmp.Diff(want, got, cmpopts.EquateNaNs()); d != "" {
			t.Fatal(d)
		}
	})
}

// TestIdenticalRuns: a variant against itself has a ratio of 1, and its verdict
// is noise.
func TestIdenticalRuns(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		runs := drawRuns(t, 1)
		for _, r := range slices.Clone(runs) {
			r.Variant = "v1"
			runs = append(runs, r)
		}
		tab, err := table.Build(variants(2), runs, table.Options{Exact: true, Percentile: rapid.SampledFrom([]float64{0, 50, 99}).Draw(t, "percentile")})
		if err != nil {
			t.Fatal(err)
		}
		for _, v := range tab.Views {
			r := v.Rows[1]
			if r.Withheld != "" {
				continue // too many of the drawn requests failed
			}
			for what, e := range map[string]stats.Interval{"TPOT": r.Speedup, "TTFT": r.TTFTRatio, "E2EL": r.E2ELRatio} {
				if math.Abs(e.Value-1) > 1e-12 || !(e.Low <= 1+1e-12) || !(e.High >= 1-1e-12) {
					t.Fatalf("%s: got %+v, want 1 within its interval", what, e)
				}
			}
			if r.Verdict.Code != table.WithinNoise {
				t.Fatalf("got verdict %+v, want noise", r.Verdict)
			}
		}
	})
}

// TestSwap: another baseline inverts every ratio and its ends.
func TestSwap(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		runs := drawRuns(t, 2)
		a, err := table.Build(variants(2), runs, table.Options{Baseline: "v0"})
		if err != nil {
			t.Fatal(err)
		}
		b, err := table.Build(variants(2), runs, table.Options{Baseline: "v1"})
		if err != nil {
			t.Fatal(err)
		}
		inverse := func(e stats.Interval) stats.Interval {
			return stats.Interval{Value: 1 / e.Value, Low: 1 / e.High, High: 1 / e.Low, SE: e.SE, DF: e.DF, N: e.N}
		}
		for i := range a.Views {
			p, q := a.Views[i].Rows[1], b.Views[i].Rows[0]
			for what, e := range map[string][2]stats.Interval{
				"TPOT": {p.Speedup, q.Speedup}, "TTFT": {p.TTFTRatio, q.TTFTRatio}, "E2EL": {p.E2ELRatio, q.E2ELRatio}, "throughput": {p.Throughput, q.Throughput},
			} {
				if d := cmp.Diff(inverse(e[0]), e[1], cmpopts.EquateNaNs(), cmpopts.EquateApprox(1e-6, 0)); d != "" {
					t.Fatalf("%s: %s", what, d)
				}
			}
		}
	})
}

// TestHostile: whatever comes in, Build returns, and no ratio it gives is
// infinite or negative.
func TestHostile(t *testing.T) {
	number := rapid.OneOf(rapid.Float64(), rapid.Float64Range(0, 1e4), rapid.Just(math.NaN()), rapid.Just(math.Inf(1)), rapid.Just(0.0))
	count := rapid.OneOf(rapid.IntRange(0, 500), rapid.Int())
	word := rapid.SampledFrom([]string{"", "fp16", "int4", "--x", "gptq", "-", "--a=", "=", "marlin\nexllama", "\xff"})
	load := rapid.Custom(func(t *rapid.T) compare.Load {
		return compare.Load{Rate: number.Draw(t, "rate"), Concurrency: rapid.IntRange(-1, 2).Draw(t, "concurrency")}
	})
	limit := rapid.Custom(func(t *rapid.T) table.Limit {
		return table.Limit{TTFT: number.Draw(t, "ttft"), TPOT: number.Draw(t, "tpot"), Bound: rapid.SampledFrom([]string{"", "weights", "kv", "compute", "?"}).Draw(t, "bound")}
	})
	request := rapid.Custom(func(t *rapid.T) compare.Request {
		return compare.Request{
			Index: rapid.OneOf(rapid.IntRange(0, 9), rapid.Int()).Draw(t, "index"), OK: rapid.Bool().Draw(t, "ok"),
			Prompt: count.Draw(t, "prompt"), Output: count.Draw(t, "output"), Cached: count.Draw(t, "cached"),
			TTFT: number.Draw(t, "ttft"), TPOT: number.Draw(t, "tpot"), E2EL: number.Draw(t, "e2el"), Sent: number.Draw(t, "sent"),
		}
	})
	rapid.Check(t, func(t *rapid.T) {
		vs := variants(rapid.IntRange(0, 3).Draw(t, "variants"))
		for i := range vs {
			v := &vs[i]
			v.Precision, v.Kernel, v.Card, v.Prompts = word.Draw(t, "precision"), word.Draw(t, "kernel"), word.Draw(t, "card"), rapid.SampledFrom([]string{"", "h"}).Draw(t, "prompts")
			v.Args, v.WeightBytes, v.PowerW, v.PricePerHour, v.HostMs = rapid.SliceOfN(word, 0, 4).Draw(t, "args"), number.Draw(t, "bytes"), number.Draw(t, "power"), number.Draw(t, "price"), number.Draw(t, "host")
			v.Alone, v.Limits = limit.Draw(t, "alone"), rapid.MapOfN(load, limit, 0, 2).Draw(t, "limits")
		}
		var runs []compare.Run
		for range rapid.IntRange(0, 6).Draw(t, "runs") {
			runs = append(runs, compare.Run{
				Variant: fmt.Sprint("v", rapid.IntRange(0, max(0, len(vs)-1)).Draw(t, "of")), Round: rapid.OneOf(rapid.IntRange(0, 2), rapid.Int()).Draw(t, "round"), Load: load.Draw(t, "load"),
				Requests: rapid.SliceOfN(request, 0, 12).Draw(t, "requests"), Seconds: number.Draw(t, "seconds"), Offered: number.Draw(t, "offered"),
				PeakOpen: rapid.Int().Draw(t, "peak"), Warnings: []compare.Warning{{Code: "w", Text: "w"}},
			})
		}
		tab, err := table.Build(vs, runs, table.Options{Percentile: number.Draw(t, "percentile"), Rounds: rapid.Int().Draw(t, "want")})
		if err != nil {
			return
		}
		if len(tab.Rows) != len(vs) {
			t.Fatalf("got %d rows of %d variants", len(tab.Rows), len(vs))
		}
		for _, v := range append(tab.Views, table.View{Rows: tab.Rows}) {
			for _, r := range v.Rows {
				for _, x := range []float64{r.Speedup.Value, r.TTFTRatio.Value, r.E2ELRatio.Value, r.Throughput.Value, r.LimitRatio, r.Near, r.OutputPerSecond} {
					if math.IsInf(x, 0) || x < 0 {
						t.Fatalf("got %v in %+v", x, r)
					}
				}
			}
		}
	})
}
