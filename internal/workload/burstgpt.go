package workload

import (
	"context"
	"fmt"

	"tokmeter/internal/dataset"
	"tokmeter/internal/protocol"
	"tokmeter/internal/python/random"
)

// burstGPT takes lengths from rows that pandas would sample, with prompts of
// consecutive token ids.
func (b *builder) burstGPT(ctx context.Context) error {
	rows, err := dataset.ReadBurstGPT(b.Data)
	if err != nil {
		return err
	}
	r, n := &b.set.Report, b.w.NumPrompts
	r.Entries, r.Dropped = rows.Entries, rows.Dropped
	r.Kept = len(rows.Kept)
	if r.Kept == 0 {
		return b.nothingLeft()
	}
	np, err := random.NewRandomState(b.Plan.Seed)
	if err != nil {
		return fmt.Errorf("--seed %d: %w", b.Plan.Seed, err)
	}
	again := n > len(rows.Kept)
	if !again {
		r.Kept, r.Unused = n, len(rows.Kept)-n
	}
	chosen, err := np.Choice(len(rows.Kept), n, again)
	if err != nil {
		return fmt.Errorf("dataset %s: %w", b.Data.Name(), err)
	}
	if again {
		b.warn("%d requests from %d usable rows: rows repeat", n, len(rows.Kept))
	}
	vocab := b.Tokenizer.VocabSize()
	b.set.Items = make([]Item, n)
	return each(ctx, b.Workers, n, func(i int) error {
		row := rows.Kept[chosen[i]]
		ids := make([]int, row.Input)
		for j := range ids {
			ids[j] = (i + j) % vocab
		}
		b.set.Items[i] = Item{
			Prompt:    protocol.Prompt{Text: b.Tokenizer.Decode(ids, false)},
			PromptLen: int(row.Input),
			OutputLen: int(row.Output),
		}
		return nil
	})
}
