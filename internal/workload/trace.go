package workload

import (
	"context"
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"

	"tokmeter/internal/dataset"
	"tokmeter/internal/plan"
	"tokmeter/internal/protocol"
	"tokmeter/internal/python"
	"tokmeter/internal/python/random"
)

// timedTrace replays a trace of lengths, times and hashes of prompt blocks.
// Equal hashes give equal tokens, so prefixes are shared as in the trace. The
// tokens come from the hash that Python gives the block's name when
// PYTHONHASHSEED is the seed (under --compat vllm, which ignores it: 0).
func (b *builder) timedTrace(ctx context.Context) error {
	t := b.w.Trace
	if t.ChunkSize < 1 {
		return fmt.Errorf("--timed-trace-chunk-hash-size %d: want 1 or more", t.ChunkSize)
	}
	seed := b.Plan.Seed
	if b.Plan.CompatVLLM() {
		seed = 0
		b.Randoms.Py.Seed(0)
		if err := b.Randoms.Np.Seed(0); err != nil {
			return err
		}
	}
	labels := dataset.Labels{Timestamp: t.Timestamp, InputLength: t.InputLength, OutputLength: t.OutputLen, HashIDs: t.HashIDs}
	entries, err := dataset.ReadTrace(b.Data, labels, b.w.NumPrompts)
	if err != nil {
		return err
	}
	if !b.Plan.CompatVLLM() {
		rebase(entries)
		if isMooncake(entries) {
			b.takeMooncake(&t)
		}
	}
	hash := python.NewHash(uint32(seed))
	ids := vocabularyIDs(b.Tokenizer)
	if len(ids) == 0 {
		return fmt.Errorf("dataset timed_trace: the tokenizer has no token that is not special (give another with --tokenizer)")
	}
	b.set.Items = make([]Item, len(entries))
	b.set.Timed = true
	b.set.Report.Entries, b.set.Report.Kept = len(entries), len(entries)
	err = each(ctx, b.Workers, len(entries), func(i int) error {
		e := &entries[i]
		size := t.ChunkSize
		if len(e.HashIDs) == 0 && !b.Plan.CompatVLLM() { // a prompt of its own, of its length
			e.HashIDs, size = []string{fmt.Sprintf("line %d", i)}, e.Input
		}
		p := expand(e, size, ids, hash)
		b.set.Items[i] = Item{
			Prompt:    protocol.Prompt{IDs: p},
			PromptLen: len(p),
			OutputLen: e.Output,
			At:        toDuration(e.Time * t.Multiplier),
		}
		return nil
	})
	if err != nil {
		return err
	}
	b.warnShort(entries, t.ChunkSize)
	return nil
}

// Mooncake's traces have a hash for each 512 tokens and count milliseconds.
const (
	mooncakeChunk      = 512
	mooncakeMultiplier = 0.001
)

// isMooncake reports whether a trace is one of Mooncake's: every prompt has as
// many hashes as it has blocks of 512 tokens, some have several, and times are
// whole numbers.
func isMooncake(entries []dataset.TraceEntry) bool {
	several := false
	for _, e := range entries {
		n := len(e.HashIDs)
		if e.Time != math.Trunc(e.Time) || n > 0 && n != (e.Input+mooncakeChunk-1)/mooncakeChunk {
			return false
		}
		several = several || n > 1
	}
	return several
}

// takeMooncake sets Mooncake's units where the user gave none.
func (b *builder) takeMooncake(t *plan.Trace) {
	var taken []string
	if !t.ChunkSizeGiven {
		t.ChunkSize = mooncakeChunk
		taken = append(taken, "each hash stands for 512 tokens (--timed-trace-chunk-hash-size)")
	}
	if !t.MultiplierGiven {
		t.Multiplier = mooncakeMultiplier
		taken = append(taken, "times are milliseconds (--timed-trace-sec-multiplier)")
	}
	if len(taken) > 0 {
		b.warn("the trace is Mooncake's by its form: %s", strings.Join(taken, ", "))
	}
}

// rebase orders the calls by time and lets the first be at 0 (quirk Q16).
func rebase(entries []dataset.TraceEntry) {
	slices.SortStableFunc(entries, func(x, y dataset.TraceEntry) int {
		switch {
		case x.Time < y.Time:
			return -1
		case x.Time > y.Time:
			return 1
		}
		return 0
	})
	if len(entries) == 0 {
		return
	}
	first := entries[0].Time
	for i := range entries {
		entries[i].Time -= first
	}
}

// expand makes the prompt of a call: for each hash a block of size tokens, the
// last one cut to what is missing.
func expand(e *dataset.TraceEntry, size int, vocabulary []int, hash python.Hash) []int {
	missing := e.Input
	prompt := make([]int, 0, min(missing, size*len(e.HashIDs)))
	var rng *random.Random
	for _, h := range e.HashIDs {
		n := min(size, missing)
		seed := int64(uint32(hash.Sum(h + ":" + strconv.Itoa(n))))
		if rng == nil {
			rng = random.NewRandom(seed)
		} else {
			rng.Seed(seed)
		}
		for _, i := range rng.Choices(len(vocabulary), n) {
			prompt = append(prompt, vocabulary[i])
		}
		if missing -= n; missing <= 0 {
			break
		}
	}
	return prompt
}

// warnShort says that prompts are shorter than the trace has them: vLLM's
// client sends these too, without a word.
func (b *builder) warnShort(entries []dataset.TraceEntry, chunk int) {
	short := 0
	for i := range entries {
		if b.set.Items[i].PromptLen < entries[i].Input {
			short++
		}
	}
	if short > 0 {
		b.warn("%d of %d prompts are shorter than the trace says: their hashes cover %d tokens each (--timed-trace-chunk-hash-size; Mooncake's traces have 512, Qwen's 16)",
			short, len(entries), chunk)
	}
}

// vocabularyIDs lists the ids that are not special in order, with those of
// added tokens where the tokenizer can name them.
func vocabularyIDs(t Tokenizer) []int {
	ids := allowedIDs(t)
	named, ok := t.(interface {
		IDToToken(id int) (string, bool)
	})
	if !ok {
		return ids
	}
	const gap = 4096 // added tokens leave no larger hole
	special := specialSet(t)
	ids = ids[:0]
	for id, last := 0, t.VocabSize(); id < last+gap; id++ {
		if _, ok := named.IDToToken(id); !ok {
			continue
		}
		last = max(last, id)
		if !special[id] {
			ids = append(ids, id)
		}
	}
	return ids
}
