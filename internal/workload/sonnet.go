package workload

import (
	"context"
	"fmt"
	"math"
	"strings"

	"tokmeter/internal/dataset"
	"tokmeter/internal/protocol"
)

// sonnetAsk begins every prompt of the dataset sonnet.
const sonnetAsk = "Pick as many lines as you can from these poem lines:\n"

// maxMisses is how many prompts in a row may be too long before sonnet gives up.
const maxMisses = 10_000

// sonnet asks for lines of poems: the first ones are shared by all prompts, the
// others chosen at random, as older versions of vLLM's client did.
func (b *builder) sonnet(ctx context.Context) error {
	lines := dataset.SonnetLines()
	if b.Data != nil {
		var err error
		if lines, err = dataset.ReadLines(b.Data); err != nil {
			return err
		}
	}
	s := b.w.Sonnet
	total := 0
	for _, l := range lines {
		total += b.count(l, true)
	}
	average := float64(total) / float64(len(lines))
	asked, err := b.sonnetText(sonnetAsk)
	if err != nil {
		return err
	}
	offset := b.count(asked, true)
	if s.InputLen <= offset {
		return fmt.Errorf("--sonnet-input-len %d: the question alone takes %d tokens, give more", s.InputLen, offset)
	}
	all := int(math.RoundToEven(float64(s.InputLen-offset) / average))
	shared := max(int(math.RoundToEven(float64(s.PrefixLen-offset)/average)), 0)
	if shared > all {
		return fmt.Errorf("--sonnet-prefix-len %d is more than --sonnet-input-len %d", s.PrefixLen, s.InputLen)
	}
	head := sonnetAsk + strings.Join(lines[:min(shared, len(lines))], "")
	misses := 0
	for len(b.set.Items) < b.w.NumPrompts {
		if err := context.Cause(ctx); err != nil {
			return err
		}
		var text strings.Builder
		text.WriteString(head)
		for _, i := range b.Randoms.Py.Choices(len(lines), all-shared) {
			text.WriteString(lines[i])
		}
		ok, err := b.sonnetItem(text.String(), s.InputLen, s.OutputLen)
		if err != nil {
			return err
		}
		if ok {
			misses = 0
		} else if misses++; misses == maxMisses {
			return fmt.Errorf("--sonnet-input-len %d: %d prompts in a row were longer (give another length)", s.InputLen, misses)
		}
	}
	return nil
}

// sonnetItem adds a prompt, unless it is longer than limit tokens.
func (b *builder) sonnetItem(text string, limit, output int) (bool, error) {
	formatted, err := b.sonnetText(text)
	if err != nil {
		return false, err
	}
	n := b.count(formatted, true)
	if n > limit {
		return false, nil
	}
	if !b.chat() {
		text = formatted
	}
	b.add(protocol.Prompt{Text: text}, n, output)
	return true, nil
}

// sonnetText puts text through the chat template, if there is one.
func (b *builder) sonnetText(text string) (string, error) {
	if b.Template == nil || b.w.SkipChat {
		return text, nil
	}
	t, err := b.Template(text)
	if err != nil {
		return "", fmt.Errorf("dataset sonnet: chat template: %w (add --skip-chat-template to send the prompts as they are)", err)
	}
	return t, nil
}
