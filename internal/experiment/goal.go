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

// met reports whether a run keeps a goal. A request that failed is over every
// limit. TPOT is of requests that have one, and of failed ones. A run without a
// single good request keeps no goal.
func met(g plan.SLO, r compare.Run) bool {
	n, within, good, sum := 0, 0, 0, 0.0
	for _, q := range r.Requests {
		x := latency(g, q)
		switch {
		case !q.OK:
			n, sum = n+1, math.Inf(1)
		case math.IsNaN(x):
		default:
			n, good, sum = n+1, good+1, sum+x
			if x <= g.Limit {
				within++
			}
		}
	}
	if good == 0 {
		return false
	}
	if g.Percentile == 0 {
		return sum/float64(n) <= g.Limit
	}
	return plan.Within(g.Percentile, within, n)
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
