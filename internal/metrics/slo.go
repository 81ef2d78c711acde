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

// A sloScan counts for each limit of a latency.
type sloScan struct {
	view   View
	slos   []plan.SLO
	counts []plan.SLOCount
}

func newSLOs(v View, slos []plan.SLO) *sloScan {
	x := &sloScan{view: v, slos: slos}
	for _, s := range slos {
		x.counts = append(x.counts, s.Count())
	}
	return x
}

func (x *sloScan) turn() bool { return false }

func (x *sloScan) take(e *entry) {
	for i, s := range x.slos {
		if !e.ok {
			x.counts[i].Fail()
			continue
		}
		switch ID(s.Metric) {
		case TTFT:
			x.counts[i].Add(x.view.TTFT(e.Record) * msPerSecond)
		case TPOT:
			if n := x.view.paced(e.Record); n > 1 {
				x.counts[i].Add(x.view.tpot(e.Record, n) * msPerSecond)
			}
		case E2EL:
			x.counts[i].Add(x.view.Latency(e.Record) * msPerSecond)
		}
	}
}

// results judges the limits; s has the rates.
func (x *sloScan) results(s *Summary) []SLOResult {
	var out []SLOResult
	for i, slo := range x.slos {
		r := SLOResult{SLO: slo}
		if slo.Latency() {
			r.Value, r.Met = x.counts[i].Result()
		} else {
			r.Value = rateOf(s, slo.Metric)
			r.Met = r.Value >= slo.Limit
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
