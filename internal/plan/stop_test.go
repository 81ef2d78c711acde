package plan_test

import (
	"strings"
	"testing"

	"tokmeter/internal/plan"
)

// TestParseUntil: each way to write a rule, and what is wrong with others.
func TestParseUntil(t *testing.T) {
	for text, want := range map[string]plan.Until{
		"ttft_p99 ±5%":       {Metric: "ttft", Percentile: 99, Within: 0.05},
		"ttft_p99 +-5%":      {Metric: "ttft", Percentile: 99, Within: 0.05},
		"TTFT_P99.9±0.5 %":   {Metric: "ttft", Percentile: 99.9, Within: 0.005},
		"tpot_mean ± 2%":     {Metric: "tpot", Within: 0.02},
		"e2el_median +/-10%": {Metric: "e2el", Percentile: 50, Within: 0.1},
		"ttft_p99 < 200ms":   {Metric: "ttft", Percentile: 99, BelowMs: 200},
		"ttft_p99 <= 0.2s":   {Metric: "ttft", Percentile: 99, BelowMs: 200},
		"tpot_p90<50":        {Metric: "tpot", Percentile: 90, BelowMs: 50},
	} {
		got, err := plan.ParseUntil(text)
		if err != nil || got != want {
			t.Errorf("%q: got %+v, %v, want %+v", text, got, err, want)
		}
		again, err := plan.ParseUntil(got.String())
		if err != nil || again != got {
			t.Errorf("%q is written as %q, which reads as %+v, %v", text, got, again, err)
		}
	}
	for text, why := range map[string]string{
		"":                "want",
		"ttft_p99":        "want",
		"ttft_p99 5%":     "want",
		"itl_p99 ±5%":     "the latency must be one of ttft, tpot, e2el",
		"ttft ±5%":        "the latency",
		"ttft_p100 ±5%":   "a percentile is above 0 and below 100",
		"ttft_p ±5%":      "a percentile",
		"ttft_max ±5%":    "the statistic must be",
		"ttft_p99 ±5":     "the width",
		"ttft_p99 ±0%":    "the width",
		"ttft_p99 ±-1%":   "the width",
		"ttft_p99 ±nan%":  "the width",
		"ttft_mean < 5ms": "a limit is of a percentile",
		"ttft_p99 < 0":    "a limit",
		"ttft_p99 < infs": "a limit",
	} {
		if got, err := plan.ParseUntil(text); err == nil || !strings.Contains(err.Error(), why) {
			t.Errorf("%q: got %+v, %v, want an error with %q", text, got, err, why)
		}
	}
}

// FuzzParseUntil: what is taken is a rule, and reads the same when written.
func FuzzParseUntil(f *testing.F) {
	f.Add("ttft_p99 ±5%")
	f.Add("tpot_p90<50ms")
	f.Fuzz(func(t *testing.T, text string) {
		u, err := plan.ParseUntil(text)
		if err != nil {
			return
		}
		if (u.Within > 0) == (u.BelowMs > 0) || u.Percentile < 0 || u.Percentile >= 100 {
			t.Errorf("%q: %+v", text, u)
		}
	})
}
