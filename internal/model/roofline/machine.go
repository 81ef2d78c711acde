package roofline

import (
	"errors"
	"fmt"
	"math"
	"strings"
)

const micro = 1e-6

// normPasses is how often the norms of queries and keys go over their elements:
// read off Qwen3-32B and Qwen3-30B-A3B in the profile of the RTX PRO 6000.
const normPasses = 5

// A gemm is one matrix multiplication of a layer, ready to be timed on one card.
type gemm struct {
	weights float64 // bytes of weights on the card
	stored  float64 // bytes of one weight
	row     float64 // bytes of activations a row
	flops   float64 // operations a row
	times   float64 // how often in a step
	kernel  rate
}

// A rate is a GEMM's constants over the card's rates.
type rate struct {
	bytes, flops float64 // seconds a byte, an operation
	q, floor     float64 // exponent, seconds
	wide         float64 // factor of bytes above 16 rows
	tile, again  float64 // rows a pass, share of the weights read again
	unpack       float64 // rows above which weights are written out in 16 bit
	plain        *rate   // the kernel that multiplies them then
}

// A Machine tells the time of steps of one Setup. It never changes.
type Machine struct {
	setup     Setup
	catalogue *Catalogue
	fmt       format
	ideal     bool
	p         float64 // cards that share each matrix
	dp        float64 // groups of such cards that share the experts of a mixture, else 1
	kernel    resolved

	dense  []gemm // attention projections and dense FFNs
	expert gemm   // all experts of a layer together; times 0 when dense
	head   gemm

	kvToken                 float64 // bytes of KV a token and layer on one card
	mixedSeq                float64 // query heads on one card, in units of 32
	mixedKV                 float64 // query heads a KV head, in units of 4
	attnFlops               float64 // operations a token of query and of context, a layer, on one card
	full                    float64 // layers with full attention
	window                  float64 // layers that slide
	look                    int     // tokens that they look back
	otherRow                float64 // bytes a row of what is neither, a layer
	host                    float64 // seconds a step
	hostSeq                 float64 // seconds a sequence
	hostFrom                From
	frontend, frontendToken float64 // seconds a request, a token of its prompt
}

// New checks that the card can run the model in this format. It does not check
// that the model fits: Blocks does.
func New(s Setup) (*Machine, error) {
	if s.Model == nil || s.Card == nil {
		return nil, fmt.Errorf("a machine needs a model and a card: name both")
	}
	if err := s.Model.check(); err != nil {
		return nil, err
	}
	if err := s.Card.check(); err != nil {
		return nil, err
	}
	if s.TP == 0 {
		s.TP = 1
	}
	if s.DP == 0 {
		s.DP = 1
	}
	if err := checkTP(s); err != nil {
		return nil, err
	}
	name, err := NamePrecision(s.Precision)
	if err != nil {
		return nil, err
	}
	if name == "" {
		if name = s.Model.Precision; name == "" {
			name = "fp16"
		}
	}
	s.Precision = name
	m := &Machine{setup: s, ideal: s.Constants == Ideal, p: float64(s.TP), dp: 1}
	if s.Model.Experts > 0 {
		m.dp = float64(s.DP)
	}
	if m.fmt, err = formatOf(name, s.Card); err != nil {
		return nil, err
	}
	if err := m.fmt.useKernel(s.Kernel); err != nil {
		return nil, err
	}
	if m.catalogue = s.Catalogue; m.catalogue == nil {
		if m.catalogue, err = load(); err != nil {
			return nil, err
		}
	}
	if m.kernel, err = m.catalogue.resolve(s.Card, s.Constants); err != nil {
		return nil, err
	}
	kv, err := kvBytes(s.KV)
	if err != nil {
		return nil, err
	}
	if err := m.setHost(); err != nil {
		return nil, err
	}
	m.shape(kv)
	return m, nil
}

// checkTP refuses degrees that do not divide the heads, as the engine does.
func checkTP(s Setup) error {
	if s.TP < 1 || s.TP > 1024 || s.Model.Heads%s.TP != 0 {
		return fmt.Errorf("tp %d: the %d attention heads of %s must be divisible by it", s.TP, s.Model.Heads, s.Model.Name)
	}
	if s.DP < 1 || s.DP > 1024 {
		return fmt.Errorf("dp %d: must be between 1 and 1024", s.DP)
	}
	if s.TP*s.DP > 1 && s.Card.Link.Value == 0 {
		return fmt.Errorf("%d cards: %s has no link_gb_s: give it in a card's YAML", s.TP*s.DP, s.Card.Name)
	}
	return nil
}

// kvBytes is the bytes of an element of the KV cache.
func kvBytes(name string) (float64, error) {
	switch strings.ToLower(name) {
	case "", "auto", "fp16", "bf16", "float16", "bfloat16":
		return 2, nil
	case "fp8", "fp8_e4m3", "fp8_e5m2", "fp8_inc":
		return 1, nil
	}
	return 0, fmt.Errorf("KV cache format %q is not known: use auto or fp8", name)
}

// eagerLayer is the seconds that launching a layer's kernels one by one takes
// the host where no CUDA graph does it: some 30 launches of 7 to 10 µs. No
// source gives it alone.
const eagerLayer = 250e-6

// setHost finds what the engine's generation spends on the host.
func (m *Machine) setHost() error {
	s := &m.setup
	if s.Engine == "" {
		s.Engine = "vllm-v1"
	}
	if m.ideal {
		return nil
	}
	given := func(what *float64, name string, most float64) error {
		if what != nil && (!(*what >= 0) || *what > most) {
			return fmt.Errorf("host time of a %s: %v s is no possible value", name, *what)
		}
		return nil
	}
	if err := errors.Join(given(s.Host, "step", 3600), given(s.HostSeq, "sequence", 1)); err != nil {
		return err
	}
	var e *Engine
	var names []string
	for i := range m.catalogue.engines {
		names = append(names, m.catalogue.engines[i].Name)
		if m.catalogue.engines[i].Name == s.Engine {
			e = &m.catalogue.engines[i]
		}
	}
	if e == nil {
		return fmt.Errorf("engine %q is not known: use %s", s.Engine, strings.Join(names, " or "))
	}
	m.host, m.hostSeq, m.hostFrom = e.HostMs*1e-3, e.HostSeqUs*micro, e.From
	m.frontend, m.frontendToken = e.Frontend*1e-3, e.FrontendToken*micro
	if h := s.Card.Host; h != nil {
		m.host, m.hostSeq, m.hostFrom = h.Step*1e-3, h.Seq*micro, h.From
		m.frontend, m.frontendToken = h.Frontend*1e-3, h.FrontendToken*micro
	}
	user := From{"given by the user", true}
	if s.Eager {
		m.host += eagerLayer * float64(s.Model.Layers)
	}
	if s.HostFactor > 0 && s.HostFactor != 1 {
		m.host, m.hostSeq = m.host*s.HostFactor, m.hostSeq*s.HostFactor
		m.hostFrom = From{fmt.Sprintf("%g times: %s", s.HostFactor, m.hostFrom.Source), false}
	}
	if s.Host != nil {
		m.host, m.hostSeq, m.hostFrom = *s.Host, 0, user
	}
	if s.HostSeq != nil {
		m.hostSeq, m.hostFrom = *s.HostSeq, user
	}
	return nil
}

// rate is a kernel's constants over the card's rates; with Ideal constants both
// efficiencies are 1 and nothing else counts.
func (m *Machine) rate(kernel string, peak float64) rate {
	bw := m.setup.Card.Bandwidth.Value * 1e9
	if m.ideal {
		return rate{bytes: 1 / bw, flops: 1 / peak, q: math.Inf(1), wide: 1}
	}
	g := m.kernel.gemm[kernel]
	r := rate{bytes: 1 / (g.Bytes * bw), flops: 1 / (g.Flops * peak), q: g.Sharpness, floor: g.Floor * micro, wide: 1 / (1 - g.Wide), tile: g.Tile, again: g.Again, unpack: g.Unpack}
	if r.unpack > 0 {
		plain := m.rate("bf16", m.setup.Card.FP16.Value*1e12)
		r.plain = &plain
	}
	return r
}

// Setup is what the machine was made of, with its defaults filled in.
func (m *Machine) Setup() Setup { return m.setup }
