package workload

import (
	"context"
	"errors"
	"fmt"
	"math"
	"runtime"
	"slices"
	"strings"
	"sync/atomic"
	"time"
	"unicode/utf8"

	"tokmeter/internal/dataset"
	"tokmeter/internal/plan"
	"tokmeter/internal/protocol"
	"tokmeter/internal/python/random"
	"tokmeter/internal/record"
)

// Randoms are the two generators that vLLM's client seeds at its start and
// draws from until its last request is planned: the workload draws first, the
// schedule goes on where it stopped.
type Randoms struct {
	Py *random.Random      // Python's random
	Np *random.RandomState // numpy.random
}

// NewRandoms seeds both with the plan's seed. A seed that NumPy does not take,
// one outside 0 to 2³²−1, is an error.
func NewRandoms(seed int64) (*Randoms, error) {
	np, err := random.NewRandomState(seed)
	if err != nil {
		return nil, fmt.Errorf("--seed %d: %w", seed, err)
	}
	return &Randoms{random.NewRandom(seed), np}, nil
}

// A Template renders the chat template of the model for one turn of the user,
// with the generation prompt at its end.
type Template func(user string) (string, error)

// A Config is what a workload is built from.
type Config struct {
	Plan      *plan.Plan
	Tokenizer Tokenizer      // nil where there is none; only custom and requests do without
	Template  Template       // nil where the model has none
	Data      *dataset.Input // the opened file of --dataset-path; nil where the dataset has none
	Randoms   *Randoms       // just seeded; Build leaves them where vLLM's client would
	Workers   int            // goroutines that encode; 0 means one for each processor
}

// A Set is a workload: its requests in order of sending, without bodies.
type Set struct {
	Items  []Item
	Report record.Workload
	// Timed says that the items carry due times of their own, in At.
	Timed bool

	bare bool // requests carry no x-request-id
}

// Build makes the workload of c.Plan. Equal plans, tokenizers, files and seeds
// give equal sets, and where no quirk is named in docs/workloads.md the prompts
// and lengths are those of vLLM's client.
func Build(ctx context.Context, c Config) (*Set, error) {
	b := &builder{Config: c, w: &c.Plan.Workload, set: &Set{}}
	if b.Workers <= 0 {
		b.Workers = runtime.GOMAXPROCS(0)
	}
	sample, err := b.sampler()
	if err != nil {
		return nil, err
	}
	err = sample(ctx)
	if t, ok := c.Tokenizer.(interface{ Err() error }); ok && t.Err() != nil {
		err = fmt.Errorf("tokenizer: %w (its tokenizer.json is broken or hostile: name another with --tokenizer)", t.Err())
	}
	if err != nil {
		return nil, err
	}
	if n := b.halves.Load(); n > 0 {
		b.warn("%d texts of the dataset hold half of a surrogate pair, which no tokenizer takes: it is sent as U+FFFD", n)
	}
	if err := b.finish(ctx); err != nil {
		return nil, err
	}
	return b.set, nil
}

// A builder is one call of Build.
type builder struct {
	Config
	w      *plan.Workload
	set    *Set
	halves atomic.Int64 // texts that held half of a surrogate pair
}

// whole makes text fit for a tokenizer: half of a surrogate pair, at which
// vLLM's client stops with an error, becomes U+FFFD.
func (b *builder) whole(text string) string {
	if b.Tokenizer == nil || utf8.ValidString(text) {
		return text
	}
	b.halves.Add(1)
	return strings.ToValidUTF8(text, "\uFFFD")
}

// sampler checks what the dataset needs and returns the function that makes it.
func (b *builder) sampler() (func(context.Context) error, error) {
	name := b.w.Dataset
	kinds := map[string]struct {
		sample          func(context.Context) error
		file, tokenizer bool
	}{
		"random":            {b.random, false, true},
		"prefix_repetition": {b.prefixRepetition, false, true},
		"sharegpt":          {b.shareGPT, true, true},
		"burstgpt":          {b.burstGPT, true, true},
		"custom":            {b.custom, true, !b.w.SkipTokenizer},
		"sonnet":            {b.sonnet, false, true},
		"timed_trace":       {b.timedTrace, true, true},
		"requests":          {b.saved, true, false},
	}
	k, ok := kinds[name]
	switch {
	case !ok:
		return nil, fmt.Errorf("dataset %q is not one of random, sharegpt, burstgpt, custom, prefix_repetition, sonnet, timed_trace, requests", name)
	case k.file && b.Data == nil:
		return nil, fmt.Errorf("dataset %s needs a file (give it with --dataset-path)", name)
	case k.tokenizer && b.w.SkipTokenizer:
		return nil, fmt.Errorf("dataset %s needs a tokenizer (leave --skip-tokenizer-init out; only custom and requests do without)", name)
	case k.tokenizer && b.Tokenizer == nil:
		return nil, fmt.Errorf("dataset %s needs a tokenizer (give one with --tokenizer)", name)
	case b.w.NumPrompts < 1 && name != "custom" && name != "requests":
		return nil, fmt.Errorf("--num-prompts %d: want 1 or more", b.w.NumPrompts)
	case b.w.AsTokenIDs && b.chat():
		return nil, fmt.Errorf("--prompt-token-ids: backend %s takes text alone (use vllm or openai)", b.Plan.Target.Backend)
	case name == "timed_trace" && b.chat():
		return nil, fmt.Errorf("dataset timed_trace asks with token ids, backend %s takes text alone (use vllm or openai)", b.Plan.Target.Backend)
	case b.w.AsTokenIDs && b.Tokenizer == nil && name != "requests":
		return nil, errors.New("--prompt-token-ids needs a tokenizer (give one with --tokenizer)")
	}
	return k.sample, nil
}

// chat says that the server applies the chat template itself.
func (b *builder) chat() bool {
	backend, _ := protocol.Named(b.Plan.Target.Backend)
	return backend.Chat
}

func (b *builder) warn(format string, args ...any) {
	b.set.Report.Warnings = append(b.set.Report.Warnings, record.Warning{Code: "workload", Text: fmt.Sprintf(format, args...)})
}

// add puts one request at the end.
func (b *builder) add(p protocol.Prompt, promptLen, outputLen int) {
	b.set.Items = append(b.set.Items, Item{Prompt: p, PromptLen: promptLen, OutputLen: outputLen})
}

// count returns the number of tokens of text.
func (b *builder) count(text string, addSpecial bool) int {
	if c, ok := b.Tokenizer.(interface{ Count(string, bool) int }); ok {
		return c.Count(text, addSpecial)
	}
	return len(b.Tokenizer.Encode(text, addSpecial))
}

// oversample repeats requests at random until there are n, as vLLM's client
// does: Python's generator is seeded again first.
func (b *builder) oversample(n int) error {
	r := &b.set.Report
	if len(b.set.Items) == 0 {
		return b.nothingLeft()
	}
	if b.w.NoOversamp || len(b.set.Items) >= n {
		return nil
	}
	b.Randoms.Py.Seed(b.Plan.Seed)
	have := len(b.set.Items)
	for range n - have {
		b.set.Items = append(b.set.Items, b.set.Items[b.Randoms.Py.Choice(have)])
	}
	r.Oversampled = n - have
	return nil
}

// nothingLeft is the error of a dataset without a single usable entry.
func (b *builder) nothingLeft() error {
	r := &b.set.Report
	name := b.w.Dataset
	if b.Data != nil {
		name = b.Data.Name()
	}
	return fmt.Errorf("dataset %s: none of %d entries can be used: %s (give another file or other lengths)", name, r.Entries, r.Dropped)
}

// finish does what is the same for every dataset.
func (b *builder) finish(ctx context.Context) error {
	if err := b.asIDs(ctx); err != nil {
		return err
	}
	b.limit()
	if len(b.set.Items) == 0 {
		return fmt.Errorf("--max-model-len %d leaves none of %d requests: all ask for more tokens (raise it, or ask for shorter prompts and outputs)", b.w.MaxModelLen, b.set.Report.TooLong)
	}
	b.loras()
	b.set.count()
	return nil
}

// asIDs turns text into the ids that the server would make of it.
func (b *builder) asIDs(ctx context.Context) error {
	if !b.w.AsTokenIDs {
		return nil
	}
	items := b.set.Items
	if slices.ContainsFunc(items, func(it Item) bool { return it.Prompt.Batch != nil }) {
		return errors.New("--prompt-token-ids: a request with several prompts goes as text alone (leave --random-batch-size out)")
	}
	if b.Tokenizer == nil && slices.ContainsFunc(items, func(it Item) bool { return it.Prompt.IDs == nil }) {
		return errors.New("--prompt-token-ids needs a tokenizer for this file (give one with --tokenizer)")
	}
	return each(ctx, b.Workers, len(items), func(i int) error {
		if items[i].Prompt.IDs == nil {
			ids := b.Tokenizer.Encode(items[i].Prompt.Text, true)
			items[i].Prompt, items[i].PromptLen = protocol.Prompt{IDs: ids}, len(ids)
		}
		return nil
	})
}

// limit drops what a model of --max-model-len tokens cannot take.
func (b *builder) limit() {
	n := b.w.MaxModelLen
	if n <= 0 {
		return
	}
	before := len(b.set.Items)
	b.set.Items = slices.DeleteFunc(b.set.Items, func(it Item) bool { return it.PromptLen+it.OutputLen > n })
	if d := before - len(b.set.Items); d > 0 {
		b.set.Report.TooLong = d
		b.warn("%d of %d requests dropped: their prompt and output exceed --max-model-len %d", d, before, n)
	}
}

// loras gives each request its LoRA module.
func (b *builder) loras() {
	names := b.Plan.Target.LoRAModules
	if len(names) == 0 {
		return
	}
	for i := range b.set.Items {
		if b.Plan.Target.LoRAAssignment == "round-robin" {
			b.set.Items[i].Model = names[i%len(names)]
		} else {
			b.set.Items[i].Model = names[b.Randoms.Py.Choice(len(names))]
		}
	}
}

// Times returns the due times of a timed set, in order of sending.
func (s *Set) Times() []time.Duration {
	at := make([]time.Duration, len(s.Items))
	for i := range s.Items {
		at[i] = s.Items[i].At
	}
	return at
}

// toDuration rounds seconds to nanoseconds; what does not fit is cut.
func toDuration(seconds float64) time.Duration {
	ns := math.Round(seconds * 1e9)
	return time.Duration(min(max(ns, -1<<62), 1<<62))
}
