package experiment

import (
	"fmt"
	"math"
	"strings"

	"tokmeter/internal/compare"
	"tokmeter/internal/plan"
)

// ParseGoals reads limits of latencies as plan.ParseSLOs does, such as
// ttft_p99=500,tpot_mean=50. The error names the first that is none.
func ParseGoals(text string) ([]plan.SLO, error) {
	all, err := plan.ParseSLOs(text)
	if err != nil {
		return nil, err
	}
	for _, g := range all {
		if !g.Latency() {
			return nil, fmt.Errorf("%q: a search is for latencies: want %s with _mean or a percentile, such as ttft_p99=500", g, strings.Join(plan.SLOLatencies(), ", "))
		}
	}
	return all, nil
}

// met reports whether a run keeps a goal. TPOT is of requests that have one, and of
// failed ones.
func met(g plan.SLO, r compare.Run) bool {
	count := g.Count()
	for _, q := range r.Requests {
		if x := latency(g, q); !q.OK {
			count.Fail()
		} else if !math.IsNaN(x) {
			count.Add(x)
		}
	}
	_, met := count.Result()
	return met
}

func latency(g plan.SLO, q compare.Request) float64 {
	switch g.Metric {
	case "ttft":
		return q.TTFT
	case "tpot":
		return q.TPOT
	}
	return q.E2EL
}
