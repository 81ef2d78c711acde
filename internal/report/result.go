package report

import (
	"fmt"
	"io"

	"tokmeter/internal/metrics"
	"tokmeter/internal/record"
	"tokmeter/internal/result"
)

// An array is a key of vLLM's with one entry for each request, in order of
// sending.
type array struct {
	key      string
	unit     string
	formula  string
	detailed bool // only --save-detailed keeps it
	value    func(metrics.View, *record.Record) any
}

// arrays returns the arrays in vLLM's order.
func arrays() []array {
	var gaps []float64
	return []array{
		{"input_lens", "tokens", "prompt tokens, by the server's usage where it gives it", true,
			func(v metrics.View, r *record.Record) any { return v.Prompt(r).N }},
		{"output_lens", "tokens", "output tokens; 0 for a failed request", true,
			func(v metrics.View, r *record.Record) any { return v.Output(r).N }},
		{"ttfts", "s", "ttft; 0.0 without a token", true,
			func(v metrics.View, r *record.Record) any { return v.TTFT(r) }},
		{"itls", "s", "the gaps of itl, one list a request", true,
			func(v metrics.View, r *record.Record) any {
				gaps = v.AppendITL(gaps[:0], r)
				return gaps
			}},
		{"latencies", "s", "e2el; 0.0 for a failed request", false,
			func(v metrics.View, r *record.Record) any { return v.Latency(r) }},
		{"start_times", "s", "sent, since the start of the run", true,
			func(v metrics.View, r *record.Record) any { return v.Start(r) }},
		{"queue_times", "s", "client_queue_time", false,
			func(v metrics.View, r *record.Record) any { return v.Queue(r) }},
		{"generated_texts", "", "the answer alone, without reasoning", true,
			func(v metrics.View, r *record.Record) any { return v.Text(r) }},
		{"errors", "", "the words of the server or the system; \"\" for a successful request", true,
			func(v metrics.View, r *record.Record) any { return v.Error(r) }},
	}
}

// of is the array over records.
func (a array) of(v metrics.View, recs record.Pass) list {
	return func(yield func(any, error) bool) {
		for r, err := range recs {
			if err != nil {
				yield(nil, err)
				return
			}
			if !yield(a.value(v, r), nil) {
				return
			}
		}
	}
}

// JSON writes the result file of r in one line without an end of line: every
// key of vLLM's in vLLM's order and type, then what vLLM does not have. Under
// plan.CompatVLLM it holds vLLM's keys alone.
func JSON(w io.Writer, r result.Result) error {
	if err := writeJSON(w, &r); err != nil {
		return fmt.Errorf("result: %w", err)
	}
	return nil
}

func writeJSON(w io.Writer, r *result.Result) error {
	e := newEncoder(w, r.Summary.Compat)
	e.value(resultObject(r))
	return e.flush()
}

// resultObject is the whole object of the result file.
func resultObject(r *result.Result) *object {
	o := &object{}
	setting(o, r)
	numbers(o, r)
	o.sections(r, true)
	for _, d := range metrics.Latencies() {
		if dist, ok := r.Summary.Dists[d.ID]; ok && d.VLLM && selected(&r.Plan, d.ID) {
			o.merge(result.Describe(d.ID, dist))
		}
	}
	o.sections(r, false)
	return o
}

// sections sets the keys of vLLM's sections, or those of the others.
func (o *object) sections(r *result.Result, vllm bool) {
	for _, s := range r.Sections {
		if s.VLLM == vllm {
			o.merge(s.JSON)
		}
	}
}

func (o *object) merge(f result.Fields) {
	for _, x := range f {
		o.set(x.Key, x.Value)
	}
}

// setting tells what was run.
func setting(o *object, r *result.Result) {
	p := &r.Plan
	o.set("date", r.Head.Begun.Format(dateLayout))
	o.set("endpoint_type", p.Target.Backend)
	o.set("backend", p.Target.Backend)
	o.set("label", orNone(p.Output.Label))
	o.set("model_id", p.Target.Model)
	o.set("tokenizer_id", tokenizerID(r))
	if r.Summary.Compat { // Q19
		o.set("num_prompts", p.Workload.NumPrompts)
	} else {
		o.set("num_prompts", r.Summary.Requests)
	}
	for _, kv := range p.Output.Metadata {
		o.set(kv.Key, kv.Value)
	}
	o.set("request_rate", orInf(p.Load.RequestRate))
	o.set("burstiness", float64(p.Load.Burstiness))
	o.set("max_concurrency", orNull(p.Load.MaxConcurrency))
	if p.Load.RampStrategy != "" {
		o.set("ramp_up_strategy", p.Load.RampStrategy)
		o.set("ramp_up_start_rps", p.Load.RampStartRPS)
		o.set("ramp_up_end_rps", p.Load.RampEndRPS)
	}
}

func orNone(s string) any {
	if s == "" {
		return nil
	}
	return s
}

// tokenizerID is the tokenizer's name: the model's unless another was named.
func tokenizerID(r *result.Result) any {
	w := &r.Plan.Workload
	switch {
	case w.SkipTokenizer:
		return nil
	case w.Tokenizer != "":
		return w.Tokenizer
	}
	return r.Plan.Target.Model
}

// numbers sets vLLM's scalars and arrays.
func numbers(o *object, r *result.Result) {
	scalar := scalarsByKey(r)
	for _, key := range []string{
		"duration", "completed", "failed", "total_input_tokens", "total_output_tokens",
		"request_throughput", "request_goodput", "output_throughput", "total_token_throughput",
	} {
		o.set(key, scalar[key])
	}
	v := metrics.ViewOf(r.Plan)
	for _, a := range arrays() {
		if !a.detailed || r.Plan.Output.SaveDetailed {
			o.set(a.key, a.of(v, r.Records))
		} else {
			o.drop(a.key) // also where the user's metadata has the name, as in vLLM
		}
	}
	for _, key := range []string{"max_output_tokens_per_s", "max_concurrent_requests", "rtfx"} {
		o.set(key, scalar[key])
	}
	if len(r.RateChanges) > 0 {
		o.set("rps_change_events", rateChanges(r.RateChanges))
	}
}

func scalarsByKey(r *result.Result) map[string]any {
	m := map[string]any{}
	for _, d := range scalars() {
		m[d.key] = d.value(&r.Summary, &r.Plan)
	}
	return m
}

// rateChanges writes times as Python's datetime.isoformat does.
func rateChanges(changes []metrics.RateChange) []any {
	var all []any
	for _, c := range changes {
		e := &object{}
		e.set("rps", c.RPS)
		layout := "2006-01-02T15:04:05.000000"
		if c.At.Nanosecond()/1000 == 0 {
			layout = "2006-01-02T15:04:05"
		}
		e.set("timestamp", c.At.Format(layout))
		all = append(all, e)
	}
	return all
}

// drop removes a key.
func (o *object) drop(key string) {
	if _, ok := o.values[key]; !ok {
		return
	}
	delete(o.values, key)
	for i, k := range o.keys {
		if k == key {
			o.keys = append(o.keys[:i], o.keys[i+1:]...)
			return
		}
	}
}
