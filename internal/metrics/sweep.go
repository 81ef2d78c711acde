package metrics

import (
	"cmp"
	"math"
	"math/bits"
	"slices"

	"tokmeter/internal/record"
)

// A moment is something that happened at a time, and how much of it: tokens that
// came, or a request that began (1) or ended (−1).
type moment struct {
	at record.Stamp
	n  int32
}

// order puts moments in order of time; what ends comes before what begins.
func (m moment) order() int64 {
	at := min(max(int64(m.at), math.MinInt64/2), math.MaxInt64/2)
	if m.n > 0 {
		return at<<1 | 1
	}
	return at << 1
}

// sweepBlock is after how many moments a sweep looks whether some can go.
const sweepBlock = 1 << 16

// A sweep shows the moments of all requests in order of time without keeping
// them. Its first pass notes, for each block of records, the earliest moment in
// it; in the second, the moments before the earliest one of all that follows go.
// Records are in order of sending, so what waits are about the moments of the
// requests that were under way together.
type sweep struct {
	moments func(dst []moment, e *entry) []moment
	show    func(moment)

	size     int // of a block
	second   bool
	room     []moment // of one record's
	inBlock  int
	earliest []int64 // of each block, then of it and all after it
	block    int     // the current one, in the second pass

	fresh, waiting []moment // not in order; in order
	sorting, spare []moment // room for a sort; for a merge
}

func newSweep(moments func(dst []moment, e *entry) []moment, show func(moment)) *sweep {
	return &sweep{moments: moments, show: show, size: sweepBlock, earliest: []int64{math.MaxInt64}}
}

func (s *sweep) take(e *entry) {
	s.room = s.moments(s.room[:0], e)
	s.inBlock += len(s.room)
	ends := s.inBlock >= s.size
	if ends {
		s.inBlock = 0
	}
	if !s.second {
		last := len(s.earliest) - 1
		for _, m := range s.room {
			s.earliest[last] = min(s.earliest[last], m.order())
		}
		if ends {
			s.earliest = append(s.earliest, math.MaxInt64)
		}
		return
	}
	s.fresh = append(s.fresh, s.room...)
	if ends {
		s.block++
		// Merging is worth its while when there is much to merge.
		if len(s.fresh) >= len(s.waiting)/2 {
			s.flush(s.earliest[s.block])
		}
	}
}

func (s *sweep) turn() bool {
	if s.second {
		s.flush(math.MaxInt64)
		return false
	}
	for i := len(s.earliest) - 2; i >= 0; i-- {
		s.earliest[i] = min(s.earliest[i], s.earliest[i+1])
	}
	s.second, s.inBlock = true, 0
	return true
}

// flush shows what is before a moment in order.
func (s *sweep) flush(before int64) {
	s.sorting = sortMoments(s.fresh, s.sorting)
	a, b := s.fresh, s.waiting
	rest := s.spare[:0]
	for len(a) > 0 || len(b) > 0 {
		from := &a
		if len(a) == 0 || len(b) > 0 && b[0].order() < a[0].order() {
			from = &b
		}
		m := (*from)[0]
		*from = (*from)[1:]
		if before == math.MaxInt64 || m.order() < before {
			s.show(m)
		} else {
			rest = append(rest, m)
		}
	}
	s.spare, s.waiting, s.fresh = s.waiting, rest, s.fresh[:0]
}

// sortMoments sorts in place, by digits where there are many. It returns the room
// that it took, for the next call.
func sortMoments(x, room []moment) []moment {
	const digit = 11
	if len(x) < 1<<digit {
		slices.SortFunc(x, func(a, b moment) int { return cmp.Compare(a.order(), b.order()) })
		return room
	}
	low, high := int64(math.MaxInt64), int64(math.MinInt64)
	for _, m := range x {
		low, high = min(low, m.order()), max(high, m.order())
	}
	room = slices.Grow(room[:0], len(x))[:len(x)]
	from, to := x, room
	for shift := 0; shift < bits.Len64(uint64(high-low)); shift += digit {
		var at [1<<digit + 1]int
		part := func(m moment) int { return int(uint64(m.order()-low) >> shift & (1<<digit - 1)) }
		for _, m := range from {
			at[part(m)+1]++
		}
		for i := range 1 << digit {
			at[i+1] += at[i]
		}
		for _, m := range from {
			k := part(m)
			to[at[k]] = m
			at[k]++
		}
		from, to = to, from
	}
	copy(x, from)
	return room
}
