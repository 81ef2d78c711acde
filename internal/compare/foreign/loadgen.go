package foreign

import (
	"regexp"
	"strings"

	"tokmeter/internal/compare"
)

// loadGen reads MLPerf LoadGen's mlperf_log_summary.txt: lines of key and value,
// latencies in nanoseconds.
func loadGen(docs []document) []compare.Result {
	var out []compare.Result
	for _, d := range docs {
		if len(d.values) > 0 || !strings.Contains(d.text, "MLPerf Results Summary") {
			continue
		}
		out = append(out, loadGenRun(d))
	}
	return parts(out)
}

var loadGenPercentile = regexp.MustCompile(`^([0-9.]+) percentile (latency|first token latency|time (?:to|per) output token) \(ns\)$`)

func loadGenRun(d document) compare.Result {
	const ms = 1e-6
	r := compare.New("MLPerf LoadGen")
	keys := object{m: map[string]any{}}
	for line := range strings.Lines(d.text) {
		k, v, ok := strings.Cut(line, ":")
		if ok {
			if k = strings.ToLower(strings.Join(strings.Fields(k), " ")); keys.m[k] == nil {
				keys.m[k] = strings.TrimSpace(v)
			}
		}
	}
	metric := map[string]compare.Metric{"latency": compare.E2EL, "first token latency": compare.TTFT, "time to output token": compare.TPOT, "time per output token": compare.TPOT}
	scenario := keys.text("scenario")
	for k := range keys.m {
		m := loadGenPercentile.FindStringSubmatch(k)
		if m == nil {
			continue
		}
		if s, ok := statistic("p" + m[1]); ok {
			r.Tell(compare.Quantity{Metric: metric[m[2]], Stat: s}, keys.num(k)*ms)
		}
	}
	for name, m := range metric {
		r.Tell(compare.Quantity{Metric: m}, keys.num("mean "+name+" (ns)")*ms)
	}
	once(&r, compare.OutputRate, first(keys.num("tokens per second"), keys.num("completed tokens per second")))
	once(&r, compare.RequestRate, first(keys.num("samples per second"), keys.num("completed samples per second")))
	r.Know(compare.FactDataset, "scenario "+scenario)
	r.Know("result", keys.text("result is"))
	if rate := keys.text("target_qps"); strings.EqualFold(scenario, "Server") {
		r.Know(compare.FactRate, rate)
	}
	r.Served("system", keys.text("sut name"))
	r.Lacks(compare.ITL, "it keeps no gaps")
	if strings.EqualFold(scenario, "Offline") {
		r.Lacks(compare.E2EL, "Offline gives all samples at once, so that its latency is the time in the queue")
		for q := range r.Told {
			if q.Metric == compare.E2EL {
				delete(r.Told, q)
			}
		}
	} else {
		r.Notes = append(r.Notes, "latencies count from when a sample was due, not from when it was sent")
	}
	return r
}
