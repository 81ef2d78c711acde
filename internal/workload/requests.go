package workload

import (
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"hash"
	"slices"
	"strconv"
	"strings"

	"tokmeter/internal/plan"
	"tokmeter/internal/protocol"
)

// A Stream is a Source that makes the requests of a Set one at a time. It serves
// one goroutine.
type Stream struct {
	set     *Set
	dialect protocol.Dialect
	plan    *plan.Plan
	bare    bool // requests carry no id of their own
	next    int
	err     error
}

// Source makes the requests of the set in dialect d and with the target of p.
// Request i has the id prefix+i; under --compat vllm those of prefix_repetition
// have none (quirk Q18), and nowhere else where --header gives one. What the dialect can't ask is an error.
func (s *Set) Source(d protocol.Dialect, p *plan.Plan) (*Stream, error) {
	var seen [4]bool
	for i := range s.Items {
		k := kindOf(s.Items[i].Prompt)
		if seen[k] {
			continue
		}
		seen[k] = true
		if _, err := d.AppendBody(nil, call(&s.Items[i], p)); err != nil {
			return nil, err
		}
	}
	given := func(h plan.Header) bool { return strings.EqualFold(h.Name, "x-request-id") }
	bare := s.bare || !p.CompatVLLM() && slices.ContainsFunc(p.Target.Headers, given)
	return &Stream{set: s, dialect: d, plan: p, bare: bare}, nil
}

// kindOf is the form in which a prompt asks.
func kindOf(p protocol.Prompt) int {
	switch {
	case p.IDs != nil:
		return 1
	case p.Batch != nil:
		return 2
	case p.Messages != nil:
		return 3
	}
	return 0
}

// Next makes the next request; false means that there is none, or that Err tells
// why it can't be made.
func (s *Stream) Next() (Request, bool) {
	if s.next == len(s.set.Items) || s.err != nil {
		return Request{}, false
	}
	body, err := s.dialect.AppendBody(nil, call(&s.set.Items[s.next], s.plan))
	if err != nil {
		s.err = err
		return Request{}, false
	}
	r, _ := s.Skip()
	r.Body = body
	return r, true
}

// Skip gives the next request without its body, for one that is not sent.
func (s *Stream) Skip() (Request, bool) {
	if s.next == len(s.set.Items) || s.err != nil {
		return Request{}, false
	}
	it := &s.set.Items[s.next]
	r := Request{Index: s.next, Model: it.Model, WantPrompt: it.PromptLen, WantOutput: it.OutputLen}
	if !s.bare {
		r.ID = s.plan.Target.RequestIDPrefix + strconv.Itoa(s.next)
	}
	s.next++
	return r, true
}

// Err is why a request could not be made; nil where all could.
func (s *Stream) Err() error { return s.err }

// First is what readiness is checked and the server warmed up with: the first
// request without an id and for the model itself, whatever LoRA module the
// request goes to.
func (s *Set) First(d protocol.Dialect, p *plan.Plan) (Request, error) {
	it := s.Items[0]
	it.Model = ""
	body, err := d.AppendBody(nil, call(&it, p))
	return Request{Body: body, WantPrompt: it.PromptLen, WantOutput: it.OutputLen}, err
}

// call is the request that asks for it.
func call(it *Item, p *plan.Plan) protocol.Call {
	c := protocol.Call{
		Model:     p.Target.ModelName(),
		Prompt:    it.Prompt,
		MaxTokens: it.OutputLen,
		IgnoreEOS: p.Target.IgnoreEOS,
		Logprobs:  p.Target.Logprobs,
		Extra:     p.Target.ExtraBody,
		Plain:     p.Target.PlainContent,
		Compat:    p.CompatVLLM(),
	}
	if it.Model != "" {
		c.Model = it.Model
	}
	return c
}

// Hash identifies the workload: equal prompts, lengths, models and, where the
// set is timed, due times in equal order have equal hashes. It is the SHA-256 of
// them in hexadecimal.
func (s *Set) Hash() string {
	h := sha256.New()
	for i := range s.Items {
		it := &s.Items[i]
		sum := promptSum(it.Prompt)
		h.Write(sum[:])
		writeInts(h, it.PromptLen, it.OutputLen, len(it.Model))
		h.Write([]byte(it.Model))
		if s.Timed {
			writeInts(h, int(it.At))
		}
	}
	return hex.EncodeToString(h.Sum(nil))
}

// promptSum identifies a prompt.
func promptSum(p protocol.Prompt) (sum [32]byte) {
	h := sha256.New()
	switch {
	case p.IDs != nil:
		writeInts(h, 1, len(p.IDs))
		writeInts(h, p.IDs...)
	case p.Batch != nil:
		writeInts(h, 2, len(p.Batch))
		for _, t := range p.Batch {
			writeInts(h, len(t))
			h.Write([]byte(t))
		}
	case p.Messages != nil:
		writeInts(h, 3)
		h.Write(p.Messages)
	default:
		writeInts(h, 0)
		h.Write([]byte(p.Text))
	}
	h.Sum(sum[:0])
	return sum
}

func writeInts(h hash.Hash, vs ...int) {
	b := make([]byte, 0, 8*len(vs))
	for _, v := range vs {
		b = binary.LittleEndian.AppendUint64(b, uint64(int64(v)))
	}
	h.Write(b)
}
