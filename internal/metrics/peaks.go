package metrics

import (
	"math"
	"slices"
	"time"

	"tokmeter/internal/record"
)

// concurrency follows how many requests are under way, failed ones included:
// each from its sending until its response ended. Of two requests that touch at
// one moment only one is under way.
type concurrency struct {
	threshold int // requests under way at full load
	active    int
	most      int
	from, to  record.Stamp // the first moment of full load, and its last end
}

// edges are a request's beginning and end.
func (c *concurrency) edges(dst []moment, e *entry) []moment {
	if e.Sent == 0 {
		return dst
	}
	return append(dst, moment{e.Sent, 1}, moment{endOf(e.Record), -1})
}

func (c *concurrency) pass(m moment) {
	was := c.active
	c.active += int(m.n)
	c.most = max(c.most, c.active)
	if was < c.threshold && c.active >= c.threshold && c.from == 0 {
		c.from = m.at
	}
	if was >= c.threshold && c.active < c.threshold {
		c.to = m.at
	}
}

// endOf is when the request was no longer under way: its response had ended,
// or nothing more was seen of it.
func endOf(r *record.Record) record.Stamp {
	return max(r.Done, r.LastToken, r.FirstByte, r.Wrote, r.Sent+1)
}

// A tokenPeak finds the most output tokens of successful requests in any second:
// a window of one second slides over all token events.
type tokenPeak struct {
	window []moment // the last second; those before left have gone
	left   int
	sum    int
	most   int
}

func (t *tokenPeak) arrivals(dst []moment, e *entry) []moment {
	for i, n := range e.counts {
		dst = append(dst, moment{e.Events[i], int32(n)})
	}
	return dst
}

func (t *tokenPeak) pass(m moment) {
	t.sum += int(m.n)
	t.window = append(t.window, m)
	for m.at.Sub(t.window[t.left].at) >= time.Second {
		t.sum -= int(t.window[t.left].n)
		t.left++
	}
	t.most = max(t.most, t.sum)
	if t.left > len(t.window)/2 {
		t.window = t.window[:copy(t.window, t.window[t.left:])]
		t.left = 0
	}
}

// bucketPeaks are the peaks as vLLM's client computes them (Q1, Q11): chunks
// and requests in whole seconds since the first successful request was sent; a
// request counts in every second that it touches.
type bucketPeaks struct {
	view        View
	first, last float64
	any         bool
	perSecond   []int // chunks; made for the second pass
	active      []int // requests
	gaps        []float64
}

func (b *bucketPeaks) take(e *entry) {
	v, r := b.view, e.Record
	switch {
	case !e.ok:
		return
	case b.perSecond == nil:
		if !b.any {
			b.any, b.first, b.last = true, math.Inf(1), math.Inf(-1)
		}
		b.first = min(b.first, v.Start(r))
		b.last = max(b.last, v.Start(r)+v.Latency(r))
		return
	}
	at := v.Start(r) + v.TTFT(r)
	b.gaps = v.AppendITL(b.gaps[:0], r)
	for i := 0; ; i++ {
		if second := int(at - b.first); second >= 0 && second < len(b.perSecond) {
			b.perSecond[second]++
		}
		if i == len(b.gaps) {
			break
		}
		at += b.gaps[i]
	}
	end := int((v.Start(r) + v.Latency(r)) - b.first)
	for second := int(v.Start(r) - b.first); second <= end; second++ {
		b.active[second]++
	}
}

func (b *bucketPeaks) turn() bool {
	if !b.any || b.perSecond != nil {
		return false
	}
	size := int(math.Ceil(b.last-b.first)) + 1
	b.perSecond, b.active = make([]int, size), make([]int, size)
	return true
}

func (b *bucketPeaks) peaks() (tokens float64, requests int) {
	if !b.any {
		return 0, 0
	}
	return float64(slices.Max(b.perSecond)), slices.Max(b.active)
}
