package report

import (
	"encoding/csv"
	"fmt"
	"io"
	"strconv"

	"tokmeter/internal/compare"
)

// precisionColumns is the head of the CSV.
func precisionColumns() []string {
	cols := []string{"variant", "model", "precision", "simulated", "baseline", "statistic", "rate_req_s", "concurrency", "failure", "requests", "failed_requests"}
	for _, e := range []string{"ttft_ms", "tpot_ms", "e2el_ms", "speedup", "ttft_ratio", "e2el_ratio", "throughput_ratio"} {
		cols = append(cols, e, e+"_low", e+"_high")
	}
	return append(cols, "output_tokens_s", "requests_s", "withheld", "ttft_limit_ms", "tpot_limit_ms", "bound", "near", "ceiling",
		"weight_bytes", "kernel", "card", "server", "power_w", "joule_per_token", "price_per_hour", "price_per_million_tokens",
		"drift_prompts", "drift_identical", "drift_first_difference_tokens", "drift_logprob_gap", "slo_req_s", "detectable", "verdict_code", "verdict")
}

// PrecisionCSV writes a row for each variant at each load, those of the table
// first, under a head. What is not known is empty; rate_req_s and concurrency are
// both empty where all requests came at once.
func PrecisionCSV(w io.Writer, p *Precision) error {
	c := csv.NewWriter(w)
	c.Write(precisionColumns()) // Error below tells of all
	for i := range p.Rows {
		c.Write(p.csvRow(&p.Rows[i], true))
	}
	for _, v := range p.Views {
		if v.Load == p.Load {
			continue
		}
		for i := range v.Rows {
			c.Write(p.csvRow(&v.Rows[i], false))
		}
	}
	c.Flush()
	if err := c.Error(); err != nil {
		return fmt.Errorf("precision table: %w", err)
	}
	return nil
}

// csvRow is a variant at a load; what a search found stands beside the table's
// load alone.
func (p *Precision) csvRow(r *compare.Row, main bool) []string {
	v := &r.Variant
	out := []string{
		v.Name, v.Model, v.Precision, strconv.FormatBool(v.Simulated), strconv.FormatBool(r.Baseline), p.statistic(),
		exact(r.Load.Rate), whole(r.Load.Concurrency), r.Failure, whole(r.Requests), strconv.Itoa(r.Failed),
	}
	for _, e := range []compare.Estimate{r.TTFT, r.TPOT, r.E2EL, r.Speedup, r.TTFTRatio, r.E2ELRatio, r.Throughput} {
		out = append(out, exact(e.Value), exact(e.Low), exact(e.High))
	}
	out = append(out, exact(r.OutputPerSecond), exact(r.RequestPerSecond), r.Withheld, exact(r.Limit.TTFT), exact(r.Limit.TPOT), r.Limit.Bound, exact(r.Near), exact(r.Ceiling),
		exact(r.WeightBytes), v.Kernel, v.Card, v.Version, exact(r.PowerW), exact(r.JouleToken), exact(v.PricePerHour), exact(r.PricePerMTok))
	if d := r.Drift; d != nil {
		out = append(out, strconv.Itoa(d.Prompts), strconv.FormatFloat(d.Identical, 'g', -1, 64), exact(d.First), exact(d.LogProbGap))
	} else {
		out = append(out, "", "", "", "")
	}
	held := ""
	for _, h := range p.Held {
		if main && h.Variant == v.Name {
			held = strconv.FormatFloat(h.Rate, 'g', -1, 64)
		}
	}
	return flatAll(append(out, held, exact(r.Detectable), string(r.Verdict.Code), r.Verdict.Text))
}

// exact writes a number with all its digits, and nothing for what is not known.
func exact(x float64) string {
	if unknown(x) {
		return ""
	}
	return strconv.FormatFloat(x, 'g', -1, 64)
}

func whole(n int) string {
	if n == 0 {
		return ""
	}
	return strconv.Itoa(n)
}
