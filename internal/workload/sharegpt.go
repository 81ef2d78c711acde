package workload

import (
	"context"
	"fmt"

	"tokmeter/internal/dataset"
	"tokmeter/internal/protocol"
)

// The limits on a ShareGPT request, in tokens, as vLLM's client has them.
const (
	minTokens    = 4
	maxPrompt    = 1024
	maxPromptAll = 2048 // prompt and output
)

// shareGPT takes the first two turns of conversations in shuffled order.
func (b *builder) shareGPT(ctx context.Context) error {
	convs, err := dataset.ReadShareGPT(b.Data)
	if err != nil {
		return err
	}
	r := &b.set.Report
	r.Entries = convs.Entries
	r.Dropped = append(r.Dropped, convs.Dropped...)
	if convs.Faulty > 0 {
		b.warn("%d entries cannot be used when their turn comes, the first: %s", convs.Faulty, convs.Fault)
	}
	order := make([]int32, convs.Len())
	for i := range order {
		order[i] = int32(i)
	}
	b.Randoms.Py.Seed(b.Plan.Seed)
	if !b.w.NoShuffle {
		b.Randoms.Py.Shuffle(len(order), func(i, j int) { order[i], order[j] = order[j], order[i] })
	}
	if err := b.takeConversations(ctx, convs, order); err != nil {
		return err
	}
	r.Kept = len(b.set.Items)
	return b.oversample(b.w.NumPrompts)
}

// takeConversations adds conversations until there are enough. Some more than
// are needed are encoded ahead, and forgotten.
func (b *builder) takeConversations(ctx context.Context, convs *dataset.Conversations, order []int32) error {
	r, n := &b.set.Report, b.w.NumPrompts
	media := 0
	r.Unused = len(order)
	for len(order) > 0 && len(b.set.Items) < n {
		missing := n - len(b.set.Items)
		found := make([]measured, min(len(order), missing+missing/8+2*b.Workers))
		err := each(ctx, b.Workers, len(found), func(i int) error {
			found[i] = b.measure(convs, int(order[i]))
			return nil
		})
		if err != nil {
			return err
		}
		order = order[len(found):]
		for _, m := range found {
			if len(b.set.Items) == n {
				break
			}
			if m.err != nil {
				return m.err
			}
			r.Unused--
			if reason := m.unfit(b.w.ShareGPT.OutputLen > 0); reason != "" {
				r.Dropped.Add(reason, 1)
				continue
			}
			if m.Media {
				media++
			}
			b.add(protocol.Prompt{Text: m.Prompt}, m.in, m.out)
		}
	}
	if media > 0 {
		b.warn("%d conversations come with an image or a video, which is not sent", media)
	}
	return nil
}

// A measured conversation has its lengths in tokens.
type measured struct {
	dataset.Conversation
	in, out int
	err     error
}

func (b *builder) measure(convs *dataset.Conversations, i int) measured {
	c, err := convs.At(i)
	if err != nil {
		return measured{err: err}
	}
	c.Prompt, c.Answer = b.whole(c.Prompt), b.whole(c.Answer)
	m := measured{Conversation: c, in: b.count(c.Prompt, true), out: b.w.ShareGPT.OutputLen}
	if m.out == 0 {
		m.out = b.count(c.Answer, true)
	}
	m.Answer = ""
	return m
}

// unfit says why vLLM's client leaves the conversation out; "" keeps it.
func (m *measured) unfit(fixedOutput bool) string {
	switch {
	case m.in < minTokens:
		return fmt.Sprintf("prompt under %d tokens", minTokens)
	case m.out < minTokens && !fixedOutput:
		return fmt.Sprintf("answer under %d tokens", minTokens)
	case m.in > maxPrompt:
		return fmt.Sprintf("prompt over %d tokens", maxPrompt)
	case m.in+m.out > maxPromptAll:
		return fmt.Sprintf("prompt and answer over %d tokens", maxPromptAll)
	}
	return ""
}
