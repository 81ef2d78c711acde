package table

import (
	"fmt"
	"math"
	"slices"
	"strings"
)

// When a reason holds. docs/precision-method.md says why these numbers.
const (
	nearLimits   = 0.75 // speedup ÷ ratio of limits from which decoding is bound by weights
	nearGain     = 0.5  // and of the gain, as logarithms: 1.01 is not near 1.3
	someGain     = 1.1  // ratio of limits that promises anything to explain
	level        = 0.05 // of probabilities
	noGain       = 0.01 // speedup − 1 that is no difference to anybody, however sure
	sharp        = 0.25 // of the gain promised, that a run must be able to see
	mostPrefill  = 0.5  // of a request, or of the card's time
	hostShare    = 0.2  // of TPOT, where a step's time on the host is known
	restShare    = 0.25 // of TPOT that does not shrink with the weights, where it is inferred
	leastWeights = 0.5  // of the memory's bandwidth that a kernel reaches: below it is the kernel, not the host
	smallBatch   = 32   // requests in flight up to which a decode step is mostly weights
	fallenGain   = 0.5  // of the gain at the smallest batch, as logarithms
	batchApart   = 4    // batches are compared that differ by this factor
	equalRate    = 0.1  // between the throughputs of all
	keptRate     = 0.8  // of the rate at which requests were sent: those still under way at the end are the rest
	unknownSlow  = 1.3  // speedup below which a slow kernel is blamed where no limits are known
)

// judge gives every row its verdict.
func (b *builder) judge() {
	for i, sides := range b.views {
		base := sides[b.base]
		c := &court{sides: sides, base: base, slow: b.slowCounts(i)}
		for _, x := range sides {
			if !x.Baseline && x.Failure == "" {
				x.Verdict = c.verdict(x)
			}
		}
	}
}

// A court is what the reasons at one load are judged by.
type court struct {
	sides []*side
	base  *side
	queue map[*side]string // evidence of a queue; "" where there is none
	slow  map[string]fall
}

// verdict asks every reason in turn.
func (c *court) verdict(x *side) Verdict {
	var all []Reason
	found := map[Code]Reason{}
	for _, f := range []func(*side) (Reason, bool){
		c.unequalOutputs, c.saturated, c.wrongKernel, c.withinNoise, c.decodeBound, c.prefillBound, c.computeBound, c.hostBound, c.rateLimited,
	} {
		if r, ok := f(x); ok {
			found[r.Code] = r
		}
	}
	order := codes()
	if c.sharp(x) {
		order = slices.DeleteFunc(order, func(k Code) bool { return k == WithinNoise })
		order = slices.Insert(order, slices.Index(order, NotExplained), WithinNoise)
	}
	for _, k := range order {
		if r, ok := found[k]; ok {
			all = append(all, r)
		}
	}
	// A rate explains equal throughputs, not what TPOT does.
	if _, same := found[WithinNoise]; len(all) == 0 || all[0].Code == RateLimited && !same {
		all = slices.Insert(all, 0, c.notExplained(x))
	}
	return Verdict{Reason: all[0], Also: all[1:]}
}

// sharp reports whether the run could have seen a small part of what the ratio
// of the limits promises, so that no difference is a finding.
func (c *court) sharp(x *side) bool {
	return x.LimitRatio >= someGain && x.seenDetectable <= sharp*(x.LimitRatio-1)
}

func (c *court) unequalOutputs(x *side) (Reason, bool) {
	if x.cause != outputsDiffer {
		return Reason{}, false
	}
	return reason(UnequalOutputs, fmt.Sprintf("the answers have %.0f tokens against the baseline's %.0f, so the two did not do the same work: repeat with ignore_eos", x.output[1], x.output[0]),
		"output_tokens", x.output[1], "baseline_output_tokens", x.output[0]), true
}

func (c *court) withinNoise(x *side) (Reason, bool) {
	s, seen := x.Speedup, x.seen
	if x.Withheld != "" || math.IsNaN(seen.Low) || math.IsNaN(seen.High) {
		return Reason{}, false
	}
	inside := seen.Low <= 1 && 1 <= seen.High
	small := seen.Low >= 1-noGain && seen.High <= 1+noGain
	if !(x.seenP >= level) && !inside && !small {
		return Reason{}, false
	}
	text := fmt.Sprintf("the difference is within noise: %s; the smallest that this run could have seen is %s", times(s), percent(x.Detectable))
	switch {
	case x.few > 0:
		text = fmt.Sprintf("the difference, %s, is within noise as far as %s can tell: %d rounds would give an interval", times(s), rounds(x.few), IntervalRounds)
	case inside:
	case small:
		text = fmt.Sprintf("there is no difference to speak of: it is less than 1 %% either way (%.3f to %.3f), where starts of one engine differ by more", s.Low, s.High)
	default:
		text = fmt.Sprintf("the difference is within noise once all variants are tested together (p %.2g): %s; the smallest that this run could have seen is %s", x.P, times(s), percent(x.Detectable))
	}
	return reason(WithinNoise, text, "speedup", s.Value, "low", s.Low, "high", s.High, "p", x.P, "detectable", x.Detectable), true
}

// percent writes a share of one.
func percent(share float64) string {
	switch {
	case math.IsNaN(share) || math.IsInf(share, 0):
		return "not known"
	case share == 0:
		return "any at all, since every repetition was equal"
	case share < 0.1:
		return fmt.Sprintf("%.1f %%", 100*share)
	}
	return fmt.Sprintf("%.0f %%", 100*share)
}

func (c *court) decodeBound(x *side) (Reason, bool) {
	s := x.Speedup.Value
	if x.Withheld != "" || x.Limit.Bound == "compute" && !x.LimitAlone || !x.near() || !(x.seen.Low > 1) {
		return Reason{}, false
	}
	if b := c.base.Limit.Bound; b != "" && b != "weights" && !c.base.LimitAlone {
		return Reason{}, false
	}
	return reason(DecodeBound, fmt.Sprintf("decoding is bound by reading weights: the speedup is %.2f where %s is %.2f", s, x.ratioWords(), x.LimitRatio),
		"speedup", s, "ceiling", x.LimitRatio), true
}

// near reports whether a speedup comes near a ratio of limits that promises
// something.
func (x *side) near() bool {
	s := x.Speedup.Value
	return x.LimitRatio >= someGain && s >= nearLimits*x.LimitRatio && math.Log(s) >= nearGain*math.Log(x.LimitRatio)
}

func (x *side) ratioWords() string {
	if x.LimitRatioFrom == "weights" {
		return "the ratio of the bytes of weights"
	}
	return "the ratio of the limits"
}

// prefillBound holds where most of each request is its prompt, or most of the
// card's time goes to prompts.
func (c *court) prefillBound(x *side) (Reason, bool) {
	if c.queueOf(x) != "" || c.queueOf(c.base) != "" {
		return Reason{}, false
	}
	if x.prefillShare >= mostPrefill && (c.base.Failure != "" || c.base.prefillShare >= mostPrefill) {
		return reason(PrefillBound, fmt.Sprintf("prompts take most of the time: %.0f %% of a request's %.0f ms is before the first token (%.1f output tokens), where a smaller weight format gains little",
			100*x.prefillShare, x.e2el, x.MeanOutput), "prefill_share", x.prefillShare, "e2el_ms", x.e2el, "output_tokens", x.MeanOutput), true
	}
	if busy := x.promptTime(); busy >= mostPrefill {
		return reason(PrefillBound, fmt.Sprintf("prompts take most of the card's time: %.2f requests a second need at least %.0f ms each for the prompt, %.0f %% of the time", x.RequestPerSecond, x.Variant.Alone.TTFT, 100*busy),
			"prefill_share", busy, "ttft_limit_ms", x.Variant.Alone.TTFT, "requests_per_second", x.RequestPerSecond), true
	}
	return Reason{}, false
}

// promptTime is the least share of the card's time that prompts take: the limit
// of TTFT on an empty card for each request; 0 where it is not known.
func (x *side) promptTime() float64 {
	if t := known(x.Variant.Alone.TTFT) / 1e3 * x.RequestPerSecond; t > 0 {
		return t
	}
	return 0
}

// hostBound holds where a step's time on the host, known or inferred, keeps the
// speedup from the ratio of the limits.
func (c *court) hostBound(x *side) (Reason, bool) {
	s := x.Speedup.Value
	if x.Withheld != "" || !(x.LimitRatio >= someGain) || x.near() || math.IsNaN(s) || x.Limit.Bound == "compute" && !x.LimitAlone {
		return Reason{}, false
	}
	if host := known(x.Variant.HostMs); host > 0 {
		if share := host / x.tpot; share >= hostShare {
			return reason(HostBound, fmt.Sprintf("the host sets the pace: %.1f of %.1f ms a token (%.0f %%) are the step's work on the host, which no weight format shortens; the speedup is %.2f where %s is %.2f",
				host, x.tpot, 100*share, s, x.ratioWords(), x.LimitRatio), "host_ms", host, "tpot_ms", x.tpot, "speedup", s, "ceiling", x.LimitRatio), true
		}
		return Reason{}, false
	}
	a, b := c.base.Limit.TPOT, x.Limit.TPOT
	if !(b > 0) || !(a > b) || c.base.LimitAlone != x.LimitAlone || !(max(x.MeanOpen, c.base.MeanOpen) <= smallBatch) {
		return Reason{}, false
	}
	// TPOT = limit / η + rest for both, with η and rest the same, once the time
	// that prompts of others take from decoding is taken off.
	mine, its := x.tpot*(1-min(1, x.promptTime())), c.base.tpot*(1-min(1, c.base.promptTime()))
	slope := max(1, (its-mine)/(a-b))
	rest := mine - slope*b
	if !(slope <= 1/leastWeights) || !(rest >= restShare*x.tpot) {
		return Reason{}, false
	}
	return reason(HostBound, fmt.Sprintf("the host or other work of a step sets the pace: %.1f of %.1f ms a token (%.0f %%) do not shrink with the weights (limits %.1f and %.1f ms, %.1f requests in flight); the speedup is %.2f where %s is %.2f",
		rest, x.tpot, 100*rest/x.tpot, a, b, x.MeanOpen, s, x.ratioWords(), x.LimitRatio), "rest_ms", rest, "tpot_ms", x.tpot, "limit_ms", b, "baseline_limit_ms", a, "open", x.MeanOpen, "speedup", s, "ceiling", x.LimitRatio), true
}

// rateLimited holds where all variants deliver what was asked for, counted
// while requests were still being sent: the last answers say nothing of a rate.
func (c *court) rateLimited(x *side) (Reason, bool) {
	if !(x.Load.Rate > 0) || x.Load.Concurrency > 0 || c.queueOf(x) != "" {
		return Reason{}, false
	}
	low, high, offered, n := math.Inf(1), 0.0, 0.0, 0
	for _, y := range c.sides {
		if y.Failure != "" {
			continue
		}
		sent, finished := y.whileSent()
		if !(finished >= keptRate*sent) {
			return Reason{}, false
		}
		low, high, offered, n = min(low, finished), max(high, finished), max(offered, sent), n+1
	}
	if n < 2 || high > low*(1+equalRate) {
		return Reason{}, false
	}
	return reason(RateLimited, fmt.Sprintf("throughput is what was offered: while %.2f requests a second were sent, all %d variants finished %.2f to %.2f, so only the latencies can differ at this rate; equal concurrency (--concurrency 1,8,32) shows what each can do", offered, n, low, high),
		"offered", offered, "lowest", low, "highest", high), true
}

// whileSent is how many requests a second were sent, and how many of them
// succeeded, from the first sending of each run to its last.
func (x *side) whileSent() (sent, finished float64) {
	n, done, seconds := 0, 0, 0.0
	for _, k := range x.group.rounds {
		r := x.runs[k]
		if r == nil {
			continue
		}
		first, last := math.Inf(1), 0.0
		for _, q := range r.Requests {
			if !math.IsNaN(q.Sent) {
				first, last = min(first, q.Sent), max(last, q.Sent)
			}
		}
		if !(last > first) {
			continue
		}
		seconds += (last - first) / 1e3
		for _, q := range r.Requests {
			if q.Sent < last {
				n++
			}
			if q.OK && q.Sent+q.E2EL <= last {
				done++
			}
		}
	}
	return quotient(float64(n), seconds), quotient(float64(done), seconds)
}

// notExplained says what was looked at.
func (c *court) notExplained(x *side) Reason {
	if x.Withheld != "" {
		return reason(NotExplained, "there is no speedup to explain: it is withheld: "+x.Withheld, "failed", float64(x.Failed))
	}
	var seen []string
	see := func(ok bool, format string, args ...any) {
		if ok {
			seen = append(seen, fmt.Sprintf(format, args...))
		}
	}
	see(x.LimitRatio > 0, "%s, %.2f", x.ratioWords(), x.LimitRatio)
	see(!(x.LimitRatio > 0), "no ratio of limits is known (name the card, or the bytes of weights)")
	see(x.Limit.Bound != "", "the limit is bound by %s", x.Limit.Bound)
	see(x.prefillShare > 0, "%.0f %% of a request before its first token", 100*x.prefillShare)
	see(x.MeanOpen > 0, "%.1f requests in flight", x.MeanOpen)
	see(known(x.Variant.HostMs) > 0, "%.1f ms a step on the host", x.Variant.HostMs)
	see(known(x.Variant.HostMs) == 0, "the host's time a step is not known")
	see(x.Variant.Kernel != "", "kernel %s", x.Variant.Kernel)
	see(x.Variant.Kernel == "", "the log names no kernel")
	seen = append(seen, "no growing queue")
	return reason(NotExplained, fmt.Sprintf("the speedup of %s is not explained; looked at: %s", times(x.Speedup), strings.Join(seen, ", ")),
		"speedup", x.Speedup.Value, "ceiling", x.LimitRatio, "prefill_share", x.prefillShare, "open", x.MeanOpen)
}

// reason puts a text and its numbers together: names and values in turn.
func reason(code Code, text string, evidence ...any) Reason {
	r := Reason{Code: code, Text: text}
	for i := 0; i+1 < len(evidence); i += 2 {
		what, _ := evidence[i].(string)
		value, _ := evidence[i+1].(float64)
		r.Evidence = append(r.Evidence, Evidence{what, value})
	}
	return r
}
