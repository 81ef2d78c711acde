package result

import (
	"bytes"
	"strings"
	"testing"

	"tokmeter/internal/metrics"
)

// TestWithheldSays: which percentile is not supported, what it needs, and which one
// can be said in its place.
func TestWithheldSays(t *testing.T) {
	at := func(p float64, n int, known bool, alike float64) metrics.PercentileInterval {
		return metrics.PercentileInterval{P: p, Estimate: metrics.Estimate{Value: 1, Known: known, N: n}, Alike: alike}
	}
	latency := func(id metrics.ID, highest float64, ps ...metrics.PercentileInterval) metrics.LatencyIntervals {
		return metrics.LatencyIntervals{ID: id, Percentiles: ps, Highest: at(highest, 0, highest > 0, 1)}
	}
	three := map[metrics.ID]bool{metrics.TTFT: true, metrics.TPOT: true}
	for name, c := range map[string]struct {
		all  []metrics.LatencyIntervals
		want string
	}{
		"all are supported": {[]metrics.LatencyIntervals{latency(metrics.TTFT, 99, at(99, 400, true, 1))}, ""},
		"the same of both": {
			[]metrics.LatencyIntervals{latency(metrics.TTFT, 90, at(99, 100, false, 1)), latency(metrics.TPOT, 90, at(99, 100, false, 1))},
			"P99 needs 368 requests for an interval, 662 by MLPerf's early stopping; there are 100: P90 is the highest that can be said",
		},
		"one of them is": {
			[]metrics.LatencyIntervals{latency(metrics.TTFT, 99, at(99, 400, true, 1)), latency(metrics.TPOT, 95, at(99, 400, false, 2))},
			"P99 needs 368 requests for an interval, 662 by MLPerf's early stopping; there are 400, which tell as much as 200 independent ones: the highest that can be said is P95 of TPOT",
		},
		"none of either": {
			[]metrics.LatencyIntervals{latency(metrics.TTFT, 0, at(99, 4, false, 1)), latency(metrics.TPOT, 0, at(99, 4, false, 1))},
			"P99 needs 368 requests for an interval, 662 by MLPerf's early stopping; there are 4: no percentile can be said",
		},
		"who did not ask for it": {[]metrics.LatencyIntervals{latency(metrics.E2EL, 90, at(99, 100, false, 1))}, ""},
	} {
		if got := withheld(&metrics.Intervals{Latencies: c.all}, three); got != c.want {
			t.Errorf("%s:\n got %q\nwant %q", name, got, c.want)
		}
	}
}

// TestRepeats: runs that differ by more than their requests explain are marked.
func TestRepeats(t *testing.T) {
	runOf := func(mean float64) metrics.Summary {
		return metrics.Summary{
			RequestThroughput: 2, Dists: map[metrics.ID]metrics.Dist{metrics.TTFT: {Mean: mean}, metrics.TPOT: {Mean: 10}},
			Intervals: &metrics.Intervals{Latencies: []metrics.LatencyIntervals{
				{ID: metrics.TTFT, Mean: metrics.Estimate{Value: mean, Low: mean - 1, High: mean + 1, Known: true}},
				{ID: metrics.TPOT, Mean: metrics.Estimate{Value: 10, Low: 9, High: 11, Known: true}},
			}},
		}
	}
	s := Repeats([]metrics.Summary{runOf(20), runOf(30), runOf(25)})
	var out bytes.Buffer
	s.Text(&out)
	for line := range strings.Lines(out.String()) {
		marked := strings.HasSuffix(strings.TrimSpace(line), "*")
		if strings.HasPrefix(line, "Mean TTFT") != marked {
			t.Errorf("marked %v: %s", marked, line)
		}
	}
	if !strings.Contains(out.String(), "Mean TTFT (ms)                          25.00  ") {
		t.Errorf("no mean of 25:\n%s", out.String())
	}
}
