package compare_test

import (
	"math"
	"math/rand/v2"
	"testing"

	"tokmeter/internal/compare"
)

// A system makes runs whose requests are alike with their neighbours and skewed,
// and that differ among themselves as runs of one machine do.
type system struct {
	rng      *rand.Rand
	requests int
	phi      float64 // of the autoregression of neighbours
	noise    float64 // of single requests, of the logarithm
	spread   float64 // of runs
	drift    float64 // over a run, at most
}

// run is a run of the system, slower by a factor.
func (s *system) run(slower float64) compare.Side {
	r := compare.New("simulated")
	r.Requests, r.Failed = s.requests, 0
	level := math.Log(20*slower) + s.spread*s.rng.NormFloat64()
	drift, state := s.drift*(2*s.rng.Float64()-1), s.rng.NormFloat64()
	x := make([]float64, s.requests)
	for i := range x {
		state = s.phi*state + math.Sqrt(1-s.phi*s.phi)*s.rng.NormFloat64()
		x[i] = math.Exp(level + s.noise*state + drift*(float64(i)/float64(s.requests)-0.5))
	}
	r.Series[compare.TPOT] = x
	return compare.Side{Name: "run", Results: []compare.Result{r}}
}

// TestGateFalseAlarms: of 1,000 pairs of equal systems, whose runs differ by 1 %
// and drift by up to 2 % while they run, a gate of two rules fails at most 5 %.
func TestGateFalseAlarms(t *testing.T) {
	rules, err := compare.ParseRules("tpot_mean worse by 2%, tpot_p99 worse by 5%")
	if err != nil {
		t.Fatal(err)
	}
	s := system{rng: rand.New(rand.NewPCG(7, 1)), requests: 1200, phi: 0.5, noise: 0.15, spread: 0.01, drift: 0.02}
	const pairs = 1000
	alarms, unchecked := 0, 0
	for range pairs {
		a, b := s.run(1), s.run(1)
		for _, f := range compare.Gate(a, []compare.Side{b}, rules, compare.Options{Margin: compare.DefaultMargin, Spread: compare.DefaultSpread}) {
			if f.Err != nil { // few are too much alike for an interval of P99
				unchecked++
				break
			}
			if f.Broken {
				alarms++
				break
			}
		}
	}
	t.Logf("%d false alarms of %d, %d not checked", alarms, pairs, unchecked)
	if unchecked > pairs/20 {
		t.Errorf("%d of %d pairs could not be checked", unchecked, pairs)
	}
	if alarms > pairs/20 {
		t.Errorf("%d false alarms of %d pairs of equal systems: want at most %d", alarms, pairs, pairs/20)
	}
}

// TestGatePower: a system that is slower by what the gate says that it finds is
// found four times in five, for each rule.
func TestGatePower(t *testing.T) {
	s := system{rng: rand.New(rand.NewPCG(11, 2)), requests: 600, phi: 0.5, noise: 0.15, spread: 0.01, drift: 0.02}
	for _, text := range []string{"tpot_mean worse by 2%", "tpot_mean worse by 8%", "tpot_p90 worse by 5%"} {
		rules, err := compare.ParseRules(text)
		if err != nil {
			t.Fatal(err)
		}
		o := compare.Options{Margin: compare.DefaultMargin, Spread: compare.DefaultSpread}
		sees := 0.0
		const looks = 20
		for range looks {
			sees += compare.Gate(s.run(1), []compare.Side{s.run(1)}, rules, o)[0].Sees / looks
		}
		const pairs = 300
		found := 0
		for range pairs {
			if compare.Gate(s.run(1), []compare.Side{s.run(1 + sees)}, rules, o)[0].Broken {
				found++
			}
		}
		t.Logf("%s: %d of %d found, slower by %.1f %%", text, found, pairs, 100*sees)
		// Four in five, less two standard errors of 300 draws.
		if found < pairs*75/100 {
			t.Errorf("%s: of %d systems slower by %.1f %%, which the gate says to find four times in five, %d were found", text, pairs, 100*sees, found)
		}
	}
}
