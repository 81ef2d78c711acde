package foreign

import (
	"strings"

	"tokmeter/internal/compare"
)

// aiPerf reads what AIPerf and its forerunner genai-perf export: a summary with a
// unit for each metric, and in AIPerf one line a request beside it. Their
// inter_token_latency is the mean of a request, which is TPOT here;
// inter_chunk_latency is ITL.
func aiPerf(docs []document) []compare.Result {
	var out []compare.Result
	var lines []object
	for _, o := range objects(docs) {
		switch {
		case o.at("request_latency").has("unit", "avg") && o.has("request_throughput"):
			out = append(out, aiPerfSummary(o))
		case o.has("metadata", "metrics") && o.at("metrics", "request_latency").has("value"):
			lines = append(lines, o)
		}
	}
	if len(lines) == 0 {
		return parts(out)
	}
	if len(out) == 0 {
		out = append(out, compare.New("AIPerf"))
	}
	if len(out) == 1 {
		aiPerfLines(&out[0], lines)
	}
	return parts(out)
}

func aiPerfSummary(o object) compare.Result {
	r := compare.New("genai-perf")
	if o.has("aiperf_version") || o.has("schema_version") || o.has("benchmark_id") {
		r.Tool = named("AIPerf", o.text("aiperf_version"))
	}
	for m, name := range map[compare.Metric]string{compare.TTFT: "time_to_first_token", compare.TPOT: "inter_token_latency", compare.ITL: "inter_chunk_latency", compare.E2EL: "request_latency"} {
		tell(&r, m, o.at(name), unitScale(o.at(name).text("unit")))
	}
	once(&r, compare.RequestRate, o.at("request_throughput").num("avg"))
	once(&r, compare.OutputRate, o.at("output_token_throughput").num("avg"))
	once(&r, compare.TokenRate, o.at("total_token_throughput").num("avg"))
	once(&r, compare.Goodput, o.at("request_goodput").num("avg"))
	r.Seconds = o.at("benchmark_duration").num("avg")
	good, bad := o.at("request_count").count("avg"), o.at("error_request_count").count("avg")
	if good >= 0 {
		r.Failed = max(0, bad)
		r.Requests = good + r.Failed
		if all := o.at("input_config"); r.Tool == "genai-perf" && all.m == nil {
			r.Failed = -1
		}
	}
	r.Know(compare.FactInput, meanText(o.at("input_sequence_length").num("avg")))
	r.Know(compare.FactOutput, meanText(o.at("output_sequence_length").num("avg")))
	aiPerfConfig(&r, o.at("input_config"))
	r.Notes = append(r.Notes, "its ITL is the mean of each request and is compared as TPOT; E2EL ends with the last response")
	if !o.has("inter_chunk_latency") {
		r.Lacks(compare.ITL, "it keeps the mean gap of each request, which is compared as TPOT, and no single gaps")
	}
	return r
}

// aiPerfConfig keeps what the run was asked for: AIPerf's input_config has changed
// its shape more than once.
func aiPerfConfig(r *compare.Result, c object) {
	phase := object{}
	if all := c.list("phases"); len(all) > 0 {
		phase = all[len(all)-1]
	}
	load := c.at("loadgen")
	r.Know(compare.FactConcurrency, numberText(first(phase.num("concurrency"), load.num("concurrency"), c.at("perf_analyzer", "stimulus").num("concurrency"))))
	r.Know(compare.FactRate, numberText(first(phase.num("rate"), load.num("request_rate"), c.at("perf_analyzer", "stimulus").num("request_rate"))))
	models := c.at("models").list("items")
	if len(models) > 0 {
		r.Served(compare.FactModel, models[0].text("name"))
	} else if names, ok := c.at("endpoint").m["model_names"].([]any); ok && len(names) > 0 {
		name, _ := names[0].(string)
		r.Served(compare.FactModel, name)
	}
	r.Know(compare.FactBackend, c.at("endpoint").text("type"))
}

// unitScale turns a unit of time into milliseconds.
func unitScale(unit string) float64 {
	switch strings.ToLower(unit) {
	case "s", "sec", "seconds":
		return 1e3
	case "us", "µs":
		return 1e-3
	case "ns":
		return 1e-6
	}
	return 1
}

// aiPerfLines keeps the values of single requests, without those of the warm-up.
func aiPerfLines(r *compare.Result, lines []object) {
	var all []request
	failed := 0
	for _, o := range lines {
		if phase := o.at("metadata").text("benchmark_phase"); phase != "" && phase != "profiling" {
			continue
		}
		m := o.at("metrics")
		ms := func(name string) float64 { return m.at(name).num("value") * unitScale(m.at(name).text("unit")) }
		q := request{
			sent: o.at("metadata").num("request_start_ns"), ttft: ms("time_to_first_token"), tpot: ms("inter_token_latency"), e2el: ms("request_latency"),
			gaps: numbers(m.at("inter_chunk_latency").m["value"]), failed: o.m["error"] != nil,
		}
		if q.failed {
			failed++
		}
		all = append(all, q)
	}
	series(r, bySending(all))
	if r.Requests < 0 {
		r.Requests, r.Failed = len(all), failed
	}
}
