package foreign

import (
	"strings"

	"tokmeter/internal/compare"
)

// genAIBench reads genai-bench's files, one a scenario and concurrency, in seconds
// or, by metrics_time_unit, in milliseconds, with one entry a request.
func genAIBench(docs []document) []compare.Result {
	var out []compare.Result
	scale, version, engine := 1e3, "", object{}
	for _, o := range objects(docs) {
		if o.has("benchmark_version", "metrics_time_unit") {
			scale, version, engine = unitScale(o.text("metrics_time_unit")), o.text("benchmark_version"), o
		}
	}
	for _, o := range objects(docs) {
		if !o.at("aggregated_metrics").has("stats", "num_requests") {
			continue
		}
		r := genAIBenchRun(o, scale)
		r.Tool = named(r.Tool, version)
		r.Served(compare.FactModel, engine.text("model"))
		r.Served("server", strings.TrimSpace(engine.text("server_engine")+" "+engine.text("server_version")))
		r.Served("card", strings.TrimSpace(engine.text("server_gpu_type")+" "+engine.text("server_gpu_count")))
		out = append(out, r)
	}
	return parts(out)
}

func genAIBenchRun(o object, scale float64) compare.Result {
	r := compare.New("genai-bench")
	a := o.at("aggregated_metrics")
	r.Requests, r.Failed, r.Seconds = a.count("num_requests"), a.count("num_error_requests"), a.num("run_duration")
	tell(&r, compare.TTFT, a.at("stats", "ttft"), scale)
	tell(&r, compare.TPOT, a.at("stats", "tpot"), scale)
	tell(&r, compare.E2EL, a.at("stats", "e2e_latency"), scale)
	once(&r, compare.RequestRate, a.num("requests_per_second"))
	once(&r, compare.OutputRate, a.num("mean_output_throughput_tokens_per_s"))
	once(&r, compare.TokenRate, a.num("mean_total_tokens_throughput_tokens_per_s"))
	r.Know(compare.FactDataset, a.text("scenario"))
	r.Know(compare.FactConcurrency, a.text("num_concurrency"))
	r.Know(compare.FactInput, meanText(a.at("stats", "num_input_tokens").num("mean")))
	r.Know(compare.FactOutput, meanText(a.at("stats", "num_output_tokens").num("mean")))
	r.Lacks(compare.ITL, "it keeps no gaps")
	r.Notes = append(r.Notes, "each request has a connection of its own, whose set-up is in its TTFT")
	var all []request
	for i, q := range o.list("individual_request_metrics") {
		failed := q.m["error_code"] != nil && q.num("error_code") != 200
		all = append(all, request{sent: float64(i), ttft: q.num("ttft") * scale, tpot: q.num("tpot") * scale, e2el: q.num("e2e_latency") * scale, failed: failed})
	}
	series(&r, all)
	return r
}
