package compare_test

import (
	"math"
	"math/rand/v2"
	"strings"
	"testing"

	"tokmeter/internal/compare"
)

// of is a side of one run with these values of TPOT.
func of(name string, x []float64) compare.Side {
	r := compare.New("test")
	r.Requests, r.Failed = len(x), 0
	r.Series[compare.TPOT] = x
	return compare.Side{Name: name, Results: []compare.Result{r}}
}

// normal is n values about a mean with a relative deviation.
func normal(seed uint64, n int, mean, deviation float64) []float64 {
	rng := rand.New(rand.NewPCG(seed, 3))
	out := make([]float64, n)
	for i := range out {
		out[i] = mean * math.Exp(deviation*rng.NormFloat64())
	}
	return out
}

// told is a side of which statistics alone are known.
func told(name string, p99 float64) compare.Side {
	r := compare.New("test")
	r.Tell(compare.Quantity{Metric: compare.TPOT, Stat: 99}, p99)
	return compare.Side{Name: name, Results: []compare.Result{r}}
}

// TestVerdicts has a pair of sides for each verdict.
func TestVerdicts(t *testing.T) {
	mean := compare.Quantity{Metric: compare.TPOT}
	p99 := compare.Quantity{Metric: compare.TPOT, Stat: 99}
	for name, c := range map[string]struct {
		a, b compare.Side
		q    compare.Quantity
		want compare.Verdict
	}{
		"a tenth slower":                   {of("a", normal(1, 500, 10, 0.1)), of("b", normal(2, 500, 11, 0.1)), mean, compare.Worse},
		"a tenth faster":                   {of("a", normal(1, 500, 11, 0.1)), of("b", normal(2, 500, 10, 0.1)), mean, compare.Better},
		"equal, and enough of them to say": {of("a", normal(1, 4000, 10, 0.05)), of("b", normal(2, 4000, 10, 0.05)), mean, compare.Same},
		"equal, and too noisy to say":      {of("a", normal(1, 60, 10, 0.5)), of("b", normal(2, 60, 10, 0.5)), mean, compare.Unclear},
		"P99 of too few":                   {of("a", normal(1, 100, 10, 0.1)), of("b", normal(2, 100, 10, 0.1)), p99, compare.Unclear},
		"statistics alone":                 {told("a", 10), told("b", 20), p99, compare.Bare},
		"what one does not have":           {told("a", 10), told("b", 20), mean, compare.Missing},
		"a thousandth slower, very surely": {of("a", normal(1, 8000, 10, 0.001)), of("b", normal(2, 8000, 10.01, 0.001)), mean, compare.Same},
	} {
		o := compare.Options{Margin: 0.02, Only: []compare.Quantity{c.q}}
		r, err := compare.Compare([]compare.Side{c.a, c.b}, o)
		if err != nil {
			t.Fatal(err)
		}
		row := r.Against[0].Rows[0]
		if row.Verdict != c.want {
			t.Errorf("%s: got %q (%v, p %v), want %q", name, row.Verdict, row.Change, row.P, c.want)
		}
		if row.Verdict == compare.Unclear && !(row.More > 1) {
			t.Errorf("%s: can't be told, and %v times the requests would", name, row.More)
		}
	}
}

// TestPairs: the same requests on both sides show a difference that requests of
// very different lengths hide.
func TestPairs(t *testing.T) {
	a := normal(1, 200, 10, 0.8)
	b := make([]float64, len(a))
	for i, x := range a {
		b[i] = x * 1.03
	}
	only := compare.Options{Margin: 0.01, Only: []compare.Quantity{{Metric: compare.TPOT}}}
	apart, err := compare.Compare([]compare.Side{of("a", a), of("b", b)}, only)
	if err != nil {
		t.Fatal(err)
	}
	x, y := of("a", a), of("b", b)
	x.Results[0].Prompts, y.Results[0].Prompts = "same", "same"
	paired, err := compare.Compare([]compare.Side{x, y}, only)
	if err != nil {
		t.Fatal(err)
	}
	if r := apart.Against[0].Rows[0]; r.Verdict != compare.Unclear || r.Basis != compare.OfRequests {
		t.Errorf("apart: got %q of %s", r.Verdict, r.Basis)
	}
	if r := paired.Against[0].Rows[0]; r.Verdict != compare.Worse || r.Basis != compare.OfPairs {
		t.Errorf("paired: got %q of %s (%v)", r.Verdict, r.Basis, r.Change)
	}
}

// TestRounds: three runs a side show how runs differ, and nothing is assumed.
func TestRounds(t *testing.T) {
	side := func(name string, means ...float64) compare.Side {
		s := compare.Side{Name: name}
		for i, m := range means {
			s.Results = append(s.Results, of(name, normal(uint64(i+1), 100, m, 0.01)).Results...)
		}
		return s
	}
	o := compare.Options{Margin: 0.01, Spread: 0.5, Only: []compare.Quantity{{Metric: compare.TPOT}}}
	r, err := compare.Compare([]compare.Side{side("a", 10, 10.1, 9.9), side("b", 12, 12.1, 11.9)}, o)
	if err != nil {
		t.Fatal(err)
	}
	if row := r.Against[0].Rows[0]; row.Verdict != compare.Worse || row.Basis != compare.OfRounds {
		t.Errorf("got %q of %s (%v)", row.Verdict, row.Basis, row.Change)
	}
}

// TestUnlike: sides that did other work get no verdict unless it is asked for, and
// no gate passes them.
func TestUnlike(t *testing.T) {
	a, b := of("a", normal(1, 500, 10, 0.1)), of("b", normal(2, 500, 20, 0.1))
	a.Results[0].Know(compare.FactRate, "5")
	b.Results[0].Know(compare.FactRate, "50")
	r, err := compare.Compare([]compare.Side{a, b}, compare.Options{Margin: 0.02})
	if err != nil {
		t.Fatal(err)
	}
	if x := r.Against[0]; x.Rows[0].Verdict != compare.Unlike || !strings.Contains(x.Refused, "request rate 5 and 50") {
		t.Errorf("got %q: %q", x.Rows[0].Verdict, x.Refused)
	}
	rules, err := compare.ParseRules("tpot_mean worse by 5%")
	if err != nil {
		t.Fatal(err)
	}
	if f := compare.Gate(a, []compare.Side{b}, rules, compare.Options{}); f[0].Err == nil || f[0].Broken {
		t.Errorf("the gate says %+v", f[0])
	}
	if f := compare.Gate(a, []compare.Side{b}, rules, compare.Options{Unlike: true}); f[0].Err != nil || !f[0].Broken {
		t.Errorf("the gate that was told to says %+v", f[0])
	}
}

// TestSuccess: a share of failures is compared in shares of the requests.
func TestSuccess(t *testing.T) {
	a, b := of("a", normal(1, 1000, 10, 0.1)), of("b", normal(1, 1000, 10, 0.1))
	b.Results[0].Failed = 50
	rules, err := compare.ParseRules("success worse by 1%")
	if err != nil {
		t.Fatal(err)
	}
	f := compare.Gate(a, []compare.Side{b}, rules, compare.Options{})[0]
	if f.Err != nil || !f.Broken || math.Abs(f.Row.Delta()+0.05) > 1e-12 {
		t.Errorf("got %+v", f)
	}
}

// TestParseRules has what is a rule and what is none.
func TestParseRules(t *testing.T) {
	for text, want := range map[string]string{
		"tpot_p99 worse by 5%":                       "tpot_p99 worse by 5%",
		"p99_ttft_ms worse by more than 10 percent":  "ttft_p99 worse by 10%",
		"e2el_median is worse by 2.5%":               "e2el_p50 worse by 2.5%",
		"output_throughput worse by 3%":              "output_throughput worse by 3%",
		"tpot_p99 worse by 5%,ttft_mean worse by 1%": "tpot_p99 worse by 5%; ttft_mean worse by 1%",
		"tpot_p99 worse by 5%ttft_mean worse by 1%":  "tpot_p99 worse by 5%; ttft_mean worse by 1%",
		"tpot_p99 worse by 0%":                       "error: without a limit",
		"tpot_p99 worse":                             "error: want a rule such as",
		"tpot worse by 5%":                           "error: want one of ttft",
		"tpot_p100 worse by 5%":                      "error: want one of ttft",
		"":                                           "error: no rule",
		"success worse by 1%":                        "success worse by 1%",
	} {
		rules, err := compare.ParseRules(text)
		var got []string
		for _, r := range rules {
			got = append(got, r.String())
		}
		all := strings.Join(got, "; ")
		if err != nil {
			all = "error: " + err.Error()
		}
		if fail, ok := strings.CutPrefix(want, "error: "); ok {
			if err == nil || !strings.Contains(all, fail) {
				t.Errorf("%q: got %s, want %s", text, all, want)
			}
			continue
		}
		if all != want {
			t.Errorf("%q: got %s, want %s", text, all, want)
		}
	}
}
