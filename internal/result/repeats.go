package result

import (
	"fmt"
	"math"

	"tokmeter/internal/metrics"
	"tokmeter/internal/stats"
)

// differ is the probability below which runs are said to differ by more than their
// requests explain.
const differ = 0.05

// Repeats tells of several runs of one plan: each number's mean with its interval
// over the runs, how much it differs from run to run, and how much of that the runs'
// own requests explain.
func Repeats(runs []metrics.Summary) Section {
	s := Section{ID: "runs", Title: fmt.Sprintf("%d Runs", len(runs))}
	lines := []string{fmt.Sprintf("%-32s %12s  %-26s %10s %10s", "", "mean", "95 % interval over runs", "between", "within")}
	unlike := false
	for _, n := range repeated() {
		values, errs := make([]float64, len(runs)), make([]float64, len(runs))
		for i := range runs {
			values[i], errs[i] = n.of(&runs[i])
		}
		r := stats.RepeatOf(values, errs)
		interval, within := "-", "-"
		if !math.IsNaN(r.Mean.Low) {
			interval = number(r.Mean.Low) + " to " + number(r.Mean.High)
		}
		if !math.IsNaN(r.Within) {
			within = number(r.Within)
		}
		mark := ""
		if r.P < differ { // false where it is not known
			mark, unlike = "  *", true
		}
		lines = append(lines, fmt.Sprintf("%-32s %12s  %-26s %10s %10s%s", n.label, number(r.Mean.Value), interval, number(r.Between), within, mark))
	}
	if unlike {
		lines = append(lines, "* runs differ by more than their own requests explain (P < 0.05): a single run tells less than its interval says")
	}
	s.Text = text(lines...)
	return s
}

// A repeatedNumber is one that is compared between runs, with its standard error in
// one run, NaN where that is not known.
type repeatedNumber struct {
	label string
	of    func(*metrics.Summary) (value, se float64)
}

func repeated() []repeatedNumber {
	latency := func(id metrics.ID, label string, pick func(metrics.Dist) float64, find func(metrics.LatencyIntervals) metrics.Estimate) repeatedNumber {
		return repeatedNumber{label + " " + definition(id).Name + " (ms)", func(s *metrics.Summary) (float64, float64) {
			l, ok := s.Intervals.Of(id)
			if !ok {
				return pick(s.Dists[id]), math.NaN()
			}
			return pick(s.Dists[id]), errorOf(find(l))
		}}
	}
	mean := func(d metrics.Dist) float64 { return d.Mean }
	p99 := func(d metrics.Dist) float64 { return d.P99 }
	meanOf := func(l metrics.LatencyIntervals) metrics.Estimate { return l.Mean }
	p99Of := func(l metrics.LatencyIntervals) metrics.Estimate {
		for _, p := range l.Percentiles {
			if p.P == 99 {
				return p.Estimate
			}
		}
		return metrics.Estimate{}
	}
	out := []repeatedNumber{
		{"Request throughput (req/s)", func(s *metrics.Summary) (float64, float64) { return s.RequestThroughput, math.NaN() }},
		{"Output throughput (tok/s)", func(s *metrics.Summary) (float64, float64) { return s.OutputThroughput, math.NaN() }},
	}
	for _, id := range []metrics.ID{metrics.TTFT, metrics.TPOT, metrics.ITL, metrics.E2EL} {
		out = append(out, latency(id, "Mean", mean, meanOf), latency(id, "P99", p99, p99Of))
	}
	return out
}

// errorOf is an estimate's standard error, from its interval.
func errorOf(e metrics.Estimate) float64 {
	if !e.Known {
		return math.NaN()
	}
	return (e.High - e.Low) / (2 * stats.StudentQuantile(0.975, math.Inf(1)))
}
