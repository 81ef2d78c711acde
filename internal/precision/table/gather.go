package table

import (
	"cmp"
	"fmt"
	"math"
	"slices"

	"tokmeter/internal/compare"
)

// A group is all runs at one load.
type group struct {
	load    compare.Load
	rounds  []int // in order
	indexes []int // of all requests, in order
	runs    map[string]map[int]*compare.Run
}

// gather sorts runs by load, and makes them safe to count with.
func gather(variants []Variant, runs []compare.Run) ([]*group, error) {
	known := map[string]bool{}
	for _, v := range variants {
		known[v.Name] = true
	}
	byLoad := map[compare.Load]*group{}
	for i := range runs {
		r := clean(runs[i])
		if !known[r.Variant] {
			return nil, fmt.Errorf("precision: a run is of %q, which is no variant: list it", r.Variant)
		}
		g := byLoad[r.Load]
		if g == nil {
			g = &group{load: r.Load, runs: map[string]map[int]*compare.Run{}}
			byLoad[r.Load] = g
		}
		if g.runs[r.Variant] == nil {
			g.runs[r.Variant] = map[int]*compare.Run{}
		}
		if g.runs[r.Variant][r.Round] != nil {
			return nil, fmt.Errorf("precision: two runs of %q are round %d at %s: number the rounds", r.Variant, r.Round, r.Load)
		}
		g.runs[r.Variant][r.Round] = &r
	}
	var out []*group
	for _, g := range byLoad {
		rounds, indexes := map[int]bool{}, map[int]bool{}
		for _, of := range g.runs {
			for k, r := range of {
				rounds[k] = true
				for _, q := range r.Requests {
					indexes[q.Index] = true
				}
			}
		}
		g.rounds, g.indexes = sorted(rounds), sorted(indexes)
		out = append(out, g)
	}
	slices.SortFunc(out, func(a, b *group) int { return compareLoads(a.load, b.load) })
	return out, nil
}

func sorted(set map[int]bool) []int {
	out := make([]int, 0, len(set))
	for k := range set {
		out = append(out, k)
	}
	slices.Sort(out)
	return out
}

// compareLoads orders rates, then all at once, then numbers under way.
func compareLoads(a, b compare.Load) int {
	kind := func(l compare.Load) int {
		switch {
		case l.Concurrency > 0:
			return 2
		case l.Rate > 0:
			return 0
		}
		return 1
	}
	return cmp.Or(cmp.Compare(kind(a), kind(b)), cmp.Compare(a.Concurrency, b.Concurrency), cmp.Compare(a.Rate, b.Rate))
}

// clean copies a run without what no run can have: times that are negative or
// not finite become NaN, counts below zero become zero, a request with a
// negative index goes, and so does the second of one index.
func clean(r compare.Run) compare.Run {
	if !(r.Load.Rate > 0) || math.IsInf(r.Load.Rate, 0) { // NaN would be a load of its own each time
		r.Load.Rate = 0
	}
	r.Load.Concurrency = max(0, r.Load.Concurrency)
	if !(r.Seconds > 1e-9) || r.Seconds > 1e12 { // tokens are divided by it
		r.Seconds = math.NaN()
	}
	if !(r.Offered > 0) || math.IsInf(r.Offered, 0) {
		r.Offered = 0
	}
	r.Requests = slices.Clone(r.Requests)
	for i := range r.Requests {
		q := &r.Requests[i]
		q.Prompt, q.Output, q.Cached = tokens(q.Prompt), tokens(q.Output), tokens(q.Cached)
		q.TTFT, q.TPOT, q.E2EL, q.Sent = duration(q.TTFT), duration(q.TPOT), duration(q.E2EL), duration(q.Sent)
	}
	slices.SortFunc(r.Requests, func(a, b compare.Request) int {
		return cmp.Or(cmp.Compare(a.Index, b.Index), cmp.Compare(a.Sent, b.Sent), cmp.Compare(a.TTFT, b.TTFT), cmp.Compare(a.E2EL, b.E2EL), cmp.Compare(a.Output, b.Output))
	})
	r.Requests = slices.CompactFunc(r.Requests, func(a, b compare.Request) bool { return a.Index == b.Index })
	r.Requests = slices.DeleteFunc(r.Requests, func(q compare.Request) bool { return q.Index < 0 })
	return r
}

// duration is NaN for what is no time in milliseconds; a year is none either,
// and sums of shorter ones stay finite.
func duration(ms float64) float64 {
	if ms >= 0 && ms < 3.2e10 {
		return ms
	}
	return math.NaN()
}

// tokens bounds a count so that sums of counts fit.
func tokens(n int) int { return min(max(n, 0), 1<<30) }

// known is x where it is a positive number that can be divided by, else 0.
func known(x float64) float64 {
	if x > 1e-12 && x < 1e30 {
		return x
	}
	return 0
}
