package plan

import (
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"
)

// An SLO is a limit on one number of a run, such as ttft_p99<500ms: of all
// requests, failed ones included, at least 99 % have their first token within
// 500 ms.
type SLO struct {
	Metric     string  `json:"metric"`               // ttft, tpot, e2el, request_throughput, output_throughput, goodput or success
	Percentile float64 `json:"percentile,omitempty"` // of a latency; 0 for the mean
	Limit      float64 `json:"limit"`                // most of a latency in ms, least of a rate in requests or tokens a second, or of a share of one
}

// SLOLatencies are the metrics whose limit is the most that is allowed.
func SLOLatencies() []string { return []string{"ttft", "tpot", "e2el"} }

// sloRates are those whose limit is the least.
func sloRates() []string {
	return []string{"request_throughput", "output_throughput", "goodput", "success"}
}

// Latency reports whether the limit is the most that is allowed, in milliseconds.
func (s SLO) Latency() bool { return slices.Contains(SLOLatencies(), s.Metric) }

// Name is what the limit is on, such as ttft_p99 or success.
func (s SLO) Name() string {
	switch {
	case !s.Latency():
		return s.Metric
	case s.Percentile == 0:
		return s.Metric + "_mean"
	}
	return s.Metric + "_p" + strconv.FormatFloat(s.Percentile, 'g', -1, 64)
}

// String is the limit as ParseSLOs reads it.
func (s SLO) String() string {
	limit := strconv.FormatFloat(s.Limit, 'g', -1, 64)
	switch {
	case s.Latency():
		return s.Name() + "<=" + limit + "ms"
	case s.Metric == "success":
		return s.Name() + ">=" + strconv.FormatFloat(100*s.Limit, 'g', 6, 64) + "%"
	}
	return s.Name() + ">=" + limit
}

// ParseSLOs reads limits split by commas, such as
// "ttft_p99<500ms, tpot_mean<=50ms, request_throughput>10, success>=99%". A
// latency without a unit is in ms, and = means the side that is good. The error
// names the first part that is none.
func ParseSLOs(text string) ([]SLO, error) {
	var out []SLO
	for part := range strings.SplitSeq(text, ",") {
		s, err := parseSLO(strings.ToLower(strings.Join(strings.Fields(part), "")))
		if err != nil {
			return nil, fmt.Errorf("%q: %w", shortWord(strings.TrimSpace(part)), err)
		}
		out = append(out, s)
	}
	return out, nil
}

func parseSLO(text string) (SLO, error) {
	at := strings.IndexAny(text, "<>=")
	if at < 0 {
		return SLO{}, fmt.Errorf(`want NAME<LIMIT or NAME>LIMIT, such as "ttft_p99<500ms" or "request_throughput>10"`)
	}
	name, sign := text[:at], text[at]
	limit := strings.TrimPrefix(text[at+1:], "=")
	metric, statistic, _ := strings.Cut(name, "_")
	if slices.Contains(SLOLatencies(), metric) {
		s := SLO{Metric: metric}
		if sign == '>' {
			return s, fmt.Errorf("the limit of a latency is the most that is allowed: want <")
		}
		p, ok := statisticOf(statistic)
		if !ok {
			return s, fmt.Errorf("which statistic? want _mean, _median or a percentile such as _p99")
		}
		s.Percentile = p
		var err error
		s.Limit, err = milliseconds(limit)
		if err != nil {
			return s, fmt.Errorf("the limit: want a time above 0, such as 500ms or 0.5s, got %q", limit)
		}
		return s, nil
	}
	if !slices.Contains(sloRates(), name) {
		return SLO{}, fmt.Errorf("there is no %q: want %s with _mean, _median or a percentile such as _p99, or %s", shortWord(name),
			strings.Join(SLOLatencies(), ", "), strings.Join(sloRates(), ", "))
	}
	if sign == '<' {
		return SLO{}, fmt.Errorf("the limit of %s is the least that is allowed: want >", name)
	}
	number, percent := strings.CutSuffix(limit, "%")
	x, err := strconv.ParseFloat(number, 64)
	if percent {
		x = math.Round(x*1e8) / 1e10
	}
	switch {
	case err != nil || !(x > 0) || math.IsInf(x, 0):
		return SLO{}, fmt.Errorf("the limit: want a number above 0, got %q", shortWord(limit))
	case name == "success" && x > 1, name != "success" && percent:
		return SLO{}, fmt.Errorf("the limit: want a share such as 99%% for success and a number per second for the others, got %q", shortWord(limit))
	}
	return SLO{Metric: name, Limit: x}, nil
}

// An SLOCount counts what decides about a limit of a latency. A request that failed
// is over every limit.
type SLOCount struct {
	slo            SLO
	n, failed, met int
	sum            float64 // ms, of the n
}

// Count begins to count for the limit.
func (s SLO) Count() SLOCount { return SLOCount{slo: s} }

// Add counts the latency of a successful request, in milliseconds.
func (c *SLOCount) Add(ms float64) {
	c.n++
	c.sum += ms
	if ms <= c.slo.Limit {
		c.met++
	}
}

// Fail counts a request that failed.
func (c *SLOCount) Fail() { c.failed++ }

// Result is the mean in milliseconds of a limit on the mean, else the share of the
// requests within the limit; and whether the limit was met, by nearest rank. Without
// a successful request it is not.
func (c *SLOCount) Result() (value float64, met bool) {
	if c.n == 0 {
		return 0, false
	}
	if c.slo.Percentile == 0 {
		mean := c.sum / float64(c.n)
		return mean, c.failed == 0 && mean <= c.slo.Limit
	}
	n := float64(c.n + c.failed)
	// The little that is taken off takes up the rounding of 0.01 × 99 × n.
	return float64(c.met) / n, float64(c.met)*100 >= c.slo.Percentile*n*(1-1e-12)
}

// statisticOf is the percentile that mean (0), median or pN stands for.
func statisticOf(text string) (percentile float64, ok bool) {
	switch text {
	case "mean":
		return 0, true
	case "median":
		return 50, true
	}
	p, isP := strings.CutPrefix(text, "p")
	x, err := strconv.ParseFloat(p, 64)
	return x, isP && err == nil && x > 0 && x <= 100
}

// shortWord is the beginning of a word that may be long.
func shortWord(s string) string {
	if r := []rune(s); len(r) > 40 {
		return string(r[:40]) + "…"
	}
	return s
}
