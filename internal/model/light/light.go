// Package light is the speed of light: the least time that a card can take for
// what an engine was asked, at all of its memory bandwidth and all of its peak
// rate, with nothing lost to kernels, launches or the host.
//
// It gives two limits and never one. Alone is a request by itself on an empty
// server: no software does better on that card. underLoad is the actual
// arrivals and lengths through vLLM V1's schedule with perfect kernels: it
// holds for that policy and is no theorem over all of them. Judge puts what was
// measured beside both and says what may be wrong where it is faster.
//
// It promises that the limit under load is what a replay with ideal constants
// gives. It refuses to guess a card: without one it says what a measured time
// implies. It has no clock and no goroutine, and no disk but for Build and
// Shapes, which find names as setup does.
package light

import (
	"errors"
	"fmt"
	"slices"

	"tokmeter/internal/model/roofline"
	"tokmeter/internal/model/setup"
	"tokmeter/internal/stats"
)

// Policy is whose schedule the limit under load follows.
const Policy = "vLLM V1"

// Network is the bound of a time that is mostly the network's round trip; the
// other bounds are roofline's.
const Network = "network"

const msPerSecond = 1000

// Ideal is the engine of which s is limited: the same model, card, formats and
// settings under vLLM V1's rules, with perfect kernels, no host and no
// speculation. Steps are decided when they begin: without a host there is
// nothing to hide, and deciding earlier would let arrivals wait longer.
func Ideal(s setup.Setup) setup.Setup {
	none, ahead := 0.0, false
	s.Constants = roofline.Ideal
	s.Engine, s.Version = "vllm-v1", ""
	s.HostMs = &none
	s.Async = &ahead
	s.Acceptance = nil
	return s
}

// A Light is the speed of light of one model on one card. It may not be used by
// several goroutines at once.
type Light struct {
	built   setup.Built
	machine *roofline.Machine
	noLoad  error          // why there is no limit under load
	seqs    []roofline.Seq // of the step that decode asks for
	sums    []float64      // of decode steps of one request: sums[c] has the contexts below c, in seconds
}

// Build makes the speed of light of the engine that s names. A model that does
// not fit on the card has no limit under load, which underLoad says; alone it
// has one all the same: what the card would do with enough memory.
func Build(s setup.Setup) (*Light, error) {
	s = Ideal(s)
	b, err := s.Build()
	if err == nil {
		return New(b)
	}
	s.Blocks = manyBlocks
	b, again := s.Build()
	if again != nil {
		return nil, err
	}
	l, again := New(b)
	if again != nil {
		return nil, again
	}
	l.noLoad = err
	return l, nil
}

// manyBlocks holds any one request.
const manyBlocks = 1 << 20

// New takes an engine that was built from Ideal. The error says that it was
// not.
func New(b *setup.Built) (*Light, error) {
	if b == nil || b.Machine == nil {
		return nil, errors.New("speed of light: no engine is given")
	}
	if b.Setup.Constants != roofline.Ideal {
		return nil, fmt.Errorf("speed of light of %s on %s: its constants are not the ideal ones", b.Setup.Model, b.Setup.GPU)
	}
	l := &Light{built: *b, machine: b.Machine, sums: []float64{0}}
	l.built.Frontend, l.built.FrontendToken = 0, 0
	return l, nil
}

// Engine is what the limit is of, with every default filled in.
func (l *Light) Engine() setup.Built { return l.built }

// Fits is nil, or says why the card has no room for the model and a request.
func (l *Light) Fits() error { return l.noLoad }

// Times are latencies in seconds. TPOT is 0 where there are less than two
// tokens.
type Times struct{ TTFT, TPOT, E2EL float64 }

// Alone is the limit of a request on an empty server: prompt tokens of which
// cached need not be computed, then output tokens one at a time. Prompts are
// computed at once: cutting them saves no time.
func (l *Light) Alone(prompt, cached, output int) Times {
	return l.then(l.prefill(prompt, cached).Total, prompt, output)
}

// prefill is the cost of a prompt alone. The last token is computed even if all
// of the prompt is cached, for its logits.
func (l *Light) prefill(prompt, cached int) roofline.Cost {
	prompt = max(prompt, 1)
	cached = min(max(cached, 0), prompt-1)
	return l.machine.Step([]roofline.Seq{{Tokens: prompt - cached, Context: cached, Samples: true}})
}

// then adds the tokens after the first. The step that makes token i finds the
// prompt and i − 1 tokens in the cache, and computes one.
func (l *Light) then(ttft float64, prompt, output int) Times {
	t := Times{TTFT: ttft, E2EL: ttft}
	if output < 2 {
		return t
	}
	from := max(prompt, 1)
	to := from + output - 1
	l.grow(to)
	t.TPOT = stats.TPOT(l.sums[from], l.sums[to], float64(output))
	t.E2EL += l.sums[to] - l.sums[from]
	return t
}

// grow makes sums reach to.
func (l *Light) grow(to int) {
	for c := len(l.sums) - 1; c < to; c++ {
		l.sums = append(l.sums, l.sums[c]+l.decode(1, c).Total)
	}
}

// decode is the cost of a step that gives each of batch requests a token, each
// with so many tokens before it.
func (l *Light) decode(batch, context int) roofline.Cost {
	l.seqs = slices.Grow(l.seqs[:0], batch)[:batch]
	for i := range l.seqs {
		l.seqs[i] = roofline.Seq{Tokens: 1, Context: context, Samples: true}
	}
	return l.machine.Step(l.seqs)
}
