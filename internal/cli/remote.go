package cli

import (
	"context"
	"sync"
	"time"

	"tokmeter/internal/target"
	"tokmeter/internal/workload"
)

// A remoteTokenizer counts with the server's /tokenize. What the server is not
// asked for, and everything after it failed once, is the local tokenizer's.
type remoteTokenizer struct {
	workload.Tokenizer       // the local one
	missing            error // why the model's own is not here

	encode func(text string, addSpecial bool) ([]int, error)
	mu     sync.Mutex
	err    error // the server's first failure
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

// An alignRemote is the server's tokenizer as the workload's alignment asks it.
type alignRemote struct{ run *serveRun }

// tokenizeLimit is how long the server may take to cut one text into tokens.
const tokenizeLimit = 15 * time.Second

// tokenize asks the server for the ids of text.
func (r *serveRun) tokenize(ctx context.Context, text string, addSpecial bool) ([]int, error) {
	ctx, cancel := context.WithTimeout(ctx, tokenizeLimit)
	defer cancel()
	return r.server.Tokenize(ctx, r.plan.Target.ModelName(), text, addSpecial)
}

// Tokenize returns the server's ids of prompt, without special tokens.
func (a alignRemote) Tokenize(ctx context.Context, prompt string) ([]int, error) {
	ctx, cancel := context.WithTimeout(ctx, tokenizeLimit)
	defer cancel()
	s, model := a.asks()
	return s.Tokenize(ctx, model, prompt, false)
}

// asks says who is asked, and for which model. vLLM's client asks without the
// headers, and for the model by the name of its weights (Q20).
func (a alignRemote) asks() (target.Server, string) {
	s, t := a.run.server, &a.run.plan.Target
	if a.run.plan.CompatVLLM() {
		s.Header = nil
		return s, t.Model
	}
	return s, t.ModelName()
}

// Detokenize returns the server's text of ids.
func (a alignRemote) Detokenize(ctx context.Context, ids []int) (string, error) {
	ctx, cancel := context.WithTimeout(ctx, tokenizeLimit)
	defer cancel()
	s, model := a.asks()
	return s.Detokenize(ctx, model, ids)
}
