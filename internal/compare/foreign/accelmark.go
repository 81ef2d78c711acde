package foreign

import (
	"math"
	"strings"

	"tokmeter/internal/compare"
)

// accelMark reads AccelMark's result.json: of each rate that it tried, percentiles
// that are medians over its runs.
func accelMark(docs []document) []compare.Result {
	var out []compare.Result
	for _, o := range objects(docs) {
		if !o.has("suite_id", "metrics", "chip") {
			continue
		}
		for scenario, v := range o.at("metrics").m {
			in, _ := v.(map[string]any)
			for _, q := range (object{in, o.file}).list("results_by_qps") {
				r := accelMarkRun(o, q)
				r.Know(compare.FactDataset, o.text("suite_id")+" "+scenario)
				out = append(out, r)
			}
			if t := (object{in, o.file}); t.has("throughput_tokens_per_sec") {
				r := accelMarkRun(o, object{})
				r.Part = scenario
				r.Know(compare.FactDataset, o.text("suite_id")+" "+scenario)
				once(&r, compare.OutputRate, t.num("throughput_tokens_per_sec"))
				out = append(out, r)
			}
		}
	}
	return parts(out)
}

func accelMarkRun(o, q object) compare.Result {
	r := compare.New(named("AccelMark", o.text("schema_version")))
	for k := range q.m {
		for m, name := range map[compare.Metric]string{compare.TTFT: "ttft_ms_", compare.TPOT: "tpot_ms_"} {
			if s, ok := strings.CutPrefix(k, name); ok {
				if stat, ok := statistic(s); ok {
					r.Tell(compare.Quantity{Metric: m, Stat: stat}, q.num(k))
				}
			}
		}
	}
	if rate := q.num("target_qps"); !math.IsNaN(rate) {
		r.Know(compare.FactRate, numberText(rate))
	}
	once(&r, compare.RequestRate, q.num("achieved_qps"))
	r.Seconds = q.num("elapsed_seconds_median")
	r.Served(compare.FactModel, o.at("model").text("model_id"))
	r.Served("precision", o.at("model").text("precision"))
	r.Served("card", strings.TrimSpace(o.at("chip").text("count")+" "+o.at("chip").text("name")))
	r.Served("server version", strings.TrimSpace(o.at("software").text("framework")+" "+o.at("software").text("framework_version")))
	r.Lacks(compare.ITL, "it keeps no gaps")
	r.Lacks(compare.E2EL, "it keeps no latency of whole requests")
	r.Notes = append(r.Notes, "its percentiles are medians over its runs")
	return r
}
