package page

import (
	"math"
	"strings"

	"tokmeter/internal/compare"
	"tokmeter/internal/precision/table"
	"tokmeter/internal/stats"
)

// A field is one number or word of a variant at a load: a key of the
// JSON file, and a column of the CSV, or three where it is an estimate.
type field struct {
	key, unit, meaning string
	// of gives nil, a string, a bool, an int, a float64 or a stats.Interval; nil
	// for what is not known.
	of func(r *table.Row) any
}

// estimated reports whether the field is an estimate where it is known.
func (f *field) estimated() bool {
	e := stats.Interval{Value: 1}
	_, ok := f.of(&table.Row{TTFT: e, TPOT: e, E2EL: e, Speedup: e, TTFTRatio: e, E2ELRatio: e, Throughput: e}).(stats.Interval)
	return ok
}

// flat reports whether the field is an estimate whose key ends in its unit: the JSON
// file has it as numbers beside each other, so that the key holds one.
func (f *field) flat() bool { return f.estimated() && strings.HasSuffix(f.key, "_"+f.unit) }

// loadFields are how a view was driven.
func loadFields() []loadField {
	return []loadField{
		{"rate_requests_per_s", "requests/s", "offered to every variant; not known where concurrency drives", func(l compare.Load) any { return told(l.Rate) }},
		{"concurrency", "requests", "kept in flight; neither is known where all requests came at once", func(l compare.Load) any {
			if l.Concurrency == 0 {
				return nil
			}
			return l.Concurrency
		}},
	}
}

// A loadField is a key of a view in the JSON file and a column of the CSV.
type loadField struct {
	key, unit, meaning string
	of                 func(l compare.Load) any // nil, an int or a float64
}

// fields is everything that is told of a variant at a load, in order.
func fields() []field {
	out := []field{
		{"variant", "", "name", func(r *table.Row) any { return r.Variant.Name }},
		{"model", "", "stub", func(r *table.Row) any { return r.Variant.Model }},
		{"precision", "", "label", func(r *table.Row) any { return r.Variant.Precision }},
		{"simulated", "", "whether this row is simulated", func(r *table.Row) any { return r.Variant.Simulated }},
		{"baseline", "", "whether the others are compared with it", func(r *table.Row) any { return r.Baseline }},
		{"failure", "", "why there are no numbers", func(r *table.Row) any { return word(r.Failure) }},
		{"withheld", "", "why there are no ratios", func(r *table.Row) any { return word(r.Withheld) }},
		{"requests", "requests", "that were sent, all rounds together", func(r *table.Row) any { return r.Requests }},
		{"failed_requests", "requests", "of them; they are in no latency", func(r *table.Row) any { return r.Failed }},
		{"paired_requests", "requests", "whose times went into the ratios", func(r *table.Row) any { return r.Paired }},
		{"ttft_ms", "ms", "time to the first token", func(r *table.Row) any { return estimated(r.TTFT) }},
		{"tpot_ms", "ms", "time per output token after the first", func(r *table.Row) any { return estimated(r.TPOT) }},
		{"e2el_ms", "ms", "mean time of a whole request, whatever the statistic", func(r *table.Row) any { return estimated(r.E2EL) }},
		{"speedup", "ratio", "TPOT of the baseline / of this variant", func(r *table.Row) any { return ratio(r, r.Speedup) }},
		{"ttft_ratio", "ratio", "TTFT of the baseline / of this variant", func(r *table.Row) any { return ratio(r, r.TTFTRatio) }},
		{"e2el_ratio", "ratio", "E2EL of the baseline / of this variant", func(r *table.Row) any { return ratio(r, r.E2ELRatio) }},
		{"throughput_ratio", "ratio", "output tokens a second of this variant / of the baseline", func(r *table.Row) any { return ratio(r, r.Throughput) }},
		{"p_value", "probability", "of such a speedup where there is none, by Holm over the variants", func(r *table.Row) any {
			if ratio(r, r.Speedup) == nil {
				return nil
			}
			return finite(r.P)
		}},
		{"detectable", "share of 1", "least difference of TPOT that could have been seen", func(r *table.Row) any { return told(r.Detectable) }},
		{"output_tokens_per_s", "tokens/s", "of successful requests", func(r *table.Row) any { return ran(r, r.OutputPerSecond) }},
		{"requests_per_s", "requests/s", "that succeeded", func(r *table.Row) any { return ran(r, r.RequestPerSecond) }},
		{"output_tokens", "tokens", "mean of a successful request", func(r *table.Row) any { return told(r.MeanOutput) }},
		{"mean_requests", "requests", "in flight, mean over the time of the runs", func(r *table.Row) any { return told(r.MeanOpen) }},
		{"peak_requests", "requests", "most in flight at once", func(r *table.Row) any { return r.PeakOpen }},
	}
	return append(append(out, limitFields()...), sideFields()...)
}

func limitFields() []field {
	return []field{
		{"ttft_limit_ms", "ms", "speed of light", func(r *table.Row) any { return told(r.Limit.TTFT) }},
		{"tpot_limit_ms", "ms", "speed of light", func(r *table.Row) any { return told(r.Limit.TPOT) }},
		{"limit_bound", "", "what the limit goes to mostly: weights, kv, compute or link", func(r *table.Row) any { return word(r.Limit.Bound) }},
		{"limit_alone", "", "whether the limit is of a request alone and not of this load", func(r *table.Row) any { return r.LimitAlone }},
		{"ttft_near", "share of 1", "limit of TTFT / its mean", func(r *table.Row) any { return told(r.NearTTFT) }},
		{"tpot_near", "share of 1", "limit of TPOT / its mean", func(r *table.Row) any { return told(r.Near) }},
		{"ceiling", "ratio", "ratio of limits: TPOT limit of the baseline / of this variant; no bound of the speedup", func(r *table.Row) any { return told(r.LimitRatio) }},
		{"ceiling_from", "", "what ceiling is the ratio of: limits, or weights where only their bytes are known", func(r *table.Row) any { return word(r.LimitRatioFrom) }},
		{"weight_bytes", "bytes", "of weights that a step reads", func(r *table.Row) any { return told(r.WeightBytes) }},
	}
}

func sideFields() []field {
	drift := func(f func(d *compare.Agreement) any) func(r *table.Row) any {
		return func(r *table.Row) any {
			if r.Drift == nil {
				return nil
			}
			return f(r.Drift)
		}
	}
	return []field{
		{"kernel", "", "that the server's log names", func(r *table.Row) any { return word(r.Variant.Kernel) }},
		{"card", "", "accelerator", func(r *table.Row) any { return word(r.Variant.Card) }},
		{"server_version", "", "as the server tells it", func(r *table.Row) any { return word(r.Variant.Version) }},
		{"power_w", "W", "mean while the run was on", func(r *table.Row) any { return told(r.PowerW) }},
		{"joule_per_output_token", "J", "power / output tokens a second", func(r *table.Row) any { return told(r.JouleToken) }},
		{"price_per_hour", "currency", "as given", func(r *table.Row) any { return told(r.Variant.PricePerHour) }},
		{"price_per_million_output_tokens", "currency", "at that price", func(r *table.Row) any { return told(r.PricePerMTok) }},
		{"drift_prompts", "prompts", "answered greedily and compared with the baseline's answers", drift(func(d *compare.Agreement) any { return d.Prompts })},
		{"drift_identical", "share of 1", "of equal answers", drift(func(d *compare.Agreement) any { return finite(d.Identical) })},
		{"drift_first_difference_tokens", "tokens", "mean until the first difference", drift(func(d *compare.Agreement) any { return finite(d.First) })},
		{"drift_logprob_gap_nats", "nats", "mean absolute difference of the log-probabilities of equal tokens; not known where a server gives none", drift(func(d *compare.Agreement) any { return finite(d.LogProbGap) })},
		{"verdict_code", "", "the reason; none for the baseline and for what failed", func(r *table.Row) any { return word(string(r.Verdict.Code)) }},
		{"verdict", "", "one sentence with its evidence", func(r *table.Row) any { return word(r.Verdict.Text) }},
	}
}

// word is a text, or nil for none.
func word(s string) any {
	if s == "" {
		return nil
	}
	return s
}

// finite is a number, or nil for one that is not known or that JSON can't say.
func finite(x float64) any {
	if math.IsNaN(x) || math.IsInf(x, 0) {
		return nil
	}
	return x
}

// told is finite for numbers whose zero too means that they are not known.
func told(x float64) any {
	if x == 0 {
		return nil
	}
	return finite(x)
}

// ran is finite for numbers that only a variant with runs has.
func ran(r *table.Row, x float64) any {
	if r.Failure != "" {
		return nil
	}
	return finite(x)
}

func estimated(e stats.Interval) any {
	if !given(e) {
		return nil
	}
	return e
}

// ratio is an estimate that is withheld with the row's speedup.
func ratio(r *table.Row, e stats.Interval) any {
	if r.Failure != "" || r.Withheld != "" {
		return nil
	}
	return estimated(e)
}
