package metrics

import (
	"cmp"
	"math"
	"slices"
	"time"

	"tokmeter/internal/record"
)

// peakConcurrency is the most requests that were under way at one moment,
// failed ones included: each from its sending until its response ended. Of two
// requests that touch at one moment only one is under way.
func peakConcurrency(recs []*record.Record) int {
	starts := make([]record.Stamp, 0, len(recs))
	ends := make([]record.Stamp, 0, len(recs))
	for _, r := range recs {
		if r.Sent == 0 {
			continue
		}
		starts = append(starts, r.Sent)
		ends = append(ends, endOf(r))
	}
	slices.Sort(starts)
	slices.Sort(ends)
	peak, ended := 0, 0
	for i, at := range starts {
		for ended < len(ends) && ends[ended] <= at {
			ended++
		}
		peak = max(peak, i+1-ended)
	}
	return peak
}

// endOf is when the request was no longer under way: its response had ended,
// or nothing more was seen of it.
func endOf(r *record.Record) record.Stamp {
	return max(r.Done, r.LastToken, r.FirstByte, r.Wrote, r.Sent+1)
}

// arrival is a token event: when it came and what it carried.
type arrival struct {
	at record.Stamp
	n  int32
}

// peakTokens is the most output tokens of successful requests in any second:
// a window of one second slides over all token events.
func peakTokens(recs []*record.Record) int {
	size, single := 0, true
	for _, r := range recs {
		if r.Outcome == record.OK {
			size += len(r.Events)
			single = single && oneTokenEach(r)
		}
	}
	if single {
		return peakEvents(recs, size)
	}
	all := make([]arrival, 0, size)
	var counts []int
	for _, r := range recs {
		if r.Outcome != record.OK {
			continue
		}
		counts = tokensPerEvent(counts[:0], r)
		for i, n := range counts {
			all = append(all, arrival{r.Events[i], int32(n)})
		}
	}
	slices.SortFunc(all, func(a, b arrival) int { return cmp.Compare(a.at, b.at) })
	peak, sum, left := 0, 0, 0
	for _, a := range all {
		sum += int(a.n)
		for a.at.Sub(all[left].at) >= time.Second {
			sum -= int(all[left].n)
			left++
		}
		peak = max(peak, sum)
	}
	return peak
}

// peakEvents is peakTokens where every event carried one token.
func peakEvents(recs []*record.Record, size int) int {
	all := make([]record.Stamp, 0, size)
	for _, r := range recs {
		if r.Outcome == record.OK {
			all = append(all, r.Events...)
		}
	}
	slices.Sort(all)
	peak, left := 0, 0
	for i, at := range all {
		for at.Sub(all[left]) >= time.Second {
			left++
		}
		peak = max(peak, i+1-left)
	}
	return peak
}

func oneTokenEach(r *record.Record) bool {
	unknown := false
	for i := range r.Events {
		n := perEvent(r, i)
		if n > 1 {
			return false
		}
		unknown = unknown || n == 0
	}
	return !unknown || r.OutputTokens.N <= len(r.Events)
}

// bucketPeaks are the peaks as vLLM's client computes them (Q1, Q11): chunks
// and requests in whole seconds since the first successful request was sent; a
// request counts in every second that it touches.
func bucketPeaks(v View, recs []*record.Record) (tokens float64, requests int) {
	first, last := math.Inf(1), math.Inf(-1)
	for _, r := range recs {
		if v.OK(r) {
			first = min(first, v.Start(r))
			last = max(last, v.Start(r)+v.Latency(r))
		}
	}
	if math.IsInf(first, 1) {
		return 0, 0
	}
	size := int(math.Ceil(last-first)) + 1
	perSecond, active := make([]int, size), make([]int, size)
	var gaps []float64
	for _, r := range recs {
		if !v.OK(r) {
			continue
		}
		at := v.Start(r) + v.TTFT(r)
		gaps = v.AppendITL(gaps[:0], r)
		for i := 0; ; i++ {
			if second := int(at - first); second >= 0 && second < size {
				perSecond[second]++
			}
			if i == len(gaps) {
				break
			}
			at += gaps[i]
		}
		end := int((v.Start(r) + v.Latency(r)) - first)
		for second := int(v.Start(r) - first); second <= end; second++ {
			active[second]++
		}
	}
	return float64(slices.Max(perSecond)), slices.Max(active)
}
