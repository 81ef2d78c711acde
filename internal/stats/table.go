package stats

import (
	"cmp"
	"math"
	"slices"
)

// A table is values by round and request, kept so that a statistic of a drawn
// sample needs no sorting.
type table struct {
	statistic Statistic
	places    []int // requests with a value anywhere
	rounds    []int // rounds with a value anywhere
	cells     int
	sides     []side
}

// A side is the values of one variant.
type side struct {
	sums    [][]float64 // by round, then place: 0 where there is none
	total   []float64   // by place
	counts  [][]int32   // by round, then place: 0 or 1
	counted []int32     // by place
	order   []cell      // all, by value, for percentiles
	each    [][]cell    // by round, by value
}

// A cell is one value.
type cell struct {
	value float64
	place int32
}

func newTable(s Statistic, sides ...[][]float64) *table {
	t := &table{statistic: s}
	if math.IsNaN(float64(s)) || s < 0 || s > 100 {
		return t
	}
	n := 0
	for _, r := range sides[0] {
		n = max(n, len(r))
	}
	at := make([]int, n) // place of a request, from 1
	for k, r := range sides[0] {
		any := false
		for i, v := range r {
			if finite(v) {
				any = true
				at[i] = 1
				t.cells++
			}
		}
		if any {
			t.rounds = append(t.rounds, k)
		}
	}
	for i := range at {
		if at[i] > 0 {
			t.places = append(t.places, i)
			at[i] = len(t.places)
		}
	}
	for _, x := range sides {
		t.sides = append(t.sides, t.side(x))
	}
	return t
}

func (t *table) side(x [][]float64) side {
	s := side{total: make([]float64, len(t.places)), counted: make([]int32, len(t.places))}
	for _, k := range t.rounds {
		sums, counts := make([]float64, len(t.places)), make([]int32, len(t.places))
		var cells []cell
		for p, i := range t.places {
			if i >= len(x[k]) || !finite(x[k][i]) {
				continue
			}
			sums[p], counts[p] = x[k][i], 1
			s.total[p] += x[k][i]
			s.counted[p]++
			cells = append(cells, cell{x[k][i], int32(p)})
		}
		s.sums, s.counts = append(s.sums, sums), append(s.counts, counts)
		if t.statistic == OfMean {
			continue
		}
		slices.SortFunc(cells, func(a, b cell) int { return cmp.Compare(a.value, b.value) })
		s.each = append(s.each, cells)
		s.order = append(s.order, cells...)
	}
	slices.SortFunc(s.order, func(a, b cell) int { return cmp.Compare(a.value, b.value) })
	return s
}

// all is the statistic of each side over all rounds, with so many of each place.
func (t *table) all(weight []int32, out []float64) []float64 {
	for j := range t.sides {
		s := &t.sides[j]
		if t.statistic == OfMean {
			out[j] = weighted(s.total, s.counted, weight)
		} else {
			out[j] = drawnPercentile(s.order, weight, float64(t.statistic))
		}
	}
	return out
}

// round is all of one round alone.
func (t *table) round(k int, weight []int32, out []float64) []float64 {
	for j := range t.sides {
		s := &t.sides[j]
		if t.statistic == OfMean {
			out[j] = weighted(s.sums[k], s.counts[k], weight)
		} else {
			out[j] = drawnPercentile(s.each[k], weight, float64(t.statistic))
		}
	}
	return out
}

func weighted(sums []float64, counts, weight []int32) float64 {
	sum, n := 0.0, 0
	for i, w := range weight {
		sum += float64(w) * sums[i]
		n += int(w * counts[i])
	}
	return sum / float64(n)
}

// drawnPercentile is Percentile of cells in which each stands as often as the
// weight of its place says.
func drawnPercentile(cells []cell, weight []int32, p float64) float64 {
	n := 0
	for _, c := range cells {
		n += int(weight[c.place])
	}
	if n == 0 {
		return math.NaN()
	}
	at := float64(n-1) * (p / 100)
	rank := min(int(at), n-1)
	seen := 0
	for i, c := range cells {
		seen += int(weight[c.place])
		if seen <= rank {
			continue
		}
		if seen > rank+1 || rank == n-1 {
			return c.value
		}
		for _, next := range cells[i+1:] {
			if weight[next.place] > 0 {
				return lerp(c.value, next.value, at-float64(rank))
			}
		}
		return c.value
	}
	return math.NaN()
}
