package plan

import (
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"
	"time"
)

// Stop says when a run ends before everything was sent.
type Stop struct {
	Until        *Until        `json:"until,omitempty"`
	MinDuration  time.Duration `json:"min_duration_ns,omitempty"` // Until does not end it before
	MaxDuration  time.Duration `json:"max_duration_ns,omitempty"` // nothing is sent after it; 0 for no limit
	MaxErrors    int           `json:"max_errors,omitempty"`      // failed requests that end it; 0 for no limit
	MaxErrorRate float64       `json:"max_error_rate,omitempty"`  // part of the requests, of at least 20, above which failures end it; 0 for no limit
	Saturated    bool          `json:"when_saturated,omitempty"`  // it ends when the server does not keep up
}

// Until is what a run wants to know: a latency to within a part of itself, or
// whether it is below a limit.
type Until struct {
	Metric     string  `json:"metric"`               // ttft, tpot or e2el
	Percentile float64 `json:"percentile,omitempty"` // 0 for the mean
	Within     float64 `json:"within,omitempty"`     // half the 95 % interval, as a part of the value
	BelowMs    float64 `json:"below_ms,omitempty"`   // by MLPerf's early stopping
}

// String is the rule as ParseUntil reads it.
func (u Until) String() string {
	name := u.Metric + "_mean"
	if u.Percentile > 0 {
		name = u.Metric + "_p" + strconv.FormatFloat(u.Percentile, 'g', -1, 64)
	}
	if u.BelowMs > 0 {
		return name + " < " + strconv.FormatFloat(u.BelowMs, 'g', -1, 64) + "ms"
	}
	return name + " ±" + strconv.FormatFloat(100*u.Within, 'g', 6, 64) + "%"
}

// ParseUntil reads a rule such as "ttft_p99 ±5%" (also +-5%, or 5%) or "tpot_p99 < 50ms". The error says
// what is wrong and what is wanted.
func ParseUntil(text string) (Until, error) {
	const want = `want LATENCY_STATISTIC and how narrow or below what, such as "ttft_p99 ±5%%", "tpot_mean ±2%%" or "ttft_p99 < 200ms"`
	var u Until
	compact := strings.ToLower(strings.Join(strings.Fields(text), ""))
	at := strings.IndexAny(compact, "±+<")
	if at < 0 {
		return u, fmt.Errorf("%q: "+want, text)
	}
	metric, statistic, ok := strings.Cut(compact[:at], "_")
	if !ok || !slices.Contains(SLOLatencies(), metric) {
		return u, fmt.Errorf("%q: the latency must be one of %s; "+want, text, strings.Join(SLOLatencies(), ", "))
	}
	u.Metric = metric
	p, ok := statisticOf(statistic)
	switch {
	case !ok && !strings.HasPrefix(statistic, "p"):
		return u, fmt.Errorf("%q: the statistic must be mean, median or pN; "+want, text)
	case !ok || p == 100:
		return u, fmt.Errorf("%q: a percentile is above 0 and below 100; "+want, text)
	}
	u.Percentile = p
	rest := strings.TrimPrefix(strings.TrimPrefix(strings.TrimPrefix(compact[at:], "±"), "+-"), "+/-")
	if below, isBelow := strings.CutPrefix(rest, "<"); isBelow {
		x, err := milliseconds(strings.TrimPrefix(below, "="))
		if err != nil || u.Percentile == 0 {
			return u, fmt.Errorf("%q: a limit is of a percentile, in ms or s; "+want, text)
		}
		u.BelowMs = x
		return u, nil
	}
	x, err := strconv.ParseFloat(strings.TrimSuffix(rest, "%"), 64)
	if err != nil || !strings.HasSuffix(rest, "%") || !(x > 0 && x < 100) {
		return u, fmt.Errorf("%q: the width is above 0 and below 100 %%; "+want, text)
	}
	u.Within = x / 100
	return u, nil
}

// milliseconds reads 200ms, 0.2s or 200.
func milliseconds(text string) (float64, error) {
	scale := 1.0
	switch {
	case strings.HasSuffix(text, "ms"):
		text = strings.TrimSuffix(text, "ms")
	case strings.HasSuffix(text, "s"):
		text, scale = strings.TrimSuffix(text, "s"), 1000
	}
	x, err := strconv.ParseFloat(text, 64)
	if err != nil || !(x > 0) || math.IsInf(x, 1) {
		return 0, fmt.Errorf("%q is no time", text)
	}
	return x * scale, nil
}

// Any reports whether some rule may end the run.
func (s Stop) Any() bool {
	return s.Until != nil || s.MaxDuration > 0 || s.MaxErrors > 0 || s.MaxErrorRate > 0 || s.Saturated
}

func (s Stop) validate(ps *problems, l *Load) {
	ps.add(s.MinDuration >= 0, "--min-duration: want 0 or more seconds, got %v", s.MinDuration.Seconds())
	ps.add(s.MaxDuration >= 0, "--max-duration: want 0 or more seconds, got %v", s.MaxDuration.Seconds())
	ps.add(s.MaxDuration == 0 || s.MinDuration <= s.MaxDuration, "--min-duration %v is longer than --max-duration %v", s.MinDuration.Seconds(), s.MaxDuration.Seconds())
	ps.atLeast("--max-errors", s.MaxErrors, 0)
	ps.add(s.MaxErrorRate >= 0 && s.MaxErrorRate < 1, "--max-error-rate: want a part of one, such as 0.05, got %v", s.MaxErrorRate)
	ps.add(!s.Saturated || l.OpenLoop(), "--stop-when-saturated needs requests with due times, such as --request-rate 10: without them the load follows the server")
}
