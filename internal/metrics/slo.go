package metrics

import (
	"fmt"

	"tokmeter/internal/plan"
)

// An SLOResult is a limit with what became of it. Failed requests are over every
// limit of a latency.
type SLOResult struct {
	plan.SLO
	Met bool
	// Value is what the limit is on: of a mean its ms, of a percentile the share of
	// requests within the limit, of the others the rate or the share.
	Value float64
}

// String is the limit, whether it was met, and what was measured.
func (r SLOResult) String() string {
	was, met := "", "met"
	switch {
	case r.Metric == "success":
		was = fmt.Sprintf("%.2f %% succeeded", 100*r.Value)
	case !r.Latency():
		was = fmt.Sprintf("%.2f", r.Value)
	case r.Percentile == 0:
		was = fmt.Sprintf("%.2f ms", r.Value)
	default:
		was = fmt.Sprintf("%.2f %% within it", 100*r.Value)
	}
	if !r.Met {
		met = "missed"
	}
	return fmt.Sprintf("%s %s: %s", r.SLO, met, was)
}

// A sloScan counts the requests within each limit of a latency.
type sloScan struct {
	view   View
	slos   []plan.SLO
	n      []int // requests that have the latency, or failed
	failed int
	within []int
	sum    []float64 // ms
}

func newSLOs(v View, slos []plan.SLO) *sloScan {
	return &sloScan{view: v, slos: slos, n: make([]int, len(slos)), within: make([]int, len(slos)), sum: make([]float64, len(slos))}
}

func (x *sloScan) turn() bool { return false }

func (x *sloScan) take(e *entry) {
	if !e.ok {
		x.failed++
		return
	}
	tokens := x.view.paced(e.Record)
	for i, s := range x.slos {
		var value float64
		switch s.Metric {
		case "ttft":
			value = x.view.TTFT(e.Record)
		case "tpot":
			if tokens < 2 {
				continue
			}
			value = x.view.tpot(e.Record, tokens)
		case "e2el":
			value = x.view.Latency(e.Record)
		default:
			continue
		}
		value *= msPerSecond
		x.n[i]++
		x.sum[i] += value
		if value <= s.Limit {
			x.within[i]++
		}
	}
}

// results judges the limits; s has the rates. A run without a successful request
// meets none.
func (x *sloScan) results(s *Summary) []SLOResult {
	var out []SLOResult
	for i, slo := range x.slos {
		r := SLOResult{SLO: slo}
		n := x.n[i] + x.failed
		switch {
		case !slo.Latency():
			r.Value = rateOf(s, slo.Metric)
			r.Met = r.Value >= slo.Limit
		case x.n[i] == 0:
		case slo.Percentile == 0:
			r.Value = x.sum[i] / float64(x.n[i])
			r.Met = x.failed == 0 && r.Value <= slo.Limit
		default:
			r.Value = float64(x.within[i]) / float64(n)
			r.Met = plan.Within(slo.Percentile, x.within[i], n)
		}
		out = append(out, r)
	}
	return out
}

func rateOf(s *Summary, metric string) float64 {
	switch metric {
	case "request_throughput":
		return s.RequestThroughput
	case "output_throughput":
		return s.OutputThroughput
	case "goodput":
		return s.Goodput
	}
	if s.Requests == 0 {
		return 0
	}
	return float64(s.Completed) / float64(s.Requests)
}
