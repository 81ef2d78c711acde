package compare_test

import (
	"math"
	"slices"
	"testing"

	"tokmeter/internal/compare"
)

// TestWarnings: each reason to doubt a table, by a case of its own.
func TestWarnings(t *testing.T) {
	at := compare.Load{Rate: 1}
	for _, c := range []struct {
		why  string
		o    compare.Options
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
		{why: "P99 of 120", o: compare.Options{Percentile: 99}, want: []string{"few-requests"}},
		{why: "the median of 120", o: compare.Options{Percentile: 50}},
		{why: "six times as fast where three are possible", runs: func(a, b []compare.Run) []compare.Run {
			return append(a, serve("int4", at, served{ttft: 80, tpot: 5})...)
		}, want: []string{"above-ceiling"}},
	} {
		a, b := serve("fp16", at, served{ttft: 80, tpot: 30}), serve("int4", at, served{ttft: 80, tpot: 15})
		runs := slices.Concat(a, b)
		if c.runs != nil {
			runs = c.runs(a, b)
		}
		table, err := compare.Build(twoVariants(), runs, c.o)
		if err != nil {
			t.Fatal(err)
		}
		var got []string
		for _, w := range table.Warnings {
			got = append(got, w.Code)
		}
		if !slices.Equal(got, c.want) {
			t.Errorf("%s: got %+v, want %v", c.why, table.Warnings, c.want)
		}
	}
}

// TestMoney: 36 W and 3.6 an hour at 10 tokens a second.
func TestMoney(t *testing.T) {
	vs := []compare.Variant{{Name: "a", PowerW: 36, PricePerHour: 3.6}}
	r := compare.Run{Variant: "a", Seconds: 10, Requests: []compare.Request{{OK: true, Output: 100, TTFT: 1, TPOT: 1, E2EL: 100}}}
	table, err := compare.Build(vs, []compare.Run{r}, compare.Options{})
	if err != nil {
		t.Fatal(err)
	}
	if x := table.Rows[0]; math.Abs(x.JouleToken-3.6) > 1e-9 || math.Abs(x.PricePerMTok-100) > 1e-9 {
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
	table, err := compare.Build(twoVariants()[:1], runs, compare.Options{})
	if err != nil {
		t.Fatal(err)
	}
	want := []compare.Load{{Rate: 0.5}, {Rate: 1}, {}, {Concurrency: 1}, {Concurrency: 32}}
	if table.Load != want[0] || !slices.Equal(table.Loads, want) || len(table.Concurrency()) != 2 || len(table.Rates()) != 3 || table.Rounds != 2 {
		t.Errorf("got %v of %v", table.Load, table.Loads)
	}
}
