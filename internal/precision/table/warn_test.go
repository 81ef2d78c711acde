package table_test

import (
	"math"
	"slices"
	"strings"
	"testing"

	"tokmeter/internal/compare"
	"tokmeter/internal/precision/table"
	"tokmeter/internal/stats"
)

// TestWarnings: each reason to doubt a table, by a case of its own.
func TestWarnings(t *testing.T) {
	at := compare.Load{Rate: 1}
	for _, c := range []struct {
		why  string
		o    table.Options
		runs func(a, b []compare.Run) []compare.Run
		want []string
	}{
		{why: "three level rounds", want: nil},
		{why: "one round", runs: func(a, b []compare.Run) []compare.Run { return []compare.Run{a[0], b[0]} }, want: []string{"few-rounds"}},
		{why: "one round where each is the same", o: table.Options{Exact: true}, runs: func(a, b []compare.Run) []compare.Run { return []compare.Run{a[0], b[0]} }},
		{why: "a variant lost a round", runs: func(a, b []compare.Run) []compare.Run { return append(a, b[:2]...) }, want: []string{"few-rounds"}},
		{why: "the baseline slows by a tenth", runs: func(a, b []compare.Run) []compare.Run {
			for i := range a[2].Requests {
				a[2].Requests[i].TPOT *= 1.1
			}
			return append(a, b...)
		}, want: []string{"drift"}},
		{why: "five requests a round", runs: func(a, b []compare.Run) []compare.Run {
			for _, r := range [][]compare.Run{a, b} {
				for i := range r {
					r[i].Requests = r[i].Requests[:5]
				}
			}
			return append(a, b...)
		}, want: []string{"few-requests"}},
		{why: "P99 of 180", o: table.Options{Percentile: 99}, want: []string{"few-requests"}},
		{why: "the median of 180", o: table.Options{Percentile: 50}},
		{why: "six times as fast where the limits are apart by three: no bound", runs: func(a, b []compare.Run) []compare.Run {
			return append(a, serve("int4", at, served{ttft: 80, tpot: 5})...)
		}},
	} {
		a, b := serve("fp16", at, served{ttft: 80, tpot: 30}), serve("int4", at, served{ttft: 80, tpot: 15})
		runs := slices.Concat(a, b)
		if c.runs != nil {
			runs = c.runs(a, b)
		}
		tab, err := table.Build(twoVariants(), runs, c.o)
		if err != nil {
			t.Fatal(err)
		}
		var got []string
		for _, w := range tab.Warnings {
			got = append(got, w.Code)
		}
		if !slices.Equal(got, c.want) {
			t.Errorf("%s: got %+v, want %v", c.why, tab.Warnings, c.want)
		}
	}
}

// TestMoney: 36 W and 3.6 an hour at 10 tokens a second.
func TestMoney(t *testing.T) {
	vs := []table.Variant{{Name: "a", PowerW: 36, PricePerHour: 3.6}}
	r := compare.Run{Variant: "a", Seconds: 10, Requests: []compare.Request{{OK: true, Output: 100, TTFT: 1, TPOT: 1, E2EL: 100}}}
	tab, err := table.Build(vs, []compare.Run{r}, table.Options{})
	if err != nil {
		t.Fatal(err)
	}
	if x := tab.Rows[0]; math.Abs(x.JouleToken-3.6) > 1e-9 || math.Abs(x.PricePerMTok-100) > 1e-9 {
		t.Errorf("got %v J a token and %v for a million", x.JouleToken, x.PricePerMTok)
	}
}

// TestViews: the table is of the rate, and the views of equal concurrency are in
// order.
func TestViews(t *testing.T) {
	var runs []compare.Run
	for _, l := range []compare.Load{{Concurrency: 32}, {Rate: 1}, {Concurrency: 1}, {}, {Rate: 0.5}} {
		runs = append(runs, serve("fp16", l, served{ttft: 80, tpot: 30})...)
	}
	got, err := table.Build(twoVariants()[:1], runs, table.Options{})
	if err != nil {
		t.Fatal(err)
	}
	want := []compare.Load{{Rate: 0.5}, {Rate: 1}, {}, {Concurrency: 1}, {Concurrency: 32}}
	if got.Load != want[0] || !slices.Equal(got.Loads, want) || len(got.Concurrency()) != 2 || len(got.Rates()) != 3 || got.Rounds != 3 {
		t.Errorf("got %v of %v", got.Load, got.Loads)
	}
}

// TestFewRounds: one or two rounds give ratios without an interval, in numbers
// and in words, and verdicts all the same.
func TestFewRounds(t *testing.T) {
	at := compare.Load{Rate: 1}
	a, b := serve("fp16", at, served{ttft: 80, tpot: 30}), serve("int4", at, served{ttft: 80, tpot: 30})
	for i := range b[1].Requests { // rounds that differ: two of them would give an interval of 0.02 to 30
		b[1].Requests[i].TPOT *= 1.7
	}
	for n := 1; n <= 3; n++ {
		vs := twoVariants()
		vs[1].Alone = vs[0].Alone
		tab, err := table.Build(vs, slices.Concat(a[:n], b[:n]), table.Options{})
		if err != nil {
			t.Fatal(err)
		}
		r := tab.Rows[1]
		for what, i := range map[string]stats.Interval{"speedup": r.Speedup, "TTFT ratio": r.TTFTRatio, "E2EL ratio": r.E2ELRatio, "throughput": r.Throughput, "TTFT": r.TTFT, "TPOT": r.TPOT} {
			if math.IsNaN(i.Value) || math.IsNaN(i.Low) != (n < table.IntervalRounds) || math.IsNaN(i.High) != (n < table.IntervalRounds) {
				t.Errorf("%d rounds: %s: got %+v, want ends from %d rounds on", n, what, i, table.IntervalRounds)
			}
		}
		if n < table.IntervalRounds && (strings.Contains(r.Verdict.Text, " to ") || !math.IsNaN(r.Detectable) || !math.IsNaN(r.P)) {
			t.Errorf("%d rounds: got %q, %v, %v; want nothing that rests on an interval", n, r.Verdict.Text, r.Detectable, r.P)
		}
		if r.Verdict.Code != table.WithinNoise {
			t.Errorf("%d rounds: got %s: %s; want noise", n, r.Verdict.Code, r.Verdict.Text)
		}
	}
}
