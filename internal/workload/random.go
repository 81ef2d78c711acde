package workload

import (
	"context"
	"fmt"
	"math"
	"slices"

	"tokmeter/internal/protocol"
	"tokmeter/internal/python/random"
)

// random makes prompts of consecutive tokens from random places of the
// vocabulary. Only the length's correction draws in between, so all prompts are
// decoded and encoded at once, and those that need more tokens go in order.
func (b *builder) random(ctx context.Context) error {
	r := b.w.Random
	rng, err := random.NewGenerator(b.Plan.Seed)
	if err != nil {
		return fmt.Errorf("--seed %d: %w", b.Plan.Seed, err)
	}
	length := max(0, r.InputLen-b.Tokenizer.SpecialToAdd())
	if least := r.PrefixLen + int(math.Floor(float64(length)*(1-r.InputRange))); least < 1 {
		return fmt.Errorf("--random-input-len %d leaves prompts of %d tokens, %d of them special (raise it or --random-prefix-len, or lower --random-range-ratio)",
			r.InputLen, least, b.Tokenizer.SpecialToAdd())
	}
	n, vocab := b.w.NumPrompts, int64(b.Tokenizer.VocabSize())
	allowed := allowedIDs(b.Tokenizer)
	if len(allowed) == 0 {
		return fmt.Errorf("dataset random: the tokenizer has no token that is not special (give another with --tokenizer)")
	}
	inputs := rng.Integers(lowest(length, r.InputRange, 0), highest(length, r.InputRange, 0)+1, n)
	outputs := rng.Integers(lowest(r.OutputLen, r.OutputRange, 1), highest(r.OutputLen, r.OutputRange, 1)+1, n)
	offsets := rng.Integers(0, vocab, n)
	prefix := b.randomPrefix(rng, allowed, vocab)

	fits := make([]fit, n)
	err = each(ctx, b.Workers, n, func(i int) error {
		ids := slices.Grow(slices.Clone(prefix), int(inputs[i]))
		for j := range int(inputs[i]) {
			ids = append(ids, allowed[(int(offsets[i])+i+j)%len(allowed)])
		}
		fits[i] = fit{ids: ids, target: r.PrefixLen + int(inputs[i])}
		fits[i].run(b.Tokenizer)
		if fits[i].need == 0 {
			fits[i].ids = nil // the text is enough, and a run may have many
		}
		return nil
	})
	if err != nil {
		return err
	}
	if err := b.settle(ctx, fits, &tape{draw: func(n int) []int64 { return rng.Integers(0, vocab, n) }}); err != nil {
		return err
	}
	off := 0
	for i := range fits {
		off += fits[i].off
		b.add(protocol.Prompt{Text: fits[i].text}, fits[i].size, int(outputs[i]))
	}
	b.warnOff("prompts", off)
	b.batch(r.BatchSize)
	return nil
}

// settle finishes the fits that wait for random tokens, in order.
func (b *builder) settle(ctx context.Context, fits []fit, draws *tape) error {
	var waiting []int
	for i := range fits {
		if fits[i].need > 0 {
			waiting = append(waiting, i)
		}
	}
	done := make([]fit, len(waiting))
	_, err := inOrder(ctx, b.Workers, len(waiting),
		func(k int) int { return fits[waiting[k]].need },
		func(k, from int) (used int) {
			done[k], used = fits[waiting[k]].runFrom(b.Tokenizer, draws, from)
			return used
		})
	for k, i := range waiting {
		fits[i] = done[k]
	}
	return err
}

// randomPrefix makes the tokens that all prompts begin with.
func (b *builder) randomPrefix(rng *random.Generator, allowed []int, vocab int64) []int {
	n := b.w.Random.PrefixLen
	if n <= 0 {
		return nil
	}
	f := fit{target: n}
	for _, at := range rng.Integers(0, int64(len(allowed)), n) {
		f.ids = append(f.ids, allowed[at])
	}
	f.run(b.Tokenizer)
	for f.need > 0 {
		for _, id := range rng.Integers(0, vocab, f.need) {
			f.ids = append(f.ids, int(id))
		}
		f.need = 0
		f.tries++
		f.run(b.Tokenizer)
	}
	b.warnOff("prefix", f.off)
	return f.ids
}

func (b *builder) warnOff(what string, off int) {
	switch {
	case off > 0:
		b.warn("%s: %d more tokens than asked after decoding and encoding again", what, off)
	case off < 0:
		b.warn("%s: %d fewer tokens than asked after decoding and encoding again", what, -off)
	}
}

// batch puts every n prompts into one request. As in vLLM's client, where it
// serves embeddings, such a request asks for no output.
func (b *builder) batch(n int) {
	if n <= 1 {
		return
	}
	single := b.set.Items
	b.set.Items = nil
	for part := range slices.Chunk(single, n) {
		var p protocol.Prompt
		tokens := 0
		for _, it := range part {
			p.Batch = append(p.Batch, it.Prompt.Text)
			tokens += it.PromptLen
		}
		b.add(p, tokens, 0)
	}
	b.warn("--random-batch-size %d: requests with several prompts ask for no output", n)
}

// lowest is the smallest length drawn around mean, at least least.
func lowest(mean int, ratio float64, least int64) int64 {
	return max(int64(math.Floor(float64(mean)*(1-ratio))), least)
}

// highest is the largest length drawn around mean, at least least.
func highest(mean int, ratio float64, least int64) int64 {
	return max(int64(math.Ceil(float64(mean)*(1+ratio))), least)
}

// allowedIDs lists the ids of the vocabulary that are not special.
func allowedIDs(t Tokenizer) []int {
	special := specialSet(t)
	ids := make([]int, 0, t.VocabSize())
	for id := range t.VocabSize() {
		if !special[id] {
			ids = append(ids, id)
		}
	}
	return ids
}

func specialSet(t Tokenizer) map[int]bool {
	set := make(map[int]bool)
	for _, id := range t.SpecialIDs() {
		set[id] = true
	}
	return set
}
