package cli

import (
	"context"
	"sync"

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

// ask binds the tokenizer to a server for the time of ctx.
func (t *remoteTokenizer) ask(ctx context.Context, s *target.Server, model string) {
	t.encode = func(text string, addSpecial bool) ([]int, error) { return s.Tokenize(ctx, model, text, addSpecial) }
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
type alignRemote struct {
	server *target.Server
	model  string
}

// Tokenize returns the server's ids of prompt, without special tokens.
func (a alignRemote) Tokenize(ctx context.Context, prompt string) ([]int, error) {
	return a.server.Tokenize(ctx, a.model, prompt, false)
}

// Detokenize returns the server's text of ids.
func (a alignRemote) Detokenize(ctx context.Context, ids []int) (string, error) {
	return a.server.Detokenize(ctx, a.model, ids)
}
