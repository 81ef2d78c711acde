package metrics

import (
	"cmp"
	"math"
	"slices"

	"tokmeter/internal/plan"
	"tokmeter/internal/record"
)

// A Steady describes the part of a closed loop in which the load was full:
// from the first moment at which Threshold requests were under way until the
// last moment at which fewer were. Outside of it the load rises or drains, and
// whole-run rates are lower than what the server sustains.
type Steady struct {
	Threshold int // requests under way: 95 % of the concurrency limit, rounded up
	// Start and End are seconds since the run's stamp 0.
	Start, End float64
	Completed  int // successful requests that ended inside

	RequestThroughput float64 // those per second
	InputThroughput   float64 // prompt tokens of successful requests sent inside, per second
	OutputThroughput  float64 // output tokens of successful requests that came inside, per second
	TTFT, TPOT        Dist    // of successful requests sent inside
}

// steadyShare is the part of the concurrency limit that counts as full load.
const steadyShare = 0.95

// edge is a request's start (+1) or end (−1).
type edge struct {
	at   record.Stamp
	step int
}

// steady finds the part of full load of a closed loop; nil where the plan is
// none or the load was never full.
func steady(recs []*record.Record, p plan.Plan) *Steady {
	if p.Schedule.MaxConcurrency == 0 || hasDueTimes(p) {
		return nil
	}
	s := &Steady{Threshold: max(1, int(math.Ceil(steadyShare*float64(p.Schedule.MaxConcurrency))))}
	from, to := fullLoad(recs, s.Threshold)
	if to <= from {
		return nil
	}
	s.Start, s.End = seconds(from), seconds(to)
	var ttft, tpot []float64
	input, output := 0, 0
	var counts []int
	v := View{}
	for _, r := range recs {
		if !v.OK(r) {
			continue
		}
		counts = tokensPerEvent(counts[:0], r)
		for i, n := range counts {
			if inside(r.Events[i], from, to) {
				output += n
			}
		}
		if inside(endOf(r), from, to) {
			s.Completed++
		}
		if !inside(r.Sent, from, to) {
			continue
		}
		input += v.Prompt(r).N
		ttft = append(ttft, v.TTFT(r))
		if n := v.Output(r).N; n > 1 {
			tpot = append(tpot, (v.Latency(r)-v.TTFT(r))/float64(n-1))
		}
	}
	took := seconds(to - from)
	s.RequestThroughput = float64(s.Completed) / took
	s.InputThroughput = float64(input) / took
	s.OutputThroughput = float64(output) / took
	s.TTFT = distribution(ttft, percentilesOf(p))
	s.TPOT = distribution(tpot, percentilesOf(p))
	return s
}

func inside(at, from, to record.Stamp) bool { return at >= from && at <= to }

// fullLoad finds the first moment at which threshold requests were under way
// and the last at which their number fell below it.
func fullLoad(recs []*record.Record, threshold int) (from, to record.Stamp) {
	var edges []edge
	for _, r := range recs {
		if r.Sent != 0 {
			edges = append(edges, edge{r.Sent, 1}, edge{endOf(r), -1})
		}
	}
	// Ends come first where they meet a start: a slot that is handed on is one.
	slices.SortFunc(edges, func(a, b edge) int {
		return cmp.Or(cmp.Compare(a.at, b.at), cmp.Compare(a.step, b.step))
	})
	active := 0
	for _, e := range edges {
		was := active
		active += e.step
		if was < threshold && active >= threshold && from == 0 {
			from = e.at
		}
		if was >= threshold && active < threshold {
			to = e.at
		}
	}
	return from, to
}
