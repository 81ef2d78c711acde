package table_test

import (
	"math"
	"math/rand/v2"
	"strings"
	"testing"

	"tokmeter/internal/compare"
	"tokmeter/internal/precision/table"
)

// A served is how a variant behaves in a case.
type served struct {
	ttft, tpot float64 // ms
	noise      float64 // deviation of the logarithm, 0.02 where it is 0
	queue      float64 // ms that TTFT grows by with each request
	output     int     // tokens; 100 where it is 0
	failed     int     // of the 60 requests
}

const caseRequests = 60

// serve makes three rounds of 60 requests at a load.
func serve(name string, l compare.Load, s served) []compare.Run {
	rng := rand.New(rand.NewPCG(uint64(len(name)), uint64(l.Concurrency)+uint64(name[0])))
	if s.noise == 0 {
		s.noise = 0.02
	}
	if s.output == 0 {
		s.output = 100
	}
	var out []compare.Run
	for k := range 3 {
		r := compare.Run{Variant: name, Round: k, Load: l, Offered: l.Rate}
		last, busy := 0.0, 0.0
		for i := range caseRequests {
			q := compare.Request{Index: i, OK: i >= s.failed, Prompt: 200, Output: s.output, TTFT: math.NaN(), TPOT: math.NaN(), E2EL: math.NaN()}
			if l.Rate > 0 {
				q.Sent = float64(i) / l.Rate * 1e3
			}
			if q.OK {
				q.TTFT = s.ttft*math.Exp(s.noise*rng.NormFloat64()) + s.queue*float64(i)
				q.E2EL = q.TTFT
				if s.output > 1 {
					q.TPOT = s.tpot * math.Exp(s.noise*rng.NormFloat64())
					q.E2EL += q.TPOT * float64(s.output-1)
				}
				last, busy = max(last, q.Sent+q.E2EL), busy+q.E2EL
			}
			r.Requests = append(r.Requests, q)
		}
		r.Seconds = last / 1e3
		if l.Concurrency > 0 {
			r.Seconds = busy / 1e3 / float64(l.Concurrency)
		}
		out = append(out, r)
	}
	return out
}

// twoVariants have the limits of fp16 and int4 weights of 8 B parameters at 600 GB/s.
func twoVariants() []table.Variant {
	return []table.Variant{
		{Name: "fp16", Precision: "fp16", Prompts: "h", Card: "A10G", Version: "1", IgnoreEOS: true, Alone: table.Limit{TTFT: 40, TPOT: 25, Bound: "weights"}},
		{Name: "int4", Precision: "int4", Prompts: "h", Card: "A10G", Version: "1", IgnoreEOS: true, Alone: table.Limit{TTFT: 40, TPOT: 8, Bound: "weights"}},
	}
}

// TestVerdicts reaches every reason by a case made for it.
func TestVerdicts(t *testing.T) {
	rate := compare.Load{Rate: 1}
	for _, c := range []struct {
		why       string
		code      table.Code
		also      []table.Code
		says      string
		load      compare.Load
		a, b      served
		variants  func(a, b *table.Variant)
		elsewhere map[int][2]served // at numbers under way
	}{
		{why: "the speedup is most of 25/8", code: table.DecodeBound, also: []table.Code{table.RateLimited}, says: "the ratio of the limits is 3.12", load: rate,
			a: served{ttft: 80, tpot: 30}, b: served{ttft: 80, tpot: 11}},
		{why: "only the bytes of weights are known", code: table.DecodeBound, says: "bytes of weights", load: rate,
			a: served{ttft: 80, tpot: 30}, b: served{ttft: 80, tpot: 16}, variants: func(a, b *table.Variant) {
				a.Alone, b.Alone, a.WeightBytes, b.WeightBytes = table.Limit{}, table.Limit{}, 15e9, 8e9
			}},
		{why: "four tokens after a long prompt", code: table.PrefillBound, says: "before the first token", load: compare.Load{Concurrency: 1},
			a: served{ttft: 300, tpot: 30, output: 4}, b: served{ttft: 300, tpot: 19, output: 4}},
		{why: "prompts of 300 ms 2.5 times a second fill the card", code: table.PrefillBound, says: "of the card's time", load: compare.Load{Rate: 2.5},
			a: served{ttft: 350, tpot: 45, output: 200}, b: served{ttft: 350, tpot: 35, output: 200}, variants: func(a, b *table.Variant) { a.Alone.TTFT, b.Alone.TTFT = 300, 300 }},
		{why: "the limit under this load is bound by compute", code: table.ComputeBound, says: "bound by compute", load: compare.Load{Concurrency: 128},
			a: served{ttft: 80, tpot: 80}, b: served{ttft: 80, tpot: 76}, variants: func(a, b *table.Variant) {
				a.Alone.TTFT, b.Alone.TTFT = 5, 5
				a.Limits = map[compare.Load]table.Limit{{Concurrency: 128}: {TTFT: 40, TPOT: 60, Bound: "compute"}}
				b.Limits = map[compare.Load]table.Limit{{Concurrency: 128}: {TTFT: 40, TPOT: 59, Bound: "compute"}}
			}},
		{why: "the gain at one in flight is gone at 64", code: table.ComputeBound, says: "falls from 2.", load: compare.Load{Concurrency: 64},
			a: served{ttft: 80, tpot: 90}, b: served{ttft: 80, tpot: 82}, elsewhere: map[int][2]served{1: {{ttft: 80, tpot: 30}, {ttft: 80, tpot: 11}}}},
		{why: "an open loop that keeps more in flight than where the gain is gone", code: table.ComputeBound, says: "are in flight here", load: compare.Load{Rate: 10},
			a: served{ttft: 80, tpot: 90}, b: served{ttft: 80, tpot: 82}, elsewhere: map[int][2]served{1: {{ttft: 80, tpot: 30}, {ttft: 80, tpot: 11}}, 16: {{ttft: 80, tpot: 90}, {ttft: 80, tpot: 82}}}},
		{why: "7 of 20 ms are known to be the host's", code: table.HostBound, also: []table.Code{table.RateLimited}, says: "7.0 of 20", load: rate,
			a: served{ttft: 80, tpot: 37}, b: served{ttft: 80, tpot: 20}, variants: func(a, b *table.Variant) { a.HostMs, b.HostMs = 7, 7 }},
		{why: "TPOT is 1.2 times the limit and 12 ms: the same for both", code: table.HostBound, says: "do not shrink with the weights", load: rate,
			a: served{ttft: 80, tpot: 42}, b: served{ttft: 80, tpot: 21.6}},
		{why: "no gain at all, seen sharply: the cause goes before noise", code: table.HostBound, also: []table.Code{table.RateLimited, table.WithinNoise}, says: "of 40", load: rate,
			a: served{ttft: 80, tpot: 40}, b: served{ttft: 80, tpot: 40}, variants: func(a, b *table.Variant) { a.HostMs, b.HostMs = 30, 30 }},
		{why: "both are the same, and the limits promise no more", code: table.WithinNoise, says: "smallest that this run could have seen", load: rate,
			a: served{ttft: 80, tpot: 30}, b: served{ttft: 80, tpot: 30}, variants: func(a, b *table.Variant) { b.Alone = a.Alone }},
		{why: "noise of 150 % hides a third", code: table.WithinNoise, says: "within noise", load: rate,
			a: served{ttft: 80, tpot: 30, noise: 1.5}, b: served{ttft: 80, tpot: 25, noise: 1.5}},
		{why: "TTFT grows by half a second a request", code: table.Saturated, says: "TTFT grows", load: compare.Load{Rate: 10},
			a: served{ttft: 80, tpot: 30, queue: 500}, b: served{ttft: 80, tpot: 20, queue: 300}},
		{why: "all at once", code: table.Saturated, says: "TTFT grows", load: compare.Load{},
			a: served{ttft: 80, tpot: 30, queue: 80}, b: served{ttft: 80, tpot: 20, queue: 80}},
		{why: "only the baseline can't hold the rate", code: table.Saturated, says: "the baseline's queue", load: compare.Load{Rate: 10},
			a: served{ttft: 80, tpot: 30, queue: 500}, b: served{ttft: 80, tpot: 20}},
		{why: "more in flight than the engine takes: TTFT is far above an empty card's", code: table.Saturated, says: "of an empty card", load: compare.Load{Concurrency: 256},
			a: served{ttft: 5000, tpot: 30}, b: served{ttft: 4000, tpot: 20}},
		{why: "the log names ExLlama, and the gain is not there", code: table.WrongKernel, says: "ExLlama", load: rate,
			a: served{ttft: 80, tpot: 30}, b: served{ttft: 80, tpot: 25}, variants: func(_, b *table.Variant) { b.Kernel = "ExllamaLinearKernel for GPTQLinearMethod" }},
		{why: "AWQ without Marlin is slower than the baseline, limits unknown", code: table.WrongKernel, says: "AWQ without Marlin", load: rate,
			a: served{ttft: 80, tpot: 30}, b: served{ttft: 80, tpot: 45}, variants: func(a, b *table.Variant) {
				a.Alone, b.Alone, b.Kernel = table.Limit{}, table.Limit{}, "awq"
			}},
		{why: "a GGUF type that is not repacked", code: table.WrongKernel, says: "Q4_0 without repacking", load: rate,
			a: served{ttft: 80, tpot: 30}, b: served{ttft: 80, tpot: 25}, variants: func(_, b *table.Variant) { b.Kernel, b.Precision = "llama.cpp CPU", "Q4_0" }},
		{why: "a slow kernel that reaches the ratio of the limits is none", code: table.DecodeBound, says: "bound by reading weights", load: rate,
			a: served{ttft: 80, tpot: 30}, b: served{ttft: 80, tpot: 11}, variants: func(_, b *table.Variant) { b.Kernel = "gptq" }},
		{why: "answers are a tenth shorter", code: table.UnequalOutputs, says: "repeat with ignore_eos", load: rate,
			a: served{ttft: 80, tpot: 30}, b: served{ttft: 80, tpot: 11, output: 90}, variants: func(a, b *table.Variant) { a.IgnoreEOS = false }},
		{why: "a middling gain at a small rate: a rate explains throughput, not TPOT", code: table.NotExplained, also: []table.Code{table.RateLimited}, says: "not explained", load: rate,
			a: served{ttft: 80, tpot: 60}, b: served{ttft: 80, tpot: 40}, variants: func(a, b *table.Variant) { a.Alone, b.Alone = table.Limit{}, table.Limit{} }},
		{why: "no gain at a rate that all keep, though the limits promise it", code: table.RateLimited, also: []table.Code{table.WithinNoise}, says: "--concurrency", load: rate,
			a: served{ttft: 80, tpot: 60}, b: served{ttft: 80, tpot: 60}, variants: func(a, b *table.Variant) { a.HostMs, b.HostMs = 1, 1 }},
		{why: "half a percent, however sure, is no difference", code: table.WithinNoise, says: "no difference to speak of: it is less than 1 %", load: compare.Load{Concurrency: 4},
			a: served{ttft: 80, tpot: 60, noise: 1e-4}, b: served{ttft: 80, tpot: 59.7, noise: 1e-4}, variants: func(a, b *table.Variant) { a.Alone, b.Alone = table.Limit{}, table.Limit{} }},
		{why: "the same in a closed loop: nothing explains it", code: table.NotExplained, says: "looked at: no ratio of limits is known", load: compare.Load{Concurrency: 4},
			a: served{ttft: 80, tpot: 60}, b: served{ttft: 80, tpot: 40}, variants: func(a, b *table.Variant) { a.Alone, b.Alone = table.Limit{}, table.Limit{} }},
		{why: "no speedup to explain", code: table.NotExplained, says: "withheld: card", load: rate,
			a: served{ttft: 80, tpot: 30}, b: served{ttft: 80, tpot: 11}, variants: func(_, b *table.Variant) { b.Card = "L4" }},
	} {
		t.Run(c.why, func(t *testing.T) {
			vs := twoVariants()
			if c.variants != nil {
				c.variants(&vs[0], &vs[1])
			}
			runs := append(serve("fp16", c.load, c.a), serve("int4", c.load, c.b)...)
			for n, ab := range c.elsewhere {
				l := compare.Load{Concurrency: n}
				runs = append(runs, serve("fp16", l, ab[0])...)
				runs = append(runs, serve("int4", l, ab[1])...)
			}
			tab, err := table.Build(vs, runs, table.Options{Load: &c.load})
			if err != nil {
				t.Fatal(err)
			}
			v := tab.Rows[1].Verdict
			if v.Code != c.code || !strings.Contains(v.Text, c.says) {
				t.Fatalf("got %s: %s; also %+v\nrow %+v", v.Code, v.Text, v.Also, tab.Rows[1])
			}
			if len(v.Evidence) == 0 {
				t.Error("a verdict without evidence")
			}
			for _, e := range v.Evidence {
				if math.IsNaN(e.Value) && c.code != table.NotExplained && e.What != "p" {
					t.Errorf("evidence %s is no number", e.What)
				}
			}
			var also []table.Code
			for _, r := range v.Also {
				also = append(also, r.Code)
			}
			for i, want := range c.also {
				if i >= len(also) || also[i] != want {
					t.Errorf("also: got %v, want %v", also, c.also)
				}
			}
			if tab.Rows[0].Verdict.Code != "" {
				t.Errorf("the baseline has the verdict %s", tab.Rows[0].Verdict.Code)
			}
		})
	}
}
