package table

import (
	"fmt"
	"math"
	"slices"
	"strings"

	"tokmeter/internal/stats"
)

// When a table is doubted.
const (
	fewRequests  = 30   // paired requests of all rounds: fewer, and no interval is to be trusted
	fewBeyond    = 5    // samples above a percentile
	driftP       = 0.01 // of the baseline's first and last round being equal
	driftAtLeast = 0.01 // of TPOT
)

// warn adds what casts doubt on the table.
func (b *builder) warn() {
	t := b.table
	add := func(code, format string, args ...any) {
		if w := (Warning{Code: code, Text: fmt.Sprintf(format, args...)}); !slices.Contains(t.Warnings, w) {
			t.Warnings = append(t.Warnings, w)
		}
	}
	if t.Rounds < IntervalRounds && !b.o.Exact {
		add("few-rounds", "there are no intervals: they take %d rounds, and %s can be compared: --rounds %d gives them", IntervalRounds, rounds(t.Rounds), IntervalRounds)
	}
	var doubts []doubt
	for _, sides := range b.views {
		base := sides[b.base]
		if first, last, e, ok := base.drift(stats.Statistic(t.Percentile)); ok {
			add("drift", "the baseline's TPOT went from %.2f to %.2f ms between its first round and its last at %s, ratio %.3f (%.3f to %.3f): the machine itself changed; rounds in turning order share that out",
				first, last, base.Load, e.Value, e.Low, e.High)
		}
		for _, x := range sides {
			if x.Failure == "" && x.Withheld == "" {
				doubts = b.doubt(doubts, x)
			}
		}
	}
	for _, d := range doubts {
		add(d.code, "%s: %s", strings.Join(d.of, ", "), d.text)
	}
}

// A doubt is a warning with the variants and loads that it is of.
type doubt struct {
	code, text string
	of         []string
}

// doubt adds what is to be doubted of a variant at a load, to the same doubt of
// others where there is one.
func (b *builder) doubt(all []doubt, x *side) []doubt {
	add := func(code, format string, args ...any) {
		text, of := fmt.Sprintf(format, args...), fmt.Sprintf("%s at %s", x.Variant.Name, x.Load)
		i := slices.IndexFunc(all, func(d doubt) bool { return d.code == code && d.text == text })
		if i < 0 {
			all = append(all, doubt{code, text, []string{of}})
			return
		}
		all[i].of = append(all[i].of, of)
	}
	if x.few > 0 && b.table.Rounds >= IntervalRounds {
		add("few-rounds", "no intervals: they take %d rounds, and %s can be compared", IntervalRounds, rounds(x.few))
	}
	if !x.Baseline && x.Paired < fewRequests {
		add("few-requests", "the ratios are of %d requests: take 100 or more", x.Paired)
	}
	p := b.table.Percentile
	if beyond := float64(x.TPOT.N) * (1 - p/100); p > 50 && beyond < fewBeyond && !x.Baseline {
		add("few-requests", "p%g rests on the slowest %d of %d values: take more requests", p, int(math.Ceil(beyond)), x.TPOT.N)
	}
	return all
}

// drift compares the first round of a variant with its last.
func (x *side) drift(s stats.Statistic) (first, last float64, e stats.Interval, ok bool) {
	_, tpot, _ := x.times(nil)
	var have [][]float64
	for k, round := range x.group.rounds {
		if x.runs[round] != nil {
			have = append(have, tpot[k])
		}
	}
	if len(have) < 2 {
		return 0, 0, e, false
	}
	a, b := have[0], have[len(have)-1]
	r := stats.Ratio([][]float64{b}, [][]float64{a}, s, seed)
	p := r.P(math.Log(r.Value))
	if !(p < driftP) || !(math.Abs(r.Value-1) > driftAtLeast) {
		return 0, 0, e, false
	}
	return stats.Of([][]float64{a}, s, seed).Value, stats.Of([][]float64{b}, s, seed).Value, r, true
}

// times writes a ratio with its interval.
func times(e stats.Interval) string {
	if math.IsNaN(e.Low) || math.IsNaN(e.High) {
		return fmt.Sprintf("%.2f", e.Value)
	}
	return fmt.Sprintf("%.2f (%.2f to %.2f)", e.Value, e.Low, e.High)
}

// rounds writes how many there are.
func rounds(n int) string {
	if n == 1 {
		return "1 round"
	}
	return fmt.Sprintf("%d rounds", n)
}
