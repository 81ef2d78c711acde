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
		out = append(out, Error{r, p.ID, kindOf(p.Metric), p.Value, m[p.Metric], errorOf(m[p.Metric], p.Value, p.PlusMinus)})
	}
	if p := r.speed(); p != nil {
		e := errorOf(m[p.Metric], p.Value, p.PlusMinus)
		if strings.HasSuffix(p.Metric, "tok_s") {
			e = 1/(1+e) - 1
		}
		out = append(out, Error{r, p.ID, timeAToken, p.Value, m[p.Metric], e})
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
		out = append(out, Error{r, r.Name, speedup, mid, sim, sim/min(max(sim, low), high) - 1})
	}
	return out
}

// A Line is the errors of one kind in one family.
type Line struct {
	Name, Kind             string
	N                      int
	Median, Absolute, Most float64 // median signed, median absolute, 90th percentile absolute
	Worst                  Error
}

// Summarize makes a line of errors.
func Summarize(name, kind string, all []Error) Line {
	l := Line{Name: name, Kind: kind, N: len(all)}
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

func (l Line) String() string {
	return fmt.Sprintf("%-20s %-12s %4d %+8.1f %% %7.1f %% %7.1f %%  %+6.0f %% %s", l.Name, l.Kind, l.N, 100*l.Median, 100*l.Absolute, 100*l.Most, 100*l.Worst.Error, l.Worst.ID)
}
