package experiment

import (
	"fmt"
	"math"
	"strconv"
	"strings"

	"tokmeter/internal/compare"
)

// A Goal is a limit on a latency of a run, such as ttft_p99=500: of all
// requests, failed ones included, at least 99 % have their first token within
// 500 ms.
type Goal struct {
	Metric     string  // ttft, tpot or e2el
	Percentile float64 // of all requests; 0 for the mean
	LimitMs    float64
}

// String is the goal as it is written.
func (g Goal) String() string {
	stat := "mean"
	if g.Percentile > 0 {
		stat = "p" + strconv.FormatFloat(g.Percentile, 'g', -1, 64)
	}
	return fmt.Sprintf("%s_%s=%s", g.Metric, stat, strconv.FormatFloat(g.LimitMs, 'g', -1, 64))
}

// ParseGoals reads goals split by commas, such as ttft_p99=500,tpot_mean=50.
// The error names the first that is none.
func ParseGoals(text string) ([]Goal, error) {
	var out []Goal
	for part := range strings.SplitSeq(text, ",") {
		g, err := parseGoal(strings.TrimSpace(part))
		if err != nil {
			return nil, err
		}
		out = append(out, g)
	}
	return out, nil
}

func parseGoal(text string) (Goal, error) {
	const want = "want ttft, tpot or e2el with _mean or a percentile and milliseconds, such as ttft_p99=500"
	fail := func() (Goal, error) { return Goal{}, fmt.Errorf("slo %q: %s", short(text), want) }
	name, limit, ok := strings.Cut(text, "=")
	metric, stat, ok2 := strings.Cut(strings.TrimSpace(name), "_")
	if !ok || !ok2 || metric != "ttft" && metric != "tpot" && metric != "e2el" {
		return fail()
	}
	g := Goal{Metric: metric}
	var err error
	if g.LimitMs, err = strconv.ParseFloat(strings.TrimSpace(limit), 64); err != nil || !(g.LimitMs > 0) || math.IsInf(g.LimitMs, 0) {
		return fail()
	}
	if stat == "mean" {
		return g, nil
	}
	p, ok := strings.CutPrefix(stat, "p")
	if g.Percentile, err = strconv.ParseFloat(p, 64); !ok || err != nil || !(g.Percentile > 0 && g.Percentile <= 100) {
		return fail()
	}
	return g, nil
}

// met reports whether a run keeps the goal. A request that failed is over every
// limit. TPOT is of requests that have one, and of failed ones. A run without a
// single good request keeps no goal.
func (g Goal) met(r compare.Run) bool {
	n, within, good, sum := 0, 0, 0, 0.0
	for _, q := range r.Requests {
		x := g.of(q)
		switch {
		case !q.OK:
			n, sum = n+1, math.Inf(1)
		case math.IsNaN(x):
		default:
			n, good, sum = n+1, good+1, sum+x
			if x <= g.LimitMs {
				within++
			}
		}
	}
	if good == 0 {
		return false
	}
	if g.Percentile == 0 {
		return sum/float64(n) <= g.LimitMs
	}
	// The nearest-rank percentile is within the limit if as many requests are;
	// the little that is added takes up the rounding of 0.01 × 99 × n.
	return float64(within)*100 >= g.Percentile*float64(n)*(1-1e-12)
}

func (g Goal) of(q compare.Request) float64 {
	switch g.Metric {
	case "ttft":
		return q.TTFT
	case "tpot":
		return q.TPOT
	}
	return q.E2EL
}
