package replay

import (
	"fmt"
	"math"
	"strings"
	"testing"

	"tokmeter/internal/model/roofline"
	"tokmeter/internal/model/setup"
	"tokmeter/internal/python/random"
	"tokmeter/internal/stats"
)

// The reference run: Llama-3-8B in fp16 on an A10G, vLLM of mid-2024, ShareGPT
// at one request a second. Of its requests the totals alone are known, so the
// lengths are drawn: log-normal with these deviations, as the run's filter keeps
// them (prompts of 4 to 1,024 tokens, 2,048 in all), with exactly its totals.
const (
	refRequests = 100
	refInput    = 22805
	refOutput   = 17981
	refSigmaIn  = 1.35
	refSigmaOut = 0.95
	refSeeds    = 20
)

// refArrivals are those of vLLM's client with seed 0: NumPy's exponential.
func refArrivals(t testing.TB) []float64 {
	rs, err := random.NewRandomState(0)
	if err != nil {
		t.Fatal(err)
	}
	at, now := make([]float64, refRequests), 0.0
	for i := range at {
		at[i] = now
		now += rs.StandardExponential()
	}
	return at
}

// refLoad is the reference run's requests with lengths of one seed.
func refLoad(t testing.TB, seed int64) []Arrival {
	muIn, muOut := math.Log(150), math.Log(120)
	var load []Arrival
	for range 60 {
		rs, err := random.NewRandomState(seed + 1000)
		if err != nil {
			t.Fatal(err)
		}
		load = load[:0]
		in, out := 0, 0
		for len(load) < refRequests {
			p := int(math.Round(math.Exp(muIn + refSigmaIn*rs.StandardNormal())))
			o := int(math.Round(math.Exp(muOut + refSigmaOut*rs.StandardNormal())))
			if p < 4 || p > 1024 || o < 4 || p+o > 2048 {
				continue
			}
			load = append(load, Arrival{Prompt: p, Output: o})
			in, out = in+p, out+o
		}
		muIn += 0.3 * math.Log(float64(refInput)/float64(in))
		muOut += 0.3 * math.Log(float64(refOutput)/float64(out))
	}
	refExact(load, refInput, 1024, func(a *Arrival) *int { return &a.Prompt })
	refExact(load, refOutput, 1024, func(a *Arrival) *int { return &a.Output })
	for i, at := range refArrivals(t) {
		load[i].At, load[i].ID = at, fmt.Sprint(i)
	}
	return load
}

// refExact scales lengths to their total, and deals the rest out one by one.
func refExact(load []Arrival, total, most int, of func(*Arrival) *int) {
	sum := 0
	for i := range load {
		sum += *of(&load[i])
	}
	scale, rest := float64(total)/float64(sum), total
	for i := range load {
		p := of(&load[i])
		*p = min(max(int(math.Round(float64(*p)*scale)), 4), most)
		rest -= *p
	}
	for i := 0; rest != 0; i = (i + 1) % len(load) {
		p := of(&load[i])
		switch {
		case rest > 0 && *p < most:
			*p++
			rest--
		case rest < 0 && *p > 4:
			*p--
			rest++
		}
	}
}

// refRow is the reference run in one setting, over the seeds.
type refRow struct{ duration, ttft, ttft50, ttft99, tpot, tpot50, tpot99 [2]float64 } // mean and deviation, s and ms

func refRun(t testing.TB, s setup.Setup) refRow {
	var x [7][]float64
	for seed := range int64(refSeeds) {
		load := refLoad(t, seed)
		b, err := s.Build()
		if err != nil {
			t.Fatal(err)
		}
		r, err := Run(b, load, Options{})
		if err != nil {
			t.Fatal(err)
		}
		m := Summarize(b, &File{Arrivals: load}, r)
		for i, v := range []float64{
			m.DurationS, float64(m.TTFT.Mean), float64(m.TTFT.P50), float64(m.TTFT.P99),
			float64(m.TPOT.Mean), float64(m.TPOT.P50), float64(m.TPOT.P99),
		} {
			x[i] = append(x[i], v)
		}
	}
	var row refRow
	for i, to := range []*[2]float64{&row.duration, &row.ttft, &row.ttft50, &row.ttft99, &row.tpot, &row.tpot50, &row.tpot99} {
		*to = [2]float64{stats.Mean(x[i]), stats.Std(x[i])}
	}
	return row
}

func (r refRow) String() string {
	f := func(v [2]float64) string { return fmt.Sprintf("%.1f ± %.1f", v[0], v[1]) }
	return strings.Join([]string{f(r.duration), f(r.ttft) + " / " + f(r.ttft50) + " / " + f(r.ttft99), f(r.tpot) + " / " + f(r.tpot50) + " / " + f(r.tpot99)}, " | ")
}

// TestReference holds the reference run to its bounds and logs the table of
// docs/simulator.md.
func TestReference(t *testing.T) {
	base := setup.Setup{Model: "llama-3-8b", GPU: "a10g", Engine: setup.EngineV02024}
	with := func(f func(*setup.Setup)) setup.Setup {
		s := base
		f(&s)
		return s
	}
	rows := []struct {
		name string
		s    setup.Setup
	}{
		{"fp16", base},
		{"fp8", with(func(s *setup.Setup) { s.Precision = "fp8" })},
		{"int8", with(func(s *setup.Setup) { s.Precision = "int8" })},
		{"int4", with(func(s *setup.Setup) { s.Precision = "int4" })},
		{"fp16, vllm-v1", with(func(s *setup.Setup) { s.Engine = setup.EngineV1 })},
	}
	got := map[string]refRow{}
	page := newTable(t, "reference",
		"| | duration s | TTFT mean / median / P99 ms | TPOT mean / median / P99 ms | TPOT, fp16 ÷ this |",
		"|--|--|--|--|--|",
		"| measured | 110.95 | 106.36 / 78.82 / 286.84 | 42.52 / 43.07 / 58.80 | |")
	for _, row := range rows {
		r := refRun(t, row.s)
		got[row.name] = r
		page.add("| %s | %v | %.2f |", row.name, r, got["fp16"].tpot[0]/r.tpot[0])
	}
	for _, p := range []string{"fp16", "fp8", "int8", "int4"} {
		r := refRun(t, setup.Setup{Model: "llama-3-8b", GPU: "a10g", Precision: p, Constants: roofline.Ideal})
		got["limit "+p] = r
		page.add("| speed of light, %s | %v | %.2f |", p, r, got["limit fp16"].tpot[0]/r.tpot[0])
	}
	page.check()
	within := func(what string, got, want, by float64) {
		if !(math.Abs(got-want) <= by) {
			t.Errorf("%s: got %.2f, want %.2f ± %.2f", what, got, want, by)
		}
	}
	within("mean TTFT of the reference run, ms", got["fp16"].ttft[0], 106, 11)
	within("mean TPOT of the reference run, ms", got["fp16"].tpot[0], 42.5, 4.3)
	within("mean TTFT at the speed of light, ms", got["limit fp16"].ttft[0], 69, 3)
	within("mean TPOT at the speed of light, ms", got["limit fp16"].tpot[0], 26.3, 0.6)
	within("speed-up of fp8", got["fp16"].tpot[0]/got["fp8"].tpot[0], 1.85, 0.25)
	within("speed-up of int8", got["fp16"].tpot[0]/got["int8"].tpot[0], 1.61, 0.2)
	within("speed-up of int4", got["fp16"].tpot[0]/got["int4"].tpot[0], 2.75, 0.3)
}

// The arrivals are those of the client's seed 0, whose sum is published.
func TestReferenceArrivals(t *testing.T) {
	at := refArrivals(t)
	if got := at[len(at)-1]; math.Abs(got-91.86) > 0.01 {
		t.Errorf("last arrival at %.2f s, want 91.86", got)
	}
}

// Every seed has the reference run's totals.
func TestReferenceLoad(t *testing.T) {
	for seed := range int64(refSeeds) {
		in, out := 0, 0
		for _, a := range refLoad(t, seed) {
			in, out = in+a.Prompt, out+a.Output
			if a.Prompt < 4 || a.Prompt > 1024 || a.Output < 4 {
				t.Fatalf("seed %d: request %+v is outside of the filter", seed, a)
			}
		}
		if in != refInput || out != refOutput {
			t.Errorf("seed %d: %d tokens in, %d out, want %d, %d", seed, in, out, refInput, refOutput)
		}
	}
}
