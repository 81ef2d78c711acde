package table

import (
	"math"

	"tokmeter/internal/stats"
)

// view makes the rows at one load, all but their verdicts.
func (b *builder) view(g *group) {
	s := stats.Statistic(b.o.Percentile)
	sides := make([]*side, len(b.variants))
	for i := range b.variants {
		sides[i] = newSide(&b.variants[i], g, s)
		sides[i].Baseline = i == b.base
	}
	base := sides[b.base]
	for _, x := range sides {
		x.limitRatio(base)
	}
	b.withhold(g, sides)
	good := pairable(sides)
	b.unequal(g, sides, good)
	var p []float64
	for _, x := range sides {
		if x.Withheld == "" && x.Failure == "" {
			x.against(base, good, s)
		}
		if !x.Baseline && x.Withheld == "" && x.Failure == "" && math.IsNaN(x.Speedup.Value) {
			x.noSpeedup()
		}
		p = append(p, x.P)
	}
	for i, p := range stats.Holm(p) {
		sides[i].P = p
		sides[i].withholdEnds(base, b.o.Exact)
	}
	b.views = append(b.views, sides)
	rows := make([]Row, len(sides))
	v := View{Load: g.load, Rows: rows}
	for i, x := range sides {
		rows[i] = *x.Row
		x.Row = &rows[i]
	}
	b.table.Views = append(b.table.Views, v)
}

// noSpeedup says why there is no ratio although nothing forbids one.
func (x *side) noSpeedup() {
	switch {
	case x.Paired == 0:
		x.Withheld = "no request succeeded in every variant and round"
	default:
		x.Withheld = "no paired request has a time per output token: ask for two output tokens or more"
	}
}

// pairable says of each place whether its request succeeded in all rounds of
// all variants whose speedup is not withheld. A variant without some round does
// not count there.
func pairable(sides []*side) []bool {
	if len(sides) == 0 {
		return nil
	}
	good := make([]bool, len(sides[0].group.indexes))
	for p := range good {
		good[p] = true
		for _, x := range sides {
			if x.Withheld != "" || x.Failure != "" {
				continue
			}
			for k, round := range x.group.rounds {
				if x.runs[round] == nil {
					continue
				}
				if q := x.cells[k][p]; q == nil || !q.OK {
					good[p] = false
				}
			}
		}
	}
	return good
}
