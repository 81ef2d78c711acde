package result

import (
	"encoding/json"
	"fmt"
	"strings"

	"tokmeter/internal/excerpt"
	"tokmeter/internal/metrics"
	"tokmeter/internal/model/light"
	"tokmeter/internal/plan"
	"tokmeter/internal/record"
)

// The words of docs/metrics.md for the keys of the speed of light.
const (
	lightFormula = "with --gpu, or on a simulated engine, else null: what the card allows at least. model, gpu, precision, kv_cache, tensor_parallel_size: of what; alone: each request on an empty server; under_load: the same arrivals and lengths through the schedule of policy with perfect kernels, null where no_load says why; each has ttft, tpot and e2el with mean_ms, p50_ms, p90_ms and p99_ms; measured_over_alone and measured_over_load: measured mean / mean of the limit; bandwidth_use (MBU): bytes of a decode step / (TPOT × bandwidth), averaged over the time in which answers were under way, of one; flop_use (MFU): operations of all tokens / (time with requests under way × peak), of one; ttft_bound, tpot_bound: what the limit goes to mostly: weights, kv, compute, link or network; round_trip_ms: of the network, part of ttft, absent where it is not known; tokens_per_step: accepted by speculation, by which tpot is divided; cached_tokens: taken off the prompts; below_alone: requests faster than their own limit; unconfirmed: constants with a single source (speed-of-light.md)"

	impliedFormula = "without --gpu, where the shapes of the model are known, else null: model, precision, the mean tpot_ms, the batch that a token found beside it on the average, and gb_s, the weights of a step / tpot: what the card streams at least"
)

// speedOfLight puts what the card allows at least beside what was measured, or
// says what TPOT implies where the card is not known.
func speedOfLight() part {
	return part{
		Definition{ID: "speed_of_light", Title: "Speed of Light", Keys: []Key{
			{Name: "speed_of_light", Formula: lightFormula},
			{Name: "implied_bandwidth", Formula: impliedFormula},
		}},
		func(r *Result) (Section, error) {
			s := &r.Summary
			if s.Compat {
				return Section{}, nil
			}
			out := Section{Label: "Speed of light"}
			w, err := addLight(s, r.Records, r.Plan, r.Head.Limit)
			if w != nil {
				out.Warnings = append(out.Warnings, *w)
			}
			out.Warnings = append(out.Warnings, s.LimitWarnings()...)
			switch {
			case s.Limit != nil:
				out.Short, out.Text = []string{lightLine(s.Limit)}, text(lightLines(s)...)
			case s.Implied != nil:
				out.Short = []string{s.Implied.Text}
				out.Text = text(s.Implied.Text)
			}
			out.JSON = Fields{{"speed_of_light", lightFields(s.Limit)}, {"implied_bandwidth", impliedFields(s.Implied)}}
			return out, err
		},
	}
}

// addLight computes the limit, or what TPOT implies. kept is what run.json says
// of card and model; names that can't be found are a warning; the error is that of
// the pass.
func addLight(s *metrics.Summary, recs record.Pass, p plan.Plan, kept json.RawMessage) (*metrics.Warning, error) {
	if len(kept) == 0 {
		return nil, nil
	}
	var of light.Subject
	err := json.Unmarshal(kept, &of)
	var found light.Found
	if err == nil {
		found, err = of.Find()
	}
	if err != nil {
		return &metrics.Warning{Code: "limit", Text: "the speed of light of the run can't be told again: " + excerpt.Lines(err.Error())}, nil
	}
	if s.Completed == 0 {
		return nil, nil
	}
	served, err := metrics.ServedOf(recs, p)
	if err == nil {
		judge(s, served, found)
	}
	return nil, err
}

// judge sets the limit in a summary, or what TPOT implies.
func judge(s *metrics.Summary, reqs []light.Request, found light.Found) {
	e := light.Evidence{Counted: true, Simulated: s.Simulated}
	for _, c := range s.OutputSources {
		e.Counted = e.Counted && c.Source != record.FromEvents
	}
	for _, w := range s.Warnings {
		e.Together = e.Together || w.Code == metrics.WarnSharedReads || w.Code == metrics.WarnBundledTokens
	}
	if s.Speculation != nil {
		e.TokensPerStep = s.Speculation.Length
	}
	if found.Light != nil {
		v := found.Light.Judge(reqs, e)
		s.Limit = &v
		return
	}
	if i, err := light.Imply(found.Model, found.Precision, reqs, e); err == nil {
		s.Implied = &i
	}
}

// lightLine is the ratios to the nearer of the two limits, and how much of the
// card was used.
func lightLine(l *light.Verdict) string {
	over, which := l.OverLoad, "under load"
	if l.NoLoad != "" {
		over, which = l.OverAlone, "on an empty server"
	}
	return fmt.Sprintf("TTFT %s×, TPOT %s×, E2EL %s× what %s allows %s; %.1f %% of its memory bandwidth used, %.1f %% of its peak FLOPS",
		known(over.TTFT), known(over.TPOT), known(over.E2EL), lightOf(l), which, 100*l.BandwidthUse, 100*l.FlopUse)
}

func lightLines(s *metrics.Summary) []string {
	l := s.Limit
	lines := []string{
		"of:     " + lightOf(l),
		fmt.Sprintf("%-16s %10s %10s %7s %11s %7s", "mean (ms)", "measured", "alone", "ratio", "under load", "ratio"),
	}
	for _, x := range []struct {
		id                  metrics.ID
		alone, load         light.Spread
		overAlone, overLoad float64
	}{
		{metrics.TTFT, l.Alone.TTFT, l.Load.TTFT, l.OverAlone.TTFT, l.OverLoad.TTFT},
		{metrics.TPOT, l.Alone.TPOT, l.Load.TPOT, l.OverAlone.TPOT, l.OverLoad.TPOT},
		{metrics.E2EL, l.Alone.E2EL, l.Load.E2EL, l.OverAlone.E2EL, l.OverLoad.E2EL},
	} {
		lines = append(lines, fmt.Sprintf("%-16s %10s %10s %7s %11s %7s", strings.ToUpper(string(x.id)),
			known(s.Dists[x.id].Mean), known(x.alone.Mean), known(x.overAlone), known(x.load.Mean), known(x.overLoad)))
	}
	lines = append(lines,
		fmt.Sprintf("used:   %.1f %% of the memory bandwidth while tokens were made (MBU), %.1f %% of the peak FLOPS (MFU)", 100*l.BandwidthUse, 100*l.FlopUse),
		fmt.Sprintf("bound:  TTFT by %s, TPOT by %s", orUnknown(l.TTFTBound), orUnknown(l.TPOTBound)))
	if beside := lightParts(l); beside != "" {
		lines = append(lines, "with:   "+beside)
	}
	lines = append(lines, "alone:  on an empty server: no software does better on this card")
	if l.NoLoad != "" {
		lines = append(lines, "load:   no limit: "+excerpt.Cut(excerpt.Line(l.NoLoad), exampleChars))
	} else {
		lines = append(lines, "load:   the same arrivals through "+l.Policy+"'s schedule with perfect kernels and no host: a bound for that policy")
	}
	if len(l.Unconfirmed) > 0 {
		lines = append(lines, "unconfirmed: "+strings.Join(l.Unconfirmed, ", "))
	}
	return lines
}

// lightOf names what the limit is of.
func lightOf(l *light.Verdict) string {
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

// lightParts says what was added to the limit or taken off it.
func lightParts(l *light.Verdict) string {
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

func lightFields(l *light.Verdict) any {
	if l == nil {
		return nil
	}
	f := Fields{
		{"model", l.Model}, {"gpu", l.GPU}, {"precision", l.Precision}, {"kv_cache", orNull(l.KV)},
		{"tensor_parallel_size", l.TP}, {"policy", l.Policy}, {"requests", l.Requests},
		{"alone", latencyFields(l.Alone)}, {"under_load", nil}, {"no_load", orNull(l.NoLoad)},
		{"measured_over_alone", ratioFields(l.OverAlone)}, {"measured_over_load", ratioFields(l.OverLoad)},
		{"bandwidth_use", l.BandwidthUse}, {"flop_use", l.FlopUse},
		{"ttft_bound", orNull(l.TTFTBound)}, {"tpot_bound", orNull(l.TPOTBound)},
	}
	if l.NoLoad == "" {
		f[8].Value = latencyFields(l.Load)
	}
	if l.RoundTripMs != 0 {
		f = append(f, Field{"round_trip_ms", l.RoundTripMs})
	}
	return append(f, Fields{
		{"tokens_per_step", numberOrNull(l.TokensPerStep)}, {"cached_tokens", l.CachedTokens},
		{"below_alone", l.BelowAlone}, {"unconfirmed", append([]string{}, l.Unconfirmed...)},
	}...)
}

// latencyFields leaves out what is not known.
func latencyFields(l light.Latencies) Fields {
	var f Fields
	for _, x := range []struct {
		key string
		s   light.Spread
	}{{"ttft", l.TTFT}, {"tpot", l.TPOT}, {"e2el", l.E2EL}} {
		v := Fields{}
		if x.s.Mean != 0 {
			v = Fields{{"mean_ms", x.s.Mean}, {"p50_ms", x.s.P50}, {"p90_ms", x.s.P90}, {"p99_ms", x.s.P99}}
		}
		f = append(f, Field{x.key, v})
	}
	return f
}

func ratioFields(r light.Ratios) Fields {
	return Fields{{"ttft", numberOrNull(r.TTFT)}, {"tpot", numberOrNull(r.TPOT)}, {"e2el", numberOrNull(r.E2EL)}}
}

// numberOrNull has null for what is not known.
func numberOrNull(x float64) any {
	if x == 0 {
		return nil
	}
	return x
}

func impliedFields(x *light.Implication) any {
	if x == nil {
		return nil
	}
	return Fields{{"model", x.Model}, {"precision", x.Precision}, {"tpot_ms", x.TPOTMs}, {"batch", x.Batch}, {"gb_s", x.Bandwidth}}
}
