package report

import (
	"tokmeter/internal/metrics"
	"tokmeter/internal/record"
	"tokmeter/internal/result"
)

// An addition is a key of the result file that vLLM does not have and that
// holds more than one number.
type addition struct {
	key     string
	formula string
	value   func(*result.Result) any
}

// added returns the additions in the order of the result file.
func added() []addition {
	return []addition{
		{"plan_hash", "hash of what decides about the requests: runs that have the same sent the same prompts, lengths and parameters at the same times, to whatever server; null for runs of versions that had none",
			func(r *result.Result) any { return textOrNull(r.Head.PlanHash) }},
		{"outcomes", "requests by outcome, every outcome named",
			func(r *result.Result) any { return outcomes(&r.Summary) }},
		{"failures", "failed requests grouped by outcome, status and reason: how many, which was the first, and its words",
			func(r *result.Result) any { return failureList(&r.Summary) }},
		{"clock", "whose stamps the responses carry: kernel, reader, mixed, or none without a response",
			func(r *result.Result) any { return r.Summary.Clock }},
		{"client_lag_ms", "P50, P99 and maximum of client_lag; null where the kernel gave no stamp",
			func(r *result.Result) any { return spreadObject(r.Summary.Dists[metrics.ClientLag]) }},
		{"late_ms", "P50, P99 and maximum of late",
			func(r *result.Result) any { return spreadObject(r.Summary.Dists[metrics.Late]) }},
		{"token_source", "successful requests by who counted their output tokens: usage, token_ids, tokenize (the server's), tokenizer (a local one), events",
			func(r *result.Result) any { return sourceObject(r.Summary.OutputSources) }},
		{"prompt_token_source", "the same for prompt tokens; asked is the workload's own count",
			func(r *result.Result) any { return sourceObject(r.Summary.PromptSources) }},
		{"steady_state", "closed loops (--max-concurrency without a rate) alone: the part of the run from the first moment at which 95 % of the limit was under way until the last; its rates, and ttft and tpot of the requests sent in it; null where there is none",
			func(r *result.Result) any { return steadyObject(r.Summary.Steady) }},
		{"workload", "what became of the dataset's entries: how many there are and were kept, why others were dropped, how many were not needed; how many requests repeat others or were too long, how many prompts differ",
			func(r *result.Result) any { return workloadObject(r.Summary.Workload) }},
		{"speed_of_light", limitFormula,
			func(r *result.Result) any { return limitObject(r.Summary.Limit) }},
		{"implied_bandwidth", impliedFormula,
			func(r *result.Result) any { return impliedObject(r.Summary.Implied) }},
		{"ended", "why the run ended",
			func(r *result.Result) any { return r.Summary.Reason }},
		{"warnings", "reasons to doubt a number: code and text",
			func(r *result.Result) any { return warningList(&r.Summary) }},
	}
}

// additions sets what the result file has beyond vLLM's.
func additions(o *object, r *result.Result) {
	s := &r.Summary
	for _, a := range added() {
		o.set(a.key, a.value(r))
	}
	for _, d := range scalars() {
		if !d.vllm {
			o.set(d.key, d.value(s, &r.Plan))
		}
	}
	for _, d := range metrics.Latencies() {
		if !d.VLLM && d.ID != metrics.Late && d.ID != metrics.ClientLag {
			statistics(o, r, d.ID)
		}
	}
}

func steadyObject(s *metrics.Steady) any {
	if s == nil {
		return nil
	}
	o := &object{}
	o.set("threshold", s.Threshold)
	o.set("start_s", s.Start)
	o.set("end_s", s.End)
	o.set("completed", s.Completed)
	o.set("request_throughput", s.RequestThroughput)
	o.set("input_throughput", s.InputThroughput)
	o.set("output_throughput", s.OutputThroughput)
	o.describe(metrics.TTFT, s.TTFT)
	o.describe(metrics.TPOT, s.TPOT)
	return o
}

func workloadObject(w *record.Workload) any {
	if w == nil {
		return nil
	}
	dropped := []any{}
	for _, d := range w.Dropped {
		o := &object{}
		o.set("reason", d.Reason)
		o.set("n", d.N)
		dropped = append(dropped, o)
	}
	o := &object{}
	o.set("entries", w.Entries)
	o.set("kept", w.Kept)
	o.set("dropped", dropped)
	o.set("unused", w.Unused)
	o.set("oversampled", w.Oversampled)
	o.set("too_long", w.TooLong)
	o.set("unique_prompts", w.Unique)
	return o
}

func outcomes(s *metrics.Summary) *object {
	o := &object{}
	for _, c := range s.Outcomes {
		o.set(string(c.Outcome), c.N)
	}
	return o
}

func failureList(s *metrics.Summary) []any {
	all := []any{}
	for _, f := range s.Failures {
		o := &object{}
		o.set("outcome", string(f.Outcome))
		o.set("status", orNull(f.Status))
		o.set("count", f.N)
		o.set("request", f.Index)
		o.set("example", f.Example)
		all = append(all, o)
	}
	return all
}

// spreadObject has null for what is not known.
func spreadObject(d metrics.Dist) *object {
	o := &object{}
	for _, v := range []struct {
		key   string
		value float64
	}{{"p50", d.P50}, {"p99", d.P99}, {"max", d.Max}} {
		if d.N == 0 {
			o.set(v.key, nil)
			continue
		}
		o.set(v.key, v.value)
	}
	return o
}

func sourceObject(list []metrics.SourceCount) *object {
	o := &object{}
	for _, c := range list {
		name := string(c.Source)
		if name == "" {
			name = "unknown"
		}
		o.set(name, c.N)
	}
	return o
}

func warningList(s *metrics.Summary) []any {
	all := []any{}
	for _, w := range s.Warnings {
		o := &object{}
		o.set("code", w.Code)
		o.set("text", w.Text)
		all = append(all, o)
	}
	return all
}

// textOrNull is a text, or null where there is none.
func textOrNull(s string) any {
	if s == "" {
		return nil
	}
	return s
}
