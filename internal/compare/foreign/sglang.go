package foreign

import "tokmeter/internal/compare"

// sgLang reads what SGLang's bench_serving appends: one object a run, with the
// mean of E2EL as mean_e2e_latency_ms.
func sgLang(docs []document) []compare.Result {
	var out []compare.Result
	for _, o := range objects(docs) {
		if !o.has("mean_e2e_latency_ms", "mean_ttft_ms", "completed") {
			continue
		}
		r := compare.New("SGLang bench_serving")
		servingKeys(&r, o)
		for m, name := range map[compare.Metric]string{compare.TTFT: "ttft", compare.TPOT: "tpot", compare.ITL: "itl", compare.E2EL: "e2e_latency"} {
			vLLMTold(&r, m, o, name)
		}
		done := o.count("completed")
		if in, errs := o.numbers("input_lens"), o.m["errors"]; errs != nil && len(in) > 0 && done >= 0 {
			r.Requests, r.Failed = len(in), max(0, len(in)-done)
		} else if n := o.count("num_prompts"); n >= done && done >= 0 {
			r.Requests, r.Failed = n, n-done
		}
		if _, in := o.m["max_concurrency"]; !in {
			r.Notes = append(r.Notes, "its file does not say how many requests were in flight at most")
		}
		r.Notes = append(r.Notes, "its E2EL ends with the end of the stream, not with the last token; gaps are split where an event has several tokens")
		arrays(&r, o)
		out = append(out, r)
	}
	return parts(out)
}
