package measure

import (
	"math"
	"slices"
	"strconv"
	"strings"

	"tokmeter/internal/cli/flags"
	"tokmeter/internal/plan"
)

// timed lists the datasets whose entries carry the time at which they are due.
func timed() []string { return []string{"timed_trace", "requests"} }

// firstGiven is the value of the first of the flags that was given, else of
// the last.
func (b *serveBuilder) firstGiven(names ...string) int {
	for _, name := range names {
		if b.Given(name) {
			return b.Integer(name)
		}
	}
	return b.Integer(names[len(names)-1])
}

func (b *serveBuilder) workload(dataset string) plan.Workload {
	in, out, _ := flags.ParseRatio(b.Text("random-range-ratio"))
	tokenizer := b.Text("tokenizer")
	if b.On("skip-tokenizer-init") && tokenizer != "" {
		b.note("--tokenizer does not count beside --skip-tokenizer-init")
		tokenizer = ""
	}
	w := plan.Workload{
		Dataset:       dataset,
		Path:          b.Text("dataset-path"),
		NumPrompts:    b.Integer("num-prompts"),
		NoOversamp:    b.On("no-oversample"),
		NoShuffle:     b.On("disable-shuffle"),
		SkipChat:      b.On("skip-chat-template"),
		ChatKwargs:    b.Text("chat-template-kwargs"),
		MaxModelLen:   b.Integer("max-model-len"),
		AsTokenIDs:    b.On("prompt-token-ids"),
		Tokenizer:     tokenizer,
		SkipTokenizer: b.On("skip-tokenizer-init"),
		Salt:          b.salt,
		Random: plan.Random{
			InputLen:    b.firstGiven("input-len", "random-input-len"),
			OutputLen:   b.firstGiven("output-len", "random-output-len"),
			InputRange:  in,
			OutputRange: out,
			PrefixLen:   b.Integer("random-prefix-len"),
			BatchSize:   b.Integer("random-batch-size"),
		},
		ShareGPT: plan.ShareGPT{OutputLen: b.firstGiven("output-len", "sharegpt-output-len")},
		Custom:   plan.Custom{OutputLen: b.firstGiven("output-len", "custom-output-len")},
		Prefix: plan.Prefix{
			PrefixLen:   b.Integer("prefix-repetition-prefix-len"),
			SuffixLen:   b.Integer("prefix-repetition-suffix-len"),
			NumPrefixes: b.Integer("prefix-repetition-num-prefixes"),
			OutputLen:   b.firstGiven("output-len", "prefix-repetition-output-len"),
		},
		Sonnet: plan.Sonnet{
			InputLen:  b.firstGiven("input-len", "sonnet-input-len"),
			OutputLen: b.firstGiven("output-len", "sonnet-output-len"),
			PrefixLen: b.Integer("sonnet-prefix-len"),
		},
		Trace: plan.Trace{
			ChunkSize:   b.Integer("timed-trace-chunk-hash-size"),
			Multiplier:  b.Number("timed-trace-sec-multiplier"),
			Timestamp:   b.Text("timed-trace-label-timestamp"),
			InputLength: b.Text("timed-trace-label-input-length"),
			OutputLen:   b.Text("timed-trace-label-output-length"),
			HashIDs:     b.Text("timed-trace-label-hash-ids"),

			ChunkSizeGiven:  b.Given("timed-trace-chunk-hash-size"),
			MultiplierGiven: b.Given("timed-trace-sec-multiplier"),
		},
	}
	if dataset == "requests" && !b.Given("num-prompts") {
		w.NumPrompts = 0
	}
	return w
}

func (b *serveBuilder) load(dataset string) plan.Load {
	s := plan.Load{
		RequestRate:    plan.Float(b.Number("request-rate")),
		Burstiness:     plan.Float(b.Number("burstiness")),
		RampStrategy:   b.Text("ramp-up-strategy"),
		RampStartRPS:   b.Integer("ramp-up-start-rps"),
		RampEndRPS:     b.Integer("ramp-up-end-rps"),
		SelfTimed:      b.On("self-timed"),
		MaxConcurrency: b.Integer("max-concurrency"),
		Grace:          grace,
		Stop:           b.stop(),
	}
	if slices.Contains(timed(), dataset) && !b.Given("self-timed") {
		s.SelfTimed = true
	}
	return s
}

// goals reads METRIC:MS words; the last one for a metric counts.
func (b *serveBuilder) goals(list []string) []plan.Goal {
	var out []plan.Goal
	for _, word := range list {
		metric, limit, ok := strings.Cut(word, ":")
		x, err := flags.ParseFloat(limit)
		if !ok || err != nil {
			b.problem("--goodput: want METRIC:MS such as ttft:200, got %q", flags.Shorten(word))
			continue
		}
		out = slices.DeleteFunc(out, func(g plan.Goal) bool { return g.Metric == metric })
		out = append(out, plan.Goal{Metric: metric, LimitMs: x})
	}
	return out
}

// slos reads --goal.
func (b *serveBuilder) slos() []plan.SLO {
	if !b.Given("goal") {
		return nil
	}
	out, err := plan.ParseSLOs(b.Text("goal"))
	if err != nil {
		b.problem("--goal: %v", err)
	}
	return out
}

func (b *serveBuilder) output() plan.Output {
	return plan.Output{
		Label:         b.Text("label"),
		Metrics:       b.metrics(b.Text("percentile-metrics")),
		Percentiles:   b.percentiles(b.Text("metric-percentiles")),
		Metadata:      b.keyValues("metadata"),
		SaveResult:    b.On("save-result"),
		SaveDetailed:  b.On("save-detailed"),
		AppendResult:  b.On("append-result"),
		ResultDir:     b.Text("result-dir"),
		ResultFile:    b.Text("result-filename"),
		RecordDir:     b.Text("record-dir"),
		NoRecord:      b.On("no-record"),
		SaveRequests:  b.Text("save-requests"),
		PyTorchFormat: b.env.Getenv("SAVE_TO_PYTORCH_BENCHMARK_FORMAT") != "",
	}
}

// PercentileMetrics are the names that --percentile-metrics may list.
func PercentileMetrics() []string { return plan.Metrics() }

// metrics reads --percentile-metrics. Under compat vllm unknown names count
// for nothing, as they do there.
func (b *serveBuilder) metrics(list string) []string {
	if list == "" {
		return []string{"ttft", "tpot", "itl"}
	}
	var out []string
	for _, name := range strings.Split(list, ",") {
		if b.Text("compat") == "vllm" {
			if !slices.Contains(plan.Metrics(), name) {
				continue
			}
		} else {
			name = strings.TrimSpace(name)
		}
		if !slices.Contains(out, name) {
			out = append(out, name)
		}
	}
	return out
}

// percentiles reads --metric-percentiles.
func (b *serveBuilder) percentiles(list string) []float64 {
	var out []float64
	for _, word := range strings.Split(list, ",") {
		x, err := flags.ParseFloat(word)
		if err != nil {
			b.problem("--metric-percentiles: %w", err)
			continue
		}
		out = append(out, x)
	}
	return out
}

// crossChecks finds what is wrong with the flags together and does not show in
// the plan.
func (b *serveBuilder) crossChecks(p *plan.Plan) {
	for _, name := range []string{"max-concurrency", "max-model-len"} {
		if b.Given(name) && b.Integer(name) == 0 {
			b.problem("--%s: want at least 1, got 0", name)
		}
	}
	b.checkRuns()
	b.checkLengths(p.Workload.Dataset)
	b.checkTimes(p)
	if b.Given("record-dir") && b.On("no-record") {
		b.problem("--record-dir and --no-record contradict each other")
	}
	if b.Given("save-detailed") && !b.On("save-result") && !b.On("append-result") {
		b.note("--save-detailed writes nothing without --save-result or --append-result")
	}
	if p.Target.Virtual && !p.Target.Simulated {
		b.problem("--virtual needs --simulate: only an engine inside can run on a virtual clock")
	}
	if b.notActed != nil {
		b.problems = append(b.problems, b.notActed)
	}
}

// checkLengths refuses lengths that a dataset has no use for.
func (b *serveBuilder) checkLengths(dataset string) {
	length := func(names ...string) {
		for _, name := range names {
			if b.Given(name) && b.Integer(name) < 1 {
				b.problem("--%s: want at least 1, got %d", name, b.Integer(name))
			}
		}
	}
	if dataset == "sharegpt" || dataset == "" {
		length("output-len", "sharegpt-output-len")
	}
	own := func(flagPrefix, name string) {
		if dataset == name || dataset == "" {
			return
		}
		for _, f := range b.Table {
			if b.Given(f.Name) && strings.HasPrefix(f.Name, flagPrefix) && f.Refused == "" && !f.IsDefault(b.Text(f.Name)) {
				b.note("--%s does not count for the dataset %s", f.Name, dataset)
			}
		}
	}
	general := func(name string, datasets ...string) {
		if b.Given(name) && dataset != "" && !slices.Contains(datasets, dataset) {
			b.note("--%s does not count for the dataset %s", name, dataset)
		}
	}
	general("input-len", "random", "sonnet")
	general("output-len", "random", "sharegpt", "custom", "prefix_repetition", "sonnet")
	own("random-", "random")
	own("sharegpt-", "sharegpt")
	own("custom-", "custom")
	own("prefix-repetition-", "prefix_repetition")
	own("sonnet-", "sonnet")
	own("timed-trace-", "timed_trace")
}

// checkTimes refuses and notes what contradicts the times of the dataset.
func (b *serveBuilder) checkTimes(p *plan.Plan) {
	dataset := p.Workload.Dataset
	if b.Given("self-timed") && dataset != "" && !slices.Contains(timed(), dataset) {
		b.problem("--self-timed and --no-self-timed need a dataset with times: %s", strings.Join(timed(), " or "))
	}
	if p.Load.SelfTimed && !math.IsInf(float64(p.Load.RequestRate), 1) {
		if b.Given("self-timed") {
			b.problem("--self-timed and --request-rate contradict each other: leave one out")
		} else {
			b.note("--request-rate %s does not count: %s carries its own times; --no-self-timed makes it count", strconv.FormatFloat(float64(p.Load.RequestRate), 'g', -1, 64), dataset)
			if !p.CompatVLLM() {
				p.Load.RequestRate = plan.Float(math.Inf(1))
			}
		}
	}
	if p.Load.RampStrategy == "" {
		for _, name := range []string{"ramp-up-start-rps", "ramp-up-end-rps"} {
			if b.Given(name) {
				b.problem("--%s needs --ramp-up-strategy", name)
			}
		}
		return
	}
	for _, name := range []string{"ramp-up-start-rps", "ramp-up-end-rps"} {
		if !b.Given(name) {
			b.problem("--ramp-up-strategy needs --%s", name)
		}
	}
}
