package compare

import (
	"errors"
	"fmt"
	"math"

	"tokmeter/internal/stats"
)

// Options say how sides are compared.
type Options struct {
	// Margin is the share of the baseline within which two are the same.
	Margin float64
	// Spread is by how much runs of one system differ, as the standard deviation of
	// a run's number as a share of it. It counts where a side has one run, which does
	// not show it.
	Spread float64
	// Unlike compares sides that did not do the same work.
	Unlike bool
	// Only, if not nil, are the quantities that are compared.
	Only []Quantity
}

// DefaultMargin and DefaultSpread are those of Options where nobody asks for
// others.
const (
	DefaultMargin = 0.02
	DefaultSpread = 0.01
)

// A Report is several sides beside a baseline.
type Report struct {
	Options  Options
	Baseline Side
	Against  []Against
}

// An Against is one side beside the baseline.
type Against struct {
	Side        Side
	Rows        []Row
	Workload    []Difference // of what the servers were asked
	Environment []Difference
	Unequal     []string // what can't be brought to one definition, and why
	Notes       []string
	Refused     string // why there are no verdicts; "" where there are
}

// Compare puts sides beside the first one.
func Compare(sides []Side, o Options) (Report, error) {
	if len(sides) < 2 {
		return Report{}, errors.New("a comparison wants two results or more")
	}
	for _, s := range sides {
		if len(s.Results) == 0 {
			return Report{}, fmt.Errorf("%s: no result", s.Name)
		}
	}
	out := Report{Options: o, Baseline: sides[0]}
	for _, s := range sides[1:] {
		out.Against = append(out.Against, against(&sides[0], s, o))
	}
	return out, nil
}

func against(base *Side, s Side, o Options) Against {
	out := Against{Side: s}
	a, b := base.first(), s.first()
	out.Workload, out.Environment = workloadDifferences(a, b), differences(a.Environment, b.Environment)
	for _, d := range out.Workload {
		if d.Unlike && !o.Unlike && out.Refused == "" {
			out.Refused = fmt.Sprintf("the workloads are not the same: %s %s and %s", d.Name, orNone(d.A), orNone(d.B))
		}
	}
	out.Notes = notes(base, &s)
	list, asked := o.Only, o.Only != nil
	if !asked {
		list = Usual()
	}
	for _, q := range list {
		why := unequal(base, &s, q.Metric)
		r := compareQuantity(base, &s, q, o)
		if why != "" {
			r.Why = why
		}
		if !asked && math.IsNaN(r.Change.Value) {
			continue
		}
		out.Rows = append(out.Rows, r)
	}
	for _, side := range []*Side{base, &s} {
		for _, u := range side.first().Unequal {
			out.Unequal = append(out.Unequal, fmt.Sprintf("%s: %s of %s: %s", side.Name, u.Metric, side.first().Tool, u.Why))
		}
	}
	out.correct()
	for i := range out.Rows {
		if out.Refused != "" {
			out.Rows[i].Verdict = Unlike
			continue
		}
		out.Rows[i].judge(o.Margin)
	}
	return out
}

// correct replaces the probabilities of single rows by Holm's over all.
func (a *Against) correct() {
	var p []float64
	for i := range a.Rows {
		p = append(p, a.Rows[i].P)
	}
	for i, v := range stats.Holm(p) {
		a.Rows[i].P = v
	}
}

func unequal(a, b *Side, m Metric) string {
	for _, s := range []*Side{a, b} {
		for _, u := range s.first().Unequal {
			if u.Metric == m {
				return s.first().Tool + ": " + u.Why
			}
		}
	}
	return ""
}

// compareQuantity makes a row, with the probability of it alone.
func compareQuantity(base, s *Side, q Quantity, o Options) Row {
	r := Row{Quantity: q, Rounds: min(len(base.Results), len(s.Results))}
	r.A, r.B = pooled(base, q), pooled(s, q)
	r.Change, r.Basis = change(base, s, q, r.A, r.B)
	if r.Basis != OfRounds {
		r.widen(o.Spread)
	}
	r.P = r.raw()
	r.detect()
	return r
}

// pooled is a quantity of a side: of several runs, the mean of theirs.
func pooled(s *Side, q Quantity) stats.Interval {
	if len(s.Results) == 1 {
		return s.first().value(q)
	}
	var x []float64
	for i := range s.Results {
		x = append(x, s.Results[i].value(q).Value)
	}
	return stats.MeanOf(x)
}

// leastRounds is how many runs a side needs for an interval of theirs.
const leastRounds = 3

// change is the change of a quantity with the best interval that the two sides
// give.
func change(base, s *Side, q Quantity, a, b stats.Interval) (stats.Interval, Basis) {
	if q.Metric == Success {
		return successChange(base, s)
	}
	x, y := base.first(), s.first()
	rounds := min(len(base.Results), len(s.Results))
	switch {
	case rounds >= leastRounds && samePrompts(base, s) && q.Metric.Latency() && q.Metric != ITL && eachDetailed(base, s, q.Metric):
		return stats.Ratio(rows(s, q.Metric), rows(base, q.Metric), q.Stat, seed), OfRounds
	case rounds >= leastRounds:
		return ratioOfRuns(base, s, q), OfRounds
	case len(base.Results) > 1 || len(s.Results) > 1:
		i := stats.RatioOf(b, a)
		if math.IsNaN(i.Low) {
			return i, OfNothing
		}
		return i, OfRequests
	case paired(x, y, q):
		return stats.Ratio([][]float64{y.Series[q.Metric]}, [][]float64{x.Series[q.Metric]}, q.Stat, seed), OfPairs
	}
	i := stats.RatioOf(b, a)
	switch {
	case x.detailed(q.Metric) && y.detailed(q.Metric):
		return i, OfRequests
	case math.IsNaN(i.Low):
		return i, OfNothing
	}
	return i, OfMoments
}

// paired reports whether two runs have the same requests, and the statistic is one
// whose interval may be drawn of pairs: those of high percentiles rest on few.
func paired(a, b *Result, q Quantity) bool {
	const fewest = 20
	x, y := a.Series[q.Metric], b.Series[q.Metric]
	return q.Metric.Latency() && q.Metric != ITL && (q.Stat == stats.OfMean || q.Stat == 50) &&
		a.Prompts != "" && a.Prompts == b.Prompts && len(x) == len(y) && len(x) >= fewest
}

// samePrompts reports whether round by round the requests are the same.
func samePrompts(a, b *Side) bool {
	if len(a.Results) != len(b.Results) {
		return false
	}
	for i := range a.Results {
		if a.Results[i].Prompts == "" || a.Results[i].Prompts != b.Results[i].Prompts {
			return false
		}
	}
	return true
}

func eachDetailed(a, b *Side, m Metric) bool {
	for _, s := range []*Side{a, b} {
		for i := range s.Results {
			if len(s.Results[i].Series[m]) == 0 {
				return false
			}
		}
	}
	return true
}

func rows(s *Side, m Metric) [][]float64 {
	var out [][]float64
	for i := range s.Results {
		out = append(out, s.Results[i].Series[m])
	}
	return out
}

// ratioOfRuns is the ratio of the mean logarithms of two sides' runs, round by
// round where both have as many.
func ratioOfRuns(base, s *Side, q Quantity) stats.Interval {
	numbers := func(s *Side) (out []float64) {
		for i := range s.Results {
			out = append(out, s.Results[i].value(q).Value)
		}
		return out
	}
	a, b := numbers(base), numbers(s)
	if len(a) == len(b) && samePrompts(base, s) {
		return stats.LogRatioOfRounds(b, a)
	}
	logs := func(x []float64) (out []float64) {
		for _, v := range x {
			if positive(v) {
				out = append(out, math.Log(v))
			}
		}
		return out
	}
	d := stats.DifferenceOf(stats.MeanOf(logs(b)), stats.MeanOf(logs(a)))
	if half := stats.StudentQuantile(1-level/2, d.DF) * d.SE; !math.IsNaN(half) {
		d.Low, d.High = d.Value-half, d.Value+half
	}
	d.Value, d.Low, d.High = math.Exp(d.Value), math.Exp(d.Low), math.Exp(d.High)
	return d
}

// successChange is the difference of two shares of successful requests.
func successChange(base, s *Side) (stats.Interval, Basis) {
	share := func(s *Side) stats.Interval {
		good, all := 0, 0
		for i := range s.Results {
			if n := s.Results[i].succeeded(); n >= 0 {
				good, all = good+n, all+s.Results[i].Requests
			}
		}
		return stats.Wilson(good, all)
	}
	a, b := share(base), share(s)
	d := stats.DifferenceOf(b, a)
	if math.IsNaN(d.Value) {
		return d, OfNothing
	}
	return d, OfRequests
}

func notes(sides ...*Side) []string {
	var out []string
	for _, s := range sides {
		for _, n := range s.first().Notes {
			out = append(out, fmt.Sprintf("%s: %s: %s", s.Name, s.first().Tool, n))
		}
	}
	return out
}
