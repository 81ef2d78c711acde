package metrics

import (
	"tokmeter/internal/plan"
	"tokmeter/internal/record"
	"tokmeter/internal/stats"
)

// A series is the scan of one latency: it appends what a record has of it, in
// seconds.
type series struct {
	id     ID
	append func(dst []float64, e *entry) []float64

	percentiles []float64
	values      *stats.Stream
	room        []float64
}

func newSeries(id ID, p plan.Plan, f func(dst []float64, e *entry) []float64) *series {
	ps := percentilesOf(p)
	return &series{id: id, append: f, percentiles: ps, values: newStream(ps)}
}

// newStream returns a stream for what a Dist has.
func newStream(percentiles []float64) *stats.Stream {
	return stats.NewStream(append(ladder(), percentiles...)...)
}

func (s *series) take(e *entry) {
	s.room = s.append(s.room[:0], e)
	for _, x := range s.room {
		s.values.Add(x)
	}
}

func (s *series) turn() bool { return s.values.Turn() }

func asScans(lists []*series) []scan {
	scans := make([]scan, len(lists))
	for i, s := range lists {
		scans[i] = s
	}
	return scans
}

// describe sets the distributions of series whose passes are over.
func (s *Summary) describe(lists []*series) {
	for _, x := range lists {
		s.Dists[x.id] = distribution(x.values, x.percentiles)
	}
}

// latencySeries are the latencies that every run of the plan has. The operations
// on a request are in the order in which vLLM's client performs them.
func latencySeries(v View, p plan.Plan) []*series {
	var lists []*series
	// of adds a latency that every successful request has once.
	of := func(id ID, f func(r *record.Record) float64) {
		lists = append(lists, newSeries(id, p, func(dst []float64, e *entry) []float64 {
			if e.ok {
				dst = append(dst, f(e.Record))
			}
			return dst
		}))
	}
	all := func(id ID, f func(dst []float64, e *entry) []float64) { lists = append(lists, newSeries(id, p, f)) }
	of(TTFT, v.TTFT)
	all(TPOT, func(dst []float64, e *entry) []float64 {
		if n := v.paced(e.Record); e.ok && n > 1 {
			dst = append(dst, v.tpot(e.Record, n))
		}
		return dst
	})
	all(ITL, func(dst []float64, e *entry) []float64 {
		if e.ok {
			dst = v.AppendITL(dst, e.Record)
		}
		return dst
	})
	of(E2EL, v.Latency)
	if p.Load.MaxConcurrency > 0 {
		of(ClientQueueTime, v.Queue)
		if p.Load.FiniteRate() {
			of(E2ELWithQueue, func(r *record.Record) float64 { return v.Latency(r) + v.Queue(r) })
		}
	}
	if v.compat {
		return lists
	}
	if p.Load.OpenLoop() {
		of(TTFTFromDue, func(r *record.Record) float64 { return seconds(v.first(r) - r.Due) })
		of(E2ELFromDue, func(r *record.Record) float64 { return seconds(v.last(r) - r.Due) })
	}
	all(Late, func(dst []float64, e *entry) []float64 {
		if e.Sent != 0 {
			dst = append(dst, latenessOf(e.Record, p.Load.MaxConcurrency > 0))
		}
		return dst
	})
	all(ClientLag, func(dst []float64, e *entry) []float64 {
		if e.FirstByte != 0 && (e.KernelStamped || e.Lag > 0) {
			dst = append(dst, e.Lag.Seconds())
		}
		return dst
	})
	return lists
}

// latenessOf is how late the client sent a request that was sent, in seconds;
// waiting for a slot is not lateness.
func latenessOf(r *record.Record, limited bool) float64 {
	if limited {
		return seconds(r.Released - r.Due)
	}
	return seconds(r.Sent - r.Due)
}

// lateSeries are the latencies that only some runs have, which t tells.
func lateSeries(t *tally, p plan.Plan) []*series {
	var lists []*series
	if t.answerLater {
		lists = append(lists, newSeries(FirstAnswer, p, func(dst []float64, e *entry) []float64 {
			if e.ok && e.FirstAnswer != 0 {
				dst = append(dst, seconds(e.FirstAnswer-e.Sent))
			}
			return dst
		}))
	}
	// Where no event has several tokens it equals ITL.
	if t.bundled > 0 {
		lists = append(lists, newSeries(ITLPerToken, p, appendPerToken))
	}
	return lists
}

// appendPerToken appends the gaps by token: the gap before an event with n tokens
// is n samples of the n-th part.
func appendPerToken(dst []float64, e *entry) []float64 {
	for i := 1; i < len(e.counts); i++ {
		part := seconds(e.Events[i]-e.Events[i-1]) / float64(e.counts[i])
		for range e.counts[i] {
			dst = append(dst, part)
		}
	}
	return dst
}

// tpot is the time per output token after the first of an answer of n tokens, in
// seconds.
func (v View) tpot(r *record.Record, n int) float64 {
	return stats.TPOT(v.TTFT(r), v.Latency(r), float64(n))
}

// percentilesOf are those that the plan asks for, P99 when it names none.
func percentilesOf(p plan.Plan) []float64 {
	if len(p.Output.Percentiles) == 0 {
		return []float64{99}
	}
	return p.Output.Percentiles
}

// distribution describes values in seconds whose passes are over.
func distribution(x *stats.Stream, percentiles []float64) Dist {
	d := Dist{N: x.N(), Percentiles: make([]Percentile, len(percentiles))}
	for i, p := range percentiles {
		d.Percentiles[i].P = p
	}
	if d.N == 0 {
		return d
	}
	d.Mean = x.Mean() * msPerSecond
	d.Std = x.Std() * msPerSecond
	d.Median = x.Median() * msPerSecond
	d.P50 = x.Percentile(50) * msPerSecond
	d.P99 = x.Percentile(99) * msPerSecond
	d.Min, d.Max = x.Min()*msPerSecond, x.Max()*msPerSecond
	for i, p := range percentiles {
		d.Percentiles[i].Value = x.Percentile(p) * msPerSecond
	}
	for _, p := range ladder() {
		d.Ladder = append(d.Ladder, Percentile{p, x.Percentile(p) * msPerSecond})
	}
	return d
}
