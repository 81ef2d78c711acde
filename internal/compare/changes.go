package compare

import (
	"math"
	"math/rand/v2"
	"slices"

	"tokmeter/internal/stats"
)

// A Change is a place in a history from which on a quantity has another level.
type Change struct {
	At            int     // of the first value of the level
	Before, After float64 // the geometric means of the levels on both sides
	P             float64 // of a split as sharp as this one by chance
}

const (
	leastLevel  = 3    // values of a level
	changeLevel = 0.01 // of probabilities: a history is looked at again and again
	shuffles    = 600
)

// Changes finds the change points of positive values in their order by circular
// binary segmentation (Olshen and others 2004): the stretch whose mean logarithm is
// furthest from that of the rest, tested by shuffling, then again in each part.
// Values that are none are left out.
func Changes(x []float64) []Change {
	var logs []float64
	var place []int
	for i, v := range x {
		if positive(v) {
			logs, place = append(logs, math.Log(v)), append(place, i)
		}
	}
	var cuts []int
	p := map[int]float64{}
	var look func(from, to int)
	look = func(from, to int) {
		part := logs[from:to]
		low, high, t := sharpest(part)
		if high == 0 {
			return
		}
		chance := byShuffling(part, t)
		if chance >= changeLevel {
			return
		}
		edges := []int{from}
		for _, c := range []int{from + low, from + high} {
			if c > from && c < to {
				p[c] = chance
				edges = append(edges, c)
			}
		}
		edges = append(edges, to)
		for i := 1; i < len(edges); i++ {
			look(edges[i-1], edges[i])
			if edges[i] < to {
				cuts = append(cuts, edges[i])
			}
		}
	}
	look(0, len(logs))
	var out []Change
	edges := slices.Concat([]int{0}, cuts, []int{len(logs)})
	for i, c := range cuts {
		out = append(out, Change{
			At: place[c], P: p[c],
			Before: math.Exp(stats.Mean(logs[edges[i]:c])), After: math.Exp(stats.Mean(logs[c:edges[i+2]])),
		})
	}
	return out
}

// sharpest is the stretch from low up to high whose mean is furthest from the
// others', by t; both are 0 where there are too few values or all are equal. No part
// that it cuts is shorter than a level.
func sharpest(x []float64) (low, high int, t float64) {
	n := len(x)
	sums := make([]float64, n+1)
	squares := 0.0
	for i, v := range x {
		sums[i+1] = sums[i] + v
		squares += v * v
	}
	total := sums[n]
	for i := 0; i < n; i++ {
		if i > 0 && i < leastLevel {
			continue
		}
		for j := i + leastLevel; j <= n; j++ {
			k := j - i
			if n-k < leastLevel || j < n && n-j < leastLevel {
				continue
			}
			in := sums[j] - sums[i]
			mean := in*in/float64(k) + (total-in)*(total-in)/float64(n-k)
			between, within := mean-total*total/float64(n), squares-mean
			if between <= 1e-12*math.Max(1e-12, squares) {
				continue
			}
			if score := math.Sqrt(between / math.Max(within/float64(n-2), 1e-12*squares)); score > t {
				low, high, t = i, j, score
			}
		}
	}
	return low, high, t
}

// byShuffling is how often shuffled values have a stretch as sharp.
func byShuffling(x []float64, t float64) float64 {
	rng := rand.New(rand.NewPCG(seed, uint64(len(x))))
	y := slices.Clone(x)
	as := 1
	for range shuffles {
		rng.Shuffle(len(y), func(i, j int) { y[i], y[j] = y[j], y[i] })
		if _, _, s := sharpest(y); s >= t*(1-1e-12) {
			as++
		}
	}
	return float64(as) / (shuffles + 1)
}
