package workload

import (
	"context"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"hash"
	"runtime"
	"strconv"

	"tokmeter/internal/plan"
	"tokmeter/internal/protocol"
)

// Requests writes the bodies of all requests, in dialect d and with the target
// of p, on all processors. Request i has the id prefix+i; under --compat vllm
// those of prefix_repetition have none (quirk Q18).
func (s *Set) Requests(ctx context.Context, d protocol.Dialect, p *plan.Plan) ([]Request, error) {
	rs := make([]Request, len(s.Items))
	err := each(ctx, runtime.GOMAXPROCS(0), len(rs), func(i int) error {
		it := &s.Items[i]
		body, err := d.AppendBody(nil, call(it, p))
		if err != nil {
			return err
		}
		rs[i] = Request{Index: i, Model: it.Model, Body: body, WantPrompt: it.PromptLen, WantOutput: it.OutputLen}
		if !s.bare {
			rs[i].ID = p.Target.RequestIDPrefix + strconv.Itoa(i)
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	return rs, nil
}

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
		Compat:    p.CompatVLLM(),
	}
	if it.Model != "" {
		c.Model = it.Model
	}
	return c
}

// A List is a Source of requests that are ready.
type List struct {
	rs   []Request
	next int
}

// NewList returns a Source that hands out rs in order. It serves one goroutine.
func NewList(rs []Request) *List { return &List{rs: rs} }

// Next returns the next request; false means that there is none.
func (l *List) Next() (Request, bool) {
	if l.next == len(l.rs) {
		return Request{}, false
	}
	l.next++
	return l.rs[l.next-1], true
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
