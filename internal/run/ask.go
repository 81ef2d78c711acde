package run

import (
	"context"
	"sync"
	"time"

	"tokmeter/internal/target"
	"tokmeter/internal/workload"
)

// tokenizeTimeout is how long the server may take to cut one text into tokens.
const tokenizeTimeout = 15 * time.Second

// A remoteTokenizer counts with the server's /tokenize. What the server is not
// asked for, and everything after it failed once, is the local tokenizer's.
type remoteTokenizer struct {
	workload.Tokenizer // the local one
	encode             func(text string, addSpecial bool) ([]int, error)

	mu  sync.Mutex
	err error // the server's first failure
}

// Encode asks the server for the ids of text.
func (t *remoteTokenizer) Encode(text string, addSpecial bool) []int {
	if t.failed() == nil {
		ids, err := t.encode(text, addSpecial)
		if err == nil {
			return ids
		}
		t.mu.Lock()
		t.err = err
		t.mu.Unlock()
	}
	return t.Tokenizer.Encode(text, addSpecial)
}

// failed is the server's first failure.
func (t *remoteTokenizer) failed() error {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.err
}

// tokenize asks the server for the ids of text.
func (s *server) tokenize(ctx context.Context, text string, addSpecial bool) ([]int, error) {
	ctx, cancel := context.WithTimeout(ctx, tokenizeTimeout)
	defer cancel()
	p := s.plan()
	return s.Tokenize(ctx, p.Target.ModelName(), text, addSpecial)
}

// An aligner is the server's tokenizer as the workload's alignment asks it.
type aligner struct {
	server target.Server
	model  string
}

// aligner says who is asked, and for which model. vLLM's client asks without the
// headers, and for the model by the name of its weights (Q20).
func (s *server) aligner() aligner {
	p := s.plan()
	a := aligner{s.Server, p.Target.ModelName()}
	if p.CompatVLLM() {
		a.server.Header, a.model = nil, p.Target.Model
	}
	return a
}

// Tokenize returns the server's ids of prompt, without special tokens.
func (a aligner) Tokenize(ctx context.Context, prompt string) ([]int, error) {
	ctx, cancel := context.WithTimeout(ctx, tokenizeTimeout)
	defer cancel()
	return a.server.Tokenize(ctx, a.model, prompt, false)
}

// Detokenize returns the server's text of ids.
func (a aligner) Detokenize(ctx context.Context, ids []int) (string, error) {
	ctx, cancel := context.WithTimeout(ctx, tokenizeTimeout)
	defer cancel()
	return a.server.Detokenize(ctx, a.model, ids)
}
