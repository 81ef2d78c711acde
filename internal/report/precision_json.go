package report

import (
	"encoding/json"
	"fmt"
	"io"
	"math"

	"tokmeter/internal/compare"
)

// A precisionKey is one key of the JSON file with its unit and meaning, for
// docs/precision.md.
type precisionKey struct{ path, unit, meaning string }

// precisionKeys documents the file; a test compares it with what is written.
func precisionKeys() []precisionKey {
	return []precisionKey{
		{"tokmeter_precision", "", "version of this format"},
		{"title", "", "as the spec has it, or null"},
		{"simulated", "", "whether any row is simulated"},
		{"baseline", "", "name of the variant that the others are compared with"},
		{"statistic", "", "of TTFT and TPOT: mean, or a percentile such as p99"},
		{"rounds", "", "how often every variant was measured"},
		{"differences[].what", "", "what is not the same for all: prompts, output lengths, version, …"},
		{"differences[].variants[]", "", "names of those that differ from the baseline"},
		{"differences[].values[]", "", "the baseline's, then one for each of variants"},
		{"differences[].invalidates", "", "whether the speedup of variants is withheld for it"},
		{"differences[].text", "", "one sentence"},
		{"warnings[].code", "", "kind of what casts doubt on the table"},
		{"warnings[].text", "", "one sentence"},
		{"notes[]", "", "what happened on the way"},
		{"views[].rate_req_s", "requests/s", "offered to every variant; null where concurrency drives, and both are null where all requests came at once; the first view is the table"},
		{"views[].concurrency", "requests", "kept under way; null where a rate drives"},
		{"views[].variants[].variant", "", "name"},
		{"views[].variants[].model", "", "stub"},
		{"views[].variants[].precision", "", "label"},
		{"views[].variants[].simulated", "", "whether this row is simulated"},
		{"views[].variants[].baseline", "", "whether the others are compared with it"},
		{"views[].variants[].failure", "", "why there are no numbers, or null"},
		{"views[].variants[].requests", "requests", "that were sent, all rounds together"},
		{"views[].variants[].failed_requests", "requests", "of them, in no latency"},
		{"views[].variants[].paired_requests", "requests", "whose times went into the ratios"},
		{"views[].variants[].ttft_ms", "ms", "value, low, high (95 %), n: time to the first token"},
		{"views[].variants[].tpot_ms", "ms", "the same of the time per output token after the first"},
		{"views[].variants[].e2el_ms", "ms", "the same of the whole request, always the mean"},
		{"views[].variants[].speedup", "ratio", "baseline's TPOT / this variant's, with low and high; null where withheld"},
		{"views[].variants[].ttft_ratio", "ratio", "the same of TTFT"},
		{"views[].variants[].e2el_ratio", "ratio", "the same of E2EL"},
		{"views[].variants[].throughput_ratio", "ratio", "this variant's output tokens a second / the baseline's"},
		{"views[].variants[].p", "", "probability of such a speedup where there is none, by Holm over the variants"},
		{"views[].variants[].detectable", "of one", "least difference of TPOT that this run could have seen"},
		{"views[].variants[].withheld", "", "why there are no ratios, or null"},
		{"views[].variants[].output_tokens_s", "tokens/s", "output tokens of successful requests a second"},
		{"views[].variants[].requests_s", "requests/s", "successful requests a second"},
		{"views[].variants[].output_tokens", "tokens", "mean of a successful request"},
		{"views[].variants[].most_under_way", "requests", "most at once"},
		{"views[].variants[].ttft_limit_ms", "ms", "speed of light"},
		{"views[].variants[].tpot_limit_ms", "ms", "speed of light"},
		{"views[].variants[].bound", "", "what the limit goes to mostly: weights, kv, compute or link"},
		{"views[].variants[].limit_alone", "", "whether the limit is of a request alone and not of this load"},
		{"views[].variants[].near", "of one", "limit of TPOT / measured mean TPOT"},
		{"views[].variants[].ceiling", "ratio", "speedup that the limits of baseline and variant allow"},
		{"views[].variants[].ceiling_from", "", "limits, or weights where only their bytes are known"},
		{"views[].variants[].weight_bytes", "bytes", "of weights that a step reads"},
		{"views[].variants[].kernel", "", "that the server's log names"},
		{"views[].variants[].card", "", "accelerator"},
		{"views[].variants[].server", "", "its version"},
		{"views[].variants[].power_w", "W", "mean while the run was on"},
		{"views[].variants[].joule_per_token", "J", "of an output token"},
		{"views[].variants[].price_per_hour", "currency", "as given"},
		{"views[].variants[].price_per_million_tokens", "currency", "of output tokens"},
		{"views[].variants[].drift", "", "prompts: that were compared; identical: share of answers equal to the baseline's; first_difference_tokens: mean until the first difference; logprob_gap: mean absolute difference of the log-probabilities of equal tokens in nats, null where a server gives none. Null without drift"},
		{"views[].variants[].verdict", "", "code; text: one sentence with its evidence; also[]: further codes and texts. Null for the baseline and for what failed"},
		{"slo", "", "null without a search"},
		{"slo.goals", "", "as the user wrote them"},
		{"slo.variants[].variant", "", "name"},
		{"slo.variants[].rate_req_s", "requests/s", "highest rate that held; 0 where none did"},
		{"slo.variants[].text", "", "how the search ended"},
	}
}

// PrecisionJSON writes everything that the table has, in the order of
// docs/precision.md. What is not known is null.
func PrecisionJSON(w io.Writer, p *Precision) error {
	o := &tree{}
	some, _ := p.simulated()
	o.set("tokmeter_precision", PrecisionVersion)
	o.set("title", orNone(p.Title))
	o.set("simulated", some)
	o.set("baseline", p.Baseline)
	o.set("statistic", p.statistic())
	o.set("rounds", p.Rounds)
	diffs, warnings := []any{}, []any{}
	for _, d := range p.Differences {
		x := &tree{}
		x.set("what", d.What)
		x.set("variants", append([]string{}, d.Variants...))
		x.set("values", append([]string{}, d.Values...))
		x.set("invalidates", d.Invalidates)
		x.set("text", d.Why)
		diffs = append(diffs, x)
	}
	for _, v := range p.Warnings {
		warnings = append(warnings, codeAndText(v.Code, v.Text))
	}
	o.set("differences", diffs)
	o.set("warnings", warnings)
	o.set("notes", append([]string{}, p.Notes...))
	views := []any{viewTree(compare.View{Load: p.Load, Rows: p.Rows})}
	for _, v := range p.Views {
		if v.Load != p.Load {
			views = append(views, viewTree(v))
		}
	}
	o.set("views", views)
	o.set("slo", p.heldTree())
	b, err := json.MarshalIndent(o, "", "  ")
	if err != nil {
		return fmt.Errorf("precision table: %w", err)
	}
	if _, err := w.Write(append(b, '\n')); err != nil {
		return fmt.Errorf("precision table: %w", err)
	}
	return nil
}

func codeAndText(code, text string) *tree {
	x := &tree{}
	x.set("code", code)
	x.set("text", text)
	return x
}

func viewTree(v compare.View) *tree {
	rows := []any{}
	for i := range v.Rows {
		rows = append(rows, rowTree(&v.Rows[i]))
	}
	x := &tree{}
	x.set("rate_req_s", numberOrNone(v.Load.Rate))
	x.set("concurrency", orNull(v.Load.Concurrency))
	x.set("variants", rows)
	return x
}

func (p *Precision) heldTree() any {
	if p.Goals == "" && len(p.Held) == 0 {
		return nil
	}
	list := []any{}
	for _, h := range p.Held {
		x := &tree{}
		x.set("variant", h.Variant)
		x.set("rate_req_s", h.Rate)
		x.set("text", h.Text)
		list = append(list, x)
	}
	o := &tree{}
	o.set("goals", p.Goals)
	o.set("variants", list)
	return o
}

func rowTree(r *compare.Row) *tree {
	v := &r.Variant
	o := &tree{}
	o.set("variant", v.Name)
	o.set("model", v.Model)
	o.set("precision", v.Precision)
	o.set("simulated", v.Simulated)
	o.set("baseline", r.Baseline)
	o.set("failure", orNone(r.Failure))
	o.set("requests", r.Requests)
	o.set("failed_requests", r.Failed)
	o.set("paired_requests", r.Paired)
	for _, e := range []struct {
		key string
		e   compare.Estimate
	}{
		{"ttft_ms", r.TTFT}, {"tpot_ms", r.TPOT}, {"e2el_ms", r.E2EL},
		{"speedup", r.Speedup}, {"ttft_ratio", r.TTFTRatio}, {"e2el_ratio", r.E2ELRatio}, {"throughput_ratio", r.Throughput},
	} {
		o.set(e.key, estimateTree(e.e))
	}
	o.set("p", nil)
	if !math.IsNaN(r.P) { // 0 is a probability
		o.set("p", r.P)
	}
	o.set("detectable", numberOrNone(r.Detectable))
	o.set("withheld", orNone(r.Withheld))
	o.set("output_tokens_s", numberOrNone(r.OutputPerSecond))
	o.set("requests_s", numberOrNone(r.RequestPerSecond))
	o.set("output_tokens", numberOrNone(r.MeanOutput))
	o.set("most_under_way", r.PeakOpen)
	o.set("ttft_limit_ms", numberOrNone(r.Limit.TTFT))
	o.set("tpot_limit_ms", numberOrNone(r.Limit.TPOT))
	o.set("bound", orNone(r.Limit.Bound))
	o.set("limit_alone", r.LimitAlone)
	o.set("near", numberOrNone(r.Near))
	o.set("ceiling", numberOrNone(r.Ceiling))
	o.set("ceiling_from", orNone(r.CeilingFrom))
	o.set("weight_bytes", numberOrNone(r.WeightBytes))
	o.set("kernel", orNone(v.Kernel))
	o.set("card", orNone(v.Card))
	o.set("server", orNone(v.Version))
	o.set("power_w", numberOrNone(r.PowerW))
	o.set("joule_per_token", numberOrNone(r.JouleToken))
	o.set("price_per_hour", numberOrNone(v.PricePerHour))
	o.set("price_per_million_tokens", numberOrNone(r.PricePerMTok))
	o.set("drift", driftTree(r.Drift))
	o.set("verdict", verdictTree(r.Verdict))
	return o
}

func driftTree(d *compare.Agreement) any {
	if d == nil {
		return nil
	}
	x := &tree{}
	x.set("prompts", d.Prompts)
	x.set("identical", d.Identical)
	x.set("first_difference_tokens", numberOrNone(d.First))
	x.set("logprob_gap", nil)
	if !math.IsNaN(d.LogProbGap) { // 0 is a gap: none
		x.set("logprob_gap", d.LogProbGap)
	}
	return x
}

func verdictTree(v compare.Verdict) any {
	if v.Code == "" {
		return nil
	}
	x := codeAndText(string(v.Code), v.Text)
	also := []any{}
	for _, a := range v.Also {
		also = append(also, codeAndText(string(a.Code), a.Text))
	}
	x.set("also", also)
	return x
}

func estimateTree(e compare.Estimate) any {
	if !given(e) {
		return nil
	}
	x := &tree{}
	x.set("value", e.Value)
	x.set("low", numberOrNone(e.Low))
	x.set("high", numberOrNone(e.High))
	x.set("n", e.N)
	return x
}

// numberOrNone has null for what is not known and for what JSON can't say.
func numberOrNone(x float64) any {
	if unknown(x) {
		return nil
	}
	return x
}

// A tree is a JSON object that keeps the order of its keys.
type tree struct{ object }

// MarshalJSON writes the keys in the order in which they were set.
func (t *tree) MarshalJSON() ([]byte, error) {
	b := []byte{'{'}
	for i, k := range t.keys {
		if i > 0 {
			b = append(b, ',')
		}
		key, err := json.Marshal(k)
		if err != nil {
			return nil, err
		}
		value, err := json.Marshal(t.values[k])
		if err != nil {
			return nil, err
		}
		b = append(append(append(b, key...), ':'), value...)
	}
	return append(b, '}'), nil
}
