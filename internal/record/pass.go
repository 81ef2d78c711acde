package record

import (
	"cmp"
	"iter"
	"slices"
)

// A Pass yields the records of a run in order of Index, as often as it is
// ranged over. A record is valid until the next one is yielded; Clone keeps it.
// An error ends the pass.
type Pass = iter.Seq2[*Record, error]

// PassOf is a Pass over records in memory, which may be in any order and stay
// as they are.
func PassOf(recs ...*Record) Pass {
	sorted := slices.Clone(recs)
	slices.SortStableFunc(sorted, func(a, b *Record) int { return cmp.Compare(a.Index, b.Index) })
	return func(yield func(*Record, error) bool) {
		for _, r := range sorted {
			if !yield(r, nil) {
				return
			}
		}
	}
}

// Clone returns a copy that shares nothing with r.
func (r *Record) Clone() *Record {
	c := *r
	c.Events, c.PerEvent, c.Bare = slices.Clone(r.Events), slices.Clone(r.PerEvent), slices.Clone(r.Bare)
	c.Beside = slices.Clone(r.Beside)
	return &c
}
