package foreign

import (
	"math"

	"tokmeter/internal/compare"
)

// guideLLM reads GuideLLM's benchmarks.json, one result for each benchmark. Its
// inter_token_latency is the mean gap of a request, which is TPOT here; its
// time_per_output_token counts the first token.
func guideLLM(docs []document) []compare.Result {
	var out []compare.Result
	for _, o := range objects(docs) {
		for _, b := range o.list("benchmarks") {
			if !b.at("metrics").has("time_to_first_token_ms") {
				continue
			}
			out = append(out, guideLLMRun(b, o.at("metadata").text("guidellm_version")))
		}
	}
	return parts(out)
}

func guideLLMRun(b object, version string) compare.Result {
	r := compare.New(named("GuideLLM", version))
	m := b.at("metrics")
	totals := m.at("request_totals")
	r.Requests, r.Failed = totals.count("total"), totals.count("errored")
	if n := totals.count("incomplete"); n > 0 && r.Failed >= 0 {
		r.Failed += n
	}
	r.Seconds = first(b.num("duration"), b.num("run_time"))
	good := func(name string) object { return m.at(name, "successful") }
	distribution(&r, compare.TTFT, good("time_to_first_token_ms"), 1)
	distribution(&r, compare.TPOT, good("inter_token_latency_ms"), 1)
	distribution(&r, compare.E2EL, good("request_latency"), 1e3)
	once(&r, compare.RequestRate, good("requests_per_second").num("mean"))
	once(&r, compare.OutputRate, good("output_tokens_per_second").num("mean"))
	once(&r, compare.TokenRate, good("tokens_per_second").num("mean"))
	r.Know(compare.FactInput, meanText(good("prompt_token_count").num("mean")))
	r.Know(compare.FactOutput, meanText(good("output_token_count").num("mean")))
	strategy := b.at("config", "strategy")
	if strategy.m == nil {
		strategy = b.at("scheduler", "strategy")
	}
	r.Know("profile", strategy.text("type_"))
	if n := first(strategy.num("streams"), strategy.num("max_concurrency")); n > 0 {
		r.Know(compare.FactConcurrency, numberText(n))
	}
	r.Know(compare.FactRate, numberText(strategy.num("rate")))
	r.Lacks(compare.ITL, "it keeps the mean gap of each request, which is compared as TPOT, and no single gaps")
	r.Notes = append(r.Notes, "its ITL is compared as TPOT; its own TPOT counts the first token; E2EL ends with the response; percentiles are values that occurred, not interpolated; request throughput is its rate over time")
	var all []request
	for _, q := range b.at("requests").list("successful") {
		all = append(all, request{
			sent: q.num("request_start_time"), ttft: q.num("time_to_first_token_ms"),
			tpot: q.num("inter_token_latency_ms"), e2el: first(q.num("request_latency")*1e3, math.NaN()),
		})
	}
	series(&r, bySending(all))
	return r
}

// distribution keeps mean and deviation beside the percentiles of an object of
// their own.
func distribution(r *compare.Result, m compare.Metric, o object, scale float64) {
	tell(r, m, o, scale)
	tell(r, m, o.at("percentiles"), scale)
}

// named is a tool with its version, where that is known.
func named(tool, version string) string {
	if version == "" {
		return tool
	}
	return tool + " " + version
}
