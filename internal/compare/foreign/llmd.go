package foreign

import (
	"strings"

	"tokmeter/internal/compare"
)

// llmD reads llm-d's benchmark reports, versions 0.1 and 0.2, which inference-perf
// writes too: statistics with their units.
func llmD(docs []document) []compare.Result {
	var out []compare.Result
	for _, o := range objects(docs) {
		version := o.text("version")
		switch {
		case o.at("results", "request_performance", "aggregate").m != nil:
			out = append(out, llmDRun(o, o.at("results", "request_performance", "aggregate"), version))
		case o.at("metrics", "latency", "time_to_first_token").m != nil && o.has("scenario"):
			out = append(out, llmDRun(o, o.at("metrics"), version))
		}
	}
	return parts(out)
}

func llmDRun(o, a object, version string) compare.Result {
	r := compare.New(named("llm-d benchmark report", version))
	latency := a.at("latency")
	for m, name := range map[compare.Metric]string{compare.TTFT: "time_to_first_token", compare.TPOT: "time_per_output_token", compare.E2EL: "request_latency"} {
		d := latency.at(name)
		unit, _, _ := strings.Cut(d.text("units"), "/")
		tell(&r, m, d, unitScale(unit))
	}
	t := a.at("throughput")
	rate := func(m compare.Metric, now, before string) {
		once(&r, m, first(t.at(now).num("mean"), t.num(before)))
	}
	rate(compare.RequestRate, "request_rate", "requests_per_sec")
	rate(compare.OutputRate, "output_token_rate", "output_tokens_per_sec")
	rate(compare.TokenRate, "total_token_rate", "total_tokens_per_sec")
	q := a.at("requests")
	r.Requests, r.Failed = q.count("total"), q.count("failures")
	r.Know(compare.FactRequests, q.text("total"))
	r.Know(compare.FactInput, meanText(q.at("input_length").num("mean")))
	r.Know(compare.FactOutput, meanText(q.at("output_length").num("mean")))
	if all := o.at("scenario", "load"); all.m != nil {
		r.Know(compare.FactRate, numberText(first(all.at("standardized").num("rate_qps"), all.num("rate_qps"))))
		r.Know(compare.FactConcurrency, numberText(all.at("standardized").num("concurrency")))
	}
	r.Served(compare.FactModel, first2(o.at("scenario", "model").text("name")))
	r.Lacks(compare.ITL, "tools mean different things by it: gaps of chunks, of tokens, or the mean of a request")
	r.Notes = append(r.Notes, "its numbers are those of the tool that it was made of, whose definitions it does not keep")
	return r
}
