package metrics

import (
	"cmp"
	"slices"
	"testing"

	"pgregory.net/rapid"

	"tokmeter/internal/record"
)

// TestSweep: whatever the records' moments are, and however few of them may wait,
// all are shown in order of time, an end before a beginning at the same moment.
func TestSweep(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		many := rapid.Bool().Draw(t, "many") // enough to be sorted by digits
		var all [][]moment
		var want []moment
		for i := range rapid.IntRange(0, 30).Draw(t, "records") {
			var list []moment
			n := rapid.IntRange(0, 6).Draw(t, "moments")
			if many {
				n *= 300
			}
			at := record.Stamp(i * 40)
			for k := range n {
				at += record.Stamp((k*7919 + i) % 97)
				if k == 3 {
					at -= record.Stamp(rapid.IntRange(0, 500).Draw(t, "back")) // a file may have any order
				}
				list = append(list, moment{at, rapid.SampledFrom([]int32{-1, 1, 5}).Draw(t, "n")})
			}
			all, want = append(all, list), append(want, list...)
		}
		slices.SortStableFunc(want, func(a, b moment) int { return cmp.Compare(a.order(), b.order()) })
		var got []moment
		i := 0
		s := newSweep(func(dst []moment, _ *entry) []moment { return append(dst, all[i]...) }, func(m moment) { got = append(got, m) })
		s.size = rapid.SampledFrom([]int{1, 20, sweepBlock}).Draw(t, "size")
		for again := true; again; again = s.turn() {
			for i = range all {
				s.take(nil)
			}
		}
		if len(got) != len(want) {
			t.Fatalf("%d of %d moments were shown", len(got), len(want))
		}
		for i := range got {
			if got[i].order() != want[i].order() {
				t.Fatalf("moment %d is %+v, want %+v", i, got[i], want[i])
			}
		}
	})
}
