package plan

import (
	"math"
	"slices"
	"strings"
)

// The most that a run may ask for: what is beyond them no machine holds, and
// more likely a slip of the finger.
const (
	maxPrompts = 10_000_000
	maxTokens  = 2_000_000_000 // of all prompts together
	maxRPS     = 1_000_000     // at the end of a ramp
)

// fits notes a problem where n prompts of so many tokens each are too many.
func (ps *problems) fits(dataset string, n int, lengths ...int) {
	tokens := 0.0
	for _, l := range lengths {
		tokens += float64(l)
	}
	ps.add(n > maxPrompts || float64(max(n, 1))*tokens <= maxTokens, "%s: %d prompts of %.0f tokens are more than the %d tokens that fit", dataset, n, tokens, maxTokens)
}

// atLeast notes a problem where n is below least.
func (ps *problems) atLeast(what string, n, least int) {
	ps.add(n >= least, "%s: want at least %d, got %d", what, least, n)
}

func (w *Workload) validate(ps *problems) {
	ps.add(w.Dataset != "" || w.Path != "", "no dataset is named: want a name or a file")
	ps.add(w.Dataset == "" || slices.Contains(Datasets(), w.Dataset), "--dataset-name %q is unknown; use one of %s", w.Dataset, strings.Join(Datasets(), ", "))
	if w.Dataset != "custom" && w.Dataset != "requests" && w.Dataset != "" {
		ps.atLeast("--num-prompts", w.NumPrompts, 1)
	}
	ps.add(w.NumPrompts <= maxPrompts, "--num-prompts: want at most %d, got %d", maxPrompts, w.NumPrompts)
	ps.atLeast("--max-model-len", w.MaxModelLen, 0)
	ps.add(w.ChatKwargs == "" || isObject([]byte(w.ChatKwargs)), "--chat-template-kwargs: want a JSON object")
	ps.add(!w.SkipTokenizer || w.Tokenizer == "", "--tokenizer and --skip-tokenizer-init contradict each other: leave one out")
	switch w.Dataset {
	case "random", "prefix_repetition":
		ps.add(w.Path == "", "the dataset %s has no file, but %s is given: leave one out or name the dataset of the file", w.Dataset, w.Path)
	case "burstgpt", "custom", "timed_trace", "requests":
		ps.add(w.Path != "", "the dataset %s needs the path of its file: give --dataset-path FILE", w.Dataset)
	}
	if w.SkipTokenizer {
		ps.add(slices.Contains([]string{"custom", "requests", ""}, w.Dataset), "the dataset %s needs a tokenizer: only custom and requests can skip it", w.Dataset)
	}
	w.validateLengths(ps)
}

// validateLengths looks at the lengths of the dataset that is asked for.
func (w *Workload) validateLengths(ps *problems) {
	switch w.Dataset {
	case "random":
		r := w.Random
		ps.atLeast("--random-input-len", r.InputLen, 0)
		ps.atLeast("--random-output-len", r.OutputLen, 0)
		ps.atLeast("--random-prefix-len", r.PrefixLen, 0)
		ps.atLeast("--random-batch-size", r.BatchSize, 1)
		for _, x := range []float64{r.InputRange, r.OutputRange} {
			if !(x >= 0 && x < 1) {
				ps.add(false, "--random-range-ratio: want 0 or more and less than 1, got %v", x)
				break
			}
		}
		ps.fits("random", w.NumPrompts, r.InputLen, r.PrefixLen)
		ps.add(r.InputLen != 0 || r.PrefixLen != 0, "--random-input-len and --random-prefix-len are 0: prompts have no token")
	case "sharegpt":
		ps.atLeast("--sharegpt-output-len", w.ShareGPT.OutputLen, 0)
	case "custom":
		ps.add(w.Custom.OutputLen == -1 || w.Custom.OutputLen > 0, "--custom-output-len: want at least 1, or -1 for each line's own, got %d", w.Custom.OutputLen)
	case "prefix_repetition":
		f := w.Prefix
		ps.atLeast("--prefix-repetition-prefix-len", f.PrefixLen, 0)
		ps.atLeast("--prefix-repetition-suffix-len", f.SuffixLen, 0)
		ps.atLeast("--prefix-repetition-output-len", f.OutputLen, 1)
		ps.atLeast("--prefix-repetition-num-prefixes", f.NumPrefixes, 1)
		ps.add(w.NumPrompts < 1 || f.NumPrefixes <= w.NumPrompts, "--prefix-repetition-num-prefixes: %d prefixes are more than the %d prompts of --num-prompts", f.NumPrefixes, w.NumPrompts)
		ps.fits("prefix_repetition", w.NumPrompts, f.PrefixLen, f.SuffixLen)
		ps.add(f.PrefixLen != 0 || f.SuffixLen != 0, "--prefix-repetition-prefix-len and --prefix-repetition-suffix-len are 0: prompts have no token")
	case "sonnet":
		s := w.Sonnet
		ps.atLeast("--sonnet-output-len", s.OutputLen, 1)
		ps.atLeast("--sonnet-prefix-len", s.PrefixLen, 0)
		ps.fits("sonnet", w.NumPrompts, s.InputLen)
		ps.add(s.InputLen > s.PrefixLen, "--sonnet-input-len: %d must be greater than --sonnet-prefix-len %d", s.InputLen, s.PrefixLen)
	case "timed_trace":
		t := w.Trace
		ps.atLeast("--timed-trace-chunk-hash-size", t.ChunkSize, 1)
		ps.add(t.Multiplier > 0 && !math.IsInf(t.Multiplier, 0), "--timed-trace-sec-multiplier: want more than 0, got %v", t.Multiplier)
	}
}

func (l *Load) validate(ps *problems) {
	rate := float64(l.RequestRate)
	ps.add(rate > 0, "--request-rate: want more than 0, or inf, got %v", rate)
	ps.add(l.Burstiness > 0, "--burstiness: want more than 0, or inf, got %v", float64(l.Burstiness))
	ps.atLeast("--max-concurrency", l.MaxConcurrency, 0)
	l.Stop.validate(ps, l)
	if l.RampStrategy == "" {
		return
	}
	ps.add(l.RampStrategy == "linear" || l.RampStrategy == "exponential", "--ramp-up-strategy: want linear or exponential, got %q", l.RampStrategy)
	ps.add(math.IsInf(rate, 1) || !(rate > 0), "--ramp-up-strategy and --request-rate %v contradict each other: leave out --request-rate", rate)
	ps.add(!l.SelfTimed, "--ramp-up-strategy and --self-timed contradict each other: leave one out")
	ps.atLeast("--ramp-up-start-rps", l.RampStartRPS, 1)
	ps.add(l.RampEndRPS <= maxRPS, "--ramp-up-end-rps: want at most %d, got %d", maxRPS, l.RampEndRPS)
	ps.add(l.RampStartRPS <= l.RampEndRPS, "--ramp-up-start-rps %d is greater than --ramp-up-end-rps %d", l.RampStartRPS, l.RampEndRPS)
}

// validateTogether finds parts that contradict each other.
func (p Plan) validateTogether(ps *problems) {
	w, backend := p.Workload.Dataset, p.Target.Backend
	ps.add(!p.Load.SelfTimed || slices.Contains([]string{"timed_trace", "requests", ""}, w), "--self-timed needs a dataset with times, timed_trace or requests: %s has none", w)
	completions := backend == "vllm" || backend == "openai"
	ps.add(completions || w != "timed_trace", "the dataset timed_trace sends token ids and needs a completions backend, vllm or openai, not %s", backend)
	ps.add(completions || !p.Workload.AsTokenIDs, "--prompt-token-ids needs a completions backend, vllm or openai, not %s", backend)
	ps.add(completions || w != "random" || p.Workload.Random.BatchSize <= 1, "--random-batch-size above 1 needs a completions backend, vllm or openai, not %s", backend)
	ps.add(!p.Workload.AsTokenIDs || !p.Workload.SkipTokenizer, "--prompt-token-ids needs a tokenizer")
}
