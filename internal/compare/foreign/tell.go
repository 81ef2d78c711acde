package foreign

import (
	"fmt"
	"math"
	"strconv"
	"strings"

	"tokmeter/internal/compare"
	"tokmeter/internal/stats"
)

// tell keeps a latency's statistics of an object whose keys are statistics, such as
// mean, median, p99, 99%, p99p9 or std, times scale for milliseconds.
func tell(r *compare.Result, m compare.Metric, o object, scale float64) {
	for k := range o.m {
		v := o.num(k)
		if std(k) && v >= 0 {
			r.Std[m] = v * scale
		}
		if s, ok := statistic(k); ok {
			r.Tell(compare.Quantity{Metric: m, Stat: s}, v*scale)
		}
	}
}

// std reports whether a key is one of a standard deviation.
func std(k string) bool {
	switch k {
	case "std", "stddev", "std_dev":
		return true
	}
	return false
}

// statistic reads the ways in which tools write a statistic: mean, avg, median, p50,
// p99, p99.9, p999 (of GuideLLM), p99p9 (of llm-d), 99%.
func statistic(k string) (stats.Statistic, bool) {
	switch k {
	case "mean", "avg":
		return stats.OfMean, true
	case "median":
		return 50, true
	case "p999":
		return 99.9, true
	case "p001", "p01", "p05": // GuideLLM's for 0.1, 1 and 5
		return map[string]stats.Statistic{"p001": 0.1, "p01": 1, "p05": 5}[k], true
	}
	digits, ok := strings.CutPrefix(k, "p")
	if !ok {
		digits, ok = strings.CutSuffix(k, "%")
	}
	p, err := strconv.ParseFloat(strings.Replace(digits, "p", ".", 1), 64)
	if !ok || err != nil || !(p > 0 && p < 100) {
		return 0, false
	}
	return stats.Statistic(p), true
}

// once keeps a number that a run has once.
func once(r *compare.Result, m compare.Metric, v float64) {
	r.Tell(compare.Quantity{Metric: m}, v)
}

// A request is what a tool kept of one, in milliseconds; NaN for what it did not.
type request struct {
	sent, ttft, tpot, e2el float64
	gaps                   []float64
	failed                 bool
}

// series keeps the values of single requests in order of sending. A file that has
// only some of them, as a sample, has none: its statistics are of all.
func series(r *compare.Result, all []request) {
	good := 0
	for _, q := range all {
		if !q.failed {
			good++
		}
	}
	if sent := r.Requests; sent >= 0 && r.Failed >= 0 && good < sent-r.Failed {
		r.Notes = append(r.Notes, fmt.Sprintf("its file has single values of %d of %d requests, which are not used", good, sent-r.Failed))
		return
	}
	add := func(m compare.Metric, of func(request) float64) {
		some := false
		out := make([]float64, len(all))
		for i, q := range all {
			out[i] = math.NaN()
			if v := of(q); !q.failed && v > 0 && !math.IsInf(v, 0) {
				out[i], some = v, true
			}
		}
		if some {
			r.Series[m] = out
		}
	}
	add(compare.TTFT, func(q request) float64 { return q.ttft })
	add(compare.TPOT, func(q request) float64 { return q.tpot })
	add(compare.E2EL, func(q request) float64 { return q.e2el })
	var gaps []float64
	for _, q := range all {
		for _, g := range q.gaps {
			if !q.failed && g >= 0 && !math.IsInf(g, 0) {
				gaps = append(gaps, g)
			}
		}
	}
	if len(gaps) > 0 {
		r.Series[compare.ITL] = gaps
	}
}
