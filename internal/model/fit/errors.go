package fit

import (
	"fmt"
	"math"
	"slices"
	"strings"

	"tokmeter/internal/stats"
)

// An Error is how far a simulated number is from a measured one.
type Error struct {
	Run                 *Run
	ID, Kind            string  // Kind: TTFT, TPOT P99, tokens/s, time a token, speedup
	Measured, Simulated float64 // in the metric's unit
	Error               float64 // simulated/measured − 1; 0 within what the source leaves open
	low, high           float64 // what the source leaves open
	inverse             bool    // a time a token that is told as tokens a second
}

// newError compares a number with what a source leaves open.
func newError(r *Run, id, kind string, simulated, low, measured, high float64, inverse bool) Error {
	e := Error{Run: r, ID: id, Kind: kind, Measured: measured, Simulated: simulated, low: low, high: high, inverse: inverse}
	e.Error = simulated/min(max(simulated, low), high) - 1
	if inverse {
		e.Error = 1/(1+e.Error) - 1
	}
	return e
}

// with is the error of another simulated number.
func (e Error) with(simulated float64) Error {
	return newError(e.Run, e.ID, e.Kind, simulated, e.low, e.Measured, e.high, e.inverse)
}

// errorOf is simulated/measured − 1 against the nearest number that the source
// leaves open.
func errorOf(simulated, measured, open float64) float64 {
	near := min(max(simulated, measured-open), measured+open)
	return simulated/near - 1
}

func kindOf(metric string) string {
	switch metric {
	case "output_tok_s", "decode_tok_s":
		return "tokens/s"
	case "duration_s":
		return "duration"
	}
	name, _, _ := strings.Cut(metric, "_")
	if strings.HasSuffix(metric, "p99") {
		return strings.ToUpper(name) + " P99"
	}
	return strings.ToUpper(name)
}

// speed is the point of a run that tells its time a token: TPOT, else E2EL, else
// tokens a second.
func (r *Run) speed() *Point {
	for _, metric := range []string{"tpot_ms_mean", "tpot_ms_p50", "e2el_ms_mean", "output_tok_s"} {
		for i := range r.Points {
			if r.Points[i].Metric == metric {
				return &r.Points[i]
			}
		}
	}
	return nil
}

// Errors compares every number of a run, and its time a token.
func (r *Run) Errors(m Metrics) []Error {
	var out []Error
	for _, p := range r.Points {
		out = append(out, newError(r, p.ID, kindOf(p.Metric), m[p.Metric], p.Value-p.PlusMinus, p.Value, p.Value+p.PlusMinus, false))
	}
	if p := r.speed(); p != nil {
		out = append(out, newError(r, p.ID, timeAToken, m[p.Metric], p.Value-p.PlusMinus, p.Value, p.Value+p.PlusMinus, strings.HasSuffix(p.Metric, "tok_s")))
	}
	return out
}

const (
	timeAToken = "time a token"
	speedup    = "speedup"
)

// Speedups compares the speedups over 16 bit of runs that differ in precision
// alone.
func Speedups(runs []*Run, of map[*Run]Metrics) []Error {
	var out []Error
	base := map[string]*Run{}
	for _, r := range runs {
		if r.Pair != "" && (r.Precision == "bf16" || r.Precision == "fp16") {
			base[r.Pair] = r
		}
	}
	for _, r := range runs {
		b := base[r.Pair]
		if b == nil || b == r || of[b] == nil || of[r] == nil {
			continue
		}
		x, y := b.speed(), r.speed()
		if x == nil || y == nil || x.Metric != y.Metric {
			continue
		}
		sx, sy := of[b][x.Metric], of[r][y.Metric]
		sim, low, mid, high := sx/sy, (x.Value-x.PlusMinus)/(y.Value+y.PlusMinus), x.Value/y.Value, (x.Value+x.PlusMinus)/(y.Value-y.PlusMinus)
		if strings.HasSuffix(x.Metric, "tok_s") {
			sim, low, mid, high = sy/sx, (y.Value-y.PlusMinus)/(x.Value+x.PlusMinus), y.Value/x.Value, (y.Value+y.PlusMinus)/(x.Value-x.PlusMinus)
		}
		out = append(out, newError(r, r.Name, speedup, sim, low, mid, high, false))
	}
	return out
}

// A Line sums errors up: the median signed, the median absolute and the 90th
// percentile of the absolute ones, and the worst.
type Line struct {
	N                      int
	Median, Absolute, Most float64
	Worst                  Error
}

// Summarize makes a line of errors.
func Summarize(all []Error) Line {
	l := Line{N: len(all)}
	var signed, absolute []float64
	for _, e := range all {
		signed = append(signed, e.Error)
		absolute = append(absolute, math.Abs(e.Error))
		if math.Abs(e.Error) >= math.Abs(l.Worst.Error) {
			l.Worst = e
		}
	}
	slices.Sort(signed)
	slices.Sort(absolute)
	l.Median, l.Absolute, l.Most = stats.Median(signed), stats.Median(absolute), stats.Percentile(absolute, 90)
	return l
}

// String is the three numbers in percent.
func (l Line) String() string {
	return fmt.Sprintf("%+.1f / %.1f / %.1f", 100*l.Median, 100*l.Absolute, 100*l.Most)
}
