package table

import (
	"fmt"
	"math"

	"tokmeter/internal/stats"
)

// A fall is where a variant's gain is gone: its speedup at the smallest number
// of requests in flight, and the smallest number at which at most half of it is
// left.
type fall struct {
	small, at    int
	first, there stats.Interval
}

// slowCounts finds the falls of all variants over the views of equal
// concurrency; at is the view that is being judged.
func (b *builder) slowCounts(at int) map[string]fall {
	out := map[string]fall{}
	for i := range b.variants {
		var f fall
		for k, sides := range b.views {
			x := sides[i]
			n := x.Load.Concurrency
			if n == 0 || x.Withheld != "" || x.Failure != "" || math.IsNaN(x.Speedup.Value) {
				continue
			}
			switch {
			case f.small == 0:
				f.small, f.first = n, x.seen
			case f.at == 0 && f.gone(n, x.seen):
				f.at, f.there = n, x.seen
			}
			if k == at && f.at > 0 {
				f.at, f.there = n, x.seen
				if !f.gone(n, x.seen) {
					f.at = 0
				}
			}
		}
		if f.at > 0 {
			out[b.variants[i].Name] = f
		}
	}
	return out
}

// gone reports whether a speedup at n requests has lost half of the first one,
// and more than their intervals explain.
func (f *fall) gone(n int, e stats.Interval) bool {
	if n < batchApart*f.small || !(f.first.Value >= someGain) || !(math.Log(e.Value) <= fallenGain*math.Log(f.first.Value)) {
		return false
	}
	return !(e.High >= f.first.Low)
}

// computeBound holds where the limit says that products are the bound at this
// load, or where the gain of a small batch is gone at this one.
func (c *court) computeBound(x *side) (Reason, bool) {
	if x.Limit.Bound == "compute" && !x.LimitAlone && x.Limit.TPOT > 0 {
		return reason(ComputeBound, fmt.Sprintf("at this batch the card computes more than it reads: the limit of %.2f ms a token is bound by compute with %.1f requests in flight, where fewer bytes of weights gain little", x.Limit.TPOT, x.MeanOpen),
			"limit_ms", x.Limit.TPOT, "open", x.MeanOpen), true
	}
	f, ok := c.slow[x.Variant.Name]
	if !ok || x.Withheld != "" {
		return Reason{}, false
	}
	if x.Load.Concurrency != f.at && !(x.Load.Concurrency == 0 && x.MeanOpen >= float64(f.at)) {
		return Reason{}, false
	}
	if math.Log(x.Speedup.Value) > fallenGain*math.Log(f.first.Value) {
		return Reason{}, false
	}
	return reason(ComputeBound, fmt.Sprintf("at this batch products, not weights, take the time: the speedup falls from %.2f with %d in flight to %.2f with %d; %.1f are in flight here", f.first.Value, f.small, f.there.Value, f.at, x.MeanOpen),
		"small", float64(f.small), "speedup_small", f.first.Value, "large", float64(f.at), "speedup_large", f.there.Value, "open", x.MeanOpen), true
}
