package metrics

import (
	"math"
	"slices"

	"tokmeter/internal/plan"
	"tokmeter/internal/record"
	"tokmeter/internal/stats"
)

// samples are the values of the successful requests in order of their index,
// in seconds. Slices that run in step have one value for each such request.
type samples struct {
	ttft, e2el   []float64 // in step
	tpotOrZero   []float64 // in step; 0 where there is one token or none
	tpot         []float64 // of requests with two tokens or more
	itl          []float64
	itlPerToken  []float64 // empty unless an event carried several tokens
	queue        []float64 // in step
	e2elQueue    []float64 // in step
	firstAnswer  []float64
	ttftFromDue  []float64 // in step
	e2elFromDue  []float64 // in step
	late         []float64 // of every request that was sent
	lag          []float64 // of every request whose lag is known
	answerLater  bool      // a first answer came after the first token
	bundled      int       // events that carried several tokens
	events       int       // token events
	sharedStamps int       // token events with the stamp of the one before
	sharedFirst  int       // answers whose second token event has the stamp of the first
}

// collect reads every sample off the records.
func collect(v View, recs []*record.Record, p plan.Plan) *samples {
	x := &samples{}
	x.reserve(v, recs)
	var counts []int
	for _, r := range recs {
		if !v.compat {
			x.addTransport(r, p)
		}
		if !v.OK(r) {
			continue
		}
		x.addLatencies(v, r)
		if !v.compat {
			counts = x.addBeside(r, counts)
		}
	}
	if x.bundled > 0 {
		x.collectPerToken(recs)
	}
	return x
}

// reserve makes room at once for what grows with the number of tokens.
func (x *samples) reserve(v View, recs []*record.Record) {
	gaps := 0
	for _, r := range recs {
		if v.OK(r) {
			gaps += len(r.Events)
			if v.compat {
				gaps += len(r.Bare)
			}
		}
	}
	x.itl = make([]float64, 0, gaps)
	x.ttft = make([]float64, 0, len(recs))
	x.e2el = make([]float64, 0, len(recs))
}

// addTransport notes what every request tells of the client, failed or not.
func (x *samples) addTransport(r *record.Record, p plan.Plan) {
	if r.Sent != 0 {
		at := r.Sent
		if p.Schedule.MaxConcurrency > 0 {
			at = r.Released
		}
		x.late = append(x.late, seconds(at-r.Due))
	}
	if r.FirstByte != 0 && (r.KernelStamped || r.Lag > 0) {
		x.lag = append(x.lag, r.Lag.Seconds())
	}
}

// addLatencies adds vLLM's latencies of one successful request, with the
// operations in the order in which vLLM's client performs them.
func (x *samples) addLatencies(v View, r *record.Record) {
	ttft, e2el, queue := v.TTFT(r), v.Latency(r), v.Queue(r)
	x.ttft = append(x.ttft, ttft)
	x.e2el = append(x.e2el, e2el)
	x.queue = append(x.queue, queue)
	x.e2elQueue = append(x.e2elQueue, e2el+queue)
	tpot := 0.0
	if n := v.Output(r).N; n > 1 {
		tpot = (e2el - ttft) / float64(n-1)
		x.tpot = append(x.tpot, tpot)
	}
	x.tpotOrZero = append(x.tpotOrZero, tpot)
	x.itl = v.AppendITL(x.itl, r)
}

// addBeside adds what is measured beyond vLLM. It returns counts for reuse.
func (x *samples) addBeside(r *record.Record, counts []int) []int {
	if r.FirstAnswer != 0 {
		x.firstAnswer = append(x.firstAnswer, seconds(r.FirstAnswer-r.Sent))
		x.answerLater = x.answerLater || r.FirstAnswer != r.FirstToken
	}
	v := View{}
	x.ttftFromDue = append(x.ttftFromDue, seconds(v.first(r)-r.Due))
	x.e2elFromDue = append(x.e2elFromDue, seconds(v.last(r)-r.Due))
	counts = tokensPerEvent(counts[:0], r)
	x.events += len(r.Events)
	for i, n := range counts {
		if n > 1 {
			x.bundled++
		}
		if i == 0 {
			continue
		}
		if r.Events[i] == r.Events[i-1] {
			x.sharedStamps++
			if i == 1 {
				x.sharedFirst++
			}
		}
	}
	return counts
}

// collectPerToken fills itlPerToken: the gap before an event with n tokens is
// n samples of the n-th part. It is called only when events carry several
// tokens, because otherwise it equals itl.
func (x *samples) collectPerToken(recs []*record.Record) {
	var counts []int
	for _, r := range recs {
		if r.Outcome != record.OK {
			continue
		}
		counts = tokensPerEvent(counts[:0], r)
		for i := 1; i < len(counts); i++ {
			part := seconds(r.Events[i]-r.Events[i-1]) / float64(counts[i])
			for range counts[i] {
				x.itlPerToken = append(x.itlPerToken, part)
			}
		}
	}
}

// tokensPerEvent appends how many tokens each event of r carried. Tokens that
// the server counted but that no event accounts for are spread evenly over the
// events whose count is not known; each of these has at least one.
func tokensPerEvent(dst []int, r *record.Record) []int {
	known, unknown := 0, 0
	for i := range r.Events {
		if n := perEvent(r, i); n > 0 {
			known += n
		} else {
			unknown++
		}
	}
	rest := r.OutputTokens.N - known
	for i := range r.Events {
		n := perEvent(r, i)
		if n == 0 {
			n = max(rest/unknown, 1)
			rest -= n
			unknown--
		}
		dst = append(dst, n)
	}
	return dst
}

func perEvent(r *record.Record, i int) int {
	if i >= len(r.PerEvent) {
		return 0
	}
	return int(r.PerEvent[i])
}

// percentilesOf are those that the plan asks for, P99 when it names none.
func percentilesOf(p plan.Plan) []float64 {
	if len(p.Output.Percentiles) == 0 {
		return []float64{99}
	}
	return p.Output.Percentiles
}

// distribution describes x, in seconds, which it sorts in place: the mean and
// the deviation are taken first, in the order of the requests.
func distribution(x []float64, percentiles []float64) Dist {
	d := Dist{N: len(x), Percentiles: make([]Percentile, len(percentiles))}
	for i, p := range percentiles {
		d.Percentiles[i].P = p
	}
	if len(x) == 0 {
		return d
	}
	d.Mean = stats.Mean(x) * msPerSecond
	d.Std = stats.Std(x) * msPerSecond
	slices.Sort(x)
	d.Median = stats.Median(x) * msPerSecond
	d.P50 = stats.Percentile(x, 50) * msPerSecond
	d.P99 = stats.Percentile(x, 99) * msPerSecond
	d.Min, d.Max = x[0]*msPerSecond, x[len(x)-1]*msPerSecond
	for i, p := range percentiles {
		d.Percentiles[i].Value = stats.Percentile(x, p) * msPerSecond
	}
	return d
}

// hasDueTimes reports whether the plan gives requests due times of their own.
func hasDueTimes(p plan.Plan) bool {
	return finiteRate(p) || p.Schedule.SelfTimed || p.Schedule.RampStrategy != ""
}

func finiteRate(p plan.Plan) bool {
	rate := float64(p.Schedule.RequestRate)
	return rate > 0 && !math.IsInf(rate, 1)
}
