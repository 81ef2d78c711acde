package report

import (
	"fmt"
	"io"

	"tokmeter/internal/metrics"
	"tokmeter/internal/record"
)

// detailed are the keys that only --save-detailed keeps.
var detailed = [...]string{"input_lens", "output_lens", "start_times", "ttfts", "itls", "generated_texts", "errors"}

// JSON writes the result file of r in one line without an end of line: every
// key of vLLM's in vLLM's order and type, then what vLLM does not have. Under
// plan.CompatVLLM it holds vLLM's keys alone.
func JSON(w io.Writer, r Run) error {
	e := newEncoder(w, r.Summary.Compat)
	e.value(result(&r))
	if err := e.w.Flush(); err != nil {
		return fmt.Errorf("result: %w", err)
	}
	return nil
}

// result is the whole object of the result file.
func result(r *Run) *object {
	r.Records = metrics.InOrder(r.Records)
	o := &object{}
	setting(o, r)
	numbers(o, r)
	for _, d := range metrics.Latencies() {
		if d.VLLM && selected(&r.Plan, d.ID) {
			statistics(o, r, d.ID)
		}
	}
	if !r.Plan.Output.SaveDetailed {
		for _, key := range detailed {
			o.drop(key)
		}
	}
	if !r.Summary.Compat {
		additions(o, r)
	}
	if r.Summary.Simulated {
		o.set("simulated", true)
	}
	return o
}

// setting tells what was run.
func setting(o *object, r *Run) {
	p := &r.Plan
	o.set("date", r.Date.Format(dateLayout))
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
	o.set("request_rate", orInf(p.Schedule.RequestRate))
	o.set("burstiness", float64(p.Schedule.Burstiness))
	o.set("max_concurrency", orNull(p.Schedule.MaxConcurrency))
	if p.Schedule.RampStrategy != "" {
		o.set("ramp_up_strategy", p.Schedule.RampStrategy)
		o.set("ramp_up_start_rps", p.Schedule.RampStartRPS)
		o.set("ramp_up_end_rps", p.Schedule.RampEndRPS)
	}
}

func orNone(s string) any {
	if s == "" {
		return nil
	}
	return s
}

// tokenizerID is the tokenizer's name: the model's unless another was named.
func tokenizerID(r *Run) any {
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
func numbers(o *object, r *Run) {
	scalar := scalarsByKey(r)
	for _, key := range []string{
		"duration", "completed", "failed", "total_input_tokens", "total_output_tokens",
		"request_throughput", "request_goodput", "output_throughput", "total_token_throughput",
	} {
		o.set(key, scalar[key])
	}
	v := metrics.ViewOf(r.Plan)
	each := func(key string, f func(*record.Record) any) {
		o.set(key, list{len(r.Records), func(i int) any { return f(r.Records[i]) }})
	}
	each("input_lens", func(c *record.Record) any { return v.Prompt(c).N })
	each("output_lens", func(c *record.Record) any { return v.Output(c).N })
	each("ttfts", func(c *record.Record) any { return v.TTFT(c) })
	var gaps []float64
	each("itls", func(c *record.Record) any {
		gaps = v.AppendITL(gaps[:0], c)
		return gaps
	})
	each("latencies", func(c *record.Record) any { return v.Latency(c) })
	each("start_times", func(c *record.Record) any { return v.Start(c) })
	each("queue_times", func(c *record.Record) any { return v.Queue(c) })
	each("generated_texts", func(c *record.Record) any { return v.Text(c) })
	each("errors", func(c *record.Record) any { return v.Error(c) })
	for _, key := range []string{"max_output_tokens_per_s", "max_concurrent_requests", "rtfx"} {
		o.set(key, scalar[key])
	}
	if len(r.RateChanges) > 0 {
		o.set("rps_change_events", rateChanges(r.RateChanges))
	}
}

func scalarsByKey(r *Run) map[string]any {
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

// statistics sets mean, median, deviation and percentiles of one latency.
func statistics(o *object, r *Run, id metrics.ID) {
	d, ok := r.Summary.Dists[id]
	if !ok {
		return
	}
	o.set("mean_"+string(id)+"_ms", d.Mean)
	o.set("median_"+string(id)+"_ms", d.Median)
	o.set("std_"+string(id)+"_ms", d.Std)
	for _, p := range d.Percentiles {
		o.set("p"+percentileWord(p.P)[1:]+"_"+string(id)+"_ms", p.Value)
	}
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
