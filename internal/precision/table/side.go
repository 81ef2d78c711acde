package table

import (
	"math"
	"slices"

	"tokmeter/internal/compare"
	"tokmeter/internal/stats"
)

// A side is one variant at one load: its row and what it is made of.
type side struct {
	*Row
	group *group
	runs  map[int]*compare.Run
	cells [][]*compare.Request // by round of the group, then by place of its indexes; nil where there is no request

	ttft, tpot, e2el float64        // means over its successful requests, ms; NaN where there are none
	prefillShare     float64        // Σ TTFT ÷ Σ E2EL; NaN where not known
	offered          float64        // requests a second that were asked for, mean of its runs; 0 in a closed loop
	output           [2]float64     // tokens of the paired requests, the baseline's and its own
	seen             stats.Interval // Speedup with its ends, however few the rounds
	seenP            float64        // likewise of P
	seenDetectable   float64        // likewise of Detectable
	few              int            // rounds that were compared, where they are too few for an interval; 0 where they are enough
	cause, why       string         // of unequal work: outputsDiffer or promptsDiffer
}

// seed of all drawings: equal, so that the same draws meet the same requests.
const seed = 0

// newSide lays a variant's requests out and fills in what needs no other.
func newSide(v *Variant, g *group, s stats.Statistic) *side {
	nan := math.NaN()
	none := stats.Interval{Value: nan, Low: nan, High: nan, SE: nan, DF: nan}
	x := &side{group: g, runs: g.runs[v.Name], Row: &Row{
		Variant: *v, Load: g.load, Failure: v.Failure, Drift: v.Drift,
		Speedup: none, TTFTRatio: none, E2ELRatio: none, Throughput: none, P: nan, Detectable: nan,
		WeightBytes: known(v.WeightBytes), PowerW: known(v.PowerW),
		Near: nan, NearTTFT: nan, LimitRatio: nan, JouleToken: nan, PricePerMTok: nan,
	}}
	place := make(map[int]int, len(g.indexes))
	for p, i := range g.indexes {
		place[i] = p
	}
	for _, k := range g.rounds {
		row := make([]*compare.Request, len(g.indexes))
		if r := x.runs[k]; r != nil {
			for i := range r.Requests {
				row[place[r.Requests[i].Index]] = &r.Requests[i]
			}
		}
		x.cells = append(x.cells, row)
	}
	if len(x.runs) == 0 && x.Failure == "" {
		x.Failure = "no run at " + g.load.String()
	}
	x.count()
	ttft, tpot, e2el := x.times(nil)
	x.TTFT, x.TPOT = stats.Of(ttft, s, seed), stats.Of(tpot, s, seed)
	x.E2EL = stats.Of(e2el, stats.OfMean, seed)
	x.ttft, x.tpot, x.e2el = meanOf(ttft), meanOf(tpot), meanOf(e2el)
	x.limits()
	return x
}

// times are the latencies by round, then place, NaN where there is none or keep
// leaves the place out.
func (x *side) times(keep []bool) (ttft, tpot, e2el [][]float64) {
	for k := range x.cells {
		a, b, c := empty(len(x.cells[k])), empty(len(x.cells[k])), empty(len(x.cells[k]))
		for p, q := range x.cells[k] {
			if q == nil || !q.OK || keep != nil && !keep[p] {
				continue
			}
			a[p], b[p], c[p] = q.TTFT, q.TPOT, q.E2EL
		}
		ttft, tpot, e2el = append(ttft, a), append(tpot, b), append(e2el, c)
	}
	return ttft, tpot, e2el
}

func empty(n int) []float64 { return slices.Repeat([]float64{math.NaN()}, n) }

func meanOf(x [][]float64) float64 {
	sum, n := 0.0, 0
	for _, r := range x {
		for _, v := range r {
			if !math.IsNaN(v) {
				sum, n = sum+v, n+1
			}
		}
	}
	return quotient(sum, float64(n))
}

// count adds up requests, tokens and time.
func (x *side) count() {
	output, ok, seconds := 0.0, 0, 0.0
	open, first, whole := 0.0, 0.0, 0.0
	offered, n := 0.0, 0
	for _, k := range x.group.rounds {
		r := x.runs[k]
		if r == nil {
			continue
		}
		seconds += r.Seconds // NaN where one is not known: then no rate is
		x.PeakOpen = max(x.PeakOpen, r.PeakOpen)
		if r.Offered > 0 {
			offered, n = offered+r.Offered, n+1
		}
		for i := range r.Requests {
			q := &r.Requests[i]
			x.Requests++
			if !q.OK {
				x.Failed++
				continue
			}
			ok++
			output += float64(q.Output)
			if !math.IsNaN(q.E2EL) {
				open += q.E2EL / 1e3
			}
			if !math.IsNaN(q.E2EL) && !math.IsNaN(q.TTFT) {
				first, whole = first+q.TTFT, whole+q.E2EL
			}
		}
	}
	x.OutputPerSecond, x.RequestPerSecond = quotient(output, seconds), quotient(float64(ok), seconds)
	x.MeanOutput, x.MeanOpen = quotient(output, float64(ok)), quotient(open, seconds)
	x.prefillShare = quotient(first, whole)
	if n > 0 {
		x.offered = offered / float64(n)
	}
	x.JouleToken = quotient(x.PowerW, x.OutputPerSecond)
	if x.PowerW == 0 {
		x.JouleToken = math.NaN()
	}
	if p := known(x.Variant.PricePerHour); p > 0 {
		x.PricePerMTok = quotient(p/3600*1e6, x.OutputPerSecond)
	}
}

// limits takes the speed of light under this load, or alone.
func (x *side) limits() {
	usable := func(l Limit) (Limit, bool) {
		l.TTFT, l.TPOT = known(l.TTFT), known(l.TPOT)
		return l, l.TTFT > 0 || l.TPOT > 0
	}
	l, ok := usable(x.Variant.Limits[x.Load])
	if !ok {
		l, x.LimitAlone = usable(x.Variant.Alone)
	}
	x.Limit = l
	if l.TPOT > 0 {
		x.Near = quotient(l.TPOT, x.tpot)
	}
	if l.TTFT > 0 {
		x.NearTTFT = quotient(l.TTFT, x.ttft)
	}
}

// against fills in the ratios to the baseline, over the requests of good.
func (x *side) against(base *side, good []bool, s stats.Statistic) {
	ttft, tpot, e2el := x.times(good)
	bt, bp, be := base.times(good)
	ratio := stats.Ratio(bp, tpot, s, seed)
	x.Speedup = ratio
	x.TTFTRatio = stats.Ratio(bt, ttft, s, seed)
	x.E2ELRatio = stats.Ratio(be, e2el, stats.OfMean, seed)
	x.Paired = max(x.Speedup.N, x.TTFTRatio.N)
	mine, its := x.throughputs(), base.throughputs()
	x.Throughput = stats.LogRatioOfRounds(mine, its)
	if x.Baseline {
		return
	}
	x.P = ratio.P(math.Log(ratio.Value))
	x.Detectable = math.Expm1(ratio.Detectable())
}

// common is how many rounds both have.
func (x *side) common(other *side) int {
	n := 0
	for k := range x.runs {
		if other.runs[k] != nil {
			n++
		}
	}
	return n
}

// withholdEnds takes the ends of all intervals away where the rounds are too
// few for them. What they would be stays for the verdict.
func (x *side) withholdEnds(base *side, exact bool) {
	x.seen, x.seenP, x.seenDetectable = x.Speedup, x.P, x.Detectable
	if n := x.common(base); n > 0 && n < IntervalRounds && !exact {
		x.few = n
		for _, i := range []*stats.Interval{&x.TTFT, &x.TPOT, &x.E2EL, &x.Speedup, &x.TTFTRatio, &x.E2ELRatio, &x.Throughput} {
			i.Low, i.High, i.SE, i.DF = math.NaN(), math.NaN(), math.NaN(), math.NaN()
		}
		x.P, x.Detectable = math.NaN(), math.NaN()
	}
}

// throughputs are the output tokens a second of each round.
func (x *side) throughputs() []float64 {
	out := empty(len(x.group.rounds))
	for i, k := range x.group.rounds {
		r := x.runs[k]
		if r == nil {
			continue
		}
		n := 0.0
		for _, q := range r.Requests {
			if q.OK {
				n += float64(q.Output)
			}
		}
		out[i] = quotient(n, r.Seconds)
	}
	return out
}

// limitRatio is how far the limits of the two are apart: of the same load where
// both have one, else alone, else by the bytes of weights.
func (x *side) limitRatio(base *side) {
	a, b := base.Limit.TPOT, x.Limit.TPOT
	if base.LimitAlone != x.LimitAlone {
		a, b = known(base.Variant.Alone.TPOT), known(x.Variant.Alone.TPOT)
	}
	switch {
	case a > 0 && b > 0:
		x.LimitRatio, x.LimitRatioFrom = a/b, "limits"
	case base.WeightBytes > 0 && x.WeightBytes > 0:
		x.LimitRatio, x.LimitRatioFrom = base.WeightBytes/x.WeightBytes, "weights"
	}
}

// quotient is NaN where there is nothing to divide by.
func quotient(a, b float64) float64 {
	if !(b > 0) {
		return math.NaN()
	}
	return a / b
}
