package foreign

import (
	"slices"
	"strings"

	"tokmeter/internal/compare"
	"tokmeter/internal/stats"
)

// llmPerf reads llmperf's summary, in seconds, and its file of individual
// responses beside it. Its inter-token latency is E2EL over all tokens, the first
// one too, so TPOT can be had of the individual responses alone.
func llmPerf(docs []document) []compare.Result {
	const ms = 1e3
	var out []compare.Result
	for _, o := range objects(docs) {
		if !o.has("results_ttft_s_mean") && !o.has("results_ttft_s") {
			continue
		}
		r := compare.New("llmperf")
		for m, name := range map[compare.Metric]string{compare.TTFT: "ttft_s", compare.E2EL: "end_to_end_latency_s"} {
			tell(&r, m, llmPerfStats(o, "results_"+name), ms)
		}
		once(&r, compare.OutputRate, o.num("results_mean_output_throughput_token_per_s"))
		once(&r, compare.RequestRate, first(o.num("results_num_completed_requests_per_min"), o.num("results_num_completed_requests_per_minute"))/60)
		r.Requests, r.Failed = o.count("results_num_requests_started"), o.count("results_number_errors")
		r.Know(compare.FactRequests, o.text("results_num_requests_started"))
		r.Know(compare.FactConcurrency, o.text("num_concurrent_requests"))
		r.Know(compare.FactInput, meanText(llmPerfStats(o, "results_number_input_tokens").num("mean")))
		r.Know(compare.FactOutput, meanText(llmPerfStats(o, "results_number_output_tokens").num("mean")))
		r.Served(compare.FactModel, o.text("model"))
		r.Lacks(compare.TPOT, "its inter-token latency counts the first token: give the file of individual responses beside the summary")
		r.Lacks(compare.ITL, "it keeps no single gaps")
		r.Notes = append(r.Notes, "tokens are counted with one tokenizer for all models")
		out = append(out, r)
	}
	lines := llmPerfLines(docs)
	if len(lines) > 0 && len(out) == 0 {
		out = append(out, compare.New("llmperf"))
	}
	if len(out) == 1 && len(lines) > 0 {
		series(&out[0], lines)
		if len(out[0].Series[compare.TPOT]) > 0 {
			out[0].Unequal = slices.DeleteFunc(out[0].Unequal, func(u compare.Unequal) bool { return u.Metric == compare.TPOT })
		}
	}
	return parts(out)
}

// llmPerfStats gathers results_ttft_s_mean and results_ttft_s_quantiles_p99, or the
// nested object that older versions have.
func llmPerfStats(o object, name string) object {
	if in := o.at(name); in.m != nil {
		found := object{m: map[string]any{}}
		for k, v := range in.m {
			found.m[k] = v
		}
		for k, v := range in.at("quantiles").m {
			found.m[k] = v
		}
		return found
	}
	found := object{m: map[string]any{}}
	for k, v := range o.m {
		if s, ok := strings.CutPrefix(k, name+"_"); ok {
			found.m[strings.TrimPrefix(s, "quantiles_")] = v
		}
	}
	return found
}

func llmPerfLines(docs []document) []request {
	const ms = 1e3
	var out []request
	for _, d := range docs {
		for _, v := range d.values {
			for _, o := range (object{m: map[string]any{"all": v}}).list("all") {
				if !o.has("ttft_s", "end_to_end_latency_s") {
					continue
				}
				q := request{sent: float64(len(out)), ttft: o.num("ttft_s") * ms, e2el: o.num("end_to_end_latency_s") * ms, failed: o.m["error_code"] != nil}
				q.tpot = stats.TPOT(q.ttft, q.e2el, o.num("number_output_tokens"))
				out = append(out, q)
			}
		}
	}
	return out
}
