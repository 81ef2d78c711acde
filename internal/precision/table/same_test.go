package table_test

import (
	"math"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"tokmeter/internal/compare"
	"tokmeter/internal/precision/table"
)

// TestDifferences: what is not equal is named, and withholds the speedup where
// the two sides did not do the same work.
func TestDifferences(t *testing.T) {
	at := compare.Load{Rate: 1}
	for _, c := range []struct {
		why      string
		variants func(a, b *table.Variant)
		runs     func(a, b []compare.Run) []compare.Run
		what     string // "" for nothing
		says     string
		withheld string // "" for a speedup
	}{
		{why: "nothing differs but what must", variants: func(a, b *table.Variant) {
			a.Args = []string{"vllm", "serve", "m/fp16", "--port", "8001", "--dtype=float16", "--max-num-seqs", "64"}
			b.Args = []string{"vllm", "serve", "m/int4", "--port=8002", "--quantization", "gptq", "--max_num_seqs=64"}
		}},
		{why: "the batch is not the same", variants: func(a, b *table.Variant) {
			a.Args, b.Args = []string{"vllm", "--max-num-seqs", "64", "--enforce-eager"}, []string{"vllm", "--max-num-seqs", "8"}
		}, what: "arguments", says: "fp16 --enforce-eager --max-num-seqs 64, int4 --max-num-seqs 8"},
		{why: "a flag that might be a number", variants: func(a, b *table.Variant) {
			a.Args, b.Args = []string{"llama-server", "-c", "4096", "-e"}, []string{"llama-server", "-c", "4096"}
		}, what: "arguments", says: "fp16 -e, int4 "},
		{why: "other prompts", variants: func(_, b *table.Variant) { b.Prompts = "g" }, what: "prompts", says: "not the same", withheld: "prompts"},
		{why: "prompts that nobody hashed", variants: func(_, b *table.Variant) { b.Prompts = "" }, what: "prompts", says: "not known of int4"},
		{why: "another card", variants: func(_, b *table.Variant) { b.Card = "L4" }, what: "card", says: "A10G, int4 L4", withheld: "card"},
		{why: "a simulation against a measurement", variants: func(_, b *table.Variant) { b.Simulated = true }, what: "simulated", says: "not a measured one", withheld: "simulated"},
		{why: "another version is named only", variants: func(_, b *table.Variant) { b.Version = "2" }, what: "version", says: "fp16 1, int4 2"},
		{why: "one obeys its end of sequence", variants: func(_, b *table.Variant) { b.IgnoreEOS = false }, what: "ignore-eos", says: "fp16 on, int4 off"},
		{why: "two per cent fewer tokens without ignore_eos", variants: func(a, b *table.Variant) { a.IgnoreEOS, b.IgnoreEOS = false, false },
			runs: func(a, b []compare.Run) []compare.Run {
				return append(a, serve("int4", at, served{ttft: 80, tpot: 15, output: 98})...)
			},
			what: "output lengths", says: "more than 1 % off", withheld: "output lengths"},
		{why: "with ignore_eos it is named only", runs: func(a, b []compare.Run) []compare.Run {
			return append(a, serve("int4", at, served{ttft: 80, tpot: 15, output: 90})...)
		}, what: "output lengths", says: "a limit of the server"},
		{why: "single answers differ, all together do not", variants: func(a, b *table.Variant) { a.IgnoreEOS, b.IgnoreEOS = false, false },
			runs: func(a, b []compare.Run) []compare.Run {
				for _, r := range b {
					for i := range r.Requests {
						r.Requests[i].Output += 10 - 20*(i%2)
					}
				}
				return append(a, b...)
			}, what: "output lengths", says: "180 of 180 answers"},
		{why: "twice the prompt", runs: func(a, b []compare.Run) []compare.Run {
			for _, r := range b {
				for i := range r.Requests {
					r.Requests[i].Prompt *= 2
				}
			}
			return append(a, b...)
		}, what: "prompt lengths", says: "another tokenizer", withheld: "prompt lengths"},
		{why: "two tokens of a template more", runs: func(a, b []compare.Run) []compare.Run {
			for _, r := range slices.Concat(a, b) {
				for i := range r.Requests {
					r.Requests[i].Prompt = 20
				}
			}
			for _, r := range b {
				for i := range r.Requests {
					r.Requests[i].Prompt += 2
				}
			}
			return append(a, b...)
		}, what: "prompt lengths", says: "another tokenizer"},
		{why: "one side had its prompts cached", runs: func(a, b []compare.Run) []compare.Run {
			for i := range b[1].Requests {
				b[1].Requests[i].Cached = 190
			}
			return append(a, b...)
		}, what: "cached tokens", says: "TTFT is not comparable"},
		{why: "a round is missing", runs: func(a, b []compare.Run) []compare.Run { return append(a, b[1]) }, what: "rounds", says: "int4 has 1"},
		{why: "no round in common", runs: func(a, b []compare.Run) []compare.Run { return []compare.Run{a[0], b[1]} }, what: "rounds", withheld: "no round that the baseline has too"},
		{why: "twice the offered rate", runs: func(a, b []compare.Run) []compare.Run {
			for i := range b {
				b[i].Offered = 2
			}
			return append(a, b...)
		}, what: "load", says: "fp16 1 requests/s, int4 2", withheld: "load"},
		{why: "three of 60 failed: they are left out", runs: func(a, b []compare.Run) []compare.Run {
			return append(a, serve("int4", at, served{ttft: 80, tpot: 15, failed: 3})...)
		}, what: "failures", says: "9 of 180 requests of int4 failed"},
		{why: "four of 60 failed: the rest is no sample", runs: func(a, b []compare.Run) []compare.Run {
			return append(a, serve("int4", at, served{ttft: 80, tpot: 15, failed: 4})...)
		}, what: "failures", says: "no sample", withheld: "failures: 12 of 180"},
		{why: "so many of the baseline's", runs: func(a, b []compare.Run) []compare.Run {
			return append(serve("fp16", at, served{ttft: 80, tpot: 30, failed: 30}), b...)
		}, what: "failures", says: "of the baseline", withheld: "of the baseline failed"},
		{why: "the baseline has no run", runs: func(a, b []compare.Run) []compare.Run { return b }, withheld: "the baseline fp16 has no result"},
		{why: "half of the requests are missing", runs: func(a, b []compare.Run) []compare.Run {
			for i := range b {
				b[i].Requests = b[i].Requests[:30]
			}
			return append(a, b...)
		}, what: "requests", says: "fp16 180 in 3 rounds, int4 90"},
	} {
		t.Run(c.why, func(t *testing.T) {
			vs := twoVariants()
			if c.variants != nil {
				c.variants(&vs[0], &vs[1])
			}
			a, b := serve("fp16", at, served{ttft: 80, tpot: 30}), serve("int4", at, served{ttft: 80, tpot: 15})
			runs := slices.Concat(a, b)
			if c.runs != nil {
				runs = c.runs(a, b)
			}
			tab, err := table.Build(vs, runs, table.Options{})
			if err != nil {
				t.Fatal(err)
			}
			r := tab.Rows[1]
			if c.withheld == "" && (r.Withheld != "" || !(r.Speedup.Value > 1)) || c.withheld != "" && (!strings.Contains(r.Withheld, c.withheld) || !math.IsNaN(r.Speedup.Value)) {
				t.Errorf("got a speedup of %v, withheld %q, want %q", r.Speedup, r.Withheld, c.withheld)
			}
			if c.what == "" {
				if len(tab.Differences) > 0 {
					t.Errorf("got %+v", tab.Differences)
				}
				return
			}
			for _, d := range tab.Differences {
				if d.What == c.what && strings.Contains(d.Why, c.says) {
					if len(d.Values) != len(d.Variants)+1 || d.Invalidates != (c.withheld != "" && c.what != "rounds") {
						t.Errorf("got %+v", d)
					}
					return
				}
			}
			t.Errorf("got %+v", tab.Differences)
		})
	}
}

// TestPairs: a request that failed in one round of one variant is in no ratio of
// any, and stays in the times of those in which it succeeded.
func TestPairs(t *testing.T) {
	at := compare.Load{Rate: 1}
	vs := append(twoVariants(), table.Variant{Name: "fp8", Precision: "fp8", Prompts: "h", Card: "A10G", Version: "1", IgnoreEOS: true})
	runs := slices.Concat(serve("fp16", at, served{ttft: 80, tpot: 30}), serve("int4", at, served{ttft: 80, tpot: 15}), serve("fp8", at, served{ttft: 80, tpot: 20}))
	runs[7].Requests[7].OK = false
	tab, err := table.Build(vs, runs, table.Options{})
	if err != nil {
		t.Fatal(err)
	}
	got := map[string][3]int{}
	for _, r := range tab.Rows {
		got[r.Variant.Name] = [3]int{r.Failed, r.Paired, r.TPOT.N}
	}
	if d := cmp.Diff(map[string][3]int{"fp16": {0, 177, 180}, "int4": {0, 177, 180}, "fp8": {1, 177, 179}}, got); d != "" {
		t.Error(d)
	}
}

// TestRefused: what can't be a comparison is an error that names it.
func TestRefused(t *testing.T) {
	at := compare.Load{Rate: 1}
	run := compare.Run{Variant: "fp16", Load: at}
	for says, c := range map[string]struct {
		variants []table.Variant
		runs     []compare.Run
		o        table.Options
	}{
		"no variants":             {},
		"two variants are named":  {variants: append(twoVariants(), twoVariants()...)},
		"take one of fp16, int4":  {variants: twoVariants(), o: table.Options{Baseline: "x"}},
		"which is no variant":     {variants: twoVariants(), runs: []compare.Run{{Variant: "x"}}},
		"are round 0":             {variants: twoVariants(), runs: []compare.Run{run, run}},
		"take one of 1 request/s": {variants: twoVariants(), runs: []compare.Run{run}, o: table.Options{Load: &compare.Load{Rate: 2}}},
		"percentile":              {variants: twoVariants(), o: table.Options{Percentile: math.NaN()}},
	} {
		if _, err := table.Build(c.variants, c.runs, c.o); err == nil || !strings.Contains(err.Error(), says) {
			t.Errorf("got %v, want %q", err, says)
		}
	}
}

// TestBaseline: without a name it is the first of 16 or 32 bit.
func TestBaseline(t *testing.T) {
	vs := twoVariants()
	vs[0], vs[1] = vs[1], vs[0]
	tab, err := table.Build(vs, nil, table.Options{})
	if err != nil || tab.Baseline != "fp16" || len(tab.Rows) != 2 || tab.Rows[0].Failure == "" {
		t.Fatalf("got %+v, %v", tab, err)
	}
}

// TestScale: all times k times as long scale times, rates and prices, and
// nothing else.
func TestScale(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		k := rapid.Float64Range(0.1, 10).Draw(t, "k")
		l := compare.Load{Concurrency: 4}
		a := served{ttft: rapid.Float64Range(10, 500).Draw(t, "ttft"), tpot: rapid.Float64Range(5, 50).Draw(t, "tpot"), noise: 0.3}
		b := served{ttft: rapid.Float64Range(10, 500).Draw(t, "ttft b"), tpot: rapid.Float64Range(5, 50).Draw(t, "tpot b"), noise: 0.3}
		vs := twoVariants()
		vs[0].Alone, vs[1].Alone = table.Limit{}, table.Limit{}
		vs[0].WeightBytes, vs[1].WeightBytes, vs[1].PricePerHour = 16e9, 5e9, 2
		runs := append(serve("fp16", l, a), serve("int4", l, b)...)
		scaled := make([]compare.Run, len(runs))
		for i, r := range runs {
			r.Requests, r.Seconds = slices.Clone(r.Requests), r.Seconds*k
			for j := range r.Requests {
				q := &r.Requests[j]
				q.TTFT, q.TPOT, q.E2EL, q.Sent = q.TTFT*k, q.TPOT*k, q.E2EL*k, q.Sent*k
			}
			scaled[i] = r
		}
		p, err := table.Build(vs, runs, table.Options{})
		if err != nil {
			t.Fatal(err)
		}
		q, err := table.Build(vs, scaled, table.Options{})
		if err != nil {
			t.Fatal(err)
		}
		x, y := p.Rows[1], q.Rows[1]
		for what, v := range map[string][2]float64{
			"TPOT": {x.TPOT.Value * k, y.TPOT.Value}, "TTFT": {x.TTFT.High * k, y.TTFT.High}, "tokens/s": {x.OutputPerSecond, y.OutputPerSecond * k},
			"price": {x.PricePerMTok * k, y.PricePerMTok}, "speedup": {x.Speedup.Value, y.Speedup.Value}, "low": {x.Speedup.Low, y.Speedup.Low},
			"throughput": {x.Throughput.Value, y.Throughput.Value}, "ceiling": {x.LimitRatio, y.LimitRatio}, "open": {x.MeanOpen, y.MeanOpen},
		} {
			if math.Abs(v[0]-v[1]) > 1e-6*math.Abs(v[0]) {
				t.Fatalf("%s: got %v, want %v", what, v[1], v[0])
			}
		}
		if x.Verdict.Code != y.Verdict.Code {
			t.Fatalf("verdict %s became %s", x.Verdict.Code, y.Verdict.Code)
		}
	})
}
