package workload

import (
	"context"
	"errors"
	"fmt"

	"tokmeter/internal/dataset"
	"tokmeter/internal/protocol"
)

// custom takes prompts from a file, through the chat template unless the
// server applies it (quirk Q17: vLLM's client applies it even then).
func (b *builder) custom(ctx context.Context) error {
	prompts, err := dataset.ReadCustom(b.Data)
	if err != nil {
		return err
	}
	b.Randoms.Py.Seed(b.Plan.Seed)
	if !b.w.NoShuffle {
		b.Randoms.Py.Shuffle(len(prompts), func(i, j int) { prompts[i], prompts[j] = prompts[j], prompts[i] })
	}
	n := b.w.NumPrompts
	if n <= 0 {
		n = len(prompts)
	}
	r := &b.set.Report
	r.Entries = len(prompts)
	prompts = prompts[:min(n, len(prompts))]
	r.Kept, r.Unused = len(prompts), r.Entries-len(prompts)
	template, err := b.userTemplate()
	if err != nil {
		return err
	}
	b.set.Items = make([]Item, len(prompts))
	err = each(ctx, b.Workers, len(prompts), func(i int) error {
		return b.customItem(&b.set.Items[i], prompts[i], template)
	})
	if err != nil {
		return err
	}
	return b.oversample(n)
}

// userTemplate is what a prompt goes through before it is sent.
func (b *builder) userTemplate() (Template, error) {
	asIs := func(user string) (string, error) { return user, nil }
	switch {
	case b.w.SkipChat, b.Tokenizer == nil, b.chat() && !b.Plan.CompatVLLM():
		return asIs, nil
	case b.Template != nil:
		return b.Template, nil
	case b.Plan.CompatVLLM():
		return nil, errors.New("dataset custom: the tokenizer has no chat template (add --skip-chat-template to send the prompts as they are)")
	}
	b.warn("the tokenizer has no chat template: prompts are sent as they are, as with --skip-chat-template")
	return asIs, nil
}

func (b *builder) customItem(it *Item, p dataset.Prompt, template Template) error {
	if b.Tokenizer == nil {
		it.Prompt, it.PromptLen, it.OutputLen = protocol.Prompt{Text: p.Text}, 1, 1
		return nil
	}
	it.OutputLen = b.w.Custom.OutputLen
	if it.OutputLen == -1 {
		var err error
		if it.OutputLen, err = p.OutputTokens(b.Data); err != nil {
			return err
		}
	}
	text, err := template(b.whole(p.Text))
	if err != nil {
		return fmt.Errorf("dataset %s: line %d: chat template: %w (add --skip-chat-template to send the prompts as they are)", b.Data.Name(), p.Line, err)
	}
	it.Prompt, it.PromptLen = protocol.Prompt{Text: text}, b.count(text, true)
	return nil
}
