// Package setup turns names — a model, a card, a precision, an engine — and
// vLLM's settings into a scheduler's configuration and a machine. Server,
// replay and speed of light are all made through it, so that one name means one
// thing.
//
// It promises vLLM's own rules for what is left out, one line for each setting
// that cannot be, all of them at once, and a note for each thing that it chose
// in the user's place. It refuses what vLLM refuses at its start: a cache that
// cannot hold one request, a step smaller than its requests.
package setup

import (
	"fmt"
	"math"
	"strings"

	"tokmeter/internal/model/roofline"
	"tokmeter/internal/model/sched"
)

// The engines that can be named.
const (
	EngineV1     = "vllm-v1"      // vLLM V1, as of 0.32
	EngineV02024 = "vllm-v0-2024" // vLLM V0 of mid-2024
)

// A Setup names an engine. A zero or nil field takes the engine's default,
// which follows vLLM's rules for the card.
type Setup struct {
	Model        string              // name of the catalogue or of Hugging Face, or a path: a folder with config.json, or a YAML file
	Folder       string              `json:",omitempty"` // of the config.json of a Model that the catalogue does not have; "" looks Model up
	GPU          string              // name of the catalogue, or a path to a YAML file
	Catalogue    *roofline.Catalogue `json:"-"` // of constants; nil for the embedded one
	Card         *roofline.Card      `json:"-"` // in place of the one that GPU names; nil looks GPU up
	Precision    string              // default: the model's own, else fp16
	KV           string              // --kv-cache-dtype: auto, fp8
	TP           int
	DP           int    // groups of TP cards with requests of their own, which share a mixture's experts
	Eager        bool   // --enforce-eager
	Engine       string // vllm-v1 (default), vllm-v0-2024, or a version such as vllm-0.7, which Build turns into one of them
	Version      string // the version that Engine named
	Async        *bool
	Constants    roofline.Constants
	HostMs       *float64 // host time of a step in ms, in place of the engine's
	HostSeqUs    *float64 // host time of a sequence of a step in microseconds, likewise
	HostProfile  string   `json:",omitempty"` // fast, typical or slow: a factor on the engine's host times; "" is typical
	Quantization string   // --quantization: how the weights are stored and which kernel multiplies them, by the engine's name

	MemoryUtilization   float64 // --gpu-memory-utilization, default 0.9
	Blocks              int     // --num-gpu-blocks-override; counts the null block, as vLLM's does
	BlockSize           int
	MaxModelLen         int
	MaxSeqs             int
	MaxBatchedTokens    int
	PrefixCaching       *bool
	ChunkedPrefill      *bool
	Policy              string // fcfs, priority
	LongPrefill         int
	LongPrefillAdaptive bool
	Watermark           float64
	MaxAdapters         int
	Acceptance          []float64 // speculative decoding: chance that each draft is accepted, given the one before
}

// Built is what an engine runs on.
type Built struct {
	Setup         Setup // with every default filled in
	Model         *roofline.Model
	Card          *roofline.Card
	Sched         sched.Config
	Machine       *roofline.Machine
	Frontend      float64  // seconds from a request's arrival at the socket to the scheduler: HTTP
	FrontendToken float64  // seconds more a token of its prompt: tokenization
	ToldLate      bool     // a token reaches its client when the step after its own ends
	Notes         []string // what the user should know: unconfirmed constants, what was cut
}

// note adds a sentence for the user.
func (b *Built) note(format string, args ...any) {
	b.Notes = append(b.Notes, fmt.Sprintf(format, args...))
}

// FrontendOf is the seconds that a request with a prompt of so many tokens spends
// between socket and scheduler.
func (b *Built) FrontendOf(prompt int) float64 { return b.Frontend + b.FrontendToken*float64(prompt) }

// Build finds the names and fills in the defaults. Its error has one line for
// each setting that cannot be, named as its flag.
func (s Setup) Build() (*Built, error) {
	var p problems
	s.check(&p)
	model, card, precision, notes := s.find(&p)
	if err := p.err(); err != nil {
		return nil, err
	}
	b := &Built{Setup: s, Model: model, Card: card, Notes: notes}
	if p, _, _ := quantizationOf(s.Quantization); p != "" {
		precision = p
	}
	b.fillEngine(precision)
	b.fillLimits(&p)
	if err := b.fillMachine(); err != nil {
		p.add("%v", err)
		return nil, p.err()
	}
	b.fillBlocks(&p, s.MaxModelLen > 0)
	b.fillConfig()
	b.checkLimits(&p)
	if err := p.err(); err != nil {
		return nil, err
	}
	if err := b.Sched.Validate(); err != nil {
		return nil, err
	}
	return b, nil
}

// fillMachine makes the machine and says which of its constants are doubtful.
func (b *Built) fillMachine() error {
	s := b.Setup
	r := roofline.Setup{
		Model: b.Model, Card: b.Card, Catalogue: s.Catalogue, Precision: s.Precision, KV: s.KV, TP: s.TP, DP: s.DP, Eager: s.Eager, Constants: s.Constants,
		Engine: s.Engine, Async: *s.Async, MaxSeqs: s.MaxSeqs,
	}
	if s.HostMs != nil {
		host := *s.HostMs / 1e3
		r.Host = &host
	}
	if s.HostSeqUs != nil {
		host := *s.HostSeqUs / 1e6
		r.HostSeq = &host
	}
	h, _ := hostProfileOf(s.HostProfile) // check has read it
	r.HostFactor = h.factor
	b.noteHost()
	if s.Quantization != "" {
		_, r.Kernel, _ = quantizationOf(s.Quantization)
	}
	m, err := roofline.New(r)
	if err != nil {
		return err
	}
	b.Machine = m
	b.Frontend, b.FrontendToken = m.Frontend()
	b.Setup.Precision = m.Setup().Precision
	all, doubtful := m.Explain(), 0
	for _, c := range all {
		if !c.Confirmed {
			doubtful++
		}
	}
	if doubtful > 0 {
		b.note("%d of the %d constants are unconfirmed, for they have a single source: tokmeter sol --explain lists them", doubtful, len(all))
	}
	return nil
}

// fillEngine sets what follows from the engine alone.
func (b *Built) fillEngine(precision string) {
	s := &b.Setup
	g, _ := generationOf(s.Engine) // check has read it
	if s.Engine != "" && s.Engine != g.profile {
		s.Version = s.Engine
		b.note("engine %s: the rules of %s, %s scheduling", s.Engine, g.profile, map[bool]string{false: "synchronous", true: "asynchronous"}[g.async])
	}
	if g.late && s.Constants != roofline.Ideal {
		b.ToldLate = true
		b.note("on the virtual clock a token is told when the step after its own ends (asynchronous output processing of vLLM 0.6 and 0.7); the served engine tells it at once")
	}
	s.Engine = g.profile
	v0 := s.Engine == EngineV02024
	flag := func(p **bool, def bool) {
		if *p == nil {
			*p = &def
		}
	}
	// Speculation and asynchronous scheduling are not combined: vLLM does so
	// with some drafters only.
	flag(&s.Async, g.async && len(s.Acceptance) == 0)
	if s.Constants == roofline.Ideal {
		// There is no host time to hide, and a step that is decided ahead makes
		// requests wait: no limit.
		never := false
		s.Async = &never
	}
	flag(&s.PrefixCaching, !v0)
	flag(&s.ChunkedPrefill, !v0)
	if s.TP == 0 {
		s.TP = 1
	}
	if s.KV == "" {
		s.KV = "auto"
	}
	if s.BlockSize == 0 {
		s.BlockSize = 16
	}
	if s.MemoryUtilization == 0 {
		s.MemoryUtilization = 0.9
	}
	if s.Policy == "" {
		s.Policy = "fcfs"
	}
	if v0 && s.Watermark == 0 {
		s.Watermark = 0.01
	}
	if s.Precision == "" {
		s.Precision = precision
	}
}

// fillLimits sets the tokens and requests of a step as vLLM's API server does:
// by the card's memory, and for V0 by the longest request.
func (b *Built) fillLimits(p *problems) {
	s := &b.Setup
	if s.MaxModelLen == 0 {
		s.MaxModelLen = b.Model.MaxLen
		if s.MaxModelLen == 0 {
			s.MaxModelLen = 4096
			b.note("the model's configuration does not say how long a request may be: --max-model-len is 4096")
		}
	} else if m := b.Model.MaxLen; m > 0 && s.MaxModelLen > m {
		p.add("--max-model-len %d: %s reads no more than %d tokens", s.MaxModelLen, b.Model.Name, m)
	}
	tokens, seqs := 2048, 256
	const gib = 1 << 30
	switch mem := b.Card.Memory.Value * gib; {
	case s.Engine == EngineV02024:
		tokens = max(s.MaxModelLen, 2048)
	case mem >= 160*gib:
		tokens, seqs = 16384, 1024
	case mem >= 70*gib && !strings.Contains(b.Card.Name, "a100"):
		tokens, seqs = 8192, 1024
	}
	if s.MaxBatchedTokens == 0 {
		if !*s.ChunkedPrefill {
			tokens = max(tokens, s.MaxModelLen)
		}
		if s.MaxSeqs > 0 {
			seqs = s.MaxSeqs
		}
		s.MaxBatchedTokens = min(tokens, seqs*s.MaxModelLen)
	}
	if s.MaxSeqs == 0 {
		s.MaxSeqs = min(seqs, s.MaxBatchedTokens)
	}
}

// fillBlocks sets the size of the KV cache, and cuts the longest request to what
// it holds where the user did not name one.
func (b *Built) fillBlocks(p *problems, named bool) {
	s := &b.Setup
	if s.Blocks == 0 {
		n, err := b.Machine.Blocks(s.MemoryUtilization, s.BlockSize, s.MaxBatchedTokens)
		if err != nil {
			p.add("%w", err)
			return
		}
		s.Blocks = n
	}
	holds := (s.Blocks - 1) * s.BlockSize
	if holds < s.BlockSize {
		p.add("--num-gpu-blocks-override %d: a cache has at least 2 blocks, one of which is never used", s.Blocks)
		return
	}
	if s.MaxModelLen <= holds {
		return
	}
	if named {
		p.add("--max-model-len %d: the KV cache holds %d tokens, not one request of this length: lower it, or raise --gpu-memory-utilization", s.MaxModelLen, holds)
		return
	}
	b.note("requests have at most %d tokens, not the model's %d: the KV cache holds no more (vLLM refuses to start without --max-model-len; --max-model-len auto does this)", holds, s.MaxModelLen)
	s.MaxModelLen = holds
}

// fillConfig copies the settings into the scheduler's words.
func (b *Built) fillConfig() {
	s := b.Setup
	c := sched.DefaultConfig()
	if s.Engine == EngineV02024 {
		c.Profile = sched.V02024
		c.ReserveFullPrompt = true
	}
	c.Blocks, c.BlockSize = s.Blocks, s.BlockSize
	c.MaxBatchedTokens, c.MaxSeqs, c.MaxModelLen = s.MaxBatchedTokens, s.MaxSeqs, s.MaxModelLen
	c.PrefixCaching, c.ChunkedPrefill = *s.PrefixCaching, *s.ChunkedPrefill
	if s.Policy == "priority" {
		c.Policy = sched.Priority
	}
	c.LongPrefillThreshold, c.LongPrefillAdaptive = s.LongPrefill, s.LongPrefillAdaptive
	c.Watermark, c.MaxAdapters = s.Watermark, s.MaxAdapters
	c.Drafts, c.Async = len(s.Acceptance), *s.Async
	b.Sched = c
}

// checkLimits refuses what vLLM refuses of settings taken together.
func (b *Built) checkLimits(p *problems) {
	s := b.Setup
	if s.MaxBatchedTokens < s.MaxSeqs {
		p.add("--max-num-batched-tokens %d: less than --max-num-seqs %d, and each running request needs a token of a step", s.MaxBatchedTokens, s.MaxSeqs)
	}
	if !*s.ChunkedPrefill && s.MaxBatchedTokens < s.MaxModelLen {
		p.add("--max-num-batched-tokens %d: less than --max-model-len %d without chunked prefill: raise it, or lower the length", s.MaxBatchedTokens, s.MaxModelLen)
	}
	if s.LongPrefill > s.MaxModelLen {
		p.add("--long-prefill-token-threshold %d: more than --max-model-len %d", s.LongPrefill, s.MaxModelLen)
	}
}

// isShare reports whether x is in (0, 1].
func isShare(x float64) bool { return x > 0 && x <= 1 && !math.IsNaN(x) }
