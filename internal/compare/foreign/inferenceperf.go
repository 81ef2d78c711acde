package foreign

import (
	"tokmeter/internal/compare"
	"tokmeter/internal/stats"
)

// inferencePerf reads inference-perf's summary_lifecycle_metrics.json or a stage's,
// in seconds, and per_request_lifecycle_metrics.json beside it, which has the times
// of chunks: of these everything is made anew.
func inferencePerf(docs []document) []compare.Result {
	var stages, whole []compare.Result
	for _, o := range objects(docs) {
		if !o.has("load_summary", "successes") {
			continue
		}
		r := inferencePerfSummary(o)
		if o.at("load_summary").has("requested_rate") || o.at("load_summary").has("concurrency") {
			r.Part = trimName(o.file)
			stages = append(stages, r)
			continue
		}
		whole = append(whole, r)
	}
	lines := perRequest(docs)
	switch {
	case len(whole) == 0 && len(stages) == 0 && len(lines) == 0:
		return nil
	case len(whole) == 0 && len(stages) == 0:
		whole = append(whole, compare.New("inference-perf"))
		whole[0].Requests = len(lines)
	case len(whole) > 0 && len(stages) == 1:
		whole[0].Workload = stages[0].Workload // one stage is the whole
		stages = nil
	}
	if len(whole) == 1 && len(lines) > 0 {
		chunks(&whole[0], lines)
	}
	out := whole
	out = append(out, stages...)
	if len(out) > 1 {
		for i := range out {
			if out[i].Part == "" {
				out[i].Part = "all stages"
			}
		}
	}
	return parts(out)
}

func inferencePerfSummary(o object) compare.Result {
	r := compare.New("inference-perf")
	good := o.at("successes")
	latency := good.at("latency")
	tell(&r, compare.TTFT, latency.at("time_to_first_token"), 1e3)
	tell(&r, compare.TPOT, latency.at("time_per_output_token"), 1e3)
	tell(&r, compare.E2EL, latency.at("request_latency"), 1e3)
	once(&r, compare.RequestRate, good.at("throughput").num("requests_per_sec"))
	once(&r, compare.OutputRate, good.at("throughput").num("output_tokens_per_sec"))
	once(&r, compare.TokenRate, good.at("throughput").num("total_tokens_per_sec"))
	r.Requests, r.Failed = o.at("load_summary").count("count"), o.at("failures").count("count")
	r.Seconds = o.num("benchmark_time_seconds")
	r.Know(compare.FactRequests, o.at("load_summary").text("count"))
	if o.at("load_summary").has("concurrency") {
		r.Know(compare.FactConcurrency, o.at("load_summary").text("concurrency"))
	} else {
		r.Know(compare.FactRate, numberText(o.at("load_summary").num("requested_rate")))
	}
	r.Know(compare.FactInput, meanText(first(good.at("prompt_tokens").num("mean"), good.at("prompt_len").num("mean"))))
	r.Know(compare.FactOutput, meanText(first(good.at("output_tokens").num("mean"), good.at("output_len").num("mean"))))
	r.Lacks(compare.ITL, "its summary counts gaps of 0 inside a chunk that its tokenizer splits")
	r.Notes = append(r.Notes, "its summary counts tokens with its own tokenizer; E2EL ends with the body")
	return r
}

// perRequest is the entries of per_request_lifecycle_metrics.json.
func perRequest(docs []document) []object {
	var out []object
	for _, d := range docs {
		for _, v := range d.values {
			for _, o := range (object{m: map[string]any{"all": v}}).list("all") {
				if o.has("start_time", "end_time", "info") {
					out = append(out, o)
				}
			}
		}
	}
	return out
}

// chunks makes the values of single requests of the times of their chunks.
func chunks(r *compare.Result, lines []object) {
	const ms = 1e3
	var all []request
	some := false
	for _, o := range lines {
		start := o.num("start_time")
		q := request{sent: start, failed: o.m["error"] != nil}
		info := o.at("info")
		if m := info.at("response_metrics"); m.m != nil {
			info = m
		}
		times := info.numbers("chunk_times")
		if len(times) == 0 {
			times = info.numbers("output_token_times")
		}
		if len(times) == 0 {
			q.failed = true
			all = append(all, q)
			continue
		}
		some = true
		last := times[len(times)-1]
		q.ttft, q.e2el = (times[0]-start)*ms, (last-start)*ms
		tokens := first(info.at("server_usage").num("completion_tokens"), info.num("output_tokens"))
		q.tpot = stats.TPOT(q.ttft, q.e2el, tokens)
		for i := 1; i < len(times); i++ {
			q.gaps = append(q.gaps, (times[i]-times[i-1])*ms)
		}
		all = append(all, q)
	}
	if !some {
		return
	}
	series(r, bySending(all))
	r.Unequal = nil
	r.Notes = []string{"made of the times of its chunks and of the server's counts, not of its summary"}
}
