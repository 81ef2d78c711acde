package light

import (
	"errors"
	"math"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"tokmeter/internal/model/replay"
	"tokmeter/internal/model/roofline"
	"tokmeter/internal/model/setup"
)

func llama(t *testing.T) *Light {
	t.Helper()
	return build(t, setup.Setup{Model: "llama-3-8b", GPU: "a10g", Precision: "fp16"})
}

// TestAloneIsReplay: a request on an empty server has the limit that a replay
// with ideal constants gives it, where its prompt is not cut.
func TestAloneIsReplay(t *testing.T) {
	l := llama(t)
	rapid.Check(t, func(r *rapid.T) {
		prompt := rapid.IntRange(1, 2048).Draw(r, "prompt")
		output := rapid.IntRange(1, 300).Draw(r, "output")
		s := Ideal(setup.Setup{Model: "llama-3-8b", GPU: "a10g", Precision: "fp16"})
		b, err := s.Build()
		if err != nil {
			r.Fatal(err)
		}
		res, err := replay.Run(b, []replay.Arrival{{ID: "0", Prompt: prompt, Output: output}}, replay.Options{})
		if err != nil {
			r.Fatal(err)
		}
		got, want := l.Alone(prompt, 0, output), res.Timings[0]
		if off(got.TTFT, want.TTFT()) || off(got.E2EL, want.E2EL()) || output > 1 && off(got.TPOT, want.TPOT()) {
			r.Fatalf("%d in, %d out: got %+v, a replay gives %+v", prompt, output, got, want)
		}
	})
}

func off(a, b float64) bool { return math.Abs(a-b) > 1e-9*math.Max(math.Abs(a), math.Abs(b)) }

// TestLoadIsReplay: the printed limit under load is what the engine does with
// ideal constants, and measuring that engine gives a ratio of one.
func TestLoadIsReplay(t *testing.T) {
	l := llama(t)
	reqs := poisson(40)
	b, err := Ideal(setup.Setup{Model: "llama-3-8b", GPU: "a10g", Precision: "fp16"}).Build()
	if err != nil {
		t.Fatal(err)
	}
	var arrivals []replay.Arrival
	for _, r := range reqs {
		arrivals = append(arrivals, replay.Arrival{At: r.At, Prompt: r.Prompt, Output: r.Output})
	}
	res, err := replay.Run(b, arrivals, replay.Options{})
	if err != nil {
		t.Fatal(err)
	}
	for i, x := range res.Timings {
		reqs[i].TTFT, reqs[i].TPOT, reqs[i].E2EL = x.TTFT(), x.TPOT(), x.E2EL()
	}
	v := l.Judge(reqs, Evidence{Counted: true})
	for name, x := range map[string]float64{"TTFT": v.OverLoad.TTFT, "TPOT": v.OverLoad.TPOT, "E2EL": v.OverLoad.E2EL} {
		if off(x, 1) {
			t.Errorf("measured ÷ limit under load of %s is %v, want 1: the engine is the limit", name, x)
		}
	}
	if len(v.Below) > 0 {
		t.Errorf("got %q, want nothing below the limit", v.Below)
	}
	if v.TPOTBound != "weights" || v.TTFTBound != "compute" {
		t.Errorf("got TTFT by %s and TPOT by %s, want compute and weights", v.TTFTBound, v.TPOTBound)
	}
}

// TestUse: at the limit a request alone uses all of the bandwidth while it
// decodes, at twice the time half; and a prompt all of the peak.
func TestUse(t *testing.T) {
	l := llama(t)
	for _, c := range []struct {
		why            string
		prompt, output int
		factor         float64
		bandwidth      float64
		flops          float64
	}{
		{"decoding alone at the limit", 100, 200, 1, 1, -1},
		{"at twice the limit", 100, 200, 2, 0.5, -1},
		{"a prompt alone at the limit", 2000, 1, 1, 0, 1},
		{"a prompt alone at four times the limit", 2000, 1, 4, 0, 0.25},
	} {
		a := l.Alone(c.prompt, 0, c.output)
		v := l.Judge([]Request{{Prompt: c.prompt, Output: c.output, TTFT: a.TTFT * c.factor, TPOT: a.TPOT * c.factor, E2EL: a.E2EL * c.factor}}, Evidence{Counted: true})
		if math.Abs(v.BandwidthUse-c.bandwidth) > 0.005 {
			t.Errorf("%s: bandwidth use %v, want %v", c.why, v.BandwidthUse, c.bandwidth)
		}
		if c.flops >= 0 && math.Abs(v.FlopUse-c.flops) > 0.005 {
			t.Errorf("%s: flop use %v, want %v", c.why, v.FlopUse, c.flops)
		}
	}
}

// poisson is a light load with lengths that differ.
func poisson(n int) []Request {
	var reqs []Request
	at := 0.0
	for i := range n {
		at += 0.1 + 0.9*float64((i*7919)%13)/13
		reqs = append(reqs, Request{At: at, Prompt: 500 + (i*97)%900, Output: 20 + (i*31)%200})
	}
	return reqs
}

// TestLimitsOrder: under load nothing is faster than alone, whatever comes when.
func TestLimitsOrder(t *testing.T) {
	l := llama(t)
	rapid.Check(t, func(r *rapid.T) {
		n := rapid.IntRange(1, 12).Draw(r, "n")
		var reqs []Request
		for range n {
			p := rapid.IntRange(1, 3000).Draw(r, "prompt")
			reqs = append(reqs, Request{
				At: rapid.Float64Range(0, 3).Draw(r, "at"), Prompt: p, Output: rapid.IntRange(1, 60).Draw(r, "output"),
				Cached: rapid.IntRange(0, p).Draw(r, "cached"),
			})
		}
		load, err := l.underLoad(reqs)
		if err != nil {
			r.Fatal(err)
		}
		for i, q := range reqs {
			// The KV entries of cached tokens are not read in the load's limit.
			alone := l.Alone(max(q.Prompt-min(q.Cached, q.Prompt-1), 1), 0, q.Output)
			if x := load[i]; x.TTFT < alone.TTFT*(1-1e-9) || x.TPOT < alone.TPOT*(1-1e-9) || x.E2EL < alone.E2EL*(1-1e-9) {
				r.Fatalf("%+v: under load %+v, alone %+v", q, x, alone)
			}
		}
	})
}

// TestBelow: what is faster than the card is found, with causes that fit what is
// known, and is no error.
func TestBelow(t *testing.T) {
	l := llama(t)
	alone := l.Alone(1000, 0, 100)
	at := func(factor float64) []Request {
		return []Request{{Prompt: 1000, Output: 100, TTFT: alone.TTFT * factor, TPOT: alone.TPOT * factor, E2EL: alone.E2EL * factor}}
	}
	for _, c := range []struct {
		why   string
		reqs  []Request
		e     Evidence
		below int
		cause string
		not   string
	}{
		{"as slow as a real engine is nothing to warn of", at(1.5), Evidence{Counted: true}, 0, "", ""},
		{"exactly at the limit is not below it", at(1), Evidence{Counted: true}, 0, "", ""},
		{"a faster card than was named", at(0.5), Evidence{Counted: true}, 2, "another card", "tokens counted wrong"},
		{"events were taken for tokens", at(0.5), Evidence{}, 2, "tokens counted wrong", ""},
		{"speculation that is not told of may be behind it", at(0.5), Evidence{Counted: true}, 2, "speculative decoding", ""},
		{"a simulator's clock does not boost", at(0.5), Evidence{Counted: true, Simulated: true}, 2, "another card", "boost"},
		{"a simulated one may boost where it is real", at(0.97), Evidence{Counted: true}, 2, "boost", ""},
		{"tokens that came together", at(0.5), Evidence{Counted: true, Together: true}, 2, "several at a time", ""},
		{"accepted drafts are divided out, so that TPOT is no surprise", at(0.5), Evidence{Counted: true, TokensPerStep: 2}, 1, "prefix cache", "speculative"},
	} {
		v := l.Judge(c.reqs, c.e)
		if len(v.Below) != c.below {
			t.Errorf("%s: got %q, want %d lines", c.why, v.Below, c.below)
		}
		causes := strings.Join(v.Causes, "; ")
		if !strings.Contains(causes, c.cause) || c.not != "" && strings.Contains(causes, c.not) {
			t.Errorf("%s: got the causes %q, want %q and not %q", c.why, causes, c.cause, c.not)
		}
	}
}

// TestCached: what the server says it took from its cache is taken off.
func TestCached(t *testing.T) {
	l := llama(t)
	warm := l.Alone(1000, 900, 10)
	if cold := l.Alone(1000, 0, 10); warm.TTFT >= cold.TTFT/2 {
		t.Errorf("900 of 1,000 tokens cached: TTFT %v, cold %v", warm.TTFT, cold.TTFT)
	}
	if all := l.Alone(1000, 1000, 10); all.TTFT <= 0 {
		t.Errorf("all cached: TTFT %v, want that of one token, for its logits", all.TTFT)
	}
	r := Request{Prompt: 1000, Cached: 900, Output: 10, TTFT: warm.TTFT * 1.1, TPOT: warm.TPOT * 1.1, E2EL: warm.E2EL * 1.1}
	v := l.Judge([]Request{r}, Evidence{Counted: true})
	if v.CachedTokens != 900 || len(v.Below) > 0 {
		t.Errorf("got %d cached and %q, want 900 and nothing below the limit", v.CachedTokens, v.Below)
	}
}

// TestNetwork: a round trip is part of TTFT and binds where it is most of it.
func TestNetwork(t *testing.T) {
	l := llama(t)
	r := Request{Prompt: 100, Output: 2, TTFT: 1, TPOT: 0.03, E2EL: 1.03, Connect: 0.5}
	with := l.Judge([]Request{r, {Prompt: 100, Output: 2, TTFT: 1, TPOT: 0.03, E2EL: 1.03, Connect: 0.7}}, Evidence{Counted: true})
	r.Connect = 0
	without := l.Judge([]Request{r}, Evidence{Counted: true})
	if d := with.Alone.TTFT.Mean - without.Alone.TTFT.Mean; math.Abs(d-500) > 1e-6 || with.RoundTripMs != 500 {
		t.Errorf("a connection of 500 ms adds %v ms (round trip %v), want the shortest one, 500", d, with.RoundTripMs)
	}
	if with.TTFTBound != Network || without.TTFTBound == Network {
		t.Errorf("bounds are %s with and %s without, want network with it alone", with.TTFTBound, without.TTFTBound)
	}
}

// TestDoesNotFit: a model too large for the card has a limit alone, and says why
// it has none under load.
func TestDoesNotFit(t *testing.T) {
	l := build(t, setup.Setup{Model: "llama-3-70b", GPU: "a10g", Precision: "fp16"})
	if l.Fits() == nil {
		t.Fatal("140 GB of weights fit into 24 GB")
	}
	if l.Alone(10, 0, 10).TPOT <= 0 {
		t.Error("there is no limit alone")
	}
	if v := l.Judge(poisson(3), Evidence{}); v.NoLoad == "" || v.Load != (Latencies{}) {
		t.Errorf("got a limit under load %+v (%q)", v.Load, v.NoLoad)
	}
}

// TestRefused: names that are not known, and engines that are no limit.
func TestRefused(t *testing.T) {
	for _, s := range []setup.Setup{
		{Model: "no-such-model", GPU: "a10g"}, {Model: "llama-3-8b", GPU: "no-such-card"},
		{Model: "llama-3-8b", GPU: "a10g", Precision: "fp3"}, {Model: "llama-3-8b", GPU: "a10g", TP: 7},
	} {
		if _, err := Build(s); err == nil {
			t.Errorf("%+v was taken", s)
		}
	}
	b, err := setup.Setup{Model: "llama-3-8b", GPU: "a10g"}.Build()
	if err != nil {
		t.Fatal(err)
	}
	if _, err := New(b); err == nil {
		t.Error("an engine with measured constants was taken for the limit")
	}
	if _, err := New(nil); err == nil {
		t.Error("no engine was taken")
	}
}

// TestImply: 42.5 ms a token at batch 1 of 15 GB of weights is 353 GB/s.
func TestImply(t *testing.T) {
	m, _, err := roofline.FindModel("meta-llama/Meta-Llama-3-8B")
	if err != nil {
		t.Fatal(err)
	}
	reqs := []Request{{Prompt: 10, Output: 101, TTFT: 0.1, TPOT: 0.0425, E2EL: 4.35}}
	x, err := Imply(m, "fp16", reqs, Evidence{})
	if err != nil {
		t.Fatal(err)
	}
	if math.Abs(x.Bandwidth-353.2) > 0.5 || math.Abs(x.Batch-1) > 1e-9 {
		t.Errorf("got %.1f GB/s at batch %v, want 353 at 1", x.Bandwidth, x.Batch)
	}
	if !strings.Contains(x.Text, "at least 353 GB/s of weight streaming of llama-3-8b in fp16") {
		t.Errorf("got %q", x.Text)
	}
	if x, err = Imply(m, "fp16", reqs, Evidence{TokensPerStep: 2}); err != nil || math.Abs(x.Bandwidth-176.6) > 0.3 {
		t.Errorf("with two tokens a step: got %.1f GB/s (%v), want half", x.Bandwidth, err)
	}
	if _, err := Imply(nil, "", reqs, Evidence{}); !errors.Is(err, errNoModel) {
		t.Errorf("without a model: got %v", err)
	}
	if _, err := Imply(m, "", []Request{{Prompt: 1, Output: 1, TTFT: 1, E2EL: 1}}, Evidence{}); err == nil {
		t.Error("one token has no TPOT, and yet implies a bandwidth")
	}
}

// TestBatch: the batch that a token finds beside it.
func TestBatch(t *testing.T) {
	one := Request{Output: 11, TTFT: 1, TPOT: 0.1, E2EL: 2}
	other := one
	other.At = 10
	for _, c := range []struct {
		why  string
		reqs []Request
		want float64
	}{
		{"nothing", nil, 0},
		{"one after the other", []Request{one, other}, 1},
		{"two at once", []Request{one, one}, 2},
		{"two at once and one alone: two thirds of the tokens have company", []Request{one, one, other}, 5.0 / 3},
	} {
		if got := Batch(c.reqs); math.Abs(got-c.want) > 1e-9 {
			t.Errorf("%s: got %v, want %v", c.why, got, c.want)
		}
	}
}
