package compare

import (
	"encoding/json"
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"

	"tokmeter/internal/metrics"
	"tokmeter/internal/record"
	"tokmeter/internal/result"
	"tokmeter/internal/stats"
)

// OfRun is a run of tokmeter's own. The error is that of a pass over its records.
func OfRun(res *result.Result) (Result, error) {
	r := New("tokmeter " + res.Head.Tokmeter)
	s := &res.Summary
	r.Requests, r.Failed, r.Seconds = s.Requests, s.Failed, s.Duration
	if s.Compat {
		r.Notes = append(r.Notes, "counted as vLLM's client counts (--compat vllm)")
	}
	if err := r.series(res); err != nil {
		return r, err
	}
	for id, d := range s.Dists {
		m := Metric(id)
		if !m.Latency() || d.N == 0 {
			continue
		}
		r.Tell(Quantity{m, stats.OfMean}, d.Mean)
		r.Tell(Quantity{m, 50}, d.P50)
		r.Tell(Quantity{m, 99}, d.P99)
		for _, p := range d.Percentiles {
			r.Tell(Quantity{m, stats.Statistic(p.P)}, p.Value)
		}
	}
	r.Tell(Quantity{Metric: RequestRate}, s.RequestThroughput)
	r.Tell(Quantity{Metric: OutputRate}, s.OutputThroughput)
	r.Tell(Quantity{Metric: TokenRate}, s.TokenThroughput)
	if s.HasGoals {
		r.Tell(Quantity{Metric: Goodput}, s.Goodput)
	}
	r.ownFacts(res)
	return r, nil
}

// series reads the values of single requests off the records.
func (r *Result) series(res *result.Result) error {
	v := metrics.ViewOf(res.Plan)
	run, err := FromRecords(res.Records, v, res.Summary)
	if err != nil {
		return err
	}
	type sent struct {
		q    Request
		gaps []float64
	}
	all := make([]sent, 0, len(run.Requests))
	i, gaps := 0, 0
	for rec, err := range res.Records {
		if err != nil {
			return err
		}
		x := sent{q: run.Requests[i]}
		if x.q.OK && gaps < mostGaps {
			x.gaps = v.AppendITL(nil, rec)
			gaps += len(x.gaps)
		}
		all = append(all, x)
		i++
	}
	slices.SortStableFunc(all, func(a, b sent) int { return a.q.Index - b.q.Index })
	var answers []answer
	for _, x := range all {
		r.Series[TTFT] = append(r.Series[TTFT], x.q.TTFT)
		r.Series[TPOT] = append(r.Series[TPOT], x.q.TPOT)
		r.Series[E2EL] = append(r.Series[E2EL], x.q.E2EL)
		for _, g := range x.gaps {
			r.Series[ITL] = append(r.Series[ITL], g*1e3)
		}
		if x.q.OK {
			answers = append(answers, answer{x.q.Sent, x.q.Sent + x.q.TTFT, x.q.Sent + x.q.E2EL, float64(x.q.Output)})
		}
	}
	if gaps >= mostGaps {
		delete(r.Series, ITL) // cut off, it would not be the run's
	}
	r.slice(answers)
	return nil
}

// An answer is when a request was sent, had its first token and its last one, in
// milliseconds, and how many tokens it had.
type answer struct{ sent, first, last, tokens float64 }

// stretches is how many stretches a run is cut into for the interval of its
// throughput.
const stretches = 60

// slice spreads the tokens of each answer over its time of decoding, and each
// request over the time that it took.
func (r *Result) slice(all []answer) {
	low, high := math.Inf(1), math.Inf(-1)
	for _, a := range all {
		low, high = min(low, a.sent), max(high, a.last)
	}
	if len(all) < stretches || !(high > low) {
		return
	}
	width := (high - low) / stretches
	requests, tokens := make([]float64, stretches), make([]float64, stretches)
	spread := func(into []float64, from, to, amount float64) {
		if !(to > from) {
			into[min(stretches-1, int((from-low)/width))] += amount
			return
		}
		for k := int((from - low) / width); k < stretches; k++ {
			a, b := max(from, low+float64(k)*width), min(to, low+float64(k+1)*width)
			if b <= a && a >= to {
				break
			}
			into[k] += amount * max(0, b-a) / (to - from)
		}
	}
	for _, a := range all {
		spread(requests, a.sent, a.last, 1)
		spread(tokens, a.first, a.last, a.tokens)
	}
	r.Slices[RequestRate], r.Slices[OutputRate] = requests, tokens
}

// ownFacts keeps what the run directory says of workload and environment.
func (r *Result) ownFacts(res *result.Result) {
	p, h, s := &res.Plan, &res.Head, &res.Summary
	r.Know(FactDataset, p.Workload.Dataset)
	r.Know(FactRequests, strconv.Itoa(s.Requests))
	r.Know(FactRate, rateText(float64(p.Load.RequestRate)))
	r.Know(FactConcurrency, limitText(p.Load.MaxConcurrency))
	r.Know(FactInput, meanText(s.InputTokens, s.Completed))
	r.Know(FactOutput, meanText(s.OutputTokens, s.Completed))
	r.Know(FactIgnoreEOS, strconv.FormatBool(p.Target.IgnoreEOS))
	r.Know(FactBackend, p.Target.Backend)
	r.Know(FactPrompts, h.PlanHash)
	r.Prompts = h.PlanHash
	r.Served(FactModel, p.Target.Model)
	var version struct{ Version string }
	if json.Unmarshal(h.Server.Version, &version) == nil {
		r.Served("server version", version.Version)
	}
	if h.Server.Simulated() {
		r.Served("server", "simulated")
	}
	r.Served("card", p.Light.GPU)
	e := h.Environment
	r.Served("tokmeter", h.Tokmeter)
	r.Served("client", clientText(e))
	r.Served("arguments", strings.Join(h.Args, " "))
}

func clientText(e record.Environment) string {
	if e.OS == "" {
		return ""
	}
	text := fmt.Sprintf("%s/%s, %d cores", e.OS, e.Arch, e.Cores)
	for _, more := range []string{e.CPU, e.Kernel} {
		if more != "" {
			text += ", " + more
		}
	}
	return text
}

func rateText(rate float64) string {
	if math.IsInf(rate, 1) {
		return "inf"
	}
	return strconv.FormatFloat(rate, 'g', 6, 64)
}

func limitText(n int) string {
	if n <= 0 {
		return "none"
	}
	return strconv.Itoa(n)
}

func meanText(total, n int) string {
	if n <= 0 {
		return ""
	}
	return strconv.FormatFloat(float64(total)/float64(n), 'f', 1, 64)
}
