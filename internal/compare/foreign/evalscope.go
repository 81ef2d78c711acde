package foreign

import (
	"strings"

	"tokmeter/internal/compare"
)

// evalScope reads evalscope's benchmark_summary.json and the percentiles beside it.
// Names and units of its keys have changed, so both are read off the key: "Avg TTFT
// (ms)", "Average time to first token (s)".
func evalScope(docs []document) []compare.Result {
	var out []compare.Result
	for _, o := range objects(docs) {
		get := spelled(o)
		if get("output throughput", "output token throughput") != get("output throughput", "output token throughput") || !some(o, "Failed requests") {
			continue
		}
		r := compare.New("evalscope perf")
		r.Requests, r.Failed = whole(get("total requests")), whole(get("failed requests"))
		r.Seconds = get("test duration", "time taken for tests")
		mean := func(m compare.Metric, names ...string) {
			r.Tell(compare.Quantity{Metric: m}, get(names...)*1e3)
		}
		mean(compare.TTFT, "avg ttft", "average time to first token")
		mean(compare.TPOT, "avg tpot", "average time per output token")
		mean(compare.ITL, "avg itl", "average inter-token latency")
		mean(compare.E2EL, "avg latency", "average latency")
		once(&r, compare.RequestRate, get("req throughput", "request throughput"))
		once(&r, compare.OutputRate, get("output throughput", "output token throughput"))
		once(&r, compare.TokenRate, get("total throughput", "total token throughput"))
		r.Know(compare.FactRequests, numberText(get("total requests")))
		r.Know(compare.FactConcurrency, numberText(get("concurrency", "number of concurrency")))
		if rate := get("request rate"); rate > 0 {
			r.Know(compare.FactRate, numberText(rate))
		}
		r.Know(compare.FactInput, meanText(get("avg input tokens", "average input tokens per request")))
		r.Know(compare.FactOutput, meanText(get("avg output tokens", "average output tokens per request")))
		r.Notes = append(r.Notes, "its numbers are rounded to a tenth of a microsecond and more; E2EL ends with the last data")
		out = append(out, r)
	}
	if len(out) == 1 {
		evalScopePercentiles(&out[0], docs)
		evalScopeArguments(&out[0], docs)
	}
	return parts(out)
}

// some reports whether a key is there, in whichever case.
func some(o object, name string) bool {
	for k := range o.m {
		if strings.EqualFold(k, name) {
			return true
		}
	}
	return false
}

// spelled finds numbers by the names of their keys without units and case, times in
// seconds.
func spelled(o object) func(names ...string) float64 {
	type entry struct{ value float64 }
	known := map[string]entry{}
	for k := range o.m {
		name, unit, _ := strings.Cut(strings.ToLower(k), "(")
		v := o.num(k)
		if strings.TrimSuffix(unit, ")") == "ms" {
			v /= 1e3
		}
		known[strings.TrimSpace(name)] = entry{v}
	}
	return func(names ...string) float64 {
		for _, n := range names {
			if e, ok := known[n]; ok {
				return e.value
			}
		}
		return number(nil)
	}
}

func whole(x float64) int {
	if x >= 0 && x < 1e12 {
		return int(x)
	}
	return -1
}

// evalScopePercentiles reads benchmark_percentile.json: a list with an entry a
// percentile, or an object of lists.
func evalScopePercentiles(r *compare.Result, docs []document) {
	for _, d := range docs {
		for _, v := range d.values {
			for _, o := range (object{m: map[string]any{"all": v}}).list("all") {
				s, ok := statistic(o.text("Percentiles"))
				if !ok {
					continue
				}
				get := spelled(o)
				for m, name := range map[compare.Metric]string{compare.TTFT: "ttft", compare.TPOT: "tpot", compare.ITL: "itl", compare.E2EL: "latency"} {
					r.Tell(compare.Quantity{Metric: m, Stat: s}, get(name)*1e3)
				}
			}
		}
	}
}

func evalScopeArguments(r *compare.Result, docs []document) {
	for _, o := range objects(docs) {
		if o.has("max_prompt_length", "parallel", "model") {
			r.Served(compare.FactModel, o.text("model"))
			r.Know(compare.FactDataset, o.text("dataset"))
			r.Know(compare.FactBackend, o.text("api"))
		}
	}
}
