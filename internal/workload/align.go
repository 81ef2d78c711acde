package workload

import (
	"context"
	"fmt"
	"sync/atomic"
)

// A Remote is the tokenizer of the server.
type Remote interface {
	// Tokenize returns the ids of prompt, without special tokens.
	Tokenize(ctx context.Context, prompt string) ([]int, error)
	// Detokenize returns the text of ids.
	Detokenize(ctx context.Context, ids []int) (string, error)
}

// alignCalls is how many prompts are aligned at a time.
const alignCalls = 64

// An Alignment says what Align did.
type Alignment struct {
	Checked   int  `json:"checked"`   // prompts that the server tokenized
	Truncated int  `json:"truncated"` // prompts that were cut to their length
	Shorter   int  `json:"shorter"`   // prompts that have fewer tokens on the server; they stay
	Failed    int  `json:"failed"`    // prompts that the server did not answer for; they stay
	First     int  `json:"-"`         // tokens of the first prompt on the server
	Missing   bool `json:"-"`         // the server does not tokenize
	Warning   string
}

// Aligns says whether Align has anything to do for the dataset.
func Aligns(dataset string) bool { return dataset == "random" || dataset == "prefix_repetition" }

// Align cuts prompts that have more tokens on the server than here, as vLLM's
// client does for random and prefix_repetition. When the first prompt has the
// same number on both sides nothing is changed. A server that does not answer
// is no error: the warning says so and the prompts stay. Only the end of ctx is
// an error.
func Align(ctx context.Context, s *Set, remote Remote) (Alignment, error) {
	var a Alignment
	if len(s.Items) == 0 || s.Items[0].Prompt.IDs != nil || s.Items[0].Prompt.Batch != nil || s.Items[0].Prompt.Messages != nil {
		return a, nil
	}
	first, err := remote.Tokenize(ctx, s.Items[0].Prompt.Text)
	if err := context.Cause(ctx); err != nil {
		return a, err
	}
	if err != nil {
		a.Missing = true
		a.Warning = "/tokenize unavailable, skipping alignment: " + err.Error()
		return a, nil
	}
	a.Checked, a.First = 1, len(first)
	if len(first) == s.Items[0].PromptLen {
		return a, nil
	}
	var truncated, shorter, failed atomic.Int64
	err = each(ctx, alignCalls, len(s.Items), func(i int) error {
		switch n, err := alignOne(ctx, &s.Items[i], remote); {
		case err != nil:
			failed.Add(1)
		case n > 0:
			truncated.Add(1)
		case n < 0:
			shorter.Add(1)
		}
		return nil
	})
	a.Checked, a.Truncated, a.Shorter, a.Failed = len(s.Items)-int(failed.Load()), int(truncated.Load()), int(shorter.Load()), int(failed.Load())
	a.Warning = fmt.Sprintf("tokenizer mismatch (server=%d, expected=%d): of %d prompts %d were cut to their length, %d are shorter on the server, %d could not be asked for",
		len(first), s.Items[0].PromptLen, len(s.Items), a.Truncated, a.Shorter, a.Failed)
	s.count()
	return a, err
}

// alignOne cuts one prompt; it returns how many tokens the server has too many.
func alignOne(ctx context.Context, it *Item, remote Remote) (int, error) {
	ids, err := remote.Tokenize(ctx, it.Prompt.Text)
	if err != nil || len(ids) <= it.PromptLen {
		return len(ids) - it.PromptLen, err
	}
	text, err := remote.Detokenize(ctx, ids[:it.PromptLen])
	if err != nil {
		return 0, err
	}
	it.Prompt.Text = text
	return len(ids) - it.PromptLen, nil
}
