package table

import (
	"cmp"
	"fmt"
	"math"
	"slices"

	"tokmeter/internal/compare"
	"tokmeter/internal/stats"
)

// When a queue is seen.
const (
	growP     = 0.001 // of no trend in TTFT, by Mann and Kendall
	growTimes = 2     // rise of TTFT over the run ÷ its median in the first fifth
	farTTFT   = 10    // TTFT ÷ its limit on an empty server
	fewest    = 10    // requests of a run whose trend is looked at
)

// queueOf says what shows that a variant's queue is being measured; "" where
// nothing does.
func (c *court) queueOf(x *side) string {
	if c.queue == nil {
		c.queue = map[*side]string{}
	}
	text, ok := c.queue[x]
	if !ok {
		text = x.queued()
		c.queue[x] = text
	}
	return text
}

func (c *court) saturated(x *side) (Reason, bool) {
	mine, its := c.queueOf(x), c.queueOf(c.base)
	switch {
	case mine != "" && its != "":
		return reason(Saturated, "the queue is being measured, not the step: "+mine+"; so it is for the baseline", "ttft_ms", x.ttft, "requests_per_second", x.RequestPerSecond, "offered", x.offered), true
	case mine != "":
		return reason(Saturated, "the queue is being measured, not the step: "+mine, "ttft_ms", x.ttft, "requests_per_second", x.RequestPerSecond, "offered", x.offered), true
	case its != "":
		return reason(Saturated, "the baseline's queue is being measured, so the ratios hold at this load only: "+its, "baseline_ttft_ms", c.base.ttft, "baseline_requests_per_second", c.base.RequestPerSecond, "offered", c.base.offered), true
	}
	return Reason{}, false
}

// queued looks for TTFT that grows over every run without a bound on the
// requests in flight, and for one far above what the card needs that is most of
// a request.
func (x *side) queued() string {
	if x.Failure != "" || len(x.runs) == 0 {
		return ""
	}
	rate := ""
	if x.offered > 0 {
		rate = fmt.Sprintf("; %.4g requests/s are offered and %.4g finished", x.offered, x.RequestPerSecond)
	}
	if x.Load.Concurrency == 0 {
		if first, last, ok := x.grows(); ok {
			return fmt.Sprintf("TTFT grows from %.0f to %.0f ms over the run%s", first, last, rate)
		}
	}
	if l := known(x.Variant.Alone.TTFT); l > 0 && x.ttft >= farTTFT*l && x.prefillShare >= mostPrefill {
		return fmt.Sprintf("TTFT of %.0f ms is %.0f times the %.0f ms of an empty card and %.0f %% of a request%s", x.ttft, x.ttft/l, l, 100*x.prefillShare, rate)
	}
	return ""
}

// grows reports whether TTFT grows over every run of the variant, and gives the
// start and end of the trend in the last one.
func (x *side) grows() (first, last float64, ok bool) {
	for _, k := range x.group.rounds {
		r := x.runs[k]
		if r == nil {
			continue
		}
		v := inOrder(r)
		if len(v) < fewest {
			return 0, 0, false
		}
		t := stats.Trend(v)
		start := stats.Median(slices.Sorted(slices.Values(v[:max(1, len(v)/5)])))
		if !(t.P < growP) || !(t.Slope >= growTimes*start) {
			return 0, 0, false
		}
		first, last, ok = start, start+t.Slope, true
	}
	return first, last, ok
}

// inOrder is TTFT of the successful requests in the order of sending.
func inOrder(r *compare.Run) []float64 {
	all := slices.DeleteFunc(slices.Clone(r.Requests), func(q compare.Request) bool { return !q.OK || math.IsNaN(q.TTFT) })
	slices.SortStableFunc(all, func(a, b compare.Request) int { return cmp.Compare(a.Sent, b.Sent) })
	out := make([]float64, len(all))
	for i, q := range all {
		out[i] = q.TTFT
	}
	return out
}
