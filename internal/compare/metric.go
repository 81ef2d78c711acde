package compare

import (
	"fmt"
	"math"
	"strconv"
	"strings"

	"tokmeter/internal/metrics"
	"tokmeter/internal/stats"
)

// A Metric is something that results are compared by: a latency in milliseconds,
// or one of the numbers that a run has once.
type Metric string

// The metrics. Latencies have the names of the result file.
const (
	TTFT                         = Metric(metrics.TTFT)
	TPOT                         = Metric(metrics.TPOT)
	ITL                          = Metric(metrics.ITL)
	E2EL                         = Metric(metrics.E2EL)
	RequestRate           Metric = "request_throughput"     // successful requests a second
	OutputRate            Metric = "output_throughput"      // output tokens a second
	TokenRate             Metric = "total_token_throughput" // prompt and output tokens a second
	Goodput               Metric = "request_goodput"        // requests a second that met their goals
	Success               Metric = "success"                // share of the requests that succeeded
	latencies                    = "ttft, tpot, itl, e2el"
	rates                        = "request_throughput, output_throughput, total_token_throughput, request_goodput, success"
	metricAndStat                = "want one of " + latencies + " with _mean or a percentile such as _p99, or one of " + rates
	unitMs, unitHz               = "ms", "1/s"
	unitTokens, unitShare        = "tok/s", "%"
)

// Latency reports whether the metric is one of each request.
func (m Metric) Latency() bool { return m == TTFT || m == TPOT || m == ITL || m == E2EL }

// higherBetter reports whether more of it is better.
func (m Metric) higherBetter() bool { return !m.Latency() }

// Unit is what its values are in.
func (m Metric) Unit() string {
	switch {
	case m.Latency():
		return unitMs
	case m == Success:
		return unitShare
	case m == RequestRate || m == Goodput:
		return unitHz
	}
	return unitTokens
}

func (m Metric) known() bool {
	switch m {
	case RequestRate, OutputRate, TokenRate, Goodput, Success:
		return true
	}
	return m.Latency()
}

// A Quantity is a metric with the statistic that stands for its values.
type Quantity struct {
	Metric Metric
	Stat   stats.Statistic // of a latency
}

// String is the quantity as rules and files have it, such as ttft_p99.
func (q Quantity) String() string {
	if !q.Metric.Latency() {
		return string(q.Metric)
	}
	if q.Stat == stats.OfMean {
		return string(q.Metric) + "_mean"
	}
	return string(q.Metric) + "_p" + strconv.FormatFloat(float64(q.Stat), 'g', -1, 64)
}

// ParseQuantity reads a quantity such as ttft_p99, p99_ttft_ms, tpot_mean,
// e2el_median or output_throughput.
func ParseQuantity(text string) (Quantity, error) {
	fail := fmt.Errorf("%q: %s", short(text), metricAndStat)
	name := strings.TrimSuffix(strings.ToLower(strings.TrimSpace(text)), "_ms")
	if m := Metric(name); m.known() && !m.Latency() {
		return Quantity{Metric: m}, nil
	}
	first, last, ok := strings.Cut(name, "_")
	if !ok {
		return Quantity{}, fail
	}
	for _, try := range [][2]string{{first, last}, {last, first}} {
		m := Metric(try[0])
		if s, ok := statOf(try[1]); ok && m.Latency() {
			return Quantity{m, s}, nil
		}
	}
	return Quantity{}, fail
}

// statOf reads mean, median and p99.
func statOf(text string) (stats.Statistic, bool) {
	switch text {
	case "mean", "avg":
		return stats.OfMean, true
	case "median":
		return 50, true
	}
	digits, ok := strings.CutPrefix(text, "p")
	p, err := strconv.ParseFloat(digits, 64)
	if !ok || err != nil || !(p > 0 && p < 100) {
		return 0, false
	}
	return stats.Statistic(p), true
}

// Usual are the quantities that are compared where nobody asks for others.
func Usual() []Quantity {
	return []Quantity{
		{TTFT, stats.OfMean}, {TTFT, 50}, {TTFT, 90}, {TTFT, 99},
		{TPOT, stats.OfMean}, {TPOT, 50}, {TPOT, 99},
		{ITL, stats.OfMean}, {ITL, 99},
		{E2EL, stats.OfMean}, {E2EL, 50}, {E2EL, 99},
		{RequestRate, 0}, {OutputRate, 0}, {Goodput, 0}, {Success, 0},
	}
}

// short cuts a text for a message.
func short(s string) string {
	if len(s) > 60 {
		return strings.ToValidUTF8(s[:60], "") + "…"
	}
	return s
}

func positive(v float64) bool { return v > 0 && !math.IsInf(v, 1) }
