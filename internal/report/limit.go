package report

import (
	"fmt"
	"strings"

	"tokmeter/internal/excerpt"
	"tokmeter/internal/metrics"
	"tokmeter/internal/model/light"
)

// The words of docs/metrics.md for the keys of the speed of light.
const (
	limitFormula = "with --gpu, or on a simulated engine, else null: what the card allows at least. model, gpu, precision, kv_cache, tensor_parallel_size: of what; alone: each request on an empty server; under_load: the same arrivals and lengths through the schedule of policy with perfect kernels, null where no_load says why; each has ttft_ms, tpot_ms and e2el_ms with mean, p50, p90 and p99; measured_over_alone and measured_over_load: measured mean / mean of the limit; bandwidth_use (MBU): bytes of a decode step / (TPOT × bandwidth), averaged over the time in which answers were under way, of one; flop_use (MFU): operations of all tokens / (time with requests under way × peak), of one; ttft_bound, tpot_bound: what the limit goes to mostly: weights, kv, compute, link or network; round_trip_ms: of the network, part of ttft; tokens_per_step: accepted by speculation, by which tpot is divided; cached_tokens: taken off the prompts; below_alone: requests faster than their own limit; unconfirmed: constants with a single source (speed-of-light.md)"

	impliedFormula = "without --gpu, where the shapes of the model are known, else null: model, precision, the mean tpot_ms, the batch that a token found beside it on the average, and gb_s, the weights of a step / tpot: what the card streams at least"
)

// limit writes the speed of light beside what was measured.
func (t *text) limit() {
	if x := t.s.Implied; x != nil && t.s.Limit == nil {
		t.head("Speed of Light", '-')
		t.line(x.Text)
	}
	l := t.s.Limit
	if l == nil {
		return
	}
	t.head("Speed of Light", '-')
	t.line("of:     " + limitOf(l))
	t.line(fmt.Sprintf("%-16s %10s %10s %7s %11s %7s", "", "measured", "alone", "ratio", "under load", "ratio"))
	for _, x := range []struct {
		id          metrics.ID
		alone, load light.Spread
		overAlone   float64
		overLoad    float64
	}{
		{metrics.TTFT, l.Alone.TTFT, l.Load.TTFT, l.OverAlone.TTFT, l.OverLoad.TTFT},
		{metrics.TPOT, l.Alone.TPOT, l.Load.TPOT, l.OverAlone.TPOT, l.OverLoad.TPOT},
		{metrics.E2EL, l.Alone.E2EL, l.Load.E2EL, l.OverAlone.E2EL, l.OverLoad.E2EL},
	} {
		t.line(fmt.Sprintf("%-16s %10s %10s %7s %11s %7s", "Mean "+strings.ToUpper(string(x.id))+" (ms):",
			known(t.s.Dists[x.id].Mean), known(x.alone.Mean), known(x.overAlone), known(x.load.Mean), known(x.overLoad)))
	}
	t.line(fmt.Sprintf("used:   %.1f %% of the memory bandwidth while tokens were made (MBU), %.1f %% of the peak FLOPS (MFU)", 100*l.BandwidthUse, 100*l.FlopUse))
	t.line(fmt.Sprintf("bound:  TTFT by %s, TPOT by %s", orUnknown(l.TTFTBound), orUnknown(l.TPOTBound)))
	if beside := limitParts(l); beside != "" {
		t.line("with:   " + beside)
	}
	t.line("alone:  on an empty server: no software does better on this card")
	if l.NoLoad != "" {
		t.line("load:   no limit: " + excerpt.Cut(excerpt.Line(l.NoLoad), exampleWidth))
	} else {
		t.line("load:   the same arrivals through " + l.Policy + "'s schedule with perfect kernels and no host: a bound for that policy")
	}
	if len(l.Unconfirmed) > 0 {
		t.line("unconfirmed: " + strings.Join(l.Unconfirmed, ", "))
	}
}

// limitOf names what the limit is of.
func limitOf(l *light.Verdict) string {
	s := l.Model + " " + l.Precision
	if l.KV != "" {
		s += ", KV cache " + l.KV
	}
	s += " on "
	if l.TP > 1 {
		s += fmt.Sprintf("%d × ", l.TP)
	}
	return s + l.GPU
}

// limitParts says what was added to the limit or taken off it.
func limitParts(l *light.Verdict) string {
	var parts []string
	if l.RoundTripMs > 0 {
		parts = append(parts, fmt.Sprintf("a round trip of %.3f ms in TTFT", l.RoundTripMs))
	}
	if l.TokensPerStep > 0 {
		parts = append(parts, fmt.Sprintf("TPOT divided by %.2f tokens a step of speculation", l.TokensPerStep))
	}
	if l.CachedTokens > 0 {
		parts = append(parts, fmt.Sprintf("%d cached tokens taken off the prompts", l.CachedTokens))
	}
	return strings.Join(parts, "; ")
}

// known writes a number with two decimals: more where it is small, fewer where
// it is large, and a hyphen where it is not known.
func known(x float64) string {
	switch {
	case x == 0:
		return "-"
	case x < 0.1:
		return fmt.Sprintf("%.2g", x)
	case x >= 1e5:
		return fmt.Sprintf("%.0f", x)
	}
	return fmt.Sprintf("%.2f", x)
}

func orUnknown(s string) string {
	if s == "" {
		return "nothing known"
	}
	return s
}

// limitObject is the result file's speed_of_light.
func limitObject(l *light.Verdict) any {
	if l == nil {
		return nil
	}
	o := &object{}
	o.set("model", l.Model)
	o.set("gpu", l.GPU)
	o.set("precision", l.Precision)
	o.set("kv_cache", orNone(l.KV))
	o.set("tensor_parallel_size", l.TP)
	o.set("policy", l.Policy)
	o.set("requests", l.Requests)
	o.set("alone", latencyObject(l.Alone))
	if l.NoLoad == "" {
		o.set("under_load", latencyObject(l.Load))
	} else {
		o.set("under_load", nil)
	}
	o.set("no_load", orNone(l.NoLoad))
	o.set("measured_over_alone", ratioObject(l.OverAlone))
	o.set("measured_over_load", ratioObject(l.OverLoad))
	o.set("bandwidth_use", l.BandwidthUse)
	o.set("flop_use", l.FlopUse)
	o.set("ttft_bound", orNone(l.TTFTBound))
	o.set("tpot_bound", orNone(l.TPOTBound))
	o.set("round_trip_ms", numberOrNull(l.RoundTripMs))
	o.set("tokens_per_step", numberOrNull(l.TokensPerStep))
	o.set("cached_tokens", l.CachedTokens)
	o.set("below_alone", l.BelowAlone)
	o.set("unconfirmed", append([]string{}, l.Unconfirmed...))
	return o
}

func latencyObject(l light.Latencies) *object {
	o := &object{}
	for _, x := range []struct {
		key string
		s   light.Spread
	}{{"ttft_ms", l.TTFT}, {"tpot_ms", l.TPOT}, {"e2el_ms", l.E2EL}} {
		v := &object{}
		v.set("mean", numberOrNull(x.s.Mean))
		v.set("p50", numberOrNull(x.s.P50))
		v.set("p90", numberOrNull(x.s.P90))
		v.set("p99", numberOrNull(x.s.P99))
		o.set(x.key, v)
	}
	return o
}

func ratioObject(r light.Ratios) *object {
	o := &object{}
	o.set("ttft", numberOrNull(r.TTFT))
	o.set("tpot", numberOrNull(r.TPOT))
	o.set("e2el", numberOrNull(r.E2EL))
	return o
}

// numberOrNull has null for what is not known.
func numberOrNull(x float64) any {
	if x == 0 {
		return nil
	}
	return x
}

// impliedObject is the result file's implied_bandwidth.
func impliedObject(x *light.Implication) any {
	if x == nil {
		return nil
	}
	o := &object{}
	o.set("model", x.Model)
	o.set("precision", x.Precision)
	o.set("tpot_ms", x.TPOTMs)
	o.set("batch", x.Batch)
	o.set("gb_s", x.Bandwidth)
	return o
}
