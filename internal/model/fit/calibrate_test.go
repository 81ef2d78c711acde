package fit

import (
	"math"
	"strings"
	"testing"

	"tokmeter/internal/model/replay"
	"tokmeter/internal/model/roofline"
	"tokmeter/internal/model/setup"
)

// sampled is a run on an engine: n requests of one length at a rate.
func sampled(t *testing.T, s setup.Setup, n int, rate float64, prompt, output int) *Sample {
	t.Helper()
	b, err := s.Build()
	if err != nil {
		t.Fatal(err)
	}
	x := &Sample{Name: "run"}
	for i := range n {
		x.Arrivals = append(x.Arrivals, replay.Arrival{At: float64(i) / rate, Prompt: prompt + i%7*prompt/10, Output: output + i%5*output/10})
	}
	res, err := replay.Run(b, x.Arrivals, replay.Options{})
	if err != nil {
		t.Fatal(err)
	}
	for _, r := range res.Timings {
		x.Measured = append(x.Measured, replay.Measured{TTFT: r.TTFT(), TPOT: r.TPOT(), E2EL: r.E2EL()})
	}
	return x
}

// A card whose constants differ from the catalogue's is recovered from four runs:
// loads that were not among them come out within 3 %. What no run can tell apart,
// such as the host's time of a step and the weights' bytes of one model, may be
// shared between the two in another way.
func TestCalibrate(t *testing.T) {
	truth, err := roofline.ReadCardYAML([]byte(`
name: a10g
like: a10g
memory_gib: 22.49
bandwidth_gb_s: 600
fp16_tflops: 70
link_gb_s: 32
host: {step_ms: 3.1, seq_us: 150, frontend_ms: 8}
kernels:
  gemm:
    bf16: {bytes: 0.62, flops: 0.55, sharpness: 3, floor_us: 4}
  decode: {floor_us: 12, bytes: 0.55, fill_us: 25, fill_seqs: 16, fill_share: 0.5, tail: 2, mixed: 0.45, mixed_seq_us: 1, serial_ns: 30}
`))
	if err != nil {
		t.Fatal(err)
	}
	real := setup.Setup{Model: "llama-3-8b", GPU: "a10g", Card: truth, Engine: setup.EngineV02024, MaxModelLen: 4096}
	known := real
	known.Card = nil
	loads := []struct {
		n              int
		rate           float64
		prompt, output int
	}{{12, 0.05, 200, 60}, {60, 1, 200, 100}, {40, 20, 100, 150}, {12, 0.2, 1500, 20}}
	var samples []*Sample
	for _, l := range loads {
		x := sampled(t, real, l.n, l.rate, l.prompt, l.output)
		x.Setup = known
		samples = append(samples, x)
	}
	c, err := Calibrate("mine", samples, 12)
	if err != nil {
		t.Fatal(err)
	}
	before, after := Summarize(c.Before), Summarize(c.After)
	if before.Absolute < 0.1 || after.Most > 0.03 {
		t.Errorf("errors before %v, after %v, want them to fall below 3 %%", before, after)
	}
	card, err := roofline.ReadCardYAML(c.YAML)
	if err != nil {
		t.Fatalf("%v in\n%s", err, c.YAML)
	}
	mine := known
	mine.Card = card
	for _, l := range []struct {
		n              int
		rate           float64
		prompt, output int
	}{{30, 0.5, 400, 120}, {80, 3, 150, 80}, {10, 0.02, 800, 200}} {
		want, got := sampled(t, real, l.n, l.rate, l.prompt, l.output), sampled(t, mine, l.n, l.rate, l.prompt, l.output)
		if err := want.prepare("x"); err != nil {
			t.Fatal(err)
		}
		if err := got.prepare("x"); err != nil {
			t.Fatal(err)
		}
		for i, p := range want.points {
			if e := got.points[i].Value/p.Value - 1; math.Abs(e) > 0.03 {
				t.Errorf("%+v: %s is off by %+.1f %%", l, p.Metric, 100*e)
			}
		}
	}
	for i, x := range c.Constants {
		t.Logf("%-40s %.3g, before %.3g", x.Path, c.Values[i], x.Prior)
		if want := map[string]float64{"cards/mine/kernels/gemm/bf16/flops": 0.55, "cards/mine/host/frontend_ms": 8}[x.Path]; want > 0 && math.Abs(c.Values[i]/want-1) > 0.03 {
			t.Errorf("%s: got %v, want %v", x.Path, c.Values[i], want)
		}
	}
}

func TestCalibrateRefuses(t *testing.T) {
	s := setup.Setup{Model: "llama-3-8b", GPU: "a10g"}
	for _, c := range []struct {
		why     string
		samples []*Sample
		want    string
	}{
		{"nothing", nil, "nothing to calibrate from"},
		{"no times", []*Sample{{Name: "a.json", Setup: s, Arrivals: make([]replay.Arrival, 2)}}, "a.json: no request has measured times"},
		{"times that are none", []*Sample{{Name: "a.json", Setup: s, Arrivals: make([]replay.Arrival, 1), Measured: []replay.Measured{{TTFT: math.NaN(), TPOT: math.NaN()}}}}, "no request has a measured TTFT"},
		{"no engine", []*Sample{{Name: "a.json"}}, "--model"},
	} {
		if _, err := Calibrate("x", c.samples, 1); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: got %v, want %q", c.why, err, c.want)
		}
	}
}
