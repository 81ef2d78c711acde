package table_test

import (
	"math"
	"slices"
	"testing"

	"tokmeter/internal/compare"
	"tokmeter/internal/precision/table"
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
		{why: "two level rounds", want: nil},
		{why: "one round", runs: func(a, b []compare.Run) []compare.Run { return []compare.Run{a[0], b[0]} }, want: []string{"one-round"}},
		{why: "the baseline slows by a tenth", runs: func(a, b []compare.Run) []compare.Run {
			for i := range a[1].Requests {
				a[1].Requests[i].TPOT *= 1.1
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
		{why: "P99 of 120", o: table.Options{Percentile: 99}, want: []string{"few-requests"}},
		{why: "the median of 120", o: table.Options{Percentile: 50}},
		{why: "six times as fast where three are possible", runs: func(a, b []compare.Run) []compare.Run {
			return append(a, serve("int4", at, served{ttft: 80, tpot: 5})...)
		}, want: []string{"above-ceiling"}},
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
	if got.Load != want[0] || !slices.Equal(got.Loads, want) || len(got.Concurrency()) != 2 || len(got.Rates()) != 3 || got.Rounds != 2 {
		t.Errorf("got %v of %v", got.Load, got.Loads)
	}
}
