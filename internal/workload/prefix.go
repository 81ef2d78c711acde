package workload

import (
	"context"
	"fmt"

	"tokmeter/internal/protocol"
	"tokmeter/internal/python/random"
)

// prefixRepetition makes groups of prompts that share a random prefix.
//
// vLLM's client makes num_prompts/num_prefixes prompts of each prefix, rounded
// down, and sends fewer than asked when that leaves a rest (quirk Q18). The
// rest is made here from numbers that nothing else draws, and sent last: all
// before it, and every later draw, is as in vLLM's client.
func (b *builder) prefixRepetition(ctx context.Context) error {
	p, n := b.w.Prefix, b.w.NumPrompts
	if p.NumPrefixes < 1 {
		return fmt.Errorf("--prefix-repetition-num-prefixes %d: want 1 or more", p.NumPrefixes)
	}
	each := n / p.NumPrefixes
	if each == 0 {
		return fmt.Errorf("--num-prompts %d is less than --prefix-repetition-num-prefixes %d: every prefix needs a prompt", n, p.NumPrefixes)
	}
	if p.PrefixLen < 0 || p.SuffixLen < 0 || p.PrefixLen+p.SuffixLen < 1 {
		return fmt.Errorf("--prefix-repetition-prefix-len %d and --prefix-repetition-suffix-len %d: want lengths of 0 or more, not both 0", p.PrefixLen, p.SuffixLen)
	}
	rest := n % p.NumPrefixes
	if b.Plan.CompatVLLM() {
		rest = 0
		b.set.bare = true
	}
	b.Randoms.Py.Seed(b.Plan.Seed)
	if err := b.Randoms.Np.Seed(b.Plan.Seed); err != nil {
		return fmt.Errorf("--seed %d: %w", b.Plan.Seed, err)
	}
	ahead, err := random.NewRandomState(b.Plan.Seed)
	if err != nil {
		return fmt.Errorf("--seed %d: %w", b.Plan.Seed, err)
	}
	vocab := int64(b.Tokenizer.VocabSize())
	draws := &tape{draw: func(n int) []int64 { return ahead.RandInts(0, vocab, n) }}

	// One group after another: the prefix, then its suffixes; the rest last.
	group := 1 + each
	main := p.NumPrefixes * group
	pieces := make([]fit, main+rest)
	target := func(i int) int {
		if i < main && i%group == 0 {
			return p.PrefixLen
		}
		return p.SuffixLen
	}
	piece := func(i, from int) (used int) {
		f := fit{ids: draws.read(nil, from, target(i)), target: target(i)}
		f.run(b.Tokenizer)
		pieces[i], used = f.runFrom(b.Tokenizer, draws, from+target(i))
		return used + target(i)
	}
	drawn, err := inOrder(ctx, b.Workers, main, target, piece)
	if err != nil {
		return err
	}
	b.Randoms.Np.RandInts(0, vocab, drawn)
	if _, err := inOrder(ctx, b.Workers, rest, target, func(i, from int) int { return piece(main+i, drawn+from) }); err != nil {
		return err
	}
	return b.joinPieces(ctx, pieces, group, main)
}

// joinPieces makes a prompt of each suffix and its prefix.
func (b *builder) joinPieces(ctx context.Context, pieces []fit, group, main int) error {
	var pairs [][2]int
	off := 0
	for i := range pieces {
		off += pieces[i].off
		switch {
		case i >= main:
			pairs = append(pairs, [2]int{(i - main) * group, i})
		case i%group != 0:
			pairs = append(pairs, [2]int{i - i%group, i})
		}
	}
	items := make([]Item, len(pairs))
	err := each(ctx, b.Workers, len(pairs), func(i int) error {
		prefix, suffix := pieces[pairs[i][0]].ids, pieces[pairs[i][1]].ids
		ids := append(append(make([]int, 0, len(prefix)+len(suffix)), prefix...), suffix...)
		items[i] = Item{
			Prompt:    protocol.Prompt{Text: b.Tokenizer.Decode(ids, false)},
			PromptLen: len(ids),
			OutputLen: b.w.Prefix.OutputLen,
		}
		return nil
	})
	if err != nil {
		return err
	}
	b.warnOff("prompts", off)
	if !b.w.NoShuffle {
		n := main / group * (group - 1)
		b.Randoms.Py.Shuffle(n, func(i, j int) { items[i], items[j] = items[j], items[i] })
	}
	b.set.Items = items
	return nil
}
