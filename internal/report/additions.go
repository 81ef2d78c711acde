package report

import "tokmeter/internal/metrics"

// additions sets what the result file has beyond vLLM's.
func additions(o *object, r *Run) {
	s := &r.Summary
	o.set("outcomes", outcomes(s))
	o.set("failures", failureList(s))
	o.set("clock", s.Clock)
	o.set("client_lag_ms", spreadObject(s.Dists[metrics.ClientLag]))
	o.set("late_ms", spreadObject(s.Dists[metrics.Late]))
	o.set("token_source", sourceObject(s.OutputSources))
	o.set("prompt_token_source", sourceObject(s.PromptSources))
	o.set("ended", s.Reason)
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
	o.set("warnings", warningList(s))
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
