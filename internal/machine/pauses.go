package machine

import (
	"math"
	"runtime/metrics"
	"time"
)

// pausesName is the histogram of the times for which the garbage collector stopped
// the program.
const pausesName = "/sched/pauses/total/gc:seconds"

func pauseHistogram() *metrics.Float64Histogram {
	s := []metrics.Sample{{Name: pausesName}}
	metrics.Read(s)
	if s[0].Value.Kind() != metrics.KindFloat64Histogram {
		return nil
	}
	return s[0].Value.Float64Histogram()
}

// gcPauses are how many pauses there were, by length.
func gcPauses() []uint64 {
	h := pauseHistogram()
	if h == nil {
		return nil
	}
	return append([]uint64(nil), h.Counts...)
}

// pausesBetween are how many pauses there were between two looks, and an upper
// bound of the longest.
func pausesBetween(before, after []uint64) (n int, longest time.Duration) {
	h := pauseHistogram()
	if h == nil || len(before) != len(after) || len(after)+1 != len(h.Buckets) {
		return 0, 0
	}
	for i := range after {
		grown := int(after[i] - before[i])
		if grown <= 0 {
			continue
		}
		n += grown
		bound := h.Buckets[i+1]
		if math.IsInf(bound, 1) {
			bound = h.Buckets[i]
		}
		longest = time.Duration(bound * float64(time.Second))
	}
	return n, longest
}
