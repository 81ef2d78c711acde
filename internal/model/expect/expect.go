// Package expect says what a card should do for the requests of a run, by the
// engine's model with measured constants, and whether a server does it.
//
// It promises the times that a replay of the same requests gives, each with the
// error that the model had where measurements were held out of its fit. It
// refuses a verdict where the model can't serve the load. It is for an engine with
// vLLM's defaults: what a server was told otherwise is unknown to it.
package expect

import (
	"cmp"
	"fmt"
	"math"
	"slices"
	"strconv"

	"tokmeter/internal/model/light"
	"tokmeter/internal/model/replay"
	"tokmeter/internal/model/roofline"
	"tokmeter/internal/model/setup"
	"tokmeter/internal/stats"
)

// A Grade says how a server stands to what is expected of it.
type Grade string

// The grades. Slower and Faster are beyond the model's error.
const (
	AsExpected Grade = "as expected"
	Slower     Grade = "slower"
	Faster     Grade = "faster"
)

// A Compared is a latency beside what the model expects, in milliseconds; all 0
// where no request has it.
type Compared struct {
	Measured, Expected float64 // means
	Limit              float64 // mean of the speed of light, under load where there is one
	Error              float64 // of the expectation, as a share of the measured time: four of five held-out measurements were within it
}

// known reports whether both times are.
func (c Compared) known() bool { return c.Measured > 0 && c.Expected > 0 }

// grade holds the measured time against the expected one and its error.
func (c Compared) grade() Grade {
	switch off := (c.Expected - c.Measured) / c.Measured; {
	case !c.known(), math.Abs(off) <= c.Error:
		return AsExpected
	case off < 0:
		return Slower
	}
	return Faster
}

// A Verdict is what became of a run.
type Verdict struct {
	Grade      Grade
	Of         string // latency that Grade is of: TPOT or TTFT
	TTFT, TPOT Compared
	Next       string // what to try next
}

// mostTried is how many requests the settings that might help are tried on.
const mostTried = 2000

// Judge replays the requests on the engine of s, with measured constants, and
// compares the means. near has the limits. The error says why the engine can't
// serve them.
func Judge(s setup.Setup, reqs []light.Request, near light.Verdict) (Verdict, error) {
	s.Constants = roofline.Measured
	b, err := s.Build()
	if err != nil {
		return Verdict{}, err
	}
	perStep := max(1, near.TokensPerStep)
	if len(s.Acceptance) > 0 {
		perStep = 1 // the replay speculates itself
	}
	got, err := times(b, reqs, perStep)
	if err != nil {
		return Verdict{}, err
	}
	e := roofline.ExpectedErrors()
	limit := near.Load
	if near.NoLoad != "" {
		limit = near.Alone
	}
	v := Verdict{
		TTFT: Compared{near.Measured.TTFT.Mean, got.ttft + near.RoundTripMs, limit.TTFT.Mean, e.TTFT},
		TPOT: Compared{near.Measured.TPOT.Mean, got.tpot, limit.TPOT.Mean, e.Token},
	}
	v.grade()
	t := trial{s, reqs[:min(len(reqs), mostTried)], perStep, v}
	v.Next = t.next()
	return v, nil
}

// grade takes TPOT first: TTFT has the greater error, and under overload any error
// grows in the queue.
func (v *Verdict) grade() {
	v.Grade, v.Of = AsExpected, "TPOT"
	switch tpot, ttft := v.TPOT.grade(), v.TTFT.grade(); {
	case tpot == Slower:
		v.Grade = Slower
	case ttft == Slower:
		v.Grade, v.Of = Slower, "TTFT"
	case tpot == Faster:
		v.Grade = Faster
	case ttft == Faster:
		v.Grade, v.Of = Faster, "TTFT"
	}
	if !v.TPOT.known() {
		v.Of = "TTFT"
	}
}

// means are in milliseconds; 0 where no request has one.
type means struct{ ttft, tpot float64 }

// times replays the requests. Decoding is divided by the tokens that a step of
// speculation gives.
func times(b *setup.Built, reqs []light.Request, perStep float64) (means, error) {
	arrivals := make([]replay.Arrival, len(reqs))
	for i, r := range reqs {
		cached := min(max(r.Cached, 0), max(r.Prompt-1, 0))
		arrivals[i] = replay.Arrival{ID: strconv.Itoa(i), At: r.At, Prompt: max(r.Prompt, 1) - cached, Output: max(r.Output, 1), Priority: r.Priority}
	}
	result, err := replay.Run(b, arrivals, replay.Options{})
	if err != nil {
		return means{}, err
	}
	var first, rest []float64
	for _, t := range result.Timings {
		first = append(first, 1000*t.TTFT())
		if t.Output > 1 {
			rest = append(rest, 1000*t.TPOT()/perStep)
		}
	}
	var m means
	if len(first) > 0 {
		m.ttft = stats.Mean(first)
	}
	if len(rest) > 0 {
		m.tpot = stats.Mean(rest)
	}
	return m, nil
}

// A trial replays requests with other settings.
type trial struct {
	setup   setup.Setup
	reqs    []light.Request
	perStep float64
	verdict Verdict
}

// A knob is a setting of the server that may be why it is slow, or that may make it
// faster.
type knob struct {
	say string
	set func(*setup.Setup)
}

// suspects are settings that make a server slower than its defaults.
func suspects() []knob {
	off := false
	return []knob{
		{"CUDA graphs: is --enforce-eager given?", func(s *setup.Setup) { s.Eager = true }},
		{"asynchronous scheduling: is --no-async-scheduling given, or the engine older than vLLM 0.14?", func(s *setup.Setup) { s.Async = &off }},
		{"--max-num-batched-tokens: is it 2048 or less?", func(s *setup.Setup) { s.MaxBatchedTokens = 2048 }},
		{"--max-num-seqs: is it 64 or less?", func(s *setup.Setup) { s.MaxSeqs = 64 }},
		{"the kernel of the weights: does the server's log name Marlin or another one for this card?", func(s *setup.Setup) { s.Precision = "fp16" }},
	}
}

// remedies are settings that make a server faster than its defaults.
func remedies(s setup.Setup, precision string) []knob {
	var out []knob
	if precision == "fp16" || precision == "bf16" || precision == "" {
		out = append(out, knob{"weights in fp8 (--quantization fp8)", func(s *setup.Setup) { s.Precision = "fp8" }})
	}
	tp := max(1, s.TP)
	return append(out,
		knob{fmt.Sprintf("--tensor-parallel-size %d", 2*tp), func(s *setup.Setup) { s.TP = 2 * tp }},
		knob{"--max-num-batched-tokens 16384", func(s *setup.Setup) { s.MaxBatchedTokens = 16384 }},
		knob{"--kv-cache-dtype fp8", func(s *setup.Setup) { s.KV = "fp8" }},
	)
}

// least is how much faster a setting has to be to be worth a word.
const least = 1.1

// explains is how far the model with a setting may be from what was measured for
// that setting to be named as the reason.
const explains = 1.5

// A tried is a setting with the time that it takes over the time without it.
type tried struct {
	say string
	by  float64
}

// next names the setting to look at: where the server is slow, the one with which
// the model comes nearest to what was measured; else the one that gains most.
func (t trial) next() string {
	v := t.verdict
	if v.Grade == Faster {
		return "check the card, the precision and --tensor-parallel-size that were named: the server does more than the model gives them"
	}
	base, ok := t.try(func(*setup.Setup) {})
	if !ok {
		return "a lower --request-rate or --max-concurrency"
	}
	of := func(m means) float64 {
		if v.Of == "TTFT" {
			return m.ttft
		}
		return m.tpot
	}
	var all []tried
	knobs := suspects()
	if v.Grade == AsExpected {
		b, err := t.setup.Build()
		if err != nil {
			return ""
		}
		knobs = remedies(t.setup, b.Setup.Precision)
	}
	for _, k := range knobs {
		if m, ok := t.try(k.set); ok && of(base) > 0 && of(m) > 0 {
			all = append(all, tried{k.say, of(m) / of(base)})
		}
	}
	if v.Grade == AsExpected {
		return t.fastest(all)
	}
	return t.nearest(all)
}

// nearest says with which setting the model comes nearest to what was measured.
func (t trial) nearest(all []tried) string {
	v := t.verdict
	slow := v.TPOT.Measured / v.TPOT.Expected
	if v.Of == "TTFT" {
		slow = v.TTFT.Measured / v.TTFT.Expected
	}
	far := func(x tried) float64 { return math.Abs(math.Log(x.by / slow)) }
	all = slices.DeleteFunc(all, func(x tried) bool { return x.by < least || far(x) > math.Log(explains) })
	if len(all) == 0 {
		return fmt.Sprintf("no single setting makes the model %.2f× slower: check the card, the precision and the cards that were named, other users of the server, and the card's clocks (nvidia-smi)", slow)
	}
	near := slices.MinFunc(all, func(a, b tried) int { return cmp.Compare(far(a), far(b)) })
	return fmt.Sprintf("%s With it the model is %.2f× slower; the server is %.2f×", near.say, near.by, slow)
}

// fastest says what gains most.
func (t trial) fastest(all []tried) string {
	best := tried{by: 1 / least}
	for _, x := range all {
		if x.by < best.by {
			best = x
		}
	}
	if best.say == "" {
		return "no single setting of the server gains 10 %: a smaller model, a faster card, or a lower rate"
	}
	return fmt.Sprintf("%s: the model expects %s %.2f× faster", best.say, t.verdict.Of, 1/best.by)
}

// try replays with a setting; ok is false where the engine does not take it.
func (t trial) try(set func(*setup.Setup)) (means, bool) {
	s := t.setup
	set(&s)
	s.Constants = roofline.Measured
	b, err := s.Build()
	if err != nil {
		return means{}, false
	}
	m, err := times(b, t.reqs, t.perStep)
	return m, err == nil
}
